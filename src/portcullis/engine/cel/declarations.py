"""The names that a rule may speak of, their types, and how each is read from a situation.

Names are declared with their dots, so that a misspelt ``identity.subjct`` is an error in the file. At which ``stage``
of an exchange a name has a meaning decides when the part of a rule that speaks of it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from portcullis.engine.cel.calls import LiteralError
from portcullis.engine.cel.checking import Declarations, FunctionDeclaration
from portcullis.engine.cel.compiled import Run, spend
from portcullis.engine.cel.compiling import Variable
from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.situation import Situation, query_values, texts_of, values_in_query
from portcullis.engine.cel.types import BOOL, DYN, INT, STRING, TIMESTAMP, Type, list_of, map_of
from portcullis.engine.identity import Consumer

Stage: TypeAlias = Literal["head", "body", "response_head", "response_body"]
Read: TypeAlias = Callable[[Situation], Any]

_TEXTS: Final = list_of(STRING)
_NOBODY: Final = Consumer("")
_FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,256}")


def _variable(declared: Type, read: Read) -> Variable:
    return Variable(declared, read)


def _set(members: Callable[[Situation], frozenset[str]]) -> Variable:
    """A list without an order of its own, in which texts are mostly just looked for."""

    def read(situation: Situation) -> list[str]:
        found = members(situation)
        spend(situation, len(found))
        return sorted(found)

    return Variable(_TEXTS, read, members)


def _headers(read: Callable[[Situation], Mapping[bytes, bytes]]) -> Variable:
    """Header fields: all of them are made into a map only where a rule wants more than one by its name."""

    def entry(name: str) -> Run:
        key = _field(name)

        def value(situation: Situation) -> str:
            found = read(situation).get(key)
            if found is None:
                raise EvaluationError(f"there is no header field {name}")
            return found.decode("latin-1")

        return value

    def has(name: str) -> Run:
        key = _field(name)
        return lambda situation: key in read(situation)

    declared = map_of(STRING, STRING)

    def all_of_them(situation: Situation) -> dict[str, str]:
        fields = read(situation)
        spend(situation, len(fields) << 2)
        return texts_of(fields)

    return Variable(declared, all_of_them, entry=entry, has=has)


def _query() -> Variable:
    """Parameters of the query: a map is made only where a rule wants more than one by its name."""

    def entry(name: str) -> Run:
        def values(situation: Situation) -> list[str]:
            found = values_in_query(_query_of(situation), name)
            if not found:
                raise EvaluationError(f"there is no query parameter {name}")
            return found

        return values

    def has(name: str) -> Run:
        return lambda situation: bool(values_in_query(_query_of(situation), name))

    declared = map_of(STRING, _TEXTS)
    return Variable(declared, lambda situation: query_values(_query_of(situation)), entry=entry, has=has)


def _query_of(situation: Situation) -> str:
    """The raw query, which is read anew each time: a loop must not do so for nothing."""
    query = situation.request.query
    spend(situation, len(query) >> 2)
    return query


def _field(name: str) -> bytes:
    if not _FIELD_NAME.fullmatch(name):
        lower = name.lower()
        hint = f"write {lower!r}" if _FIELD_NAME.fullmatch(lower) else "a name is a token (RFC 9110 5.6.2)"
        raise LiteralError(1, f"no header field has the name {name!r} here: names are in lower case", hint)
    return name.encode()


def _user_agent(situation: Situation) -> str:
    return situation.request.headers.get(b"user-agent", b"").decode("latin-1")


def _subject(situation: Situation) -> str:
    """Who calls. Nobody in particular is nobody's equal, not even of a parameter that is empty."""
    identity = situation.facts.identity
    if not identity.subject:
        raise EvaluationError("nobody was authenticated")
    return identity.subject


def _consumer(situation: Situation) -> str:
    """The name of the consumer, with the same care."""
    consumer = situation.facts.identity.consumer
    if consumer is None:
        raise EvaluationError("the caller is no consumer")
    return consumer.name


_OBJECT: Final = map_of(STRING, DYN)

VARIABLES: Final[Mapping[str, Variable]] = {
    "identity.method": _variable(STRING, lambda situation: situation.facts.identity.method),
    "identity.subject": _variable(STRING, _subject),
    "identity.issuer": _variable(STRING, lambda situation: situation.facts.identity.issuer),
    "identity.scopes": _set(lambda situation: situation.facts.identity.scopes),
    "identity.roles": _set(lambda situation: situation.held(situation.facts.identity.roles)),
    "identity.consumer.name": _variable(STRING, _consumer),
    "identity.consumer.plan": _variable(STRING, lambda situation: (situation.facts.identity.consumer or _NOBODY).plan),
    "identity.claims": _variable(_OBJECT, lambda situation: situation.facts.identity.claims),
    "identity.actors": _variable(_TEXTS, lambda situation: situation.facts.identity.actors),
    "request.method": _variable(STRING, lambda situation: situation.request.method),
    "request.path": _variable(STRING, lambda situation: situation.request.path),
    "request.host": _variable(STRING, lambda situation: situation.request.host),
    "request.scheme": _variable(STRING, lambda situation: situation.request.scheme),
    "request.path_values": _variable(map_of(STRING, STRING), lambda situation: situation.request.path_values),
    "request.query": _query(),
    "request.headers": _headers(lambda situation: situation.request.headers),
    "request.body": _variable(DYN, lambda situation: situation.request_body),
    "request.client": _variable(STRING, lambda situation: situation.request.client),
    "api.name": _variable(STRING, lambda situation: situation.request.operation.api),
    "api.version": _variable(STRING, lambda situation: situation.request.operation.version),
    "api.operation": _variable(STRING, lambda situation: situation.request.operation.name),
    "context.time": _variable(TIMESTAMP, lambda situation: situation.time),
    "context.ip": _variable(STRING, lambda situation: situation.request.client),
    "context.device.user_agent": _variable(STRING, _user_agent),
    "response.status": _variable(INT, lambda situation: situation.answer.status),
    "response.headers": _headers(lambda situation: situation.answer.headers),
    "response.body": _variable(DYN, lambda situation: situation.answer_body),
}

FUNCTIONS: Final = (
    FunctionDeclaration("ip_in", (STRING, STRING), BOOL),
    FunctionDeclaration("lowerAscii", (STRING,), STRING, is_method=True),
    FunctionDeclaration("upperAscii", (STRING,), STRING, is_method=True),
    FunctionDeclaration("split", (STRING, STRING), _TEXTS, is_method=True),
)

DECLARATIONS: Final = Declarations(tuple((name, variable.type) for name, variable in VARIABLES.items()), FUNCTIONS)

_STAGES: Final[Mapping[str, Stage]] = {
    "request.body": "body",
    "response.status": "response_head",
    "response.headers": "response_head",
    "response.body": "response_body",
}
STAGES: Final[tuple[Stage, ...]] = ("head", "body", "response_head", "response_body")
"""In the order of an exchange."""


def stage_of(name: str) -> Stage:
    """From which stage of an exchange on the variable ``name`` has a meaning."""
    return _STAGES.get(name, "head")
