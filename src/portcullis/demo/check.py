"""``portcullis demo --check``: make the calls of the demo over sockets, and compare answers and records.

What a call must bring is said in :mod:`portcullis.demo.calls`; here is only the comparing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx
import msgspec

from portcullis.demo.calls import HEADER, Call
from portcullis.demo.processes import Site

RECORD_WITHIN_S: Final = 10.0
REQUEST_ID: Final = "x-request-id"


class Outcome(msgspec.Struct, frozen=True):
    """What came of one call: the answer's status, and everything that was not as it must be."""

    call: Call
    status: int
    faults: tuple[str, ...]


async def check_calls(site: Site, calls: tuple[Call, ...]) -> AsyncIterator[Outcome]:
    """Make each of ``calls`` in turn and give what came of it."""
    async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
        for call in calls:
            yield await _check(client, site, call)


async def check_admin(site: Site) -> tuple[str, ...]:
    """Ask the admin listener whether all is well; returns what is not."""
    async with httpx.AsyncClient(trust_env=False, timeout=10.0, base_url=site.admin) as client:
        answers = {path: await client.get(path) for path in ("/healthz", "/readyz", "/metrics")}
    return tuple(f"{path}: {answer.status_code}" for path, answer in answers.items() if answer.status_code != 200)


async def _check(client: httpx.AsyncClient, site: Site, call: Call) -> Outcome:
    headers = {HEADER: site.keys[call.consumer]} if call.consumer else {}
    faults: list[str] = []
    if call.bare_status:
        bare = await client.request(call.method, site.api + call.path, json=call.body)
        if bare.status_code != call.bare_status:
            faults.append(f"the API alone: {bare.status_code}, not {call.bare_status}")
        if call.kept_back not in bare.text:
            faults.append(f"the API alone does not tell {call.kept_back!r}")
    for _ in range(call.times):
        answer = await client.request(call.method, site.public + call.path, headers=headers, json=call.body)
    faults += faults_of_answer(call, answer.status_code, answer.headers, answer.content)
    record = await _record(site, answer.headers.get(REQUEST_ID, ""))
    faults += faults_of_record(call, record) if record is not None else ["there is no record of it"]
    return Outcome(call, answer.status_code, tuple(faults))


def faults_of_answer(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    """What is not right about an answer: its status, its problem document, its fields."""
    faults = []
    if status != call.status:
        faults.append(f"status {status}, not {call.status}")
    if call.code:
        problem = _object(body)
        if problem.get("code") != call.code:
            faults.append(f"code {problem.get('code')!r}, not {call.code!r}")
        if headers.get("content-type") != "application/problem+json":
            faults.append(f"content type {headers.get('content-type')!r}, not a problem document's")
    if call.kept_back and call.kept_back.encode() in body:
        faults.append(f"the answer tells {call.kept_back!r}")
    if status == 429 and "retry-after" not in headers:
        faults.append("no Retry-After")
    if call.consumer and not call.code and "ratelimit" not in headers:
        faults.append("no RateLimit")
    return faults


def faults_of_record(call: Call, record: Mapping[str, Any]) -> list[str]:
    """What is not right about the line of the access log."""
    expected = {
        "decision": "refuse" if call.code else "allow",
        "code": call.expected_record,
        "status": call.status,
        "method": call.method,
    }
    faults = [
        f"record: {key} is {record.get(key, '')!r}, not {value!r}"
        for key, value in expected.items()
        if record.get(key, "") != value
    ]
    if call.recorded and call.recorded not in (verdict.get("code") for verdict in record.get("verdicts", ())):
        faults.append(f"record: no verdict has the code {call.recorded!r}")
    return faults


async def _record(site: Site, request_id: str) -> Mapping[str, Any] | None:
    """The line of the access log about this request. Lines are written in batches, so it may take a moment."""
    for _ in range(round(RECORD_WITHIN_S / 0.05)):
        if site.access_log.exists():
            for line in site.access_log.read_bytes().splitlines():
                record = _object(line)
                if request_id and record.get("request_id") == request_id:
                    return record
        await asyncio.sleep(0.05)
    return None


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
