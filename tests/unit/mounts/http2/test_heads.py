from __future__ import annotations

import hpack
import pytest
from http2_faults import block, head

from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http2.errors import ConnectionFaultError
from portcullis.mounts.http2.heads import RequestHeadReader
from portcullis.mounts.http2.request_head import RequestHead


@pytest.fixture
def reader() -> RequestHeadReader:
    return RequestHeadReader(16 * 1024, 64 * 1024)


def read(reader: RequestHeadReader, given: bytes) -> RequestHead:
    found = reader.read(given)
    assert isinstance(found, RequestHead)
    return found


def test_the_same_bytes_give_the_same_head(reader):
    given = block(head())
    assert read(reader, given) is read(reader, given)


def test_not_if_the_table_has_changed_meanwhile(reader):
    encoder = hpack.Encoder()
    assert read(reader, encoder.encode([*head(), (b"x-a", b"1")])).headers[b"x-a"] == b"1"
    first = encoder.encode([*head(), (b"x-a", b"1")])
    assert read(reader, first).headers[b"x-a"] == b"1"
    read(reader, encoder.encode([*head(), (b"x-a", b"2")]))
    assert isinstance(reader.read(first), ProtocolError)  # its indices mean other fields now


def test_trailers_change_the_table_too(reader):
    encoder = hpack.Encoder()
    read(reader, encoder.encode([*head(), (b"x-a", b"1")]))
    first = encoder.encode([*head(), (b"x-a", b"1")])
    read(reader, first)
    assert reader.read_trailers(encoder.encode([(b"x-a", b"2")])) == [(b"x-a", b"2")]
    assert isinstance(reader.read(first), ProtocolError)


def test_fields_that_repeat_are_the_same_objects_for_another_path(reader):
    one = read(reader, block(head(b"GET", b"/1", (b"x-a", b"1"))))
    other = read(reader, block(head(b"GET", b"/2", (b"x-a", b"1"))))
    assert other.target == "/2"
    assert other.fields is one.fields
    assert other.headers is one.headers


def test_a_head_that_is_refused_leaves_the_connection(reader):
    assert isinstance(reader.read(block(head(b"get"))), ProtocolError)
    assert isinstance(reader.read_trailers(block([(b"host", b"a")])), ProtocolError)
    assert read(reader, block(head())).method == "GET"


def test_what_can_not_be_decoded_does_not(reader):
    with pytest.raises(ConnectionFaultError):
        reader.read(b"\x80")


def test_only_some_heads_are_kept_and_no_large_ones(reader):
    for number in range(100):
        read(reader, block(head(b"GET", b"/%d" % number)))
    large = block(head(b"GET", b"/", (b"x-a", b"x" * 5000)))
    assert read(reader, large) is not read(reader, large)
    assert len(reader._known) <= 8
