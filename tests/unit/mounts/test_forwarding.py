"""What crosses the gateway, and who the client is."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.mounts.forwarding import (
    DROPPED_FROM_RESPONSES,
    REMEMBERED_BYTES,
    FieldRenderer,
    Network,
    end_to_end,
    forwarding_fields,
    is_trusted,
    nominated,
    plain_address,
    render_fields,
    reported_client,
)

PROXIES: list[Network] = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:1::/48")]
PEER = "10.0.0.1"
NONE: frozenset[bytes] = frozenset()


def client_of(**headers: str) -> str:
    """Whom a trusted proxy reports; underscores in names stand for hyphens."""
    given = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    return reported_client(given, PEER, PROXIES)


# What crosses.


@rows("name", ["set-cookie", "cache-control", "content-type", "www-authenticate", "via", "x_y"])
def test_ordinary_fields_of_answers_cross(name: str) -> None:
    assert name.encode() not in DROPPED_FROM_RESPONSES


@rows("name", ["server", "x-powered-by", "alt-svc", "connection", "transfer-encoding", "keep-alive"])
def test_what_a_service_says_about_itself_and_its_connection_does_not_reach_the_client(name: str) -> None:
    assert name.encode() in DROPPED_FROM_RESPONSES


def test_fields_are_rendered_in_order_and_repeated_ones_stay_apart() -> None:
    fields = [(b"a", b"1"), (b"set-cookie", b"x=1"), (b"b", b""), (b"set-cookie", b"y=2")]
    assert render_fields(fields) == b"a: 1\r\nset-cookie: x=1\r\nb: \r\nset-cookie: y=2\r\n"
    assert render_fields(fields, frozenset({b"set-cookie"})) == b"a: 1\r\nb: \r\n"


# What a Connection field nominates.


@rows("connection", [None, b"keep-alive", b"close", b"Close", b"Upgrade"])
def test_the_usual_options_nominate_nothing(connection: bytes | None) -> None:
    assert nominated(connection) == NONE


def test_nominated_names_are_read_without_case_and_blanks() -> None:
    assert nominated(b"close , X-A,\tx-b ,,") >= {b"close", b"x-a", b"x-b"}


@rows("name", [b"Host", b"Content-Length", b"Transfer-Encoding"])
def test_what_frames_a_message_can_not_be_nominated(name: bytes) -> None:
    assert nominated(b"close, " + name) == {b"close"}


def test_nominated_fields_do_not_cross() -> None:
    fields = [(b"x-hop", b"1"), (b"x-end", b"2")]
    assert FieldRenderer(NONE).render(fields, {b"connection": b"close, X-Hop"}, NONE) == b"x-end: 2\r\n"


@rows("name", [b"authorization", b"content-type", b"x-tenant", b"if-match", b"cookie", b"x-api-key"])
def test_what_a_client_nominates_is_gone_before_anything_is_decided(name: bytes) -> None:
    connection = b"keep-alive, " + name.upper()
    fields = [(name, b"1"), (b"connection", connection), (b"accept", b"*/*"), (name, b"2")]
    kept, headers = end_to_end(fields, dict(fields))
    assert kept == [(b"connection", connection), (b"accept", b"*/*")]
    assert dict(headers) == dict(kept)


@rows("connection", [b"keep-alive", b"close, x-absent", b"connection", b"Host, Content-Length", b""])
def test_where_nothing_is_dropped_nothing_is_copied(connection: bytes) -> None:
    fields = [(b"connection", connection), (b"host", b"a"), (b"content-length", b"1")]
    headers = dict(fields)
    kept, by_name = end_to_end(fields, headers)
    assert kept is fields
    assert by_name is headers


def test_a_request_without_connection_field_is_left_alone() -> None:
    fields, headers = [(b"host", b"a")], {b"host": b"a"}
    assert end_to_end(fields, headers) == (fields, headers)


# Remembering what was rendered.


def test_the_same_fields_are_rendered_once() -> None:
    renderer = FieldRenderer(NONE)
    fields = [(b"a", b"1")]
    first = renderer.render(fields, {}, NONE)
    assert renderer.render(fields, {}, NONE) is first


def test_other_fields_or_other_removals_are_rendered_anew() -> None:
    renderer = FieldRenderer(NONE)
    fields = [(b"x-api-key", b"1"), (b"a", b"1")]
    removed = frozenset({b"x-api-key"})
    assert renderer.render(fields, {}, NONE) == b"x-api-key: 1\r\na: 1\r\n"
    assert renderer.render(fields, {}, removed) == b"a: 1\r\n"
    assert renderer.render(fields, {}, NONE) == b"x-api-key: 1\r\na: 1\r\n"
    assert renderer.render([(b"a", b"2")], {}, removed) == b"a: 2\r\n"


def test_a_long_head_is_not_kept_on_an_idle_connection() -> None:
    renderer = FieldRenderer(NONE)
    fields = [(b"a", b"x" * REMEMBERED_BYTES)]
    assert renderer.render(fields, {}, NONE) == b"a: " + b"x" * REMEMBERED_BYTES + b"\r\n"
    assert renderer._rendered == b""
    assert renderer._fields is None


# Whom to trust.


@rows(
    "address", ["10.0.0.1", "10.255.255.255", "2001:db8:1::1", "::ffff:10.0.0.1", "::ffff:a00:1", "2001:db8:1::1%eth0"]
)
def test_an_address_in_a_network_is_trusted_however_it_is_written(address: str) -> None:
    assert is_trusted(address, PROXIES)


@rows(
    "address",
    ["", "unknown", "11.0.0.1", "2001:db8:2::1", "10.0.0.1:80", "10.0.0", "010.0.0.1", "10.0.0.1\n", " 10.0.0.1",
     "167772161", "0xa000001", "::10.0.0.1", "١٠.0.0.1", "[2001:db8:1::1]", "10.0.0.0/8"],
)  # fmt: skip
def test_what_is_outside_or_no_address_is_not(address: str) -> None:
    assert not is_trusted(address, PROXIES)


def test_nobody_is_trusted_if_nobody_is_named() -> None:
    assert not is_trusted("127.0.0.1", [])


@rows(
    ("address", "plain"),
    [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1"),
     ("2001:DB8:0:0::1", "2001:db8::1"), ("", ""), ("no:address", "no:address")],
)  # fmt: skip
def test_addresses_are_written_in_one_way(address: str, plain: str) -> None:
    assert plain_address(address) == plain


# Who the client is.


@rows(
    ("value", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.5, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.5, 10.0.0.9", "10.0.0.5"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:0DB8::0001", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7,10.0.0.9", "203.0.113.7"),
        ("203.0.113.7 ,\t10.0.0.9 ", "203.0.113.7"),
    ],
)
def test_x_forwarded_for_is_read_from_the_right(value: str, client: str) -> None:
    assert client_of(x_forwarded_for=value) == client


@rows(
    ("value", "client"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ("For=203.0.113.7;proto=https;by=10.0.0.1", "203.0.113.7"),
        ("proto=https; for=203.0.113.7", "203.0.113.7"),
        ('for="203.0.113.7:4711"', "203.0.113.7"),
        ('for="[2001:db8::1]"', "2001:db8::1"),
        ('for="[2001:db8::1]:4711";host="shop.example:8443"', "2001:db8::1"),
        ("for=1.1.1.1, for=203.0.113.7, for=10.0.0.9", "203.0.113.7"),
        ('for="x, for=203.0.113.7', "203.0.113.7"),
        ('by="a,for=127.0.0.1", for=203.0.113.7', "203.0.113.7"),
    ],
)
def test_forwarded_is_read_from_the_right(value: str, client: str) -> None:
    assert client_of(forwarded=value) == client


@rows(
    "last",
    ["for=unknown", "for=_hidden", "proto=https", "", "for=", "for=127.0.0.1;for=203.0.113.7", 'for="127.0.0.1',
     "for = 127.0.0.1", "for=127.0.0.1;", 'for="127.0.0.1:_x"', "for=127.0.0.1 x", "for=[::1]", 'for="::1"x'],
)  # fmt: skip
def test_what_a_proxy_does_not_say_plainly_is_not_taken_from_the_entry_before_it(last: str) -> None:
    assert client_of(forwarded=f"for=127.0.0.1, {last}") == PEER


@rows(
    "last",
    ["", "unknown", "_hidden", "-", "10.0.0", "10.0.0.256", "010.0.0.9", "2001:db8::1%eth0", 'fe80::1%";host=evil',
     "203.0.113.7:", "203.0.113.7:x", "203.0.113.7:999999", "[203.0.113.7]", "[2001:db8::1", "2001:db8::1]",
     "203.0.113.7 10.0.0.9", "203.0.113.7;", "127.0.0.1\x00", "localhost", "1" * 5000, ":" * 5000],
)  # fmt: skip
def test_an_entry_that_is_no_address_ends_the_reading(last: str) -> None:
    assert client_of(x_forwarded_for=f"127.0.0.1, {last}") == PEER
    assert client_of(x_forwarded_for=f"127.0.0.1, {last}, 10.0.0.9") == "10.0.0.9"


def test_without_a_report_the_peer_is_the_client() -> None:
    assert client_of() == PEER
    assert client_of(x_real_ip="203.0.113.7") == PEER


def test_a_clients_own_forwarded_field_does_not_count_where_the_proxy_writes_the_other() -> None:
    assert client_of(x_forwarded_for="203.0.113.7", forwarded="for=127.0.0.1") == "203.0.113.7"
    assert client_of(x_forwarded_for="", forwarded="for=127.0.0.1") == PEER


def test_only_so_many_hops_are_looked_at() -> None:
    assert client_of(x_forwarded_for="203.0.113.7, " + ", ".join(["10.0.0.9"] * 31)) == "203.0.113.7"
    assert client_of(x_forwarded_for="203.0.113.7, " + ", ".join(["10.0.0.9"] * 5000)) == "10.0.0.9"


@given(st.text(alphabet='for=,;" 0123456789.:[]%_x', max_size=60))
def test_nothing_that_a_client_puts_in_front_changes_whom_the_proxy_reports(noise: str) -> None:
    assert client_of(x_forwarded_for=f"{noise}, 203.0.113.7, 10.0.0.9") == "203.0.113.7"
    assert client_of(forwarded=f"{noise}, for=203.0.113.7, for=10.0.0.9") == "203.0.113.7"


@given(st.text(max_size=60).map(lambda text: text.encode("utf-8")))
def test_whatever_is_reported_the_client_is_an_address(value: bytes) -> None:
    for name in (b"forwarded", b"x-forwarded-for"):
        ipaddress.ip_address(reported_client({name: value}, PEER, PROXIES))


# What the service is told.


def test_the_service_is_told_client_host_and_scheme_in_both_ways() -> None:
    assert forwarding_fields("203.0.113.7", b"shop.example", "https") == (
        b"forwarded: for=203.0.113.7;host=shop.example;proto=https\r\n"
        b"x-forwarded-for: 203.0.113.7\r\n"
        b"x-forwarded-host: shop.example\r\n"
        b"x-forwarded-proto: https\r\n"
    )


def test_what_is_no_token_is_quoted() -> None:
    fields = forwarding_fields("2001:db8::1", b"shop.example:8443", "http")
    assert fields.startswith(b'forwarded: for="[2001:db8::1]";host="shop.example:8443";proto=http\r\n')
    assert b"x-forwarded-for: 2001:db8::1\r\n" in fields


def test_a_host_can_not_add_parameters_of_its_own() -> None:
    fields = forwarding_fields("203.0.113.7", b'a";for=127.0.0.1;x="\\', "http")
    assert fields.startswith(b'forwarded: for=203.0.113.7;host="a\\";for=127.0.0.1;x=\\"\\\\";proto=http\r\n')


def test_what_is_not_known_is_not_made_up() -> None:
    assert forwarding_fields("", b"", "http") == b"forwarded: for=unknown;proto=http\r\nx-forwarded-proto: http\r\n"
