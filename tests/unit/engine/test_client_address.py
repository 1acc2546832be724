from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.client_address import counted_as


@rows(
    ("address", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:DB8:0:1:0:0:0:2", "2001:db8:0:1::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("", ""),
        ("unix:", "unix:"),
        ("2001:db8::g", "2001:db8::g"),
    ],
)
def test_a_client_is_an_ipv4_address_or_a_64_bit_network(address: str, name: str) -> None:
    assert counted_as(address) == name


@given(network=st.integers(0, 2**64 - 1), hosts=st.tuples(*[st.integers(0, 2**64 - 1)] * 2))
def test_all_addresses_of_a_64_bit_network_are_one_client(network: int, hosts: tuple[int, int]) -> None:
    addresses = [ipaddress.IPv6Address(network << 64 | host) for host in hosts]
    if not any(address.ipv4_mapped for address in addresses):
        assert counted_as(str(addresses[0])) == counted_as(str(addresses[1]))
        assert counted_as(addresses[0].exploded) == counted_as(addresses[0].compressed)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_clothes_is_the_ipv4_address(address: ipaddress.IPv4Address) -> None:
    assert counted_as(f"::ffff:{address}") == counted_as(str(address)) == str(address)
