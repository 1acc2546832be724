"""Caps on connections."""

from __future__ import annotations

import ipaddress

import pytest
from rows import rows

from portcullis.engine.address_lists import AddressLists
from portcullis.mounts.admission import Admission, Gate
from portcullis.mounts.forwarding import Network
from portcullis.testing import FakeTransport


class Counts:
    """Open connections by address, in a dictionary."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, int], int] = {}

    def acquire(self, address: str, worker: int, limit: int) -> bool:
        if sum(count for (known, _), count in self.open.items() if known == address) >= limit:
            return False
        self.open[address, worker] = self.open.get((address, worker), 0) + 1
        return True

    def release(self, address: str, worker: int) -> None:
        self.open[address, worker] -= 1


PROXIES: list[Network] = [ipaddress.ip_network("10.0.0.0/8")]


def gate(limit: int = 10, limit_per_address: int = 2, trusted: list[Network] | None = None) -> Gate:
    return Gate(Counts(), 3, limit, limit_per_address, trusted or [])


def arrive(at: Gate, address: str = "192.0.2.1") -> Admission | None:
    admission = Admission(at)
    return admission if admission.admit(FakeTransport((address, 40000))) else None


def test_an_address_has_so_many_connections_and_others_have_theirs() -> None:
    at = gate(limit_per_address=2)
    assert arrive(at)
    assert arrive(at)
    assert arrive(at) is None
    assert arrive(at, "192.0.2.2")
    assert (at.open, at.refused) == (3, 1)


def test_a_place_that_is_given_back_is_free() -> None:
    at = gate(limit_per_address=1)
    first = arrive(at)
    assert first
    assert arrive(at) is None
    first.release()
    assert arrive(at)


def test_giving_back_twice_frees_one_place() -> None:
    at = gate(limit_per_address=2)
    first, second = arrive(at), arrive(at)
    assert first
    assert second
    first.release()
    first.release()
    assert at.open == 1
    assert arrive(at)
    assert arrive(at) is None


def test_who_was_refused_has_nothing_to_give_back() -> None:
    at = gate(limit_per_address=1)
    assert arrive(at)
    refused = Admission(at)
    assert not refused.admit(FakeTransport())
    refused.release()
    assert at.open == 1
    assert arrive(at) is None


def test_who_was_never_counted_has_nothing_to_give_back() -> None:
    at = gate()
    Admission(at).release()
    assert at.open == 0


def test_the_listener_as_a_whole_has_a_cap_and_what_it_refuses_is_not_counted_by_address() -> None:
    at = gate(limit=2, limit_per_address=9)
    first = arrive(at)
    assert first
    assert arrive(at, "192.0.2.2")
    assert arrive(at, "192.0.2.3") is None
    assert ("192.0.2.3", 3) not in at.counts.open  # type: ignore[attr-defined]
    first.release()
    assert arrive(at, "192.0.2.3")


def test_trusted_proxies_are_counted_with_the_listener_but_not_by_address() -> None:
    at = gate(limit=3, limit_per_address=1, trusted=PROXIES)
    admitted = [arrive(at, "10.0.0.1") for _ in range(3)]
    assert all(admitted)
    assert arrive(at, "10.0.0.1") is None
    assert at.counts.open == {}  # type: ignore[attr-defined]
    assert admitted[0]
    admitted[0].release()
    assert at.open == 2


def test_a_mapped_address_of_a_trusted_proxy_is_trusted() -> None:
    at = gate(limit_per_address=0, trusted=PROXIES)
    assert arrive(at, "::ffff:10.0.0.1")
    assert arrive(at, "::ffff:192.0.2.1") is None


def test_an_address_that_may_not_connect_takes_no_place() -> None:
    lists = AddressLists([ipaddress.ip_network("192.0.2.0/24")], [ipaddress.ip_network("192.0.2.128/25")])
    at = Gate(Counts(), 0, 10, 1, PROXIES, lists)
    assert arrive(at, "192.0.2.1")
    for address in ("192.0.2.200", "198.51.100.1", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.200"):
        assert arrive(at, address) is None
    assert arrive(at, "::ffff:192.0.2.2")
    assert arrive(at, "192.0.2.1") is None
    assert (at.open, at.denied, at.refused) == (2, 5, 1)


@rows("peer", [None, "", ()])
def test_a_peer_without_an_address_is_in_no_list(peer: object) -> None:
    at = Gate(Counts(), 0, 10, 1, [], AddressLists([], [ipaddress.ip_network("192.0.2.0/24")]))
    assert not Admission(at).admit(FakeTransport(peer))  # type: ignore[arg-type]
    assert at.denied == 1


@rows("peer", [None, "", ()])
def test_peers_without_an_address_are_counted_together(peer: object) -> None:
    at = gate(limit_per_address=1)
    transport = FakeTransport(peer)  # type: ignore[arg-type]
    assert Admission(at).admit(transport)
    assert not Admission(at).admit(transport)


def test_a_store_that_fails_admits_nobody() -> None:
    class Broken(Counts):
        def acquire(self, address: str, worker: int, limit: int) -> bool:
            raise OSError("no lock")

    at = Gate(Broken(), 0, 10, 10, [])
    admission = Admission(at)
    with pytest.raises(OSError, match="no lock"):
        admission.admit(FakeTransport())
    admission.release()
    assert at.open == 0


def test_a_connection_that_has_its_place_is_not_counted_again():
    at = gate()
    admission = Admission(at)
    transport = FakeTransport()
    assert admission.admit(transport)
    assert admission.admit(transport)
    assert at.open == 1
    admission.release()
    assert at.open == 0
