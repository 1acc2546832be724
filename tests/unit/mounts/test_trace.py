"""Request ids and W3C Trace Context."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.mounts.trace import Identifiers, new_trace, trace_context

ID = "0123456789abcdef" * 2
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
VALID = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_identifiers_are_32_hex_digits_and_never_come_twice() -> None:
    identifiers = Identifiers()
    made = [identifiers.next() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(len(each) == 32 and set(each) <= set("0123456789abcdef") for each in made)


def test_the_pool_is_used_up_to_its_end_and_filled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = iter([bytes(range(64)), bytes(range(64, 128))])
    monkeypatch.setattr("os.urandom", lambda _count: next(pools))
    identifiers = Identifiers()
    made = b"".join(bytes.fromhex(identifiers.next()) for _ in range(8))
    assert made == bytes(range(128))


def test_pools_of_two_workers_are_two() -> None:
    assert Identifiers().next() != Identifiers().next()


def test_a_trace_is_continued_with_the_gateway_as_parent() -> None:
    assert trace_context(VALID.encode(), ID) == (TRACE, f"00-{TRACE}-{ID[:16]}-01".encode())


@rows(("flags", "sent"), [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03"), ("f1", "01")])
def test_only_flags_that_are_known_are_passed_on(flags: str, sent: str) -> None:
    assert trace_context(f"{VALID[:-2]}{flags}".encode(), ID)[1].endswith(f"-{sent}".encode())


@rows("more", ["", "-", "-what-the-future-brings"])
def test_a_later_version_is_continued_as_the_one_that_is_known(more: str) -> None:
    assert trace_context(f"01{VALID[2:]}{more}".encode(), ID) == (TRACE, f"00-{TRACE}-{ID[:16]}-01".encode())


@rows(
    "traceparent",
    [
        "",
        f"ff{VALID[2:]}",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        VALID.upper(),
        VALID + "-more",
        VALID + "-",
        VALID + " ",
        VALID + "\n",
        VALID + "0",
        " " + VALID,
        VALID[:-1],
        f"{VALID}, {VALID}",
        f"01{VALID[2:]}more",
        f"01{VALID[2:]}- x",
        f"00-{TRACE}-00f067aa0ba902b7",
        f"00-{TRACE[:-1]}g-00f067aa0ba902b7-01",
        f"0{VALID}",
    ],
)
def test_what_is_no_trace_parent_starts_a_new_trace(traceparent: str) -> None:
    assert trace_context(traceparent.encode(), ID) == (ID, b"")


def test_a_request_that_begins_a_trace_gives_it_its_own_id() -> None:
    assert new_trace(ID.encode()) == f"00-{ID}-{ID[:16]}-01".encode()
