"""What was revoked: kept in the database, known in memory, told to workers as soon as it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from portcullis.engine.token_service.declaring import LONGEST_LIFETIME
from portcullis.engine.token_service.messages import Revocations, Revoked, encode, of_client
from portcullis.engine.token_service.revocations import RevokedTokens
from portcullis.stores.database.token_revocations import RevocationStore

MARGIN_SECONDS: Final = 60.0
"""How much longer than the token it is kept: clocks may be set."""


class RevocationList:
    """All that is revoked now. ``poll`` may be called from any thread, the rest from the loop's."""

    def __init__(self, store: RevocationStore, wall_s: Callable[[], float]) -> None:
        self._store = store
        self._wall_s = wall_s
        self._revision = 0
        self._all: dict[str, Revoked] = {}
        self._known = RevokedTokens(wall_s)

    def __len__(self) -> int:
        return len(self._all)

    def read_news(self) -> tuple[int, list[Revoked]]:
        """What the database has that is not known here. Raises ``DatabaseError``."""
        return self._store.since(self._revision, self._wall_s())

    def take_over(self, revision: int, revoked: Sequence[Revoked]) -> bytes | None:
        """Know ``revoked`` from now on; gives what to tell workers, if there is anything."""
        self._revision = max(self._revision, revision)
        news = [each for each in revoked if self._all.get(each.id) != each]
        if not news:
            return None
        message = encode(Revocations(False, news))
        self._all.update((each.id, each) for each in news)
        self._known.apply(message)
        return message

    def whole(self) -> bytes:
        """What a worker is told that knows nothing yet."""
        now = self._wall_s()
        self._all = {id_: each for id_, each in self._all.items() if each.until > now}
        return encode(Revocations(True, list(self._all.values())))

    def covers(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token with these claims is revoked."""
        return self._known.covers(claims)


def of_token(claims: Mapping[str, Any]) -> Revoked:
    """What revokes the token with these claims, and whatever it was exchanged for."""
    return Revoked(claims["jti"], claims["exp"] + MARGIN_SECONDS)


def of_family(family: str, now: float) -> Revoked:
    """What revokes all access tokens of a family: those that it has now have ended by then."""
    return Revoked(family, now + LONGEST_LIFETIME + MARGIN_SECONDS)


def of_all_of(client: str, now: float) -> Revoked:
    """What revokes all tokens that were issued to ``client`` up to now."""
    return Revoked(of_client(client), now + LONGEST_LIFETIME + MARGIN_SECONDS, float(int(now)))
