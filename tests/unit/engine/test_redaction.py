"""What of a request target may be written down."""

from __future__ import annotations

import secrets

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.api_key_format import mint
from portcullis.engine.redaction import MAX_PARAMETERS, MAX_TARGET, redact_target

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.TJVA95OrM7E2cBab30RMHrHDcEfxjoYZgeFONFh7HgQ"
S = "s3cr3t"

KEPT = [
    "",
    "/",
    "*",
    "/shop/v1/orders/123",
    "/shop//v1/x?y=1",
    "/orders?limit=10&offset=20",
    "/orders?",
    "/orders?q",
    "/orders?q=a%20b&page=2",
    "/orders?q=hello+world;page=2",
    "/orders;v=1/lines",
    "/users/@me?x=a@b.example",
    "/~user/%41",
    "http://shop.example/orders?limit=10",
    "/orders?next=/orders/1",
]

REDACTED = [
    (f"/o?api_key={S}", "/o?api_key=***"),
    (f"/o?X-API-Key={S}&limit=1", "/o?X-API-Key=***&limit=1"),
    (f"/o?limit=1&access_token={S}", "/o?limit=1&access_token=***"),
    (f"/o?a=1;token={S};b=2", "/o?a=1;token=***;b=2"),
    (f"/o?token={S}==", "/o?token=***"),
    (f"/o?token={S}/a+b", "/o?token=***"),
    (f"/o?password={S}", "/o?password=***"),
    (f"/o?pass={S}", "/o?pass=***"),
    (f"/o?user[pwd]={S}", "/o?user[pwd]=***"),
    (f"/o?X-Amz-Signature={S}", "/o?X-Amz-Signature=***"),
    (f"/o?client_secret={S}", "/o?client_secret=***"),
    (f"/cb?code={S}&state=1", "/cb?code=***&state=1"),
    (f"/cb?SAMLResponse={S}", "/cb?SAMLResponse=***"),
    (f"/login?ticket={S}", "/login?ticket=***"),
    (f"/o?PHPSESSID={S}", "/o?PHPSESSID=***"),
    (f"/o?pin={S}&otp={S}&shipping=air", "/o?pin=***&otp=***&shipping=air"),
    (f"/o?PIN={S}", "/o?PIN=***"),
    (f"/o?%61pi_%6bey={S}", "/o?%61pi_%6bey=***"),
    (f"/o?%2561={S}", "/o?%2561=***"),
    (f"/o?next=%2Fcb%3Fcode%3D{S}", "/o?next=***"),
    (f"/o?next=https://a.example/cb?code={S}", "/o?next=https://a.example/cb?code=***"),
    (f"/o?a=b=token={S}", "/o?a=***"),
    (f"/o?token%3D{S}", "/o?***"),
    (f"/o;jsessionid={S}/x", "/o;jsessionid=***/x"),
    (f"/o;v=1;token={S}?limit=1", "/o;v=1;token=***?limit=1"),
    (f"/o&token={S}", "/o&token=***"),
    (f"/o%3Ftoken%3D{S}", "/***"),
    (f"/cb#access_token={S}", "/cb#***"),
    (f"/cb?a=1#id={S}", "/cb?a=1#***"),
    (f"http://u:{S}@h.example/o?a=1", "http://***@h.example/o?a=1"),
    (f"http://{S}@h.example", "http://***@h.example"),
    (f"http://u:{S}@@h.example?a", "http://***@h.example?a"),
    (f"//u:{S}@h.example/o", "//***@h.example/o"),
    (f"u:{S}@h.example:443", "***@h.example:443"),
    (f"/o?q={JWT}", "/o?q=***"),
    (f"/o/{JWT}/x", "/o/***/x"),
    (f"/o?{JWT}", "/o?***"),
]  # fmt: skip


@rows("target", KEPT)
def test_an_ordinary_target_is_written_as_it_came(target: str) -> None:
    assert redact_target(target) == target


@rows(("target", "written"), REDACTED)
def test_a_credential_is_never_written(target: str, written: str) -> None:
    assert redact_target(target) == written
    assert S not in redact_target(target)


@rows("target", ["/o?q={}", "/o/{}", "/o?{}", "/{}/x?a=1", "/o?a=1&b={}"])
def test_keys_of_ours_are_recognised_wherever_they_are(target: str) -> None:
    key = mint(secrets.randbelow)
    written = redact_target(target.format(key.reveal()))
    assert key.reveal() not in written
    assert key.id in written


@rows("target", ["/" + "x" * 10_000, "/o?q=" + "x" * 10_000, "/o?" + "q=x&" * 63 + "x" * 5000])
def test_length_is_bounded(target: str) -> None:
    assert len(redact_target(target)) == MAX_TARGET
    assert redact_target(target).endswith("…")


def test_a_credential_that_is_cut_in_the_middle_is_still_none() -> None:
    target = "/" + "x" * (MAX_TARGET - 20) + "?token=" + S * 100
    assert S not in redact_target(target)


def test_too_many_parameters_to_look_at_are_left_out_as_a_whole() -> None:
    assert redact_target("/o?" + f"token={S}&" * MAX_PARAMETERS) == "/o?***"
    assert S not in redact_target("/o?" + f"a={S}token=;" * 2000)
    assert redact_target("/a" + "/x%41" * MAX_PARAMETERS) == "***"


@given(st.text(alphabet="ab=&;?#%/@:3dD.token", max_size=80))
def test_the_value_of_a_secret_parameter_is_never_in_what_is_written(noise: str) -> None:
    assert S not in redact_target(f"/{noise}&token={S}")
    assert S not in redact_target(f"/{noise}?token={S}")


@given(st.text(max_size=200))
def test_redacting_never_fails_and_twice_is_once(target: str) -> None:
    once = redact_target(target)
    assert redact_target(once) == once
