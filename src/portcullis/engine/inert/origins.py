"""Origins that another one of their list lets in anyway.

An entry of ``websocket.origins`` or ``guard.cors.origins`` that is there twice, or stands for hosts below a domain
whose hosts are all allowed by the same list. Beside ``"*"`` an entry of ``guard.cors`` says nothing; one of
``websocket`` lets callers in that send cookies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.inert.estate import Estate
from portcullis.engine.origins import Origins

_ANY: Final = "*"
_CORS: Final = ("guard", "cors", "origins")
_LISTS: Final = (("websocket", "origins"), _CORS)


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    for place, keys in estate.usage.leaves:
        listed = estate.usage.value(place, keys) if keys in _LISTS else None
        if not isinstance(listed, list):
            continue
        for index, origin in enumerate(listed):
            other = _covered_by(listed, index, any_covers=keys == _CORS)
            if other is not None:
                message = "is there twice" if other == origin else f"lets nobody in that {other} does not"
                yield estate.loaded.diagnostic((*place, *keys, index), message, "remove it")


def _covered_by(origins: Sequence[str], index: int, *, any_covers: bool) -> str | None:
    """The entry that lets in all that the one at ``index`` does; of two that are the same, the first."""
    mine = origins[index]
    for position, other in enumerate(origins):
        if other == mine:
            if position < index:
                return other
        elif other == _ANY:
            if any_covers:
                return other
        elif mine != _ANY and "://*." in other and Origins([other]).allow(mine.replace("*", "any", 1)):
            return other
    return None
