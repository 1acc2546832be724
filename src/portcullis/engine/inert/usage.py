"""Which settings of operations govern any: noted while the operations are compiled, one after the other.

A *leaf* is a setting without settings below it: ``limit.plan``, ``validate.request.mode``. It stands at a place (an
API, a version, an operation) and governs each operation for which no narrower place says it again; there it either has
something to act on, or it has not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final, TypeAlias

import msgspec

from portcullis.engine.compression.declaring import CompressConfig
from portcullis.engine.config.layers import Place, field_name, layers_of, written_at
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import Configuration, OperationSettings, PlanOf
from portcullis.engine.config.section import Section
from portcullis.engine.config.tree import pointer
from portcullis.engine.inert import query_rules, session_rules
from portcullis.engine.inert.allowances import AllowanceUsage
from portcullis.engine.inert.governed import Governed, Keys, Look
from portcullis.engine.inert.memory import room_for_one
from portcullis.engine.operation import Operation, OperationContext

Lists: TypeAlias = tuple[Place | None, Place | None]


_OF_MESSAGES: Final = {**session_rules.LOOKS, **query_rules.LOOKS}
_MOST_REASONS: Final = 3
_FROM_DOCUMENT: Final = ("authorize", "scopes", "from_document")
_OF_JSON_ANSWERS: Final = (("validate", "response", "on_undeclared"), ("validate", "response", "formats"))


class LeafUse(msgspec.Struct, eq=False):
    """What became of one leaf.

    ``governs``: for how many operations it holds; ``acts``: whether it has something to act on in one of them, and
    ``reasons`` why it has not in the others; ``said_again``: a narrower place that says it again; ``awaits``: an
    operation that the document does not have yet would be governed by it.
    """

    governs: int = 0
    acts: bool = False
    reasons: tuple[str, ...] = ()
    said_again: Place = ()
    awaits: bool = False


Row: TypeAlias = tuple[LeafUse, str, Look | None]
"""A leaf that holds for an operation, why it is idle there if its settings say so, and else what looks at it."""


class SettingsUsage:
    """Collects the use of all settings of one configuration.

    ``leaves``: by place and keys; ``address_lists``: the places of the allow- and the deny-list that hold together for
    some operation; ``operations``: how many of them each version has; ``allowances``: exceptions of the inspection.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._of_wire: dict[str | int, Look | None] = {
            "max_body": self._max_body,
            "max_response": _max_response,
        }
        self._keys: dict[int, tuple[Keys, ...]] = {}
        self._rows: dict[Place, list[Row]] = {}
        self._settings: dict[Place, OperationSettings] = {}
        self.leaves: dict[tuple[Place, Keys], LeafUse] = {}
        self.address_lists: set[Lists] = set()
        self.operations: dict[tuple[str, str], int] = {}
        self.allowances = AllowanceUsage()

    def add(self, context: OperationContext, operation: Operation) -> None:
        """Note the settings of an operation that was compiled."""
        name, version = context.api_name, context.version
        self.operations[name, version] = self.operations.get((name, version), 0) + 1
        self.allowances.add(context)
        layers = layers_of(name, context.api, version, operation.name)
        declared = context.operation
        has_body, has_scopes = declared.body is not None, declared.security is not None
        self._note(Governed(context.settings, layers, operation, context, has_body, has_scopes))

    def finish(self) -> None:
        """Note what operations that the documents do not have yet would be governed by. To be called last."""
        for name, api in self._configuration.apis.items():
            for version, config in api.versions.items():
                self._note(Governed(effective(api, config, ""), layers_of(name, api, version, "")))

    def value(self, place: Place, keys: Keys) -> object:
        """What the file says at ``keys`` of ``place``."""
        return _value_at(self._settings[place], keys)

    def _note(self, governed: Governed) -> None:
        for use, why_idle, look in self._rows_of(governed):
            why = why_idle or (look(governed) if look is not None and governed.operation is not None else "")
            if governed.operation is None:
                use.awaits |= not why
                continue
            use.governs += 1
            use.acts |= not why
            if why and why not in use.reasons and len(use.reasons) < _MOST_REASONS:
                use.reasons += (why,)

    def _rows_of(self, governed: Governed) -> list[Row]:
        """The leaves that hold for an operation: the same for all operations that have no settings of their own."""
        layers = governed.layers
        if layers[0][0][-2] == "operations":
            return self._make_rows(governed)
        rows = self._rows.get(layers[0][0])
        if rows is None:
            rows = self._rows[layers[0][0]] = self._make_rows(governed)
        return rows

    def _make_rows(self, governed: Governed) -> list[Row]:
        taken: dict[Keys, Place] = {}
        rows: list[Row] = []
        for place, settings in governed.layers:
            self._settings[place] = settings
            for keys in self._leaves_of(settings):
                use = self.leaves.setdefault((place, keys), LeafUse())
                if (narrower := taken.setdefault(keys, place)) is not place:
                    use.said_again = use.said_again or narrower
                else:
                    rows.append((use, *self._why_idle(place, keys, governed)))
        allow, deny = (taken.get(("guard", "addresses", key)) for key in ("allow", "deny"))
        if allow is not None or deny is not None:
            self.address_lists.add((allow, deny))
        return rows

    def _leaves_of(self, settings: OperationSettings) -> tuple[Keys, ...]:
        found = self._keys.get(id(settings))
        if found is None:
            found = self._keys[id(settings)] = tuple(_leaves(settings, OperationSettings))
        return found

    def _why_idle(self, place: Place, keys: Keys, governed: Governed) -> tuple[str, Look | None]:
        """Why what ``place`` says at ``keys`` has nothing to act on, and what looks for it at each operation."""
        head, *rest = keys
        settings = governed.settings
        if head == "public":
            ended = self.value(place, keys) and not settings.public
            return ("authenticate says otherwise below it" if ended else ""), None
        if head in self._of_wire:
            return "", self._of_wire[head]
        if head in ("websocket", "stream"):
            return "", _OF_MESSAGES.get(keys)
        if head == "compress":
            somebody = not settings.public and settings.compress is not None and not settings.compress.authenticated
            return ("callers are authenticated, and compress.authenticated is false" if somebody else ""), None
        if head in ("authenticate", "authorize") and settings.public:
            return "whoever calls a public operation is nobody", None
        if head == "authenticate" or keys == ("authorize", "every_caller"):
            return "", None
        if head == "authorize" and settings.authorize is not None and settings.authorize.every_caller:
            return "every_caller below it lets everyone pass", None
        section = (head,) if head == "limit" else (head, *rest[:1])
        if _value_at(settings, (*section, "mode")) == "off":
            return self._turned_off(place, section, keys, governed), None
        if head == "limit":
            return self._limit(rest[0], settings), None
        if keys in _OF_JSON_ANSWERS:
            return "", _without_json_answers
        if keys == _FROM_DOCUMENT:
            return "", _without_scopes
        return "", partial(_without_steps, ".".join(section), _OF_MESSAGES.get(keys))

    def _turned_off(self, place: Place, section: Keys, keys: Keys, governed: Governed) -> str:
        """What turns its own section off is meant to; what another one turns off is not."""
        where = written_at(governed.layers, *section, "mode")
        meant = keys[len(section) :] == ("mode",) or where == (*place, *section, "mode")
        return "" if meant else f"{pointer(where)} turns it off"

    def _limit(self, key: str, settings: OperationSettings) -> str:
        limit = settings.limit
        if limit is None or limit.plan is None or key == "mode":
            return ""
        if not isinstance(limit.plan, str):
            nobody = settings.public and (key == "plan" or (key == "by" and limit.by != "address"))
            return "whoever calls a public operation is nobody" if nobody else ""
        if key == "default_plan":
            return f"the plan is {limit.plan} for everyone"
        if key in ("by", "on_store_failure") and not self._counts(limit.plan):
            return f"the plan {limit.plan} counts nothing"
        if key == "by" and settings.public and limit.by != "address":
            return "whoever calls a public operation is nobody, and is counted by address"
        return ""

    def _counts(self, plan: str) -> bool:
        return bool(self._configuration.plans[plan].model_fields_set)

    def _max_body(self, governed: Governed) -> str:
        operation = governed.operation
        if operation is None:
            return ""
        if operation.websocket is not None:
            return "the handshake of a WebSocket has no body"
        if not governed.has_body and any(
            step.policy == "validate.request" and not step.monitor for step in operation.head_steps
        ):
            return "a request with a body is refused anyway"
        configured = governed.settings.max_body
        if configured is not None and operation.max_body < configured:
            return f"its schema lets a body have {operation.max_body} bytes at most"
        key, memory = room_for_one(self._configuration)
        if (operation.body_steps or operation.wire_steps) and operation.max_body > memory:
            return f"process.{key} lets a body have {memory} bytes at most"
        return ""


