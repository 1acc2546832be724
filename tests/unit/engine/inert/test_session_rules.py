"""Rules of WebSockets and of long answers that another one of their rules always comes before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from rows import rows

CHANNEL = """\
asyncapi: 3.0.0
info: {title: Feed, version: "1"}
channels:
  feed: {messages: {quote: {payload: {type: object}}}}
operations:
  tell: {action: send, channel: {$ref: "#/channels/feed"}}
"""
BOTH_WAYS = CHANNEL + "  take: {action: receive, channel: {$ref: '#/channels/feed'}}\n"
FILES = {"tells.yaml": CHANNEL, "both.yaml": BOTH_WAYS, "a.yaml": "type: object"}

WORKS = [
    "websocket: {idle: 1m, lifetime: 2m}",
    "websocket: {lifetime: 1s}",
    "stream: {idle: 1m, lifetime: 2m}",
    "websocket: {messages: {binary: refuse}}",
    "websocket: {messages: {binary: refuse, from_service: a.yaml}}",
    "websocket: {messages: {inspect: true, from_client: a.yaml}}",
    "websocket: {messages: {inspect: true, asyncapi: both.yaml, channel: feed}}",
    "websocket: {messages: {inspect: false, asyncapi: tells.yaml, channel: feed}}",
    "websocket: {messages: {max_size: 32MiB, from_client: a.yaml}}",
    "websocket: {messages: {max_size: 1MiB, from_client: a.yaml, from_service: a.yaml}}",
    "websocket: {messages: {max_size: 32MiB}}",
    "websocket: {messages: {per_second: 10}}",
    "websocket: {messages: {bytes_per_second: 1KiB}}",
    "websocket: {messages: {per_second: 10, bytes_per_second: 64KiB}}",
    "websocket: {messages: {per_second: 10, bytes_per_second: 61}}",
    "websocket: {messages: {per_second: 10, bytes_per_second: 10MiB, max_size: 1MiB}}",
    "websocket: {messages: {per_second: 10, bytes_per_second: 1417, max_size: 1}}",
]
IDLE = {
    "websocket: {idle: 2h}": ("idle", "a session lasts 1h at most (lifetime)"),
    "websocket: {idle: 1m, lifetime: 1m}": ("idle", "a session lasts 1m at most (lifetime)"),
    "stream: {idle: 2m, lifetime: 1m}": ("idle", "an answer lasts 1m at most (lifetime)"),
    "websocket: {messages: {binary: refuse, from_client: a.yaml}}": ("messages.binary", "clients' messages have a"),
    "websocket: {messages: {binary: allow, from_client: a.yaml}}": ("messages.binary", "clients' messages have a"),
    "websocket: {messages: {binary: refuse, asyncapi: both.yaml, channel: feed}}": (
        "messages.binary",
        "clients' messages have a schema",
    ),
    "websocket: {messages: {inspect: true, asyncapi: tells.yaml, channel: feed}}": (
        "messages.inspect",
        "the channel has no message that a client may send",
    ),
    "websocket: {messages: {max_size: 32MiB, from_client: a.yaml, from_service: a.yaml}}": (
        "messages.max_size",
        "process.buffer_memory_per_address lets a message have 16MiB at most",
    ),
    "websocket: {messages: {per_second: 10, bytes_per_second: 60}}": (
        "messages.per_second",
        "so many frames have more than 60 bytes",
    ),
    "websocket: {messages: {per_second: 10, bytes_per_second: 20MiB, max_size: 1MiB}}": (
        "messages.bytes_per_second",
        "so many frames (per_second), all of max_size,",
    ),
    "websocket: {messages: {per_second: 10, bytes_per_second: 1418, max_size: 1}}": (
        "messages.bytes_per_second",
        "so many frames (per_second), all of max_size,",
    ),
}
Check = Callable[[dict[str, Any]], None]


def checked(check: Check, said: str, told: list[str]) -> None:
    file = {
        "process": {"buffer_memory": "64MiB"},
        "apis": {"shop": {"operations": {"GET /orders": yaml.safe_load(f"{{{said}}}")}}},
    }
    check({"file": file, "specs": FILES, "told": told})


@rows("said", WORKS)
def test_what_a_message_can_meet_is_not_told(check: Check, said: str) -> None:
    checked(check, said, [])


@rows(("said", "where"), list(IDLE.items()))
def test_what_no_message_meets_is_told(check: Check, said: str, where: tuple[str, str]) -> None:
    key, why = where
    section = said.partition(":")[0]
    checked(check, said, [f'error apis.shop.operations."GET /orders".{section}.{key}: does nothing here: {why}'])


def test_a_body_of_a_handshake_has_no_bound(check: Check) -> None:
    where = 'apis.shop.operations."GET /orders".max_body'
    checked(check, "websocket: {}, max_body: 1KiB", [f"error {where}: does nothing here: the handshake of a WebSocket"])
