"""Answers that depend on who asks, and caches between here and there.

A shared cache knows nothing of owners and roles: where the service lets it keep an answer, the next caller gets what
was made for another one (RFC 9111 3.5; most caches don't know an API key for a credential at all). So answers whose
objects or fields were looked at are for nobody else, whatever the service says.
"""

from __future__ import annotations

from typing import Final

from portcullis.engine.decision import Modify
from portcullis.engine.facts import Facts
from portcullis.engine.response import ResponseView

_CACHE_CONTROL: Final = b"cache-control"
_TARGETED: Final = frozenset({b"cdn-cache-control", b"cloudflare-cdn-cache-control", b"surrogate-control"})
"""What is said to shared caches alone, and counts more for them (RFC 9213)."""
_OF_ONE_CALLER: Final = frozenset({b"private", b"no-store"})
_UNTARGETED: Final = Modify(remove_fields=_TARGETED)
_NOT_STORED: Final = Modify(remove_fields=_TARGETED, set_fields=((_CACHE_CONTROL, b"no-store"),))


def keep_from_caches(response: ResponseView, facts: Facts) -> Modify | None:
    """As :func:`keep_from_shared_caches`, where nothing else says ``no-store`` for a service that says nothing.

    A cache may keep such an answer by its own judgement (RFC 9111 4.2.2).
    """
    return keep_from_shared_caches(response, facts) if _CACHE_CONTROL in response.headers else _NOT_STORED


def keep_from_shared_caches(response: ResponseView, _facts: Facts) -> Modify | None:
    """Forbids shared caches to keep the answer, unless the service has done so.

    Where it says nothing this is left to ``protect.headers``, which says ``no-store`` then.
    """
    said = response.headers.get(_CACHE_CONTROL)
    if said is not None and _OF_ONE_CALLER.isdisjoint(part.strip().lower() for part in said.split(b",")):
        return _NOT_STORED
    return None if _TARGETED.isdisjoint(response.headers) else _UNTARGETED
