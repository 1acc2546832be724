"""What was revoked, as a worker knows it now. Looked at for each call with one of our tokens, so it is one look-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from portcullis.engine.token_service.messages import Revoked, decode_revocations, of_client


class RevokedTokens:
    """Knows what was told last; before it was told anything it can't say (``told``)."""

    __slots__ = ("_by_id", "_sweep_at", "_wall_s", "told")

    def __init__(self, wall_s: Callable[[], float]) -> None:
        self.told = False
        self._by_id: dict[str, Revoked] = {}
        self._wall_s = wall_s
        self._sweep_at = 0

    def __repr__(self) -> str:
        return f"RevokedTokens({len(self._by_id)})"

    def __len__(self) -> int:
        return len(self._by_id)

    def apply(self, message: bytes) -> None:
        """Take over encoded ``Revocations``. Raises ``ValueError``, and keeps what it has."""
        update = decode_revocations(message)
        now = self._wall_s()
        if update.whole:
            self._by_id = {each.id: each for each in update.revoked if each.until > now}
        else:
            by_id = self._by_id
            by_id.update((each.id, each) for each in update.revoked)
            if len(by_id) >= self._sweep_at:
                self._by_id = {id_: each for id_, each in by_id.items() if each.until > now}
                self._sweep_at = 2 * len(self._by_id) + 1024
        self.told = True

    def covers(self, claims: Mapping[str, Any]) -> bool:
        """Whether the token with these claims was revoked: itself, what it came from, or its client's."""
        by_id = self._by_id
        if not by_id:
            return False
        get = claims.get
        issued = get("iat", 0)
        if get("jti") in by_id or get("sid") in by_id or self._is_of_all(get("client_id", ""), issued):
            return True
        # What was exchanged for it was good when it was issued, so none of these is younger.
        return any(each["jti"] in by_id or self._is_of_all(each["client_id"], issued) for each in get("origins", ()))

    def _is_of_all(self, client: str, issued: float) -> bool:
        """Whether all tokens of ``client`` are revoked that were ``issued`` by then (Unix seconds)."""
        of_all = self._by_id.get(of_client(client))
        return of_all is not None and (of_all.issued_by is None or issued <= of_all.issued_by)
