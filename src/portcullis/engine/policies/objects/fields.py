"""Fields that only some roles see in answers, or may set in requests.

What
    Says for single fields of JSON answers which roles see them; for all others they are dropped, masked, or replaced by
    a token that is the same for the same value. And for single fields of request bodies, which roles may set them; from
    all others a body that has the field is refused, or the field is taken out. The OpenAPI document may say the same in
    the schema of a field (``x-portcullis-see: [support]``), and counts whether or not the file says anything; what
    either hides is hidden. A field that neither speaks of is left to ``validate``: seen if it is declared, else not.

    Fields are hidden after the answer was validated, in all JSON answers but the problem documents of errors. All else
    in them stays as the service wrote it, to the last digit. Who may not see a field gets no answer in another format:
    it is refused. Nor is he told what is made of a whole answer, an ``ETag`` or a digest, by which he could try what
    was hidden; his reads are never conditional. Of a body, names count whatever their case, since many services do not
    tell cases apart. A JSON Patch (RFC 6902) is refused to whoever may not set all fields.

Why
    API3:2023 Broken Object Property Level Authorization: whoever may see an object need not see all of it, and a client
    that shows three fields was sent thirty. And a service that binds what it gets lets its callers choose their role,
    their price and their credit. Beside each field stands who it is for, and nothing else has to be looked through.

Config
    ``response`` and ``request``: JSON pointers to fields, ``*`` for each item of a list (or each field that is not
    named beside it), each with ``see`` or ``set``: a list of roles (an empty one is nobody), or ``everyone``, which
    takes a field out of a ``*``. ``else``: in answers ``drop``, ``mask`` (text becomes ``***``, all else ``null``) or
    ``tokenise``; in requests ``refuse`` or ``strip``. Who has a role that inherits one of them counts. A pointer that
    no schema of the operation has is an error. ``token_key``: the secret that tokens are made with. ``mode``:
    ``enforce``, ``monitor`` or ``off``. In a document: ``x-portcullis-see`` and ``x-portcullis-else``,
    ``x-portcullis-set`` and ``x-portcullis-set-else``.

When it fails
    403 ``objects.field_refused``, which names the field; 403 ``objects.forbidden`` for an answer in which fields would
    have to be hidden and can't be (in the record ``objects.fields_unreadable``). What was hidden or taken out is a
    modification in the record: ``objects.field_hidden``, ``objects.field_refused``. A body whose fields can't be told
    is ``objects.body_unreadable`` there.

Example
    .. code-block:: yaml

        roles: {support: ["customers:read"], finance: ["costs:read"]}
        apis:
          shop:
            operations:
              "GET /orders/{order_id}":
                objects:
                  fields:
                    response:
                      /customer/email: {see: [support], else: mask}
                      /lines/*/cost: {see: [finance]}
              "PATCH /customers/{customer_id}":
                objects: {fields: {request: {/credit: {set: [finance]}}}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NoReturn

from pydantic import Field

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.names import RoleName
from portcullis.engine.config.section import Section
from portcullis.engine.config.tree import pointer
from portcullis.engine.config.values import SecretReference
from portcullis.engine.config.wording import suggest
from portcullis.engine.objects import codes
from portcullis.engine.objects.config_values import FieldPointer
from portcullis.engine.objects.declared import Place, place_of
from portcullis.engine.objects.field_steps import answer_head_step, answer_step, ask_step, body_step, wants_answer
from portcullis.engine.objects.heads import get_beside
from portcullis.engine.objects.hiding import EACH_ITEM, Hider, Mark, Marks, Node, folded, tree_of
from portcullis.engine.openapi.body_reading import SpecContent
from portcullis.engine.openapi.field_marks import Action, Direction, FieldMark
from portcullis.engine.openapi.pointer import join, split
from portcullis.engine.policies.authorize.permissions import roles_of
from portcullis.engine.policies.objects import answers_are_validated, checks_of_answers, checks_of_request
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.ports import SecretError

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

_LEAST_KEY: Final = 16
"""Bytes of the shortest secret that tokens can be made with."""
_MAX_FIELDS: Final = 500


class SeenField(Section):
    """Who sees a field of an answer."""

    see: list[RoleName] | Literal["everyone"]
    """Roles that see it; nobody if there is none."""
    else_: Literal["drop", "mask", "tokenise"] = Field("drop", alias="else")
    """What becomes of it for all others."""


class SetField(Section):
    """Who may set a field of a body."""

    set_: list[RoleName] | Literal["everyone"] = Field(alias="set")
    """Roles that may set it; nobody if there is none."""
    else_: Literal["refuse", "strip"] = Field("refuse", alias="else")
    """What becomes of a body of others in which it is."""


class FieldsConfig(Section):
    """Fields that only some roles see or set."""

    response: dict[FieldPointer, SeenField] = Field({}, max_length=_MAX_FIELDS)
    """Fields of answers, and who sees them."""
    request: dict[FieldPointer, SetField] = Field({}, max_length=_MAX_FIELDS)
    """Fields of bodies, and who may set them."""
    token_key: SecretReference | None = None
    """The secret that tokens are made with, of at least 16 bytes; with the same one values have the same tokens."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""


