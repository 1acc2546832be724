"""Identities and plans that are declared and named by nothing, and roles that nothing asks for.

An identity that no ``authenticate`` names proves nobody; a plan that no limit names, where no limit goes by the
consumer's own, limits nobody; roles decide nothing as long as no rule asks for what they allow.
"""

from __future__ import annotations

from collections.abc import Iterator

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.references import ReferenceChecker
from portcullis.engine.inert.estate import Estate


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    loaded, configuration = estate.loaded, estate.configuration
    checker = ReferenceChecker(loaded.root, loaded.sources)
    for _ in checker.names():
        pass
    sections = {"identities": "no API accepts this identity"}
    if not checker.plans_of_consumers:
        sections["plans"] = "no limit uses this plan"
    for section, message in sections.items():
        for name in getattr(configuration, section).keys() - checker.used.get(section, set()):
            yield loaded.diagnostic((section, name), message, "use it, or remove it")
    if configuration.roles:
        message = "nothing in the file asks what a role allows: they decide nothing"
        hint = "what a caller may do is decided by the scopes of its key: authorize: {scopes: [...]}"
        yield loaded.diagnostic(("roles",), message, hint, "warning")
