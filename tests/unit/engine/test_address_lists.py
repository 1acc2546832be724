"""Networks that allow and deny addresses."""

from __future__ import annotations

import ipaddress
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.address_lists import AddressLists, AddressSet, Network, Rejection, nested, shared_lists


def networks(*texts: str) -> list[Network]:
    return [ipaddress.ip_network(text) for text in texts]


@rows(
    ("allow", "deny", "address", "rejection"),
    [
        ([], [], "192.0.2.7", None),
        (["10.0.0.0/8"], [], "10.0.0.0", None),
        (["10.0.0.0/8"], [], "10.255.255.255", None),
        (["10.0.0.0/8"], [], "9.255.255.255", Rejection("allow")),
        (["10.0.0.0/8"], [], "11.0.0.0", Rejection("allow")),
        (["10.0.0.0/8"], [], "::a00:1", Rejection("allow")),
        (["192.0.2.7"], [], "192.0.2.7", None),
        ([], ["192.0.2.7"], "192.0.2.7", Rejection("deny", "192.0.2.7/32", 0)),
        ([], ["192.0.2.7"], "192.0.2.8", None),
        (["10.0.0.0/8"], ["10.1.0.0/16"], "10.1.2.3", Rejection("deny", "10.1.0.0/16", 0)),
        (["10.1.0.0/16"], ["10.0.0.0/8"], "10.1.2.3", Rejection("deny", "10.0.0.0/8", 0)),
        ([], ["10.1.0.0/16", "10.0.0.0/8", "10.1.1.0/24"], "10.1.1.9", Rejection("deny", "10.1.1.0/24", 2)),
        ([], ["10.1.0.0/16", "10.0.0.0/8", "10.1.1.0/24"], "10.1.2.0", Rejection("deny", "10.1.0.0/16", 0)),
        ([], ["10.1.0.0/16", "10.0.0.0/8", "10.1.1.0/24"], "10.2.0.0", Rejection("deny", "10.0.0.0/8", 1)),
        ([], ["10.1.0.0/16", "10.0.0.0/8", "10.1.1.0/24"], "11.0.0.0", None),
        ([], ["0.0.0.0/0"], "255.255.255.255", Rejection("deny", "0.0.0.0/0", 0)),
        ([], ["0.0.0.0/0"], "2001:db8::1", None),
        ([], ["::/0"], "192.0.2.1", None),
        ([], ["::/0"], "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Rejection("deny", "::/0", 0)),
        (["2001:db8::/32"], [], "2001:db8:ffff::1", None),
        (["2001:db8::/32"], [], "2001:DB8::1", None),
        (["2001:db8::/32"], [], "2001:db9::1", Rejection("allow")),
        (["fe80::/10"], [], "fe80::1%eth0", None),
        (["10.0.0.0/8"], [], "::ffff:10.1.2.3", None),
        ([], ["10.0.0.0/8"], "::ffff:a01:203", Rejection("deny", "10.0.0.0/8", 0)),
        ([], ["::ffff:10.0.0.0/104"], "10.1.2.3", Rejection("deny", "::ffff:a00:0/104", 0)),
        ([], ["::ffff:0:0/96"], "192.0.2.1", Rejection("deny", "::ffff:0:0/96", 0)),
        ([], ["::/64"], "192.0.2.1", None),
        (["10.0.0.0/8"], ["10.0.0.0/8"], "10.0.0.1", Rejection("deny", "10.0.0.0/8", 0)),
    ],
)
def test_what_the_lists_say(allow: list[str], deny: list[str], address: str, rejection: Rejection | None) -> None:
    assert AddressLists(networks(*allow), networks(*deny)).judge(address) == rejection


@rows("address", ["", "unknown", "10.0.0", "10.0.0.1 ", "١0.0.0.1", "010.0.0.1", "10.0.0.1:80", ":::", "10.0.0.1\n"])
def test_what_is_no_address_is_rejected(address: str) -> None:
    assert AddressLists(networks("0.0.0.0/0", "::/0"), []).judge(address) == Rejection("allow")
    assert AddressLists([], networks("203.0.113.0/24")).judge(address) == Rejection("deny")


@st.composite
def near_networks(draw: st.DrawFn) -> Network:
    """Networks that often nest: of few addresses, in a small part of the space."""
    if draw(st.booleans()):
        return ipaddress.IPv4Network((draw(st.integers(0, 63)), draw(st.integers(24, 32))), strict=False)
    return ipaddress.IPv6Network((draw(st.integers(0, 63)), draw(st.integers(120, 128))), strict=False)


@given(st.lists(near_networks(), max_size=8), st.lists(near_networks(), max_size=8), st.integers(0, 70), st.booleans())
def test_a_look_up_says_what_looking_at_every_network_would(
    allow: list[Network], deny: list[Network], number: int, is_ipv4: bool
) -> None:
    address = ipaddress.IPv4Address(number) if is_ipv4 else ipaddress.IPv6Address(number)
    found = AddressLists(allow, deny).judge(str(address))
    denied = [network for network in deny if address in network]
    if denied:
        assert found is not None
        assert found.by == "deny"
        assert found.network == str(max(denied, key=lambda network: network.prefixlen))
        assert str(deny[found.index]) == found.network
    elif allow and not any(address in network for network in allow):
        assert found == Rejection("allow")
    else:
        assert found is None


def test_the_same_lists_are_the_same_object() -> None:
    first, second = (shared_lists(tuple(networks("10.0.0.0/8")), ()) for _ in range(2))
    assert first is second
    assert shared_lists((), ()) is not first


@pytest.mark.slow
def test_a_long_list_is_as_quick_as_a_short_one() -> None:
    lists = AddressLists([], [ipaddress.IPv4Network((number << 8, 24)) for number in range(10_000)])
    judge = lists._judge
    began = time.process_time()
    for number in range(2_000):
        assert judge(f"200.0.{number % 250}.1") is None
    assert time.process_time() - began < 0.5


@rows(
    ("network", "others", "holds", "meets"),
    [
        ("10.1.0.0/16", ["192.168.0.0/16", "10.0.0.0/8"], True, True),
        ("10.0.0.0/8", ["10.0.0.0/8"], True, True),
        ("10.0.0.0/8", ["10.0.0.0/9", "10.128.0.0/9"], True, True),
        ("10.0.0.0/8", ["10.0.0.0/9", "10.192.0.0/10"], False, True),
        ("10.0.0.0/8", ["9.0.0.0/8", "11.0.0.0/8", "::/0"], False, False),
        ("10.0.0.0/8", ["10.7.0.0/16"], False, True),
        ("::ffff:10.1.0.0/112", ["10.0.0.0/8"], True, True),
        ("2001:db8::/48", ["2001:db8::/32"], True, True),
        ("2001:db8::/32", ["0.0.0.0/0"], False, False),
        ("10.0.0.0/8", [], False, False),
    ],
)
def test_what_a_set_of_addresses_holds_and_meets(network: str, others: list[str], holds: bool, meets: bool) -> None:
    addresses = AddressSet(networks(*others))
    assert (addresses.holds(*networks(network)), addresses.meets(*networks(network))) == (holds, meets)


@given(st.lists(near_networks(), max_size=6), near_networks())
def test_a_set_says_what_looking_at_every_address_would(others: list[Network], network: Network) -> None:
    inside = [any(address in other for other in others) for address in network]
    assert AddressSet(others).holds(network) == all(inside)
    assert AddressSet(others).meets(network) == any(inside)
    assert [AddressSet(others).has(str(address)) for address in network] == inside


@rows(
    ("address", "has"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.0.0.0", False),
        ("::a01:203", False),
        ("", False),
        ("x", False),
    ],
)
def test_a_set_has_addresses_given_as_text(address: str, has: bool) -> None:
    assert AddressSet(networks("10.0.0.0/8")).has(address) is has


@rows(
    ("texts", "everything"),
    [
        (["0.0.0.0/0", "::/0"], True),
        (["0.0.0.0/1", "128.0.0.0/1", "::/0", "10.0.0.0/8"], True),
        (["::ffff:0:0/96", "::/0"], True),
        (["0.0.0.0/0"], False),
        (["::/0"], False),
        (["0.0.0.0/1", "::/0"], False),
        ([], False),
    ],
)
def test_what_is_everything(texts: list[str], everything: bool) -> None:
    assert AddressSet(networks(*texts)).is_everything is everything


@given(st.lists(near_networks(), max_size=8))
def test_what_lies_inside_of_another_is_found(several: list[Network]) -> None:
    found = nested(several)
    for index, network in enumerate(several):
        others = [(i, other) for i, other in enumerate(several) if i != index and other.version == network.version]
        inside = any(network.subnet_of(other) and (network != other or i < index) for i, other in others)  # type: ignore[arg-type]
        assert (index in found) == inside
        if inside:
            assert network.subnet_of(several[found[index]])  # type: ignore[arg-type]
            assert found[index] not in found
