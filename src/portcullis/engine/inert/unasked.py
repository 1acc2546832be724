"""Decision points and relations that nothing asks.

A decision point that no ``authorize.decision`` names and no rule of ``objects.owner`` asks decides nothing. Relations
that no rule asks for, and that are not kept from creations either, say nothing about anybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.inert.estate import Estate
from portcullis.engine.objects.checking import calls_in
from portcullis.engine.objects.parsing import parse
from portcullis.engine.objects.syntax import Call, Constant


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    loaded, configuration = estate.loaded, estate.configuration
    settings = list(_all_settings(configuration))
    calls = [call for each in settings for call in _calls(each)]
    asked = {_named(call) for call in calls if call.name == "decided"}
    asked |= {each.authorize.decision.by for each in settings if each.authorize and each.authorize.decision}
    for name in configuration.decision_points.keys() - asked:
        message = "nothing asks this decision point"
        yield loaded.diagnostic(("decision_points", name), message, f"authorize: {{decision: {name}}}, or remove it")
    keeps = any(each.objects is not None and each.objects.creates is not None for each in settings)
    if configuration.relations and not keeps and not any(call.name == "related" for call in calls):
        hint = 'objects: {owner: \'related("order", request.path.order_id, "owner")\'}, or remove them'
        yield loaded.diagnostic(("relations",), "no rule asks for a relation", hint)


def _all_settings(configuration: Configuration) -> Iterator[OperationSettings]:
    for api in configuration.apis.values():
        yield api
        yield from api.operations.values()
        for version in api.versions.values():
            yield version
            yield from version.operations.values()


def _calls(settings: OperationSettings) -> Iterator[Call]:
    owner = settings.objects.owner if settings.objects is not None else None
    if owner is not None and owner.rule is not None:
        yield from calls_in(parse(owner.rule))


def _named(call: Call) -> str:
    first = call.arguments[0] if call.arguments else None
    return str(first.value) if isinstance(first, Constant) else ""
