"""A shop's services in gRPC: its descriptor set, as the gateway has it, and its messages.

``Order`` has one field more in the service than the gateway's descriptor set shows.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.load import load_configuration
from portcullis.engine.operation import Operation
from portcullis.engine.policy import Step
from portcullis.engine.ports import Ports
from portcullis.engine.snapshot import Snapshot
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys

_TYPES = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "enum": FieldDescriptorProto.TYPE_ENUM,
    "message": FieldDescriptorProto.TYPE_MESSAGE,
}


def _field(message: DescriptorProto, name: str, number: int, kind: str, of: str = "", *, many: bool = False) -> None:
    label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
    message.field.add(name=name, number=number, type=_TYPES[kind], label=label, type_name=of or None)


def descriptor_set(*, inner: bool = False) -> FileDescriptorSet:
    """The set; ``inner``: with what only the service knows."""
    files = FileDescriptorSet()
    file = files.file.add(name="shop.proto", package="shop", syntax="proto3")
    state = file.enum_type.add(name="State")
    for number, name in enumerate(("NEW", "PAID", "SENT")):
        state.value.add(name=name, number=number)
    item = file.message_type.add(name="Item")
    _field(item, "name", 1, "string")
    _field(item, "count", 2, "int64")
    order = file.message_type.add(name="Order")
    _field(order, "id", 1, "string")
    _field(order, "state", 2, "enum", ".shop.State")
    _field(order, "items", 3, "message", ".shop.Item", many=True)
    _field(order, "payload", 4, "bytes")
    notes = order.nested_type.add(name="NotesEntry")
    notes.options.map_entry = True
    _field(notes, "key", 1, "string")
    _field(notes, "value", 2, "string")
    _field(order, "notes", 5, "message", ".shop.Order.NotesEntry", many=True)
    if inner:
        _field(order, "margin", 9, "int64")
    summary = file.message_type.add(name="Summary")
    _field(summary, "count", 1, "int64")
    orders = file.service.add(name="Orders")
    for name, takes, gives, sends_many, gets_many in (
        ("Get", "Order", "Order", False, False),
        ("Watch", "Order", "Order", False, True),
        ("Import", "Order", "Summary", True, False),
        ("Chat", "Order", "Order", True, True),
    ):
        orders.method.add(
            name=name,
            input_type=f".shop.{takes}",
            output_type=f".shop.{gives}",
            client_streaming=sends_many,
            server_streaming=gets_many,
        )
    place = file.source_code_info.location.add(path=[6, 0, 2, 0], leading_comments=" One order.\n")
    place.span.extend([1, 1, 1])
    files.file.append(_reflection())
    return files


def _reflection() -> FileDescriptorProto:
    file = FileDescriptorProto(name="reflection.proto", package="grpc.reflection.v1", syntax="proto3")
    _field(file.message_type.add(name="Request"), "host", 1, "string")
    service = file.service.add(name="ServerReflection")
    service.method.add(
        name="ServerReflectionInfo",
        input_type=".grpc.reflection.v1.Request",
        output_type=".grpc.reflection.v1.Request",
        client_streaming=True,
        server_streaming=True,
    )
    return file


@cache
def messages(*, inner: bool = False) -> dict[str, Any]:
    """The classes of the messages, by name."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_set(inner=inner).file:
        pool.Add(file)
    names = ("Order", "Item", "Summary")
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"shop.{name}")) for name in names}


class Play:
    """The steps of ``validate.grpc`` for the shop, with these ``settings``."""

    def __init__(
        self,
        settings: dict[str, Any] | None = None,
        undeclared: str = "refuse",
        spec: str = "shop.binpb",
        api: str = "",
    ) -> None:
        self.text = TEXT.replace("SPEC", spec).replace("API", api)
        self.text = self.text.replace("GRPC", json.dumps(settings or {})).replace("UNDECLARED", undeclared)

    def snapshot(self) -> Snapshot:
        """The gateway's. Raises ``ConfigurationError``."""
        files = FakeFiles({"shop.binpb": descriptor_set().SerializeToString(), "shop.yaml": OPENAPI})
        ports = Ports(FakeClock(), FakeCounters(), FakeKeys(), files=files)
        return compile_snapshot(load_configuration(self.text, "portcullis.yaml", files), files, ports)

    def operation(self, name: str) -> Operation:
        """The operation of the method ``name`` of ``shop.Orders``, or of the path, or of that name."""
        path = name if " " in name else f"POST /{name}" if "/" in name else f"POST /shop.Orders/{name}"
        return next(each for each in self.snapshot().operations if each.name == path)

    def steps(self, name: str, policy: str = "validate.grpc") -> dict[str, Step]:
        """The steps of a policy for an operation, by what they need."""
        return {step.needs: step for step in self.operation(name).steps if step.policy == policy}


TEXT = """\
listeners: {public: {bind: "127.0.0.1:0", protocols: [h2]}}
apis:
  shop:
    hosts: [shop]
    upstream: {targets: ["http://127.0.0.1:1"], protocols: [h2]}
    versions: {v1: {spec: SPEC}}
    public: true
    validate: {grpc: GRPC, request: {on_undeclared: {body: UNDECLARED}}}
    API
"""
OPENAPI = b"""\
openapi: 3.1.0
info: {title: t, version: "1"}
paths: {/a: {get: {responses: {default: {description: d}}}}}
"""
