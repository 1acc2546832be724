"""A service that checks nothing: whoever asks gets every order, and may change it. As most are behind a gateway."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from upstream import Exchange, Upstream

ORDERS = {number: {"id": number, "customer_id": ("alice", "bob")[number % 2], "total": 10} for number in range(1, 41)}


class Orders:
    """The service. ``changed``: what was asked of it that changes something."""

    def __init__(self) -> None:
        self.upstream = Upstream()
        self.changed: list[str] = []
        self.upstream.behaviours = _Always(self._answer)

    @property
    def url(self) -> str:
        return self.upstream.url

    def stop(self) -> None:
        self.upstream.stop()

    @property
    def asked(self) -> list[str]:
        """The request lines that have come so far."""
        return [exchange.line.rpartition(" ")[0] for exchange in self.upstream.seen]

    def _answer(self, exchange: Exchange) -> None:
        method, target, _ = exchange.line.split(" ")
        path, _, query = target.partition("?")
        parts = path.strip("/").split("/")
        if method not in ("GET", "HEAD"):
            self.changed.append(f"{method} {target} {exchange.body.decode()}".strip())
            exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        elif parts[0] == "orders" and len(parts) == 1:
            _list(exchange, parse_qs(query))
        elif parts[0] == "orders" and parts[1].isdecimal() and int(parts[1]) in ORDERS:
            _order(exchange, ORDERS[int(parts[1])])
        elif parts[0] == "customers":
            exchange.answer(json.dumps(_customer(parts[1])).encode(), extra='ETag: "1"\r\n')
        else:
            exchange.answer(b'{"error": "there is no such order in table orders"}', "404 Not Found")


class _Always(dict[str, Any]):
    """One behaviour for all paths."""

    def __init__(self, behaviour: Any) -> None:
        super().__init__()
        self._behaviour = behaviour

    def get(self, _path: Any, _default: Any = None) -> Any:
        return self._behaviour


def _order(exchange: Exchange, order: Any) -> None:
    """One order, in whatever format is asked for, and not at all where that is asked for."""
    accept = exchange.field("accept") or ""
    if exchange.field("if-none-match") is not None:
        exchange.send(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')
    elif exchange.field("if-match") is not None:
        exchange.answer(b"{}", "412 Precondition Failed")
    elif accept.startswith("text/csv"):
        _say(exchange, f"id;customer\n{order['id']};{order['customer_id']}\n".encode(), "text/csv")
    elif accept.startswith("application/x-ndjson"):
        _say(exchange, json.dumps(order).encode() + b"\n", "application/x-ndjson")
    else:
        exchange.answer(json.dumps(order).encode())


def _list(exchange: Exchange, query: dict[str, list[str]]) -> None:
    wanted = query.get("customer", [None])[-1]
    items = [order for order in ORDERS.values() if wanted in (None, order["customer_id"])]
    body = json.dumps({"items": items, "total": len(items)}).encode()
    exchange.answer(body, extra=f"X-Total-Count: {len(items)}\r\n")


def _customer(name: str) -> Any:
    return {"id": name, "email": f"{name}@shop.example", "credit": 5, "score": 0.12345678901234567890, "hash": "x"}


def _say(exchange: Exchange, body: bytes, kind: str) -> None:
    exchange.send(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
