"""Which header fields of a request cross."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.mounts import request_fields
from portcullis.mounts.forwarding import REMEMBERED_BYTES
from portcullis.mounts.request_fields import Crossing, RequestFieldRenderer, crossing

NONE: frozenset[bytes] = frozenset()


def render(*fields: tuple[bytes, bytes], removed: frozenset[bytes] = NONE, declared: frozenset[bytes] = NONE) -> bytes:
    return RequestFieldRenderer().render(fields, dict(fields), removed, declared)


def spellings(name: str) -> list[bytes]:
    first, *rest = name.split("-")
    mixed = first + "".join(("_" if number % 2 else "-") + part for number, part in enumerate(rest, 1))
    return [spelt.encode() for spelt in (name, name.replace("-", "_"), mixed)]


NEVER = [
    # Of one connection.
    *("connection", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"),
    *("http2-settings", "proxy-connection"),
    # The gateway writes them.
    *("host", "content-length", "expect", "traceparent", "x-request-id"),
    # Who the client was.
    *("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-anything", "x-real-ip"),
    *("true-client-ip", "cf-connecting-ip", "x-client-ip", "x-originating-ip", "x-remote-addr", "x-host"),
    # Another method, host or path than the one that was decided about; what steers a proxy.
    *("x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"),
    *("x-original-method", "x-forwarded-uri", "x-middleware-subrequest", "x-accel-redirect", "x-accel-mapping"),
    *("proxy", "x-http-host-override", "x-envoy-original-path", "x-envoy-retry-on", "x-sendfile-type"),
    # What another party has proven.
    *("x-forwarded-client-cert", "client-cert", "client-cert-chain", "x-ssl-client-verify", "ssl-client-s-dn"),
    *("x-forwarded-user", "remote-user", "x-remote-user", "x-authenticated-userid", "x-consumer-username"),
    *("x-auth-request-email", "x-amzn-oidc-data", "x-goog-authenticated-user-email", "cf-access-jwt-assertion"),
    *("x-ms-client-principal", "tailscale-user-login", "x-pomerium-claim-email", "x-webauth-user"),
    *("impersonate-user", "impersonate-extra-scopes"),
]


@rows("name", NEVER)
def test_what_a_client_must_not_say_never_reaches_the_service_however_it_is_spelt(name: str) -> None:
    fields = [(spelt, b"evil") for spelt in spellings(name)]
    declared = frozenset(spelt for spelt, _ in fields)
    assert render(*fields, (b"accept", b"*/*")) == b"accept: */*\r\n"
    assert render(*fields, (b"accept", b"*/*"), declared=declared) == b"accept: */*\r\n"


@rows(
    "name",
    ["authorization", "cookie", "accept", "content-type", "user-agent", "via", "x-api-key", "x-tenant", "if-match",
     "x-requested-with", "x-correlation-id", "x-amzn-trace-id", "tracestate", "origin", "idempotency-key"],
)  # fmt: skip
def test_ordinary_fields_cross(name: str) -> None:
    assert crossing(name.encode()) is Crossing.ALWAYS


@rows("name", ["x-user", "x-user-id", "x-username", "x-roles", "x-is-admin", "x-auth-user", "x-email"])
def test_what_services_read_an_identity_from_crosses_only_if_it_is_declared(name: str) -> None:
    field = (name.encode(), b"alice")
    assert render(field) == b""
    assert render(field, declared=frozenset({field[0]})) == b"%b: alice\r\n" % field[0]


@rows("name", [b"api_key", b"x_tenant", b"_method", b"a_"])
def test_a_name_with_an_underscore_crosses_only_if_it_is_declared(name: bytes) -> None:
    assert render((name, b"1")) == b""
    assert render((name, b"1"), declared=frozenset({name})) == b"%b: 1\r\n" % name
    assert render((name, b"1"), declared=frozenset({name.replace(b"_", b"-")})) == b""


def test_what_is_declared_does_not_cross_beside_its_other_spelling() -> None:
    fields = [(b"api-key", b"1"), (b"api_key", b"2")]
    assert render(*fields, declared=frozenset({b"api_key"})) == b"api-key: 1\r\n"


def test_what_steps_remove_and_what_the_connection_nominates_does_not_cross() -> None:
    fields = [(b"x-hop", b"1"), (b"x-key", b"2"), (b"x-end", b"3"), (b"connection", b"close, X-Hop")]
    assert render(*fields, removed=frozenset({b"x-key"})) == b"x-end: 3\r\n"


def test_fields_are_rendered_in_order_and_repeated_ones_stay_apart() -> None:
    assert render((b"a", b"1"), (b"b", b""), (b"a", b"2")) == b"a: 1\r\nb: \r\na: 2\r\n"


def test_the_same_fields_are_rendered_once() -> None:
    renderer = RequestFieldRenderer()
    fields = [(b"a", b"1")]
    first = renderer.render(fields, dict(fields), NONE)
    assert renderer.render(fields, dict(fields), NONE) is first


def test_other_fields_removals_or_declarations_are_rendered_anew() -> None:
    renderer = RequestFieldRenderer()
    fields = [(b"x-user", b"1"), (b"a", b"1")]
    headers = dict(fields)
    removed, declared = frozenset({b"a"}), frozenset({b"x-user"})
    assert renderer.render(fields, headers, NONE) == b"a: 1\r\n"
    assert renderer.render(fields, headers, NONE, declared) == b"x-user: 1\r\na: 1\r\n"
    assert renderer.render(fields, headers, removed, declared) == b"x-user: 1\r\n"
    assert renderer.render(fields, headers, NONE) == b"a: 1\r\n"
    assert renderer.render([(b"a", b"2")], {b"a": b"2"}, NONE) == b"a: 2\r\n"


def test_a_long_head_is_not_kept_on_an_idle_connection() -> None:
    renderer = RequestFieldRenderer()
    fields = [(b"a", b"x" * REMEMBERED_BYTES)]
    assert renderer.render(fields, dict(fields), NONE) == b"a: " + b"x" * REMEMBERED_BYTES + b"\r\n"
    assert (renderer._fields, renderer._rendered) == (None, b"")


def test_what_was_judged_is_kept_within_bounds() -> None:
    for number in range(request_fields._MAX_NAMES + 100):
        assert render((b"x-%d" % number, b"1"))
    assert len(request_fields._judged) <= request_fields._MAX_NAMES
    long = b"x" * 5_000
    assert render((long, b"1"))
    assert long not in request_fields._judged
    assert render((b"x_late", b"1"), (b"x-real-ip", b"1"), (b"accept", b"1")) == b"accept: 1\r\n"
    request_fields._judged.clear()


@given(st.lists(st.sampled_from("abcx-_"), max_size=8).map("".join), st.sampled_from(NEVER), st.booleans())
def test_nothing_that_never_crosses_does_under_a_name_that_cgi_takes_for_it(noise: str, name: str, upper: bool) -> None:
    for spelt in spellings(name):
        assert crossing(spelt) is Crossing.NEVER
    other = (noise + name).encode() if upper else (name + noise).encode()
    if other.replace(b"_", b"-") == name.encode():
        assert crossing(other) is Crossing.NEVER
    elif crossing(other) is Crossing.ALWAYS:
        assert b"_" not in other
