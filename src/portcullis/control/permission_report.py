"""What was granted and never used: read from the access log, by consumer, with the operations that nobody called.

A permission counts as used by a consumer that made a call which was not refused for who it is, to an operation that
asks for the permission; a role if it gives such a permission; a scope if the operation asks for it of the credential
that was used. Consumers are those with usable keys in the gateway's database. The log is read as a stream.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from portcullis.control.access import AccessReview
from portcullis.control.key_orders import KeyRecord
from portcullis.control.log_tally import LogLine, LogReport, LogTally, OperationKey
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.model import OperationSettings
from portcullis.engine.inert.estate import Routed
from portcullis.engine.ports import Clock, SourceFiles

MAX_USES: Final = 1_000_000
"""How many pairs of a key and an operation are kept."""
_BEFORE_USE: Final = ("guard", "authenticate", "authorize")
"""Phases that refuse callers before what they were granted counts for anything."""


class _Line(LogLine):
    decision: str = ""
    code: str = ""
    api: str = ""
    version: str = ""
    operation: str = ""
    consumer: str = ""
    credential: str = ""


class ConsumerUse(msgspec.Struct, frozen=True):
    """What a consumer was granted and did not use; ``calls``: how many it made that were not refused for who it is.

    ``scopes``: by the id of the key that has them; ``keys``: those that were not used at all.
    """

    name: str
    calls: int
    roles: list[str]
    permissions: list[str]
    scopes: dict[str, list[str]]
    keys: list[str]


class UncalledOperation(msgspec.Struct, frozen=True):
    """An operation of which no call came through; ``refused``: how many were refused for who made them."""

    operation: str
    api: str
    version: str
    refused: int


class PermissionReport(LogReport, kw_only=True):
    """The outcome.

    ``consumers``: those with something unused; ``complete``: everything was kept that had to be; if not, what is said
    to be unused may have been used.
    """

    complete: bool
    consumers: list[ConsumerUse]
    operations: list[UncalledOperation]


def report(
    loaded: LoadedConfiguration,
    file: Path,
    files: SourceFiles,
    clock: Clock,
    keys: Iterable[KeyRecord],
    since: float,
) -> PermissionReport:
    """Read the log of the gateway that ``loaded``, read from ``file``, configures; ``since``: Unix seconds.

    ``keys``: those that consumers have. Raises :class:`~portcullis.engine.config.diagnostics.ConfigurationError` if the
    configuration can't be compiled or there is no log to read.
    """
    review = AccessReview(loaded, file, files, clock, keys)
    known = frozenset(key.id for of_consumer in review.keys.values() for key in of_consumer)
    tally = _Tally(since, known)
    tally.read(loaded, file)
    asked = {_key_of(routed): _Asked(routed, review.settings(routed)) for routed in review.estate.routed}
    uses = (_use_of(name, of_consumer, review, tally, asked) for name, of_consumer in sorted(review.keys.items()))
    return PermissionReport(
        **tally.extent(),
        complete=tally.complete,
        consumers=[use for use in uses if use.roles or use.permissions or use.scopes or use.keys],
        operations=[
            UncalledOperation(name, api, version, tally.refused.get((api, version, name), 0))
            for api, version, name in asked
            if not tally.calls.get((api, version, name))
        ],
    )


class _Tally(LogTally[_Line]):
    """``uses``: calls by credential, one of ``known``, and operation."""

    def __init__(self, since: float, known: Collection[str]) -> None:
        super().__init__(_Line, since)
        self.complete = True
        self.calls: dict[OperationKey, int] = {}
        self.refused: dict[OperationKey, int] = {}
        self.uses: dict[str, dict[OperationKey, int]] = {}
        self._kept = 0
        self._known = known

    def count(self, record: _Line) -> None:
        """Count a call for its operation, and for the credential that was used."""
        if not record.operation:
            return
        key = (record.api, record.version, record.operation)
        stopped = record.decision == "refuse" and record.code.partition(".")[0] in _BEFORE_USE
        self._add(self.refused if stopped else self.calls, key)
        if not stopped and record.credential in self._known:
            self._add(self.uses.setdefault(record.credential, {}), key)

    def _add(self, counts: dict[OperationKey, int], key: OperationKey) -> None:
        if key in counts:
            counts[key] += 1
        elif self._kept < MAX_USES:
            self._kept += 1
            counts[key] = 1
        else:
            self.complete = False


class _Asked:
    """The ``permissions`` and ``scopes`` that an operation asks for in any way."""

    def __init__(self, routed: Routed, settings: OperationSettings) -> None:
        authorize = settings.authorize
        permissions = authorize.permissions if authorize is not None else None
        scopes = authorize.scopes if authorize is not None else None
        security = routed.declared.security
        self.permissions = {*permissions.all_of, *permissions.any_of} if permissions is not None else set()
        self.scopes = set(scopes.all_of) if scopes is not None else set()
        if security is not None and (scopes is None or scopes.from_document):
            self.scopes |= {scope for each in security.alternatives for scope in each.scopes}


def _use_of(
    name: str, keys: list[KeyRecord], review: AccessReview, tally: _Tally, asked: dict[OperationKey, _Asked]
) -> ConsumerUse:
    held, roles = keys[0].roles, review.roles
    called = {operation for key in keys for operation in tally.uses.get(key.id, ()) if operation in asked}
    used = {permission for operation in called for permission in asked[operation].permissions}
    scopes = {key.id: sorted(set(key.scopes) - set(_scopes_used(key, tally, asked))) for key in keys}
    return ConsumerUse(
        name=name,
        calls=sum(sum(tally.uses.get(key.id, {}).values()) for key in keys),
        roles=sorted(role for role in held if not roles.given([role], used)),
        permissions=sorted(roles.given(held, review.asked) - used),
        scopes={key: unused for key, unused in scopes.items() if unused},
        keys=[key.id for key in keys if key.id not in tally.uses],
    )


def _scopes_used(key: KeyRecord, tally: _Tally, asked: dict[OperationKey, _Asked]) -> Iterator[str]:
    for operation in tally.uses.get(key.id, ()):
        if operation in asked:
            yield from asked[operation].scopes


def _key_of(routed: Routed) -> OperationKey:
    operation = routed.operation
    return operation.api, operation.version, operation.name
