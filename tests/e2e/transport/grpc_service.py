"""A service of gRPC that does what a test wants, by Google's library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

import grpc
from grpc_shop import messages

KNOWN = messages(inner=True)


class Shop:
    """``seen``: the messages that came; ``metadata``: of the last call, ``deadline``: its seconds when it came."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.metadata: dict[str, Any] = {}
        self.deadline: float | None = None
        self.cancelled = 0

    def _note(self, context: grpc.ServicerContext) -> None:
        self.metadata = dict(context.invocation_metadata())
        self.deadline = context.time_remaining()

        def ended() -> None:
            self.cancelled += 1

        context.add_callback(ended)

    def get(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._note(context)
        self.seen.append(request)
        if request.id == "missing":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such order: 100% sure")
        if request.id == "broken":
            context.abort(grpc.StatusCode.INTERNAL, 'Traceback (most recent call last):\n  File "a.py", line 1, in x\n')
        if request.id == "slow":
            time.sleep(3)
        context.set_trailing_metadata((("x-cost", "7"), ("trace-bin", b"\0\1")))
        size = int(request.id) if request.id.isdigit() else 0
        return KNOWN["Order"](id=request.id, state=1, margin=42, payload=b"x" * size)

    def watch(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self._note(context)
        for number in range(int(request.id)):
            yield KNOWN["Order"](id=str(number))
            time.sleep(0.01)

    def take(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        self._note(context)
        count = 0
        for request in requests:
            self.seen.append(request)
            count += 1
        return KNOWN["Summary"](count=count)

    def chat(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        self._note(context)
        for request in requests:
            self.seen.append(request)
            yield KNOWN["Order"](id=f"re: {request.id}")


@contextmanager
def serving_shop(certificate: tuple[bytes, bytes] | None = None) -> Iterator[tuple[Shop, str]]:
    """A service, by its URL; with ``certificate`` (key and chain) it speaks TLS."""
    shop = Shop()
    order, summary = KNOWN["Order"], KNOWN["Summary"]
    handlers: dict[str, tuple[Callable[..., Any], Callable[..., Any], Any]] = {
        "Get": (grpc.unary_unary_rpc_method_handler, shop.get, order),
        "Watch": (grpc.unary_stream_rpc_method_handler, shop.watch, order),
        "Import": (grpc.stream_unary_rpc_method_handler, shop.take, summary),
        "Chat": (grpc.stream_stream_rpc_method_handler, shop.chat, order),
    }
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)])
    made = {
        name: make(run, request_deserializer=order.FromString, response_serializer=answer.SerializeToString)
        for name, (make, run, answer) in handlers.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Orders", made),))
    if certificate is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([certificate]))
    server.start()
    try:
        yield shop, f"{'http' if certificate is None else 'https'}://127.0.0.1:{port}"
    finally:
        server.stop(0).wait(10)


class Client:
    """Calls the methods of a shop at ``address``, in clear or by TLS with the authority's ``certificate``."""

    def __init__(self, address: str, certificate: bytes | None = None) -> None:
        options = [("grpc.max_receive_message_length", 64 * 1024 * 1024)]
        if certificate is None:
            self.channel = grpc.insecure_channel(address, options=options)
        else:
            credentials = grpc.ssl_channel_credentials(certificate)
            named = [*options, ("grpc.ssl_target_name_override", "shop.example")]
            self.channel = grpc.secure_channel(address, credentials, options=named)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def method(self, name: str, kind: str = "unary_unary", *, inner: bool = False, raw: bool = False) -> Any:
        """What calls a method; ``inner``: with the messages that the service knows; ``raw``: with bytes."""
        known = messages(inner=inner)
        answer = known["Summary" if name == "Import" else "Order"]
        path = name if name.startswith("/") else f"/shop.Orders/{name}"
        make = getattr(self.channel, kind)
        return make(path, request_serializer=bytes if raw else order_bytes, response_deserializer=answer.FromString)


def order_bytes(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data
