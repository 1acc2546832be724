"""Hosts of an API that a wildcard of the same API covers anyway.

``[shop.example, "*"]`` says no more than ``["*"]``, unless one of the two has another API that the other has not. It
harms nobody, so it is warned of only.
"""

from __future__ import annotations

from collections.abc import Iterator

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.inert.estate import Estate


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    served: dict[str, set[str]] = {}
    for place, api in estate.apis():
        for host in api.hosts:
            served.setdefault(host, set()).add(str(place[1]))
    for place, api in estate.apis():
        for index, host in enumerate(api.hosts):
            # Without this entry, the next wider one that any API has would be looked at.
            wider = next((each for each in _wider(host) if each in served), "")
            if wider in api.hosts and served[wider] == served[host]:
                message = f"adds nothing: {wider} is listed too, and covers it"
                yield estate.loaded.diagnostic((*place, "hosts", index), message, "remove one of them", "warning")


def _wider(host: str) -> Iterator[str]:
    """The wildcards that cover ``host``, from narrow to wide."""
    if host == "*":
        return
    labels = host.removeprefix("*.").split(".")
    first = 0 if host.startswith("*.") else 1
    for position in range(max(first, 1), len(labels)):
        yield f"*.{'.'.join(labels[position:])}"
    yield "*"
