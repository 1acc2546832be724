"""Frames, by a table of what RFC 6455 says, and against another reader's opinion."""

from __future__ import annotations

import struct
import tracemalloc
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Message
from wsproto.utilities import RemoteProtocolError

from portcullis.engine.codes import MESSAGE_INVALID
from portcullis.engine.decision import Refuse
from portcullis.mounts.websocket.frames import FrameError, FrameReader, MessageRefusedError, close_frame, masked

KEY = b"\x37\xfa\x21\x3d"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, key: bytes = KEY, rsv: int = 0) -> bytes:
    first = (0x80 if fin else 0) | rsv | opcode
    bit = 0x80 if key else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + key + (masked(payload, key) if key else payload)


def reader(*, judged: bool = False, **options: bool) -> FrameReader:
    judge = (lambda _text, _payload: None) if judged else None
    return FrameReader(masked=options.pop("masked", True), max_size=70_000, judge=judge, **options)


# The cases of the Autobahn test suite, by what they are about.
RIGHT = {
    "1 text": frame(1, b"hello"),
    "1 empty": frame(1),
    "1 of 125 bytes": frame(1, b"*" * 125),
    "1 of 126 bytes": frame(1, b"*" * 126),
    "1 of 65,535 bytes": frame(2, b"\xfe" * 65535),
    "1 of 65,536 bytes": frame(2, b"\xfe" * 65536),
    "2 ping": frame(9),
    "2 ping of 125 bytes": frame(9, b"\xfe" * 125),
    "2 pong that nobody asked for": frame(10, b"x"),
    "2 ten pings": frame(9, b"p") * 10,
    "5 two parts": frame(1, b"a", fin=False) + frame(0, b"b"),
    "5 a ping between parts": frame(1, b"a", fin=False) + frame(9) + frame(0, b"b"),
    "5 empty parts": frame(1, fin=False) + frame(0, fin=False) + frame(0),
    "6 a character in two parts": frame(1, "ü".encode()[:1], fin=False) + frame(0, "ü".encode()[1:]),
    "7 close": frame(8),
    "7 close with a reason": frame(8, b"\x03\xe8" + "grüß".encode()),
    "7 close by a private code": frame(8, b"\x12\x67"),
}
WRONG = {
    "2 ping of 126 bytes": (frame(9, b"a" * 126), 1002),
    "3 a reserved bit": (frame(1, b"a", rsv=0x10), 1002),
    "3 that of compression": (frame(1, b"a", rsv=0x40), 1002),
    "3 on a ping": (frame(9, rsv=0x40), 1002),
    "4 a reserved opcode": (frame(5), 1002),
    "4 a reserved control opcode": (frame(12), 1002),
    "5 a ping in parts": (frame(9, fin=False), 1002),
    "5 a part of nothing": (frame(0, b"a"), 1002),
    "5 a part after the end": (frame(1, b"a") + frame(0, b"b"), 1002),
    "5 a message in a message": (frame(1, b"a", fin=False) + frame(2, b"b"), 1002),
    "7 close of one byte": (frame(8, b"\x03"), 1002),
    "7 close with a reason that is no text": (frame(8, b"\x03\xe8\xff"), 1007),
    "9 too large": (frame(1, b"a" * 70_001), 1009),
    "9 too large in parts": (frame(1, b"a" * 40_000, fin=False) + frame(0, b"a" * 40_000), 1009),
    "no mask": (frame(1, b"a", key=b""), 1002),
    "a length in more bytes than it takes": (b"\x81\xfe\x00\x7d" + KEY + b"a" * 125, 1002),
    "a length in many more bytes": (b"\x81\xff" + (65535).to_bytes(8, "big") + KEY, 1002),
    "a length over 63 bits": (b"\x81\xff" + b"\x80" + bytes(7) + KEY, 1002),
    "too many parts": (frame(1, fin=False) + frame(0, fin=False) * 1024, 1008),
}
TEXTS = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", "ü".encode()[:1]]


@pytest.mark.parametrize("judged", [False, True], ids=["followed", "judged"])
@pytest.mark.parametrize("data", RIGHT.values(), ids=RIGHT.keys())
def test_what_is_right_passes_as_it_came(data: bytes, judged: bool) -> None:
    assert reader(judged=judged).feed(data) == data or judged
    by_byte = reader(judged=judged)
    passed = b"".join(by_byte.feed(bytes([byte])) for byte in data)
    assert sorted(passed) == sorted(data)
    assert judged or passed == data
    assert by_byte.held == 0
    assert by_byte.at_boundary