def compile_fields(config: FieldsConfig, context: OperationContext) -> tuple[Step, ...]:
    """The steps that hide fields and keep them from being set. Raises :class:`ConfigurationError`."""
    if config.mode == "off":
        return ()
    return _FieldsCompiler(config, context).steps()


class _FieldsCompiler:
    def __init__(self, config: FieldsConfig, context: OperationContext) -> None:
        self._config = config
        self._context = context
        layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
        self._where = written_at(layers, "objects", "fields", "mode")[:-1]
        self._layers = layers

    def steps(self) -> tuple[Step, ...]:
        monitor = self._config.mode == "monitor"
        seen, set_ = self._seen(), self._set()
        steps: list[Step] = []
        if set_:
            steps.append(Step(POLICY.name, "body", body_step(set_), monitor))
        if seen:
            self._check_seen(monitor)
            hider = Hider(self._token_key(seen))
            steps += [
                Step(POLICY.name, "head", ask_step(seen), monitor),
                Step(POLICY.name, "response_head", answer_head_step(seen), monitor),
                Step(POLICY.name, "response_body", answer_step(seen, hider), monitor, wants=wants_answer),
            ]
        return tuple(steps)

    # Answers

    def _seen(self) -> list[Marks]:
        operation, get = self._context.operation, get_beside(self._context)
        answers = operation.responses if get is None else (*operation.responses, *get.responses)
        contents = [content for answer in answers for content in answer.content if content.holds_json]
        trees = self._of_document(contents, "see")
        if self._config.response:
            checks = checks_of_answers(self._context)
            places = [
                place_of(checks.checker, checks.names[content.schema])
                for content in contents
                if content.schema in checks.names
            ]
            marks = []
            for name, field in self._config.response.items():
                self._check_declared(places, name, "response")
                marks.append((split(name), self._mark(field.see, field.else_, name, "response")))
            trees.append(Marks(tree_of(marks)))
        return trees

    def _check_seen(self, monitor: bool) -> None:
        """That answers have the shape by which fields are found: one of another shape would be let pass as it is."""
        if not monitor and not answers_are_validated(self._context):
            message = "validate.response is not enforced for it, and fields are found where they are declared"
            self._fail(("response",), message, "set it to enforce, or fields to monitor")

    def _token_key(self, trees: Sequence[Marks]) -> bytes:
        if not any(tree.has("tokenise") for tree in trees):
            return b""
        reference = self._config.token_key
        if reference is None:
            message = "fields are tokenised, and there is no key for tokens"
            self._fail(("token_key",), message, "token_key: env:FIELD_KEY")
        try:
            key = self._context.ports.secrets.reveal(reference)
        except SecretError as error:
            self._fail(("token_key",), str(error))
        if len(key) < _LEAST_KEY:
            message = f"the secret has less than {_LEAST_KEY} bytes"
            self._fail(("token_key",), message, "make one with openssl rand -hex 32")
        return key

    # Requests

    def _set(self) -> list[Marks]:
        body = self._context.operation.body
        contents = () if body is None else body.content
        trees = self._of_document(contents, "set")
        if self._config.request:
            places = []
            if (checks := checks_of_request(self._context)) is not None:
                places = [
                    place_of(checks.checker, checks.names[content.schema])
                    for content in contents
                    if content.schema in checks.names
                ]
            marks = []
            for name, field in self._config.request.items():
                self._check_declared(places, name, "request")
                marks.append((folded(split(name)), self._mark(field.set_, field.else_, name, "request")))
            trees.append(Marks(tree_of(marks)))
        self._check_set(trees, contents)
        return trees

    def _check_set(self, trees: Sequence[Marks], contents: Sequence[SpecContent]) -> None:
        """That what is said of fields of bodies can be done."""
        if trees and checks_of_request(self._context) is None:
            self._fail(("request",), "validate.request is off for it, which reads requests", "turn it on")
        others = [str(content.media_range) for content in contents if not content.media_range.is_json]
        if others and any(tree.has("strip") for tree in trees):
            message = f"fields are taken out of JSON only, and the operation takes {others[0]} as well"
            self._fail(("request",), message, "else: refuse")

    # Both

    def _mark(self, roles: list[str] | Literal["everyone"], action: Action, name: str, key: str) -> Mark:
        source = f"#{join('', *map(str, self._place(key)), key, name)}"
        return self._made(None if roles == "everyone" else roles, action, name, source)

    def _made(self, roles: Sequence[str] | None, action: Action, name: str, source: str) -> Mark:
        """A mark; who has a role that includes one that is named counts as well."""
        declared = roles_of(self._context)
        held = (
            None
            if roles is None
            else frozenset(role for role in declared if not declared.included(role).isdisjoint(roles))
        )
        return Mark(held, action, name, source)

    def _of_document(self, contents: Sequence[SpecContent], direction: Direction) -> list[Marks]:
        """What the document says of fields of ``contents``."""
        marks = self._context.document.field_marks
        roots = dict.fromkeys(marks.roots[each.schema] for each in contents if each.schema in marks.roots)
        nodes = self._nodes(direction) if roots else {}
        trees = [Marks(nodes[root]) for root in roots]
        return [tree for tree in trees if tree.has()]

    def _nodes(self, direction: Direction) -> Mapping[int, Node]:
        """The nodes of the document's marks, made once for all operations of it."""
        key = ("field marks", self._context.document.source, direction)
        if key not in self._context.shared:
            self._context.shared[key] = self._made_nodes(direction)
        nodes: Mapping[int, Node] = self._context.shared[key]
        return nodes

    def _made_nodes(self, direction: Direction) -> Mapping[int, Node]:
        marks = self._context.document.field_marks
        nodes = {number: Node() for number in range(len(marks.nodes))}
        for number, found in enumerate(marks.nodes):
            node, mark = nodes[number], found.see if direction == "see" else found.set
            for name, child in found.fields.items():
                node.fields[name.casefold() if direction == "set" else name] = nodes[child]
            node.each = None if found.each is None else nodes[found.each]
            if mark is not None:
                node.mark = self._of_schema(mark)
        return nodes

    def _of_schema(self, mark: FieldMark) -> Mark:
        declared = roles_of(self._context)
        for role in mark.roles or ():
            if role not in declared:
                at = self._context.document.locate(mark.pointer)
                message, hint = f"there is no role {role}", suggest(role, list(declared), "declared")
                raise ConfigurationError([Diagnostic(at.file, at.line, at.column, f"#{at.pointer}", message, hint)])
        source = self._context.document.reference(mark.pointer)
        return self._made(mark.roles, mark.action, _field_of(mark.pointer.rpartition("/")[0]), source)

    def _check_declared(self, places: Sequence[Place], name: str, key: str) -> None:
        """That a schema has the field; raises :class:`ConfigurationError` with the nearest if none does."""
        if not places:
            what = "no JSON with a schema as an answer" if key == "response" else "no body that could be read"
            self._fail((key, name), f"the document declares {what}", "remove it")
        found = list(places)
        for token in split(name):
            below = [child for place in found for child in _below(place, token)]
            if not below:
                names = [known for place in found for known in place.names]
                message = f"{token} of {name} is not declared"
                if EACH_ITEM not in name and any(_is_list(place) for place in found):
                    self._fail((key, name), message, "each item of a list is written *")
                self._fail((key, name), message, suggest(token, list(dict.fromkeys(names)), "declared"))
            found = below

    def _place(self, key: str) -> tuple[str | int, ...]:
        return written_at(self._layers, "objects", "fields", key)[:-1]

    def _fail(self, below: tuple[str, ...], message: str, hint: str = "") -> NoReturn:
        where = (*self._place(below[0]), *below)
        raise ConfigurationError([Diagnostic("", 0, 0, pointer(where), message, hint)])


def _below(place: Place, token: str) -> list[Place]:
    """The places that ``token`` of a pointer leads to."""
    if token != EACH_ITEM:
        field = place.field(token)
        return [] if field is None else [field]
    items = place.items
    found = [] if items is None else [items]
    return found + [field for name in place.names if (field := place.field(name)) is not None]


def _is_list(place: Place) -> bool:
    kinds = place.meaning.kinds
    return kinds is not None and "list" in kinds


def _field_of(pointer_in_document: str) -> str:
    """The name of a field by the pointer of its schema, as far as that tells it."""
    return f"/{pointer_in_document.rpartition('/')[2]}"


POLICY = Policy(
    phase="objects",
    key="fields",
    config=FieldsConfig,
    codes=(
        codes.FIELD_HIDDEN,
        codes.FIELDS_UNREADABLE,
        codes.FIELD_REFUSED,
        codes.BODY_UNREADABLE,
    ),
    probes=(
        Probe("a field that the caller does not see", "hidden_field", codes.FIELD_HIDDEN),
        Probe("a field that the caller may not set", "forbidden_field", codes.FIELD_REFUSED),
    ),
    compile=compile_fields,
)
