"""What the gateway itself serves beside the APIs, such as the endpoints of its token service: one module a kind.

A module's ``find(context)`` gives the endpoints that the file asks for. They are routed as the operations of an API
are, with the same strict reading of requests, limits and records; instead of a service a step answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from portcullis.engine.endpoints.endpoint import Endpoint, EndpointContext


def find_endpoints(context: EndpointContext) -> Iterator[Endpoint]:
    """All endpoints that the configuration asks for, in the order of their kinds' names.

    Raises :class:`~portcullis.engine.config.diagnostics.ConfigurationError`.
    """
    for name in sorted(module.name for module in iter_modules(__path__) if module.name != "endpoint"):
        yield from import_module(f"{__name__}.{name}").find(context)
