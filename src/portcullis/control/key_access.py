"""The way of a command to the keys: through the running gateway, or else straight to its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portcullis.control.gateway_access import GatewayFile, reached
from portcullis.control.key_client import Keys, RemoteKeys
from portcullis.control.keys import KeyService
from portcullis.stores.database.connection import Database
from portcullis.stores.database.keys import KeyStore


@contextmanager
def keys_of(file: Path) -> Iterator[Keys]:
    """The keys of the gateway that is configured by ``file``. Raises as ``reached`` does."""
    with reached(file, RemoteKeys, _service) as keys:
        yield keys


def _service(database: Database, gateway: GatewayFile) -> KeyService:
    service = KeyService(KeyStore(database))
    declared = gateway.declared
    # APIs may be in files that this one includes, which are not read here.
    apis = None if gateway.content.get("include") else gateway.names("apis")
    service.declare(declared.plans or (), declared.roles or (), declared.exclusive, apis)
    return service
