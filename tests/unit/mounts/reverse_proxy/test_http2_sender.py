from __future__ import annotations

from portcullis.mounts.buffers import BufferBudget
from portcullis.mounts.reverse_proxy.http2_sender import PIECE, Http2Sender


class Link:
    """Takes ``left`` bytes."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.buffers = BufferBudget(100_000)
        self.sent: list[tuple[bytes, bool]] = []
        self.waiting = 0

    def room(self, _number: int) -> int:
        return self.left

    def send_data(self, _number: int, data: bytes, *, ended: bool) -> None:
        self.left -= len(data)
        self.sent.append((data, ended))

    def wait(self, _stream: object) -> None:
        self.waiting += 1

    def wait_no_more(self, _number: int) -> None:
        self.waiting -= 1


class Noting(Http2Sender):
    def __init__(self, link: Link) -> None:
        super().__init__(link, 1)  # type: ignore[arg-type]
        self.buffers = link.buffers
        self.noted: list[str] = []

    def _sent(self) -> None:
        self.noted.append("sent")

    def _held_back(self, *, ended: bool) -> None:
        self.noted.append(f"held {ended}")

    def _taken_up(self) -> None:
        self.noted.append("taken")

    def _moved(self) -> None:
        self.noted.append("moved")

    def _overflowed(self) -> None:
        self.noted.append("overflowed")


def test_what_there_is_room_for_goes_out_at_once():
    link = Link(10)
    sender = Noting(link)
    sender._send(b"abc", ended=True)
    assert link.sent == [(b"abc", True)]
    assert sender.noted == ["sent"]


def test_the_rest_waits_and_goes_out_in_pieces():
    link = Link(1)
    sender = Noting(link)
    sender._send(b"a" * (PIECE + 2), ended=True)
    assert (link.sent, link.waiting, sender.noted) == ([(b"a", False)], 1, ["held True"])
    assert not sender.push()
    link.left = 10**6
    assert sender.push()
    assert sender.push()
    assert [len(data) for data, _ in link.sent] == [1, PIECE, 1]
    assert sender.noted == ["held True", "moved", "sent"]
    assert (link.buffers.held, link.waiting) == (0, 0)
    assert not sender.push()


def test_more_may_come_while_it_waits():
    link = Link(0)
    sender = Noting(link)
    sender._send(b"ab", ended=False)
    link.left = 10
    assert sender.push()
    assert sender.noted == ["held False", "taken"]
    assert link.waiting == 0
    assert not sender.push()
    sender._send(b"c", ended=True)
    assert link.sent[-1] == (b"c", True)


def test_what_memory_does_not_take_is_told():
    link = Link(0)
    sender = Noting(link)
    sender._send(b"x" * 200_000, ended=False)
    assert sender.noted[-1] == "overflowed"
    sender._drop_held()
    assert link.buffers.held == 0
