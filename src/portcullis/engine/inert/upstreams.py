"""Settings of upstreams that have nothing to act on.

Authorities for certificates that no target shows, ejection where there is no other target to turn to, names to resolve
where there are only addresses, deadlines that another one always strikes before, a prefix to strip where there is none.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.model import ApiConfig
from portcullis.engine.config.upstreams import UpstreamConfig
from portcullis.engine.config.values import format_duration
from portcullis.engine.inert.estate import Estate


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    for place, api in estate.apis():
        where = (*place, "upstream")
        for keys, message, hint in (*_of_targets(api.upstream), *_of_timeouts(api.upstream)):
            yield estate.loaded.diagnostic((*where, *keys), message, hint)
        if api.upstream.path == "strip" and not _has_prefix(estate, str(place[1]), api):
            message = "there is nothing to strip: the API has no base path and no version in its paths"
            yield estate.loaded.diagnostic((*where, "path"), message, "remove it, or give the API a base_path")


def _of_targets(upstream: UpstreamConfig) -> Iterator[tuple[tuple[str, ...], str, str]]:
    targets, given = upstream.targets, upstream.model_fields_set
    for key in () if any(target.startswith("https:") for target in targets) else ("ca", "tls"):
        if key in given:
            yield (key,), "no target speaks TLS, so no certificate is checked", "remove it, or use https targets"
    if "ejection" in given and len(targets) == 1:
        yield ("ejection",), "the only target is never left out: there is no other one to turn to", "remove it"
    if "resolve_every" in given and all(map(_is_address, targets)):
        yield ("resolve_every",), "the targets are addresses: there is nothing to resolve", "remove it"


def _of_timeouts(upstream: UpstreamConfig) -> Iterator[tuple[tuple[str, ...], str, str]]:
    timeouts = upstream.timeouts
    for key in ("first_byte", "idle"):
        if key in timeouts.model_fields_set and getattr(timeouts, key) >= timeouts.whole:
            message = f"never strikes: the whole exchange has {format_duration(timeouts.whole)}"
            yield ("timeouts", key), message, "make it shorter than timeouts.whole"


def _is_address(target: str) -> bool:
    host = target.partition("://")[2].rstrip("/")
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _has_prefix(estate: Estate, name: str, api: ApiConfig) -> bool:
    return any(any(estate.prefixes.get((name, version), ())) for version in api.versions)
