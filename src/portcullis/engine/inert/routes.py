"""Operations that no request can reach, and versions that have none.

A path is normalised before it is looked up, so a document's path that holds what is always refused (an encoded
backslash, say) is never found. What the file says about such an operation is an error; the document alone is warned of,
and so is ``allow_encoded_slash`` where no path has a variable that could hold one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.layers import layers_of
from portcullis.engine.decision import Refuse
from portcullis.engine.inert.estate import Estate, Routed
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.engine.request import RequestView
from portcullis.engine.routing import parse_template
from portcullis.engine.target import TargetError, normalise_path

_PLAIN = re.compile(r"(?:/(?:[A-Za-z0-9_~-]++|\{[^{}/]++\}))*/?")
"""Templates that need no look: what they are for is normalised already, and the index never hides one by another."""
_VALUE: Final = "zq0zq"
"""A value for the variables of a path that hardly any literal is."""


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    for routed in estate.routed:
        if not _PLAIN.fullmatch(routed.template) and (why := _why_not(estate, routed)):
            yield from _told(estate, routed, why)
    with_variables = {routed.operation.api for routed in estate.routed if "{" in routed.template}
    for place, api in estate.apis():
        if api.allow_encoded_slash and place[1] not in with_variables:
            message = "no path of the API has a variable that could hold one"
            yield estate.loaded.diagnostic((*place, "allow_encoded_slash"), message, "remove it", "warning")
        for version in api.versions:
            if not estate.usage.operations.get((str(place[1]), version)):
                message = "the document declares no operation: nothing is served"
                where = (*place, "versions", version, "spec")
                yield estate.loaded.diagnostic(where, message, "name another document", "warning")


def _told(estate: Estate, routed: Routed, why: str) -> Iterator[Diagnostic]:
    operation = routed.operation
    at = routed.document.locate(routed.declared.pointer)
    message = f"no request can reach this operation: {why}"
    yield Diagnostic(at.file, at.line, at.column, f"#{at.pointer}", message, severity="warning")
    api = estate.configuration.apis[operation.api]
    for place, _ in layers_of(operation.api, api, operation.version, operation.name):
        if place[-2] == "operations":
            yield estate.loaded.diagnostic(place, f"never holds: {message}", "remove it")


def _why_not(estate: Estate, routed: Routed) -> str:
    """Why no request is led to the operation; ``""`` if one is."""
    path = "/".join(_sample(routed.template))
    try:
        if normalise_path(path, encoded_slash=True) != path:
            return "its path reads otherwise once it is normalised"
    except TargetError as error:
        return error.detail[:1].lower() + error.detail[1:].rstrip(".")
    operation = routed.operation
    found = ""
    for host in estate.configuration.apis[operation.api].hosts:
        reached = _route(estate, operation, host, path)
        if isinstance(reached, Operation):
            if (reached.api, reached.version, reached.name) == (operation.api, operation.version, operation.name):
                return ""
            found = f"{reached.name} of {reached.api} {reached.version} is found instead"
        else:
            found = found or f"it would be refused, {reached.code.name}"
    return found


def _sample(template: str) -> Iterator[str]:
    """The segments of a path that ``template`` is for."""
    yield ""
    for segment in parse_template(template):
        yield quote(_VALUE.join(segment.literals), safe="!$&'()*+,=:@-._~;")


def _route(estate: Estate, operation: Operation, host: str, path: str) -> Operation | Refuse:
    method = operation.name.partition(" ")[0]
    request = RequestView(method, path, (), _version_field(estate, operation))
    request.host, request.path = host.replace("*", _VALUE, 1), path
    refusal = estate.snapshot.route(request)
    if refusal is None and request.operation is not UNROUTED:
        return request.operation
    assert refusal is not None
    return refusal


def _version_field(estate: Estate, operation: Operation) -> dict[bytes, bytes]:
    by = estate.configuration.apis[operation.api].version
    if by is None or by.by != "header":
        return {}
    return {by.name.lower().encode(): operation.version.encode()}
