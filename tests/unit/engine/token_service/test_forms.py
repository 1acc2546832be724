from __future__ import annotations

import base64

import pytest
from rows import rows

from portcullis.engine.request import RequestView
from portcullis.engine.token_service.forms import ASSERTION_TYPE, FormError, read_basic, read_call, read_form

FORM = b"application/x-www-form-urlencoded"


def request(body: bytes, authorization: bytes | None = None, kind: bytes = FORM, query: str = "") -> RequestView:
    fields = [(b"content-type", kind), *([(b"authorization", authorization)] if authorization is not None else [])]
    return RequestView("POST", "/token", fields, dict(fields), body=body, has_body=True, query=query)


def basic(text: bytes) -> bytes:
    return b"Basic " + base64.b64encode(text)


def test_a_form_is_read() -> None:
    assert read_form(b"grant_type=client_credentials&scope=a+b%20c&empty=") == {
        "grant_type": "client_credentials",
        "scope": "a b c",
    }
    assert read_form(b"") == {}


@rows(
    "body",
    [
        b"a=1&a=2",
        b"a=1&a=1",
        b"a=&a=1",
        b"a",
        b"a=1&",
        b"&a=1",
        b"=1",
        b"a=%zz",
        b"a=%f",
        b"a=%ff",
        b"a=%00",
        b"a=%0d%0aX",
        b"a=\xc3\xa9",
        b"a=1\n",
        b"a=b=c&=",
        b"A=1",
        b"a=" + b"x" * 16385,
        b"&".join(b"p%d=1" % number for number in range(33)),
        b"a=1;b=2&a=3",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(FormError):
        read_form(body)


def test_a_client_is_known_by_basic_and_form_encoded() -> None:
    assert read_basic(basic(b"check%2Fout:s%3Ac+ret")) == ("check/out", "s:c ret")
    call = read_call("token", request(b"grant_type=client_credentials&client_id=a", basic(b"a:b")))
    assert (call.client, call.secret, call.how) == ("a", "b", "client_secret_basic")
    assert call.parameters == {"grant_type": "client_credentials"}


@rows(
    "field",
    [b"Bearer x", b"Basic", b"Basic !!!", b"Basic " + b"x" * 20000, basic(b"nocolon"), basic(b"a:\xff"), b"Basic YTp"],
)
def test_another_authorization_is_no_client(field: bytes) -> None:
    with pytest.raises(FormError):
        read_basic(field)


def test_a_secret_in_the_body_is_taken_only_where_the_file_says_so() -> None:
    body = request(b"client_id=a&client_secret=b")
    with pytest.raises(FormError) as caught:
        read_call("token", body)
    assert caught.value.error == "invalid_client"
    call = read_call("token", body, takes_post=True)
    assert (call.client, call.secret, call.how) == ("a", "b", "client_secret_post")


ASSERTED = b"client_assertion=h.c.s&client_assertion_type=" + ASSERTION_TYPE.encode()


def test_an_assertion_says_who_the_client_is() -> None:
    call = read_call("token", request(b"grant_type=client_credentials&" + ASSERTED))
    assert (call.client, call.secret, call.how) == ("", "h.c.s", "private_key_jwt")
    assert call.parameters == {"grant_type": "client_credentials"}
    assert read_call("revoke", request(b"client_id=a&" + ASSERTED)).client == "a"
    assert "h.c.s" not in repr(call)


@rows(
    ("body", "error"),
    [
        (b"client_assertion=h.c.s", "invalid_request"),
        (b"client_assertion_type=" + ASSERTION_TYPE.encode(), "invalid_request"),
        (b"client_assertion=&client_assertion_type=" + ASSERTION_TYPE.encode(), "invalid_request"),
        (ASSERTED + b"2", "invalid_client"),
        (ASSERTED.replace(b"jwt-bearer", b"saml2-bearer"), "invalid_client"),
        (ASSERTED + b"&client_id=a&client_secret=b", "invalid_request"),
        (ASSERTED + b"&" + ASSERTED, "invalid_request"),
    ],
)
def test_another_assertion_is_none(body: bytes, error: str) -> None:
    with pytest.raises(FormError) as caught:
        read_call("token", request(body), takes_post=True)
    assert caught.value.error == error


@rows("body", [b"client_id=a&client_secret=b", b"client_id=other", ASSERTED])
def test_a_client_says_in_one_way_who_it_is(body: bytes) -> None:
    with pytest.raises(FormError, match="one way"):
        read_call("token", request(body, basic(b"a:b")), takes_post=True)


def test_only_a_form_in_the_body_is_read() -> None:
    with pytest.raises(FormError, match="form"):
        read_call("token", request(b"{}", kind=b"application/json"))
    with pytest.raises(FormError, match="URL"):
        read_call("token", request(b"a=1", query="client_id=a"))
    assert read_call("token", request(b"a=1", kind=FORM + b"; charset=utf-8")).parameters == {"a": "1"}


def test_errors_repeat_nothing() -> None:
    with pytest.raises(FormError) as caught:
        read_form(b"secret_value=1&secret_value=2")
    assert "secret_value" not in str(caught.value)