@pytest.mark.parametrize("judged", [False, True], ids=["followed", "judged"])
@pytest.mark.parametrize(("data", "code"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_refused_by_its_code(data: bytes, code: int, judged: bool) -> None:
    with pytest.raises(FrameError) as whole:
        reader(judged=judged).feed(data)
    assert whole.value.code == code
    pieces = reader(judged=judged)
    with pytest.raises(FrameError):
        deque((pieces.feed(data[at : at + 3]) for at in range(0, len(data), 3)), maxlen=0)


@rows("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65535])
def test_codes_that_must_not_be_sent_are_refused(code: int) -> None:
    with pytest.raises(FrameError):
        reader().feed(frame(8, code.to_bytes(2, "big")))


@rows("text", TEXTS)
def test_text_that_is_read_is_utf8(text: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        reader(judged=True).feed(frame(1, text))
    assert caught.value.code == 1007
    assert reader(judged=True).feed(frame(2, text)) == frame(2, text)


def test_messages_and_frames_are_counted_and_what_follows_a_close_is_dropped() -> None:
    one = reader()
    one.feed(RIGHT["5 a ping between parts"] + frame(2, b"x"))
    assert (one.messages, one.frames) == (2, 4)
    assert one.feed(frame(8, b"\x03\xe9") + frame(1, b"a")) == frame(8, b"\x03\xe9")
    assert one.close_code == 1001
    assert one.feed(b"garbage") == b""
    assert one.messages == 2


def test_a_judged_message_is_held_until_it_is_whole_and_a_ping_is_not() -> None:
    seen: list[tuple[bool, bytes]] = []
    one = FrameReader(masked=True, max_size=100, judge=lambda text, payload: seen.append((text, payload)))
    first, ping, last = frame(1, b"Hel", fin=False), frame(9), frame(0, b"lo")
    assert one.feed(first) == b""
    assert one.held == len(first)
    assert one.feed(ping + last[:3]) == ping
    assert one.feed(last[3:]) == first + last
    assert (one.held, seen) == (0, [(True, b"Hello")])


def test_a_refused_message_is_not_passed_on() -> None:
    one = FrameReader(masked=True, max_size=100, judge=lambda *_: Refuse(MESSAGE_INVALID))
    with pytest.raises(MessageRefusedError):
        one.feed(frame(1, b"a"))
    assert one.at_boundary


def test_where_another_frame_may_follow_is_known() -> None:
    one = reader()
    one.feed(frame(1, b"hello")[:-1])
    assert not one.at_boundary
    with pytest.raises(FrameError):
        one.feed(frame(1, b"hello")[-1:] + b"\xff\xff")
    assert not one.at_boundary  # the last byte was not passed on either


def test_a_service_must_not_mask_and_compression_must_be_agreed_on() -> None:
    with pytest.raises(FrameError):
        reader(masked=False).feed(frame(1, b"a"))
    assert reader(masked=False).feed(frame(1, b"a", key=b""))
    assert reader(compressed=True).feed(frame(1, b"a", rsv=0x40))
    for wrong in (frame(0, b"a", rsv=0x40), frame(9, rsv=0x40)):
        with pytest.raises(FrameError):
            reader(compressed=True).feed(frame(1, fin=False) + wrong)


def test_a_close_frame_is_one_that_the_other_reader_takes() -> None:
    one = reader()
    assert one.feed(close_frame(1008, KEY)) and one.close_code == 1008  # noqa: PT018
    other = reader(masked=False)
    assert other.feed(close_frame(1001)) and other.close_code == 1001  # noqa: PT018


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_masking_twice_changes_nothing(payload: bytes, key: bytes) -> None:
    assert masked(payload, key) == bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    assert masked(masked(payload, key), key) == payload


_FRAMES = st.builds(
    lambda opcode, payload, fin, rsv, key: frame(opcode, payload, fin=fin, rsv=rsv, key=key),
    st.sampled_from([0, 0, 1, 1, 2, 8, 9, 10, 3]),
    st.one_of(st.text(max_size=10).map(str.encode), st.binary(max_size=10), st.just(b"\x03\xe8"), st.just(b"x" * 130)),
    st.booleans(),
    st.sampled_from([0, 0, 0, 0, 0x40]),
    st.sampled_from([KEY, KEY, KEY, KEY, b""]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_FRAMES, max_size=6), st.integers(1, 40))
def test_another_reader_of_frames_has_the_same_opinion(frames: list[bytes], step: int) -> None:
    data = b"".join(frames)
    messages: list[str | bytes] = []

    def keep(is_text: bool, payload: bytes) -> None:
        messages.append(payload.decode() if is_text else payload)

    one = FrameReader(masked=True, max_size=10_000, judge=keep)
    refused = False
    try:
        for at in range(0, len(data), step):
            one.feed(data[at : at + step])
    except FrameError:
        refused = True
    theirs, they_refused = _by_wsproto(data)
    if they_refused and not refused:
        # They look at text as it comes, and the reader at whole messages: it refuses this one when it ends,
        # and after a close frame it never does.
        if one.close_code:
            assert messages == theirs
            return
        with pytest.raises(FrameError, match="UTF-8"):
            one.feed(frame(0, b"", fin=True, rsv=0, key=KEY))
        return
    # What they had begun of a message that goes wrong may be there or not; whether it goes wrong may not differ.
    assert refused == they_refused
    if not refused:
        assert messages == theirs


def _by_wsproto(data: bytes) -> tuple[list[str | bytes], bool]:
    other = Connection(ConnectionType.SERVER)
    messages: list[str | bytes] = []
    parts: list[str | bytes] = []
    other.receive_data(data)
    try:
        for event in other.events():
            if isinstance(event, Message):
                parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
                if event.message_finished:
                    messages.append(type(parts[0])().join(parts))  # type: ignore[arg-type]
                    parts.clear()
            elif isinstance(event, CloseConnection):
                return messages, other.state is ConnectionState.OPEN  # then it is what they would say to an error
            if other.state is not ConnectionState.OPEN:
                break
    except RemoteProtocolError:
        return messages, True
    return messages, False


@pytest.mark.parametrize("judged", [False, True])
@pytest.mark.parametrize("length", [126, 127])
def test_a_short_frame_of_a_client_without_a_mask_is_never_taken_for_a_whole_one(length: int, judged: bool) -> None:
    with pytest.raises(FrameError, match="must mask"):
        reader(judged=judged).feed(bytes([0x81, length, 0, 126])[: 4 + length - 126])


@pytest.mark.parametrize("masked_by", [KEY, b""])
def test_a_whole_message_is_judged_as_one_in_pieces_is(masked_by: bytes) -> None:
    seen: list[tuple[bool, bytes]] = []

    def judge(is_text: bool, payload: bytes) -> Refuse | None:
        seen.append((is_text, payload))
        return Refuse(MESSAGE_INVALID) if payload == b"no" else None

    data = frame(1, b"text", key=masked_by) + frame(2, b"\xff" * 300, key=masked_by)
    whole = FrameReader(masked=bool(masked_by), max_size=400, judge=judge)
    assert (
        whole.feed(data[: len(data) - 300 - (8 if masked_by else 4)])
        + whole.feed(data[-300 - (8 if masked_by else 4) :])
        == data
    )
    in_pieces = FrameReader(masked=bool(masked_by), max_size=400, judge=judge)
    assert b"".join(in_pieces.feed(data[at : at + 1]) for at in range(len(data))) == data
    assert seen == [(True, b"text"), (False, b"\xff" * 300)] * 2
    assert (whole.messages, whole.frames, whole.held) == (in_pieces.messages, in_pieces.frames, in_pieces.held)
    with pytest.raises(MessageRefusedError):
        whole.feed(frame(1, b"no", key=masked_by))
    with pytest.raises(FrameError, match="UTF-8"):
        in_pieces.feed(frame(1, b"\xff", key=masked_by))


def test_a_message_that_comes_by_a_few_bytes_takes_no_more_than_it_is() -> None:
    size = 100_000
    one = FrameReader(masked=False, max_size=size, judge=lambda _is_text, _payload: None)
    data = frame(2, b"x" * size, key=b"")
    tracemalloc.start()
    try:
        for at in range(0, size, 2):
            assert one.feed(data[at : at + 2]) == b""
        assert tracemalloc.get_traced_memory()[0] < 4 * size
    finally:
        tracemalloc.stop()
    assert one.feed(data[size:]) == data
