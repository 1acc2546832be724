from __future__ import annotations

import socket

import pytest
from bench.programs.echo_service import Peer, answer_to, echoed
from bench.programs.message_client import frame
from rows import rows

HEAD = b"GET /feed HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"


def test_the_answer_is_the_one_of_the_specification() -> None:
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer_to(HEAD)


def test_a_head_without_a_key_has_no_answer() -> None:
    with pytest.raises(ValueError, match="no handshake"):
        answer_to(b"GET / HTTP/1.1\r\n\r\n")


@rows("size", [0, 1, 125, 126, 60_000])
def test_whole_frames_come_back_without_a_mask_and_what_follows_waits(size: int) -> None:
    text = b"x" * size
    sent = frame(text, masked=True)
    assert echoed(sent + sent + sent[:3]) == (frame(text, masked=False) * 2, 2 * len(sent))


@rows(
    "data", [frame(b"a", masked=False) + b"12345", b"\x81\x81abcdx", b"\x88\x80\0\0\0\0\0\0", b"\x81\xff" + bytes(12)]
)
def test_what_its_client_does_not_send_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a frame"):
        echoed(data)


def test_a_peer_answers_piece_by_piece() -> None:
    here, there = socket.socketpair()
    with here, there:
        peer = Peer(there)
        sent = frame(b"hello", masked=True)
        for piece in (HEAD[:20], HEAD[20:] + sent[:4], sent[4:]):
            here.sendall(piece)
            assert peer.readable()
        assert here.recv(4096).endswith(b"\r\n\r\n" + frame(b"hello", masked=False))
        here.shutdown(socket.SHUT_WR)
        assert not peer.readable()
