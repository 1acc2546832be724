"""Services and edges of the call graph that no call ever meets.

A service without a way to prove itself or that is known as another, an edge to what there is not, is said twice or asks
nobody for what proves the service; an operation that is for services alone which none of them may call; and an identity
that proves services behind others, whose credentials keep it from being asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from portcullis.engine.authorization.call_graph import CallGraph
from portcullis.engine.config import wording
from portcullis.engine.config.callers import ServiceConfig
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.layers import Place, layers_of, written_at
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import OperationSettings
from portcullis.engine.inert.estate import Estate

_LISTED = ("authenticate", "any_of")
Operations = Mapping[str, Mapping[str, list[OperationSettings]]]
"""The settings of operations, by API and name; of each version that has them."""


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    services = estate.configuration.services
    graph = CallGraph.of(estate.configuration)
    operations = _operations(estate) if services else {}
    known: dict[tuple[str, str], str] = {}
    for name, service in services.items():
        proofs = list(graph.proofs(name))
        if not proofs:
            hint = "add an identity of the kind mtls, or say proven_by: [...]"
            yield estate.loaded.diagnostic(("services", name), "nothing proves this service", hint)
        for proof in proofs:
            if (other := known.setdefault(proof, name)) != name:
                message = f'"{other}" is proven by {proof[0]} as {proof[1]} already'
                yield estate.loaded.diagnostic(("services", name, "subjects"), message, "a caller is one service")
        for index, identity in enumerate(service.proven_by):
            if estate.configuration.identities[identity].api_key is not None:
                message = "API keys prove consumers, whichever identity looks for them, and no services"
                hint = "name an identity of another kind, such as mtls, token or jwt"
                yield estate.loaded.diagnostic(("services", name, "proven_by", index), message, hint)
        yield from _edges(estate, name, service, {identity for identity, _ in proofs}, operations)
    yield from _unreachable(estate, graph)
    for place, keys in estate.usage.leaves if services else ():
        if keys == _LISTED:
            yield from _hidden(estate, place, graph.provers)


def _operations(estate: Estate) -> Operations:
    found: dict[str, dict[str, list[OperationSettings]]] = {name: {} for name, _ in estate.configuration.apis.items()}
    for routed in estate.routed:
        operation = routed.operation
        api = estate.configuration.apis[operation.api]
        settings = effective(api, api.versions[operation.version], operation.name)
        found[operation.api].setdefault(operation.name, []).append(settings)
    return found


def _edges(
    estate: Estate, name: str, service: ServiceConfig, provers: set[str], operations: Operations
) -> Iterator[Diagnostic]:
    for index, edge in enumerate(service.may_call):
        where: Place = ("services", name, "may_call", index)
        api, mark, operation = edge.partition(":")
        if edge in service.may_call[:index] or (mark and api in service.may_call):
            yield estate.loaded.diagnostic(where, f"{edge} is said already", "remove it")
        elif api not in operations:
            hint = wording.suggest(api, list(operations), "declared")
            yield estate.loaded.diagnostic(where, f'there is no API "{api}"', hint)
        elif mark and operation not in operations[api]:
            hint = wording.suggest(operation, list(operations[api]), "of that API")
            yield estate.loaded.diagnostic(where, f'"{api}" has no operation {operation}', hint)
        else:
            named = [operations[api][operation]] if mark else operations[api].values()
            if not any(_asks_for(settings, provers) for versions in named for settings in versions):
                message = f"{edge} accepts nothing that proves this service"
                hint = f"add one of these to its authenticate: {', '.join(sorted(provers))}"
                yield estate.loaded.diagnostic(where, message, hint, "warning")


def _asks_for(settings: OperationSettings, provers: set[str]) -> bool:
    if settings.public or settings.authenticate is None:
        return bool(settings.public)
    accepted = settings.authenticate.any_of
    return any(not provers.isdisjoint([entry] if isinstance(entry, str) else entry.all_of) for entry in accepted)


def _hidden(estate: Estate, place: Place, provers: frozenset[str]) -> Iterator[Diagnostic]:
    """A service that presents somebody's token is no service, where the token decides before the certificate does."""
    listed = estate.usage.value(place, _LISTED)
    before: list[str] = []
    for index, entry in enumerate(listed if isinstance(listed, list) else ()):
        names = [entry] if isinstance(entry, str) else entry.all_of
        if provers.isdisjoint(names):
            before.extend(names)
        elif before:
            message = f"a service that presents what {before[0]} takes is not asked what it may call"
            hint = f"list it first, or {{all_of: [{before[0]}, {next(name for name in names if name in provers)}]}}"
            yield estate.loaded.diagnostic((*place, *_LISTED, index), message, hint, "warning")


def _unreachable(estate: Estate, graph: CallGraph) -> Iterator[Diagnostic]:
    unreachable: dict[Place, list[str]] = {}
    for routed in estate.routed:
        operation = routed.operation
        api = estate.configuration.apis[operation.api]
        settings = effective(api, api.versions[operation.version], operation.name)
        asked = settings.authorize.services if settings.authorize is not None else None
        if settings.public or asked is None or not asked.only or asked.mode == "off":
            continue
        if not graph.callers(operation.api, operation.name):
            layers = layers_of(operation.api, api, operation.version, operation.name)
            where = written_at(layers, "authorize", "services", "only")
            unreachable.setdefault(where, []).append(operation.name)
    for where, names in unreachable.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        message = f"no service may call {names[0]}{more}: nobody can"
        yield estate.loaded.diagnostic(where, message, "add it to the may_call of one of services", "warning")
