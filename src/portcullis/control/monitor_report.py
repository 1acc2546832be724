"""What ``monitor`` would have refused: read from the access log, by rule, with what to change where.

The log is read as a stream and forgotten; what is kept is a bounded number of groups. A group is one reason at one
place: policy, code, operation, and the pointer into the exchange, in which the numbers of list items are ``*``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from portcullis.control.log_tally import LogLine, LogReport, LogTally, OperationKey
from portcullis.control.monitored import MonitoredRules, Rule
from portcullis.control.rule_places import RulePlaces
from portcullis.engine.codes import ENGINE_CODES, Code
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.facts import Verdict
from portcullis.engine.operation import UNROUTED
from portcullis.engine.policy import all_policies
from portcullis.engine.ports import SourceFiles

MAX_GROUPS: Final = 2_000
MAX_CONSUMERS: Final = 1_000
NAMED_CONSUMERS: Final = 5
_WOULD: Final = {"would_refuse": "refused", "would_modify": "changed"}
_EVERYWHERE: Final = "..."
"""The pointer of all groups that there is no room for."""


class _Line(LogLine):
    request_id: str = ""
    api: str = ""
    version: str = ""
    operation: str = ""
    consumer: str = ""
    verdicts: list[Verdict] = []


class Group(msgspec.Struct, kw_only=True):
    """Calls that one rule would have refused (or, ``would``: ``changed``) for one reason.

    ``of_calls``: of how many of the operation; ``consumers``: the first few of them, of ``consumer_count``;
    ``found``, ``allowed``: of the example ``request_id``, the last one; ``rule`` and ``rule_at``: what decided, in the
    file or a document, and its ``file:line``; ``mode`` and ``mode_at``: the key that says ``monitor``, empty if nothing
    does any more; ``if_enforced``: what would become of such calls.
    """

    policy: str
    code: str
    api: str
    version: str
    operation: str
    pointer: str
    would: str
    count: int = 0
    of_calls: int = 0
    consumers: list[str] = []
    consumer_count: int = 0
    first: str = ""
    last: str = ""
    request_id: str = ""
    found: str = ""
    allowed: str = ""
    rule: str = ""
    rule_at: str = ""
    mode: str = ""
    mode_at: str = ""
    if_enforced: str = ""


class MonitorReport(LogReport, kw_only=True):
    """The outcome.

    ``refused``, ``changed``: so many calls would have been; ``quiet``: what monitors and had nothing against any of the
    calls it watched.
    """

    refused: int
    changed: int
    groups: list[Group]
    quiet: list[Rule]


def report(loaded: LoadedConfiguration, file: Path, files: SourceFiles, since: float) -> MonitorReport:
    """Read the log of the gateway that ``loaded``, read from ``file``, configures; ``since``: Unix seconds.

    Raises :class:`ConfigurationError` if there is no log to read.
    """
    tally = _Tally(since)
    tally.read(loaded, file)
    rules = MonitoredRules(loaded, file)
    groups = _finished(tally, rules, RulePlaces(loaded, file, files))
    return MonitorReport(
        **tally.extent(),
        refused=tally.calls_that["refused"],
        changed=tally.calls_that["changed"],
        groups=groups,
        quiet=rules.quiet(tally.calls, {group.mode_at for group in groups}),
    )


class _Tally(LogTally[_Line]):
    """``calls``: of each operation; ``groups``: of what would have become of them; ``examples``: by group."""

    def __init__(self, since: float) -> None:
        super().__init__(_Line, since)
        self.calls_that = {"refused": 0, "changed": 0}
        self.calls: dict[OperationKey, int] = {}
        self.groups: dict[tuple[str, ...], Group] = {}
        self.examples: dict[int, Verdict] = {}
        self._consumers: dict[int, set[str]] = {}

    def count(self, record: _Line) -> None:
        """Count a call, and what would have become of it."""
        key = (record.api, record.version, record.operation)
        if key in self.calls or len(self.calls) < MAX_GROUPS * 10:
            self.calls[key] = self.calls.get(key, 0) + 1
        seen: set[int] = set()
        for verdict in record.verdicts:
            if verdict.outcome in _WOULD:
                group = self._group(record, verdict)
                if id(group) not in seen:  # of two of the same group one call is counted
                    seen.add(id(group))
                    self._add(group, record, verdict)
        for would in {_WOULD[verdict.outcome] for verdict in record.verdicts if verdict.outcome in _WOULD}:
            self.calls_that[would] += 1

    def _group(self, record: _Line, verdict: Verdict) -> Group:
        pointer = _general(verdict.finding.pointer) if verdict.finding is not None else ""
        for at in (pointer, _EVERYWHERE):
            key = (verdict.policy, verdict.code, record.api, record.version, record.operation, at, verdict.outcome)
            group = self.groups.get(key)
            if group is None and (len(self.groups) < MAX_GROUPS or at is _EVERYWHERE):
                group = self.groups[key] = Group(
                    policy=verdict.policy,
                    code=verdict.code,
                    api=record.api,
                    version=record.version,
                    operation=record.operation,
                    pointer=at,
                    would=_WOULD[verdict.outcome],
                )
            if group is not None:
                return group
        raise AssertionError("there is a group for all others")

    def _add(self, group: Group, record: _Line, verdict: Verdict) -> None:
        group.count += 1
        group.first = min(group.first or record.time, record.time)
        if record.time >= group.last:
            group.last, group.request_id = record.time, record.request_id
            self.examples[id(group)] = verdict
        consumers = self._consumers.setdefault(id(group), set())
        if len(consumers) < MAX_CONSUMERS:
            consumers.add(record.consumer)
        group.consumer_count = len(consumers - {""})
        group.consumers = sorted(consumers - {""})[:NAMED_CONSUMERS]


def _general(pointer: str) -> str:
    """``/body/items/7/qty`` -> ``/body/items/*/qty``."""
    return "/".join("*" if part.isdecimal() else part for part in pointer.split("/"))


def _finished(tally: _Tally, rules: MonitoredRules, places: RulePlaces) -> list[Group]:
    """The groups with what to change, those with the most calls first."""
    statuses = {code.name: (code.visible.status, code.visible.name) for code in _codes()}
    for group in tally.groups.values():
        example = tally.examples[id(group)]
        group.of_calls = tally.calls.get((group.api, group.version, group.operation), group.count)
        if example.finding is not None:
            group.found, group.allowed = example.finding.found, example.finding.allowed
        group.mode, group.mode_at = rules.mode_of(group.policy, group.api, group.version, group.operation)
        if rules.knows(group.api, group.version):
            operation = msgspec.structs.replace(UNROUTED, api=group.api, version=group.version, name=group.operation)
            group.rule, group.rule_at = places.rule(example, operation)
        group.if_enforced = _sentence(group, *statuses.get(group.code, (0, group.code)))
    return sorted(tally.groups.values(), key=lambda group: (-group.count, group.policy, group.code, group.pointer))


def _codes() -> Iterator[Code]:
    yield from ENGINE_CODES
    for policy in all_policies():
        yield from policy.codes


def _sentence(group: Group, status: int, code: str) -> str:
    """What would become of such calls under ``mode: enforce``."""
    where = f" at {group.pointer}" if group.pointer and group.pointer != _EVERYWHERE else ""
    if group.would == "changed":
        return f"calls like these would be changed{where}"
    answer = f"{status} {code}" if status else code
    return f"calls like these would be refused with {answer}{where}"
