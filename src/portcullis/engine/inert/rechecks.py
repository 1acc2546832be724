"""Identities whose issuer is said to be asked again, where nothing lasts that they opened.

``introspection.recheck`` says how often an issuer is asked about a token while a WebSocket or a long answer lasts. It
asks nobody where no such operation accepts the identity for itself (together with others, ``all_of``, no credential is
asked about again), or where all that it opens is over before.
"""

from __future__ import annotations

from collections.abc import Iterator

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import Configuration
from portcullis.engine.config.values import format_duration
from portcullis.engine.inert.estate import Estate
from portcullis.engine.operation import Operation

_HINT = "remove it, or say stream or websocket of an operation that accepts the identity"


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    asked = {
        name: config.introspection.recheck
        for name, config in estate.configuration.identities.items()
        if config.introspection is not None and "recheck" in config.introspection.model_fields_set
    }
    if not asked:
        return
    longest = _longest(estate)
    for name, recheck in asked.items():
        lasts = longest.get(name, 0.0)
        if lasts > recheck:
            continue
        message, hint = "asks nobody: no WebSocket and no long answer is opened by this identity", _HINT
        if lasts:
            message = f"asks nobody: what this identity opens lasts {format_duration(lasts)} at most (lifetime)"
            hint = "make it shorter than that"
        yield estate.loaded.diagnostic(("identities", name, "introspection", "recheck"), message, hint)


def _longest(estate: Estate) -> dict[str, float]:
    """How many seconds what an identity opened may last, by its name."""
    longest: dict[str, float] = {}
    for routed in estate.routed:
        operation = routed.operation
        rules = operation.websocket or operation.stream
        if rules is None or rules.standing is None:
            continue
        for name in _looked_at_again(estate.configuration, operation):
            longest[name] = max(longest.get(name, 0.0), rules.lifetime_ns / 1e9)
    return longest


def _looked_at_again(configuration: Configuration, operation: Operation) -> Iterator[str]:
    """The identities of which the operation asks again whether they hold."""
    api = configuration.apis[operation.api]
    accepted = effective(api, api.versions[operation.version], operation.name).authenticate
    for entry in accepted.any_of if accepted is not None else ():
        if isinstance(entry, str):
            yield entry
