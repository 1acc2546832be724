"""Bodies of requests, as an exchange gets them."""

from __future__ import annotations

from portcullis.engine.exchange import Exchange


def decide(exchange: Exchange, data: bytes | None, piece: int) -> bytes:
    """Take ``exchange`` through its head and its body; gives what was sent on of a body that streams.

    One that streams comes in pieces of ``piece`` bytes.
    """
    sent_on = b""
    if exchange.decide_head() is not None or exchange.begin_body() is not None:
        return sent_on
    data = data or b""
    if exchange.holds_body:
        exchange.decide_body(data)
    elif exchange.scans_body:
        for at in range(0, len(data), piece):
            sent = exchange.scan_body(data[at : at + piece], ended=at + piece >= len(data))
            if not isinstance(sent, bytes):
                break
            sent_on += sent
    return sent_on