def _max_response(governed: Governed) -> str:
    operation, context = governed.operation, governed.context
    if operation is None or context is None:
        return ""
    if not operation.response_body_steps:
        return "nothing reads answers as a whole"
    key, memory = room_for_one(context.configuration)
    return f"process.{key} lets an answer have {memory} bytes at most" if operation.max_response > memory else ""


def _without_json_answers(governed: Governed) -> str:
    operation = governed.operation
    if operation is None or any(step.policy == "validate.response" for step in operation.response_body_steps):
        return ""
    return "no answer is declared to be JSON"


def _without_scopes(governed: Governed) -> str:
    return "" if governed.has_scopes else "the document asks for no scopes"


def _without_steps(policy: str, look: Look | None, governed: Governed) -> str:
    """A policy that was compiled and has no step in an operation has nothing to do there; else ``look`` says."""
    operation = governed.operation
    if operation is None or any(step.policy == policy for step in operation.steps):
        return "" if look is None else look(governed)
    return "there is nothing that it could look at"


def _leaves(section: Section, model: type[Section], prefix: Keys = ()) -> Iterator[Keys]:
    """The keys of what the file says below ``section``, as far as ``model`` knows them."""
    for key, name in ((field.alias or name, name) for name, field in model.model_fields.items()):
        if name in section.model_fields_set:
            value = getattr(section, name)
            if isinstance(value, Section) and not isinstance(value, PlanOf | CompressConfig):
                yield from _leaves(value, type(value), (*prefix, key))
            else:
                yield (*prefix, key)


def _value_at(settings: Section, keys: Keys) -> object:
    value: object = settings
    for key in keys:
        if not isinstance(value, Section):
            return None
        value = getattr(value, field_name(type(value), key), None)
    return value
