"""How the object of a rule is read before a request is sent: by which operation, and where its ids are from.

What is read has to be the very object that the request is about. So a value of the request's own path is written as the
request writes it: ``/orders/007`` is what is read before ``DELETE /orders/007``, whatever a service takes ``007`` for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from portcullis.engine.config.wording import suggest
from portcullis.engine.objects.compiling import json_types
from portcullis.engine.objects.declared import Kind
from portcullis.engine.objects.given import Given, OfExchange
from portcullis.engine.objects.owner_read_steps import ReadPlan
from portcullis.engine.objects.parsing import parse, parse_path
from portcullis.engine.objects.surroundings import Surroundings
from portcullis.engine.objects.syntax import Path, Rule
from portcullis.engine.objects.targets import target_of, variables_of
from portcullis.engine.objects.tokens import RuleError
from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.served_paths import ServedPaths

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

_TEXTS: Final[frozenset[Kind]] = frozenset(("text", "integer"))


class ReadingError(Exception):
    """What the file says of the reading can't be done. ``key``: where it stands; ``hint``: what would be right."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.hint = hint


def reading_operation(document: SpecDocument, name: str) -> SpecOperation:
    """The ``GET`` of ``document`` that the file calls ``name``. Raises :class:`ReadingError`."""
    operations = {operation.name: operation for operation in document.operations}
    found = operations.get(name)
    if found is None or found.method != "GET":
        reads = [each for each, operation in operations.items() if operation.method == "GET"]
        message = f"{name} is no operation of the document by which an object could be read"
        raise ReadingError("read", message, suggest(name, reads, "declared"))
    return found


def read_plan(
    context: OperationContext,
    read: SpecOperation,
    said: Mapping[str, str],
    surroundings_of: Callable[[Rule], Surroundings],
    *,
    absent_passes: bool,
) -> ReadPlan:
    """How an object is read by ``read`` before the operation of ``context``.

    ``said``: the paths of rules where variables of its path are from, of those that are not from the variable of the
    same name; ``surroundings_of``: what such a path finds. Raises :class:`ReadingError`.
    """
    variables = variables_of(read.path)
    for name in said:
        if name not in variables:
            raise ReadingError("with", f"{read.path} has no variable {name}", suggest(name, variables, "it has"))
    if any(each.style != "simple" for each in read.parameters if each.location == "path"):
        raise ReadingError("read", f"{read.path} has a variable that is not written plainly")
    sources: dict[str, OfExchange] = {}
    for name in variables:
        try:
            sources[name] = _source(said.get(name, f'request.path["{name}"]'), surroundings_of)
        except RuleError as error:
            hint = error.hint if name in said else f"with: {{{name}: request.body.{name}}}"
            raise ReadingError("with", f"{error.message}, for {{{name}}} of {read.path}", hint) from None
    served = ServedPaths(context.api, context.version, context.document)
    template = served.prefix_of(read) + read.path
    target = target_of(template, sources, served.upstream_path(read), encoded_slash=context.api.allow_encoded_slash)
    return ReadPlan(target, json_types(read), absent_passes=absent_passes)


def _source(text: str, surroundings_of: Callable[[Rule], Surroundings]) -> OfExchange:
    """How what stands at the path ``text`` is read. Raises :class:`RuleError` if it can be no part of a path."""
    found = surroundings_of(parse(text))
    path = parse_path(text)
    meaning, source = found.meaning(path), found.source(path)
    if (meaning.kinds is not None and meaning.kinds.isdisjoint(_TEXTS)) or not isinstance(source, OfExchange):
        raise RuleError(f"{text} is {meaning.words}, which can't be a part of a path", "text, or an integer")
    return OfExchange(_as_written(path, source.read)) if path.steps[0] == "path" else source


def _as_written(path: Path, read: Callable[[Given], Any]) -> Callable[[Given], Any]:
    """Reads a variable of the request's path; an integer as the text that it was sent as, if it is all of that text."""
    name = str(path.steps[1])

    def read_text(given: Given) -> Any:
        value = read(given)
        if value.__class__ is not int:
            return value
        text = given.request.path_values.get(name, "")
        return text if text.removeprefix("-").isdecimal() else value

    return read_text
