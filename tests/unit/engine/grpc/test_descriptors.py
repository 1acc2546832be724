from __future__ import annotations

from contextlib import suppress

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_shop import descriptor_set
from hypothesis import given
from hypothesis import strategies as st

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.grpc.descriptors import Method, is_descriptor_set, read_methods

SET = descriptor_set().SerializeToString()


def told(content: bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_methods("shop.binpb", content)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.file == "shop.binpb"
    return diagnostic.message


def test_files_are_known_by_their_names():
    assert is_descriptor_set("apis/shop.binpb")
    assert is_descriptor_set("SHOP.PROTOSET")
    assert not is_descriptor_set("shop.proto")


def test_the_methods_of_all_services_are_found():
    methods = read_methods("shop.binpb", SET)
    get, chat = methods["/shop.Orders/Get"], methods["/shop.Orders/Chat"]
    assert (get.service, get.name, get.is_unary, get.comment) == ("shop.Orders", "Get", True, "One order.")
    assert (chat.streams_requests, chat.streams_answers, chat.is_unary) == (True, True, False)
    assert get.request.DESCRIPTOR.full_name == "shop.Order"
    assert "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" in methods


def test_what_is_no_descriptor_set():
    assert told(b"\xff") == "it is no descriptor set"
    assert told(b"") == "it is an empty descriptor set"


def test_a_set_without_its_imports():
    files = FileDescriptorSet()
    files.file.add(name="a.proto", dependency=["google/protobuf/empty.proto"])
    assert told(files.SerializeToString()) == "a.proto imports google/protobuf/empty.proto, which is not in it"


def test_a_set_without_a_service():
    files = FileDescriptorSet()
    files.file.add(name="a.proto")
    assert told(files.SerializeToString()) == "no service is in it"


def test_a_type_that_is_not_there():
    files = FileDescriptorSet()
    service = files.file.add(name="a.proto").service.add(name="S")
    service.method.add(name="M", input_type=".nowhere.X", output_type=".nowhere.X")
    assert told(files.SerializeToString())


@pytest.mark.parametrize("path", [[6, 9, 2, 0], [6, 0, 2, 9], [6, -1, 2, 0]])
def test_what_is_said_of_methods_that_are_not_there_is_nothing(path):
    files = FileDescriptorSet.FromString(SET)
    del files.file[0].source_code_info.location[:]
    place = files.file[0].source_code_info.location.add(path=path, leading_comments="x")
    place.span.extend([1, 1, 1])
    assert {each.comment for each in read_methods("shop.binpb", files.SerializeToString()).values()} == {""}


def test_a_comment_that_is_no_text_is_none():
    assert b" One order." in SET
    read = read_methods("shop.binpb", SET.replace(b" One order.", b" \xffne order."))
    assert read["/shop.Orders/Get"].comment == ""


def test_one_that_is_too_large(monkeypatch):
    monkeypatch.setattr("portcullis.engine.grpc.descriptors.MAX_BYTES", 10)
    assert told(SET) == "it has more than 10 bytes"


@given(st.integers(0, len(SET) - 1), st.binary(min_size=1, max_size=4))
def test_whatever_it_is_it_is_read_or_told(at: int, other: bytes) -> None:
    methods: dict[str, Method] = {}
    with suppress(ConfigurationError):
        methods = read_methods("shop.binpb", SET[:at] + other + SET[at + len(other) :])
    assert all(path.count("/") == 2 for path in methods)
