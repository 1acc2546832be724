"""Fields of answers that are never written, or would be written anyway.

``hsts`` where no answer leaves over https (browsers ignore it over http, RFC 6797 8.1), its subdomains where there is
no such field, and ``null`` for a field that the gateway never writes by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.inert.estate import Estate
from portcullis.engine.policies.protect.headers import USUAL

_SECTION = ("protect", "headers")


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    secure = any(each.tls is not None or each.trusted_proxies for _, each in estate.api_listeners())
    for place, keys in estate.usage.leaves:
        if keys[:-1] != _SECTION:
            continue
        value = estate.usage.value(place, keys)
        if keys[-1] in ("hsts", "hsts_subdomains") and value and not secure:
            message = "is never written: no listener answers over https, and no proxy is trusted to"
            yield estate.loaded.diagnostic((*place, *keys), message, "remove it, or give the listener tls")
        elif keys[-1] == "hsts_subdomains" and value and estate.usage.value(place, (*_SECTION, "hsts")) == 0:
            message = "is never written: hsts is 0"
            yield estate.loaded.diagnostic((*place, *keys), message, "remove one of them")
        elif keys[-1] == "set" and isinstance(value, dict):
            for name, text in value.items():
                if text is None and name.lower() not in USUAL:
                    message = "nothing writes this field anyway, so the service has it already"
                    hint = f"null is for {', '.join(sorted(USUAL))}"
                    yield estate.loaded.diagnostic((*place, *keys, name), message, hint)
