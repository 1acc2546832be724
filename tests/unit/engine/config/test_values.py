"""Single values: what is understood, what is refused, and that refusals give nothing away."""

from __future__ import annotations

import contextlib
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.config.values import (
    SecretReference,
    format_duration,
    format_size,
    parse_bind,
    parse_duration,
    parse_network,
    parse_size,
)

NEVER = ["", " ", "a\nb", "a\n", "\n", "a\0", "a\r", "\t", "a b", "é", "a\u2028"]
"""What no single value may be."""


@rows(("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("1.5m", 90), ("2h", 7200), ("90d", 7_776_000), ("0s", 0)])
def test_durations_have_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@rows("value", [*NEVER, 30, 1.5, True, None, "30", "30 s", "-1s", "1e3s", "٣s", "1m30s", "s", "1.s"])
def test_anything_else_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="a number with a unit"):
        parse_duration(value)


@rows(("text", "size"), [(0, 0), (10, 10), ("10", 10), ("1KiB", 1024), ("1kB", 1000), ("2GiB", 2**31)])
def test_sizes_may_have_units(text: object, size: int) -> None:
    assert parse_size(text) == size


@rows("value", [*NEVER, -1, 1.5, True, None, "1 MiB", "1mb", "1.5MiB", "٣", "KiB"])
def test_anything_else_is_no_size(value: object) -> None:
    with pytest.raises(ValueError, match="a number of bytes"):
        parse_size(value)


@given(st.integers(0, 10**8))
def test_what_is_formatted_is_read_back(number: int) -> None:
    assert parse_size(format_size(number)) == number
    assert parse_duration(format_duration(number)) == number
    assert parse_duration(format_duration(number / 1000)) == pytest.approx(number / 1000)


def test_formats_use_the_largest_unit_that_fits() -> None:
    assert [format_duration(n) for n in (0.5, 10, 120, 86400, 90, 0)] == ["500ms", "10s", "2m", "1d", "90s", "0s"]
    assert [format_size(n) for n in (0, 1000, 16384, 100 * 1024**2)] == ["0", "1000", "16KiB", "100MiB"]


@rows(
    ("text", "bind"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("[0:0::1]:1", ("::1", 1)),
    ],
)
def test_addresses_have_ports(text: str, bind: tuple[str, int]) -> None:
    assert parse_bind(text) == bind


@rows(
    "value",
    [
        *NEVER,
        8080,
        ":8080",
        "8080",
        "localhost:80",
        "127.0.0.1",
        "127.0.0.1:65536",
        "::1:80",
        "[1.2.3.4]:80",
        "1.2.3:80",
        "127.0.0.1:80\n",
        "[fe80::1%eth0]:80",
        "127.0.0.1:٣",
        None,
    ],
)
def test_anything_else_is_no_address(value: object) -> None:
    with pytest.raises(ValueError, match="an IP address and a port"):
        parse_bind(value)


def test_networks_have_no_host_bits() -> None:
    assert parse_network("10.0.0.0/8") == ip_network("10.0.0.0/8")
    assert parse_network("::1") == ip_network("::1/128")
    for value in (*NEVER, "10.0.0.1/8", "10.0.0.0/33", 10, None, "host"):
        with pytest.raises(ValueError, match="a prefix without host bits"):
            parse_network(value)


@given(st.text())
def test_no_value_fails_in_another_way(text: str) -> None:
    for parse in (parse_duration, parse_size, parse_bind, parse_network, SecretReference.parse):
        with contextlib.suppress(ValueError):
            parse(text)


def test_a_secret_is_only_ever_named() -> None:
    secret = SecretReference.parse("env:SHOP_SECRET")
    assert (secret.kind, secret.name) == ("env", "SHOP_SECRET")
    assert SecretReference.parse(secret) is secret
    assert repr(SecretReference.parse("file:secrets/a")) == "SecretReference(file:secrets/a)"
    for value in ("hunter2", "env:", "vault:x", 12, None):
        with pytest.raises(ValueError) as caught:
            SecretReference.parse(value)
        assert "hunter2" not in str(caught.value)
