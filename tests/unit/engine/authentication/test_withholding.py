from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.authentication.proof import ABSENT, Authenticator
from portcullis.engine.authentication.withholding import withholding, without_cookies
from portcullis.engine.decision import Modify
from portcullis.engine.facts import Facts
from portcullis.testing.requests import make_request


def _authenticator(**where: Any) -> Authenticator:
    return Authenticator("authenticate.test", lambda *_: ABSENT, **where)


def _run(authenticators: list[Authenticator], query: str = "", **fields: str) -> Modify | None:
    [step] = withholding("authenticate.test", authenticators)
    request = make_request(target=f"/?{query}", headers=fields)
    decision = step.run(request, Facts())
    assert decision is None or isinstance(decision, Modify)
    return decision


def test_header_fields_are_taken_out_unless_they_are_forwarded() -> None:
    ours = _authenticator(fields=(b"authorization", b"dpop"))
    theirs = _authenticator(fields=(b"x-api-key",), forward=True)
    assert _run([ours, theirs]) == Modify(remove_fields=frozenset({b"authorization", b"dpop"}))
    assert withholding("authenticate.test", [theirs]) == ()


def test_query_parameters_are_taken_out() -> None:
    assert _run([_authenticator(query="api_key")], "a=1&api_key=x&b=2") == Modify(query="a=1&b=2")
    assert _run([_authenticator(query="api_key")], "a=1") is None


def test_cookies_that_go_with_a_credential_are_taken_out_too() -> None:
    ours = _authenticator(cookie="__Host-session", companions=("__Host-session-login",))
    assert ours.cookies == ("__Host-session", "__Host-session-login")
    assert _run([ours], cookie="__Host-session-login=y; __Host-session=x") == Modify(
        remove_fields=frozenset({b"cookie"})
    )
    assert _authenticator(companions=("a",)).cookies == ("a",)


def test_cookies_are_taken_out_and_the_others_stay() -> None:
    session = [_authenticator(cookie="__Host-session")]
    assert _run(session, cookie="a=1; __Host-session=x; b=2") == Modify(set_fields=((b"cookie", b"a=1; b=2"),))
    assert _run(session, cookie="__Host-session=x") == Modify(remove_fields=frozenset({b"cookie"}))
    assert _run(session, cookie="a=1") is None
    assert _run(session) is None


def test_all_places_at_once() -> None:
    everywhere = [_authenticator(fields=(b"x-key",), query="key", cookie="s")]
    expected = Modify(set_fields=((b"cookie", b"a=1"),), remove_fields=frozenset({b"x-key"}), query="")
    assert _run(everywhere, "key=1", cookie="s=1; a=1") == expected
    assert _run(everywhere, "", cookie="a=1") == Modify(remove_fields=frozenset({b"x-key"}))


@rows(
    ("field", "kept"),
    [
        (b"s=1", b""),
        (b"s=1; s=2", b""),
        (b" s =1;a=2", b"a=2"),
        (b"a=s; b=1", b"a=s; b=1"),
        (b"as=1", b"as=1"),
        (b"a=1;;s=2", b"a=1;"),
        (b"a=1, s=2", b"a=1"),
        (b"s=1, a=2; b=3", b"a=2; b=3"),
        (b"s=1,2; b=3", b"b=3"),
        (b"a=1,2, s=3,4, b=5", b"a=1,2, b=5"),
        (b"a=s,1; b=1", b"a=s,1; b=1"),
    ],
)
def test_a_cookie_is_found_however_it_is_written(field: bytes, kept: bytes) -> None:
    assert without_cookies(field, {b"s"}) == kept
