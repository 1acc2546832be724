"""The requests of one API: read, judged one by one, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portcullis.engine.graphql.allow_list import AllowList
from portcullis.engine.graphql.errors import QueryError
from portcullis.engine.graphql.judging import QueryJudge
from portcullis.engine.graphql.reading import GraphqlRequest, read_body, read_query
from portcullis.engine.identity import Identity

_NOT_TAKEN = "This query is not one of those that are taken here."


class Queries:
    """What may be asked. ``source``: where the file says so; ``allowed``: the only operations, ``None`` for any."""

    def __init__(self, judge: QueryJudge, max_batch: int, allowed: AllowList | None, source: str) -> None:
        self.source = source
        self._judge = judge
        self._max_batch = max_batch
        self._allowed = allowed

    def in_body(self, value: Any, identity: Identity) -> tuple[str, Any]:
        """How the operations of the JSON ``value`` of a body are called, and what to send in its place.

        The latter is ``None`` where it stays as it is. Raises :class:`QueryError`.
        """
        requests = read_body(value, self._max_batch)
        titles, texts = zip(*(self._one(each, identity, may_change=True) for each in requests), strict=True)
        changed = None
        if any(each.query is None for each in requests):
            members = value if isinstance(value, list) else [value]
            filled = [_filled(each, text) for each, text in zip(members, texts, strict=True)]
            changed = filled if isinstance(value, list) else filled[0]
        return ", ".join(titles), changed

    def in_url(self, parameters: Mapping[str, str], identity: Identity) -> str:
        """How the operation in the ``parameters`` of a URL is called. Raises :class:`QueryError`."""
        request = read_query(parameters)
        if request.query is None:
            raise QueryError("request", "A query in a URL is written out.", "a persisted query", "its text")
        return self._one(request, identity, may_change=False)[0]

    def _one(self, request: GraphqlRequest, identity: Identity, *, may_change: bool) -> tuple[str, str]:
        text = self._text(request)
        prepared = self._judge.judge(text, request, may_change=may_change)
        if self._allowed is not None and prepared.digest not in self._allowed:
            raise QueryError("unknown", _NOT_TAKEN, prepared.title, "an operation of documents")
        for rule in prepared.rules:
            if not rule.holds(identity):
                message = "You may not ask for one of the fields."
                raise QueryError("field", message, f"{prepared.title}: {rule.coordinate}", rule.allowed)
        return prepared.title, text

    def _text(self, request: GraphqlRequest) -> str:
        if request.query is not None:
            return request.query
        text = None if self._allowed is None else self._allowed.text_of(request.sha256 or "")
        if text is None:
            raise QueryError("unknown", _NOT_TAKEN, "the digest of an unknown query", "one of documents")
        return text


def _filled(members: dict[str, Any], text: str) -> dict[str, Any]:
    """A request with its query's text in place of its digest."""
    extensions = {name: value for name, value in (members.get("extensions") or {}).items() if name != "persistedQuery"}
    filled = {**members, "query": text}
    filled.pop("extensions", None)
    return {**filled, "extensions": extensions} if extensions else filled
