from __future__ import annotations

from oidc_party import Party, field, fields
from rows import rows

from portcullis.engine.decision import Answer, Refuse
from portcullis.engine.oidc.messages import (
    LOGINS,
    PROVIDERS,
    LoginAnswer,
    ProviderAnswer,
    decode_login_question,
)
from portcullis.engine.oidc.random_ids import as_text, read_id
from portcullis.engine.oidc.transactions import LIFETIME_SECONDS
from portcullis.testing.requests import make_request

OLD = b"o" * 32


def test_a_login_asks_for_a_code_by_pkce_with_a_state_and_a_nonce() -> None:
    asked, cookie = Party().begin()
    assert cookie.startswith("__Host-portcullis-login=")
    secrets = {asked.pop(name) for name in ("state", "nonce", "code_challenge")}
    assert len(secrets) == 3
    assert asked == {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": "https://shop.example.com/.portcullis/callback",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
    }


def test_a_recent_or_stronger_login_is_asked_for() -> None:
    asked, _ = Party(max_age="5m", acr_values=["gold", "silver"]).begin()
    assert (asked["max_age"], asked["acr_values"]) == ("300", "gold silver")


def test_an_endpoint_may_have_a_query_of_its_own() -> None:
    party = Party()
    party.answers[PROVIDERS] = ProviderAnswer("https://id.example.com/authorize?p=web")
    answer = party.call(party.login.begin, make_request(target="/login"))
    assert field(answer, b"location").startswith("https://id.example.com/authorize?p=web&response_type=code")


def test_a_login_that_is_done_gives_a_new_session_and_ends_the_one_before() -> None:
    party = Party()
    asked, cookie = party.begin("/orders%3Fa=b")
    party.answers[LOGINS] = LoginAnswer("done", subject="alice")
    answer = party.complete(
        f"code=c0de&state={asked['state']}&iss=https://id.example.com",
        f"{cookie}; __Host-portcullis={as_text(OLD)}",
    )
    assert isinstance(answer, Answer)
    assert (answer.status, field(answer, b"location")) == (303, "https://shop.example.com/orders?a=b")
    session, login = fields(answer, b"set-cookie")
    assert login.startswith("__Host-portcullis-login=; Path=/; Max-Age=0;")
    assert session.endswith("; Path=/; Max-Age=28800; Secure; HttpOnly; SameSite=Lax")
    [question] = map(decode_login_question, party.asked(LOGINS))
    assert read_id(session.partition("=")[2].partition(";")[0].encode()) == question.session
    assert (question.code, question.issuer, question.replaces) == ("c0de", "https://id.example.com", OLD)
    assert (question.nonce, len(question.verifier)) == (asked["nonce"], 43)
    assert party.facts.identity.subject == "alice"


def test_the_logins_of_other_tabs_are_left() -> None:
    party = Party()
    first, cookie = party.begin("/a")
    second, cookie = party.begin("/b", cookie)
    party.answers[LOGINS] = LoginAnswer("done", subject="alice")
    done = party.complete(f"code=c&state={first['state']}", cookie)
    cookie = fields(done, b"set-cookie")[1].partition(";")[0]
    party.facts = type(party.facts)()
    assert field(party.complete(f"code=c&state={second['state']}", cookie), b"location").endswith("/b")


@rows(
    "query", ["", "code=c", "state=x", "code=c&state=", "state={state}x&code=c", "state={state}&state={state}&code=c"]
)
def test_an_answer_that_is_not_for_this_login_is_refused_and_nobody_asked(query: str) -> None:
    party = Party()
    asked, cookie = party.begin()
    refused = party.complete(query.format(state=asked["state"]), cookie)
    assert isinstance(refused, Refuse)
    assert (refused.code.name, refused.status) == ("authenticate.unknown_login", 400)
    assert not party.asked(LOGINS)


def test_an_answer_in_another_browser_late_or_a_second_time_is_refused() -> None:
    party = Party()
    party.answers[LOGINS] = LoginAnswer("done", subject="alice")
    asked, cookie = party.begin()
    query = f"code=c&state={asked['state']}"
    assert isinstance(party.complete(query), Refuse)
    assert isinstance(party.complete(query, cookie), Answer)
    again = party.complete(query, cookie)
    assert isinstance(again, Refuse)
    asked, cookie = party.begin()
    party.site.clock.advance(LIFETIME_SECONDS + 1)
    assert isinstance(party.complete(f"code=c&state={asked['state']}", cookie), Refuse)
    assert len(party.asked(LOGINS)) == 1


@rows(
    ("query", "said", "code"),
    [
        ("error=access_denied", None, "authenticate.login_refused"),
        ("", None, "authenticate.login_refused"),
        ("code=c", LoginAnswer("refused", "nonce"), "authenticate.login_refused"),
        ("code=c", LoginAnswer("unavailable", "away"), "authenticate.login_unavailable"),
    ],
)
def test_a_login_that_fails_gives_no_session(query: str, said: LoginAnswer | None, code: str) -> None:
    party = Party()
    party.answers[LOGINS] = said
    asked, cookie = party.begin()
    refused = party.complete(f"{query}&state={asked['state']}", cookie)
    assert isinstance(refused, Refuse)
    assert refused.code.name == code
    assert not any("__Host-portcullis=" in each for each in fields(refused, b"set-cookie"))


def test_where_nobody_can_be_asked_nobody_logs_in() -> None:
    party = Party()
    asked, cookie = party.begin()
    party.site.answer = None
    for refused in (
        party.call(party.login.begin, make_request(target="/login")),
        party.complete(f"code=c&state={asked['state']}", cookie),
    ):
        assert refused.code.name == "authenticate.login_unavailable"
    party.site.counters.broken = True
    asked_cookie = party.complete(f"code=c&state={asked['state']}", cookie)
    assert isinstance(asked_cookie, Refuse)
    assert asked_cookie.status == 503


def test_over_plain_http_or_at_another_host_it_is_told_where_to_log_in() -> None:
    party = Party()
    for request in (
        make_request(target="/login", scheme="http"),
        make_request(target="/login", headers={"host": "evil.example"}),
    ):
        for function in (party.login.begin, party.login.complete):
            refused = party.call(function, request)
            assert refused.code.name == "authenticate.wrong_origin"
            assert refused.detail == "Log in at https://shop.example.com."
