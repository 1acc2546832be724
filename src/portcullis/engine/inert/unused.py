"""Identities and plans that are declared and named by nothing, and permissions of roles that nothing asks for.

An identity that no ``authenticate`` names proves nobody; a plan that no limit names, where no limit goes by the
consumer's own, limits nobody. A permission decides nothing as long as no operation asks for it: that is warned of, as
the operation may be to come.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portcullis.engine.authorization.permissions import gives
from portcullis.engine.config import wording
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.references import ReferenceChecker
from portcullis.engine.inert.estate import Estate

_ASKING: Final = ("authorize", "permissions")
_CONDITION: Final = ("authorize", "when")


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
    yield from _permissions(estate)


def _permissions(estate: Estate) -> Iterator[Diagnostic]:
    """A warning for each permission that nothing asks for; one for all roles where nothing asks for any.

    A condition (``when``) may look at roles in ways that nothing is known of here.
    """
    loaded, roles = estate.loaded, estate.configuration.roles
    if any(keys[:2] == _CONDITION for _, keys in estate.usage.leaves):
        return
    asked = _asked_for(estate)
    if roles and not asked:
        message = "no operation asks for a permission: roles decide nothing"
        yield loaded.diagnostic(("roles",), message, "authorize: {permissions: [...]} asks for some", "warning")
        return
    for name, role in roles.items():
        for index, pattern in enumerate(role.permissions):
            if not any(gives(pattern, permission) for permission in asked):
                hint = wording.suggest(pattern, sorted(asked), "asked for")
                where = ("roles", name, "permissions", index)
                yield loaded.diagnostic(where, "no operation asks for this permission", hint, "warning")


def _asked_for(estate: Estate) -> set[str]:
    """The permissions that any setting asks for."""
    usage = estate.usage
    lists = [usage.value(place, keys) for place, keys in usage.leaves if keys[:2] == _ASKING and keys[-1] != "mode"]
    return {permission for listed in lists if isinstance(listed, list) for permission in listed}
