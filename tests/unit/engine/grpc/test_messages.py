from __future__ import annotations

from typing import Any

import pytest
from grpc_shop import messages
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.grpc.messages import MOST_PARTS, MessageError, MessageType, PartsAllowance, has_text_at

Order, Item = messages()["Order"], messages()["Item"]
Inner = messages(inner=True)["Order"]
KIND = MessageType(Order)


def refused(data: bytes) -> MessageError:
    with pytest.raises(MessageError) as caught:
        KIND.check(data, "refuse")
    return caught.value


orders = st.builds(
    Order,
    id=st.text(max_size=5),
    state=st.sampled_from([0, 1, 2]),
    payload=st.binary(max_size=5),
    items=st.lists(st.builds(Item, name=st.text(max_size=3), count=st.integers(0, 9))),
    notes=st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
)


@given(orders)
def test_what_fits_passes_as_it_is(order: Any) -> None:
    for on_undeclared in ("refuse", "strip", "allow"):
        assert KIND.check(order.SerializeToString(), on_undeclared) is None


@given(orders, st.integers(1, 2**40))
def test_what_the_type_does_not_have_is_refused_or_taken_out(order: Any, margin: int) -> None:
    data = Inner.FromString(order.SerializeToString())
    data.margin = margin
    wire = data.SerializeToString()
    assert (refused(wire).pointer, refused(wire).found) == ("", "field 9")
    stripped = KIND.check(wire, "strip")
    assert stripped is not None
    assert Order.FromString(stripped) == order
    assert KIND.check(wire, "allow") is None


def test_also_below():
    hidden = Order(items=[Item(name="a"), Item(name="b")]).SerializeToString() + b"\x1a\x02\x78\x01"
    error = refused(hidden)
    assert (error.pointer, error.found) == ("/items/2", "field 15")


@rows("data", [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\x08\x01\x0b", b"\x10" + b"\xff" * 11])
def test_bytes_that_are_no_such_message(data):
    assert refused(data).pointer == ""


def test_values_of_enumerations_are_those_that_there_are():
    error = refused(Order(state=3).SerializeToString())
    assert (error.pointer, error.found, error.allowed) == ("/state", "3", "a value of shop.State")
    assert KIND.check(Order(state=3).SerializeToString(), "allow") is None


def test_values_in_lists_and_below_are_looked_at_too():
    kind = MessageType(_nested())
    good, bad = b"\x12\x03\x00\x01\x00", b"\x12\x03\x00\x01\x07"
    assert kind.check(good + b"\x1a\x05" + good, "refuse") is None
    with pytest.raises(MessageError) as caught:
        kind.check(good + b"\x1a\x05" + bad, "refuse")
    assert (caught.value.pointer, caught.value.found) == ("/more/0/kinds/2", "7")


@rows("part", [b"\x1a\x00", b"\x22\x00"], ids=["messages", "texts"])
def test_more_parts_than_the_bytes_of_a_call_pay_for_are_refused(part):
    kind = MessageType(_nested())
    allowance = PartsAllowance()
    kind.check(part * (MOST_PARTS // 4), "refuse", lambda *_found: None, allowance)
    with pytest.raises(MessageError, match="too many"):
        kind.check(part * MOST_PARTS, "refuse", lambda *_found: None, allowance)
    paid = PartsAllowance()
    paid.earn(20 * MOST_PARTS)
    assert kind.check(part * (2 * MOST_PARTS), "refuse", lambda *_found: None, paid) is None
    assert kind.check(part * (2 * MOST_PARTS), "refuse") is None


def test_lists_of_numbers_cost_nothing():
    packed = b"\x32" + _varint(10**6) + b"\0" * 10**6
    assert MessageType(_nested()).check(packed, "refuse", lambda *_found: None, PartsAllowance()) is None


def test_all_texts_are_looked_at():
    order = Order(id="a", items=[Item(name="b")], payload=b"c", notes={"d": "e"})
    assert sorted(KIND.texts_in(order)) == [
        ("/id", "a"),
        ("/items/0/name", "b"),
        ("/notes", "d"),
        ("/notes/d", "e"),
        ("/payload", "c"),
    ]


@rows(
    ("place", "has"),
    [
        ("id", True),
        ("payload", True),
        ("items/*/name", True),
        ("items/0/name", True),
        ("notes", True),
        ("notes/*", True),
        ("state", False),
        ("items/0/count", False),
        ("items", False),
        ("margin", False),
        ("id/0", False),
        ("", False),
    ],
)
def test_where_texts_stand_is_known(place, has):
    assert has_text_at(Order, tuple(place.split("/"))) is has


def test_messages_in_messages_without_end_are_refused():
    data = b""
    for _ in range(120):
        data = b"\x0a" + _varint(len(data)) + data
    files = _nested()
    with pytest.raises(MessageError):
        MessageType(files).check(data, "refuse")


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _nested() -> Any:
    from google.protobuf import descriptor_pool, message_factory
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

    file = FileDescriptorProto(name="n.proto", syntax="proto3")
    file.enum_type.add(name="Kind").value.add(name="NONE", number=0)
    file.enum_type[0].value.add(name="SOME", number=1)
    node = file.message_type.add(name="Node")
    one, many = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
    entry = node.nested_type.add(name="NamesEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=FieldDescriptorProto.TYPE_STRING, label=one)
    entry.field.add(name="value", number=2, type=FieldDescriptorProto.TYPE_STRING, label=one)
    for number, (name, kind, label, of) in enumerate(
        (
            ("node", FieldDescriptorProto.TYPE_MESSAGE, one, ".Node"),
            ("kinds", FieldDescriptorProto.TYPE_ENUM, many, ".Kind"),
            ("more", FieldDescriptorProto.TYPE_MESSAGE, many, ".Node"),
            ("texts", FieldDescriptorProto.TYPE_STRING, many, None),
            ("names", FieldDescriptorProto.TYPE_MESSAGE, many, ".Node.NamesEntry"),
            ("numbers", FieldDescriptorProto.TYPE_INT32, many, None),
        ),
        1,
    ):
        node.field.add(name=name, number=number, type=kind, label=label, type_name=of)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Node"))
