"""The way of a command to the relations: through the running gateway, or else straight to their file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from portcullis.control.gateway_access import GatewayFile, UnusableFile, listens
from portcullis.control.relations.client import Relations, RemoteRelations
from portcullis.control.relations.service import RelationService
from portcullis.engine.relations.declaring import RelationTypes
from portcullis.engine.relations.mistakes import mistakes


@contextmanager
def relations_of(file: Path) -> Iterator[Relations]:
    """The relations of the gateway that is configured by ``file``.

    Raises :class:`~portcullis.control.gateway_access.UnusableFile`, ``OSError`` and
    :class:`~portcullis.control.relations.orders.RelationServiceError`.
    """
    gateway = GatewayFile(file)
    if listens(gateway.paths.control_socket):
        with closing(RemoteRelations(gateway.paths.control_socket)) as remote:
            yield remote
        return
    declared = _declared(gateway)
    gateway.paths.prepare()
    with closing(RelationService(gateway.paths.relations)) as service:
        service.declare(declared)
        service.prepare()
        yield service


def _declared(gateway: GatewayFile) -> RelationTypes:
    try:
        declared = TypeAdapter(RelationTypes).validate_python(gateway.section("relations"), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, ("relations", *first["loc"])))
        raise UnusableFile(f"{gateway.path}: {where}: {first['msg']}; `portcullis check` says more") from error
    for mistake in mistakes(declared):
        where = ".".join(map(str, ("relations", *mistake.path)))
        raise UnusableFile(f"{gateway.path}: {where}: {mistake.message}; `portcullis check` says more")
    return declared
