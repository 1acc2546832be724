from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from oidc_party import END, Party, field
from rows import rows

from portcullis.engine.decision import Answer
from portcullis.engine.oidc.cross_site import csrf_token
from portcullis.engine.oidc.messages import (
    BACK_CHANNEL,
    LOGOUTS,
    PROVIDERS,
    BackChannelAnswer,
    LogoutAnswer,
    ProviderAnswer,
    decode_back_channel_question,
    decode_logout_question,
)
from portcullis.engine.oidc.random_ids import as_text
from portcullis.testing.requests import make_request

SESSION = b"s" * 32
COOKIE = {"cookie": f"__Host-portcullis={as_text(SESSION)}"}
OURS = {"origin": "https://shop.example.com"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def out(party: Party, headers: dict[str, str], body: bytes = b"") -> Any:
    return party.call(party.logout.log_out, make_request("POST", "/logout", headers, body=body))


def told(party: Party, body: bytes, headers: dict[str, str] = FORM) -> Answer:
    answer: Answer = party.call(party.logout.told, make_request("POST", "/back", headers, body=body))
    return answer


def test_a_session_ends_here_and_then_at_the_provider() -> None:
    party = Party()
    party.answers[LOGOUTS] = LogoutAnswer("done", "a.b.c")
    answer = out(party, {**COOKIE, **OURS})
    parts = urlsplit(field(answer, b"location"))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == END
    assert dict(parse_qsl(parts.query)) == {
        "client_id": "shop",
        "post_logout_redirect_uri": "https://shop.example.com/",
        "id_token_hint": "a.b.c",
    }
    assert field(answer, b"set-cookie").startswith("__Host-portcullis=; Path=/; Max-Age=0;")
    assert [decode_logout_question(each).session for each in party.asked(LOGOUTS)] == [SESSION]


@rows(
    ("said", "id_token", "query"),
    [
        ({"id_token_hint": False}, "a.b.c", False),
        ({}, "a." * 4000, False),
        ({}, "", False),
        ({}, "a.b.c", True),
    ],
)
def test_the_id_token_is_told_where_it_may_and_can_be(said: dict[str, Any], id_token: str, query: bool) -> None:
    party = Party(**said)
    party.answers[LOGOUTS] = LogoutAnswer("done", id_token)
    assert ("id_token_hint" in field(out(party, {**COOKIE, **OURS}), b"location")) == query


def test_a_provider_without_that_endpoint_is_not_asked() -> None:
    party = Party(after_logout="/bye")
    party.answers |= {LOGOUTS: LogoutAnswer("done"), PROVIDERS: ProviderAnswer(reason="away")}
    assert field(out(party, {**COOKIE, **OURS}), b"location") == "https://shop.example.com/bye"


def test_no_other_site_logs_anybody_out() -> None:
    party = Party()
    for headers in (COOKIE, {**COOKIE, "origin": "https://evil.example"}, {}):
        assert out(party, headers).code.name == "authenticate.cross_site"
    assert not party.site.asked
    party.answers[LOGOUTS] = LogoutAnswer("done")
    body = f"csrf_token={csrf_token(SESSION)}".encode()
    assert out(party, {**COOKIE, **FORM}, body).status == 303
    assert out(party, {**COOKIE, **FORM}, body + b"x").status == 403


def test_a_log_out_that_could_not_be_done_says_so() -> None:
    party = Party()
    party.answers[LOGOUTS] = LogoutAnswer("unavailable", reason="the database")
    assert out(party, {**COOKIE, **OURS}).status == 503
    party.site.answer = None
    assert out(party, {**COOKIE, **OURS}).status == 503


def test_a_provider_tells_by_a_form() -> None:
    party = Party()
    party.answers[BACK_CHANNEL] = BackChannelAnswer("done", 2)
    answer = told(party, b"logout_token=a.b.c&other=x")
    assert answer.status == 200
    assert (b"cache-control", b"no-store") in answer.fields
    assert [decode_back_channel_question(each).token for each in party.asked(BACK_CHANNEL)] == ["a.b.c"]


@rows(
    ("body", "headers"),
    [
        (b"", FORM),
        (b"logout_token=", FORM),
        (b"logout_token=a&logout_token=b", FORM),
        (b"logout_token=%ff", FORM),
        (b"logout_token=%c3%a9", FORM),
        (b"logout_token=" + b"a" * 20_000, FORM),
        (b'{"logout_token": "a"}', {"content-type": "application/json"}),
        (b"logout_token=a", {}),
    ],
)
def test_anything_else_is_told_to_be_wrong_and_nobody_asked(body: bytes, headers: dict[str, str]) -> None:
    party = Party()
    answer = told(party, body, headers)
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "invalid_request")
    assert not party.site.asked


@rows(
    ("said", "error"),
    [
        (BackChannelAnswer("refused", reason="the nonce"), "invalid_request"),
        (BackChannelAnswer("unavailable", reason="away"), "temporarily_unavailable"),
        (None, "temporarily_unavailable"),
    ],
)
def test_why_it_was_refused_is_not_told(said: BackChannelAnswer | None, error: str) -> None:
    party = Party()
    if said is None:
        party.site.answer = None
    party.answers[BACK_CHANNEL] = said
    answer = told(party, b"logout_token=a.b.c")
    assert (answer.status, json.loads(answer.body)["error"]) == (400, error)
    assert b"nonce" not in answer.body
