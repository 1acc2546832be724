"""The situation that a rule is about: a request, who sends it, when, and perhaps what the service answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from portcullis.engine import media_type, strict_json
from portcullis.engine.cel.compiled import Frame
from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.values import Timestamp
from portcullis.engine.facts import UNREAD, Facts
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView


class Situation(Frame, eq=False, gc=False, kw_only=True):
    """What the names in a rule stand for, during one evaluation.

    ``wall_s``: the clock, in Unix seconds; ``held``: the roles that somebody holds to whom some were given;
    ``response``: of a rule about the answer; ``moment``: what the clock said when it was asked first; ``document``:
    what the body of the request, or of the answer, says.
    """

    request: RequestView
    facts: Facts
    wall_s: Callable[[], float]
    held: Callable[[frozenset[str]], frozenset[str]] = frozenset
    response: ResponseView | None = None
    moment: Timestamp | None = None
    document: Any = UNREAD

    @property
    def time(self) -> Timestamp:
        """Now: the same throughout an evaluation."""
        if self.moment is None:
            self.moment = Timestamp(self.wall_s() * 1e9)
        return self.moment

    @property
    def request_body(self) -> Any:
        """What the JSON body of the request says; ``None`` without one. Raises :class:`EvaluationError`."""
        if self.document is UNREAD:
            request = self.request
            body = request.body if request.has_body else b""
            self.document = read_json(body, request.headers, "the request")
        return self.document

    @property
    def answer(self) -> ResponseView:
        """What the service answered."""
        if self.response is None:
            raise EvaluationError("there is no answer yet")
        return self.response

    @property
    def answer_body(self) -> Any:
        """What the JSON body of the answer says; ``None`` without one. Raises :class:`EvaluationError`."""
        if self.document is UNREAD:
            answer = self.answer
            body = answer.body if answer.has_body else b""
            self.document = read_json(body, answer.headers, "the answer")
        return self.document


def read_json(body: bytes | None, headers: Mapping[bytes, bytes], whose: str) -> Any:
    """The value of a JSON body; ``None`` for an empty one. Raises :class:`EvaluationError` if it is not JSON."""
    if body is None:
        raise EvaluationError(f"the body of {whose} is not there")
    if not body:
        return None
    try:
        is_json = media_type.parse_once(headers.get(b"content-type", b"").decode("latin-1")).is_json
        if is_json:
            return strict_json.loads(body)
    except ValueError as error:
        raise EvaluationError(f"the body of {whose} can't be read: {error}") from None
    raise EvaluationError(f"the body of {whose} is not JSON")


MAX_PARAMETERS: Final = 1_000
"""Parameters of a query that are looked at."""


def query_values(query: str) -> dict[str, list[str]]:
    """The values of each parameter of ``query``, decoded as services do. Raises :class:`EvaluationError`."""
    values: dict[str, list[str]] = {}
    for name, value in _parameters(query):
        values.setdefault(_decoded(name), []).append(_decoded(value))
    return values


def values_in_query(query: str, name: str) -> list[str]:
    """The decoded values of the parameter ``name`` of ``query``; what else is in it is not decoded, which is dear."""
    return [_decoded(value) for found, value in _parameters(query) if found == name or _decoded(found) == name]


def _parameters(query: str) -> list[tuple[str, str]]:
    """Names and values as they are written."""
    if not query:
        return []
    if query.count("&") >= MAX_PARAMETERS:
        raise EvaluationError("a query of too many parameters")
    parts = [part.partition("=") for part in query.split("&") if part]
    return [(name, value) for name, _, value in parts]


def _decoded(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise EvaluationError("a query that is not UTF-8") from None


def texts_of(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Header fields by their lower-case names, as texts. Octets over 127 read as ISO-8859-1."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
