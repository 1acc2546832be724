"""Settings of listeners that have nothing to act on.

All but ``bind`` on the admin listener, bounds of a protocol that is not spoken, deadlines of kept connections on one
that only redirects and keeps none, a cap on the connections of one address that the cap on all connections never lets
it reach, or that only trusted proxies could reach, who are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from portcullis.engine.address_lists import AddressSet
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.layers import Place
from portcullis.engine.config.listeners import ListenerConfig
from portcullis.engine.config.references import ADMIN
from portcullis.engine.inert.estate import Estate

_MOST_WORKERS = 128
_ADDRESS_CAP = "max_connections_per_address"


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    listeners = estate.configuration.listeners
    if (admin := listeners.get(ADMIN)) is not None:
        for key in sorted(admin.model_fields_set - {"bind"}):
            message = "the admin listener takes an address only"
            yield estate.loaded.diagnostic(("listeners", ADMIN, key), message, "remove it")
    for name, listener in listeners.items():
        if listener.redirect is not None and "idle" in listener.timeouts.model_fields_set:
            message = "a redirector keeps no connection"
            yield estate.loaded.diagnostic(("listeners", name, "timeouts", "idle"), message, "remove it")
        if name != ADMIN and "http2" in listener.model_fields_set and "h2" not in listener.spoken:
            message = "no HTTP/2 is spoken here"
            yield estate.loaded.diagnostic(("listeners", name, "http2"), message, "remove it, or add h2 to protocols")
        if name != ADMIN and _ADDRESS_CAP in listener.model_fields_set:
            yield from _address_cap(estate, ("listeners", name), listener)
    if not any(True for _ in estate.api_listeners()):
        message = "no listener serves the APIs: nothing of them can be reached"
        yield estate.loaded.diagnostic(("listeners",), message, "add one that is not admin and does not redirect")


def _address_cap(estate: Estate, place: Place, listener: ListenerConfig) -> Iterator[Diagnostic]:
    workers = estate.configuration.process.workers
    all_of_them = listener.max_connections * (_MOST_WORKERS if workers == "auto" else workers)
    if listener.max_connections_per_address > all_of_them:
        message = f"is never reached: the listener takes {all_of_them} connections in all"
        yield estate.loaded.diagnostic((*place, _ADDRESS_CAP), message, "lower it, or raise max_connections")
    proxies = AddressSet(listener.trusted_proxies)
    if listener.allow and all(map(proxies.holds, listener.allow)):
        message = "counts nobody: only trusted proxies may connect, and these are not counted"
        yield estate.loaded.diagnostic((*place, _ADDRESS_CAP), message, "remove it")
