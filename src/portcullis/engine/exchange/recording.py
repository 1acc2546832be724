"""The record of an exchange that has ended."""

from __future__ import annotations

from portcullis.engine.codes import CLIENT_ABORTED
from portcullis.engine.exchange.outcome import Outcome
from portcullis.engine.record import Record, Timestamps
from portcullis.engine.redaction import redact_target

_timestamps = Timestamps()


def record_of(exchange: Outcome, now_ns: int) -> Record:
    """The record of ``exchange``, which ended at ``now_ns``."""
    request, facts, refusal = exchange.request, exchange.facts, exchange.refusal
    identity = facts.identity
    consumer = identity.consumer
    operation = request.operation
    total = max(0, now_ns - exchange.arrived_ns) // 1000
    upstream = min(total, exchange.upstream_ns // 1000)
    record = Record(
        _timestamps.format(exchange.arrived),
        exchange.request_id,
        exchange.trace_id,
        request.client,
        request.method,
        redact_target(request.target),
        "allow" if refusal is None else "abort" if refusal.code is CLIENT_ABORTED else "refuse",
        exchange.status,
        request.host,
        operation.api,
        operation.version,
        operation.name,
        consumer.name if consumer is not None else "",
        identity.subject,
        identity.credential,
        refusal.code.name if refusal is not None else "",
        facts.verdicts,
        exchange.upstream,
        exchange.upstream_status,
        exchange.bytes_in,
        exchange.bytes_out,
        total,
        upstream,
        total - upstream,
    )
    if exchange.grpc_status >= 0:
        record.grpc_status = exchange.grpc_status
    if identity.also or identity.actors:
        record.also = tuple(each.consumer.name if each.consumer is not None else each.subject for each in identity.also)
        record.actors = identity.actors
    return record
