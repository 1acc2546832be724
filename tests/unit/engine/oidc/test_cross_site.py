from __future__ import annotations

from rows import rows

from portcullis.engine.oidc.cross_site import SAFE_METHODS, CrossSiteCheck, csrf_token
from portcullis.engine.oidc.random_ids import as_text
from portcullis.testing.requests import make_request

SESSION, OTHER = b"s" * 32, b"o" * 32
CHECK = CrossSiteCheck(["https://shop.example"], "x-csrf-token", "#/csrf")
STRICT = CrossSiteCheck(["https://shop.example"], "x-csrf-token", "#/csrf", require_token=True)
EVIL = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}


def test_methods_that_change_nothing_are_let_through() -> None:
    for method in SAFE_METHODS:
        assert STRICT.check(make_request(method, headers=EVIL), SESSION) is None


@rows("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE", "get"])
def test_every_other_method_needs_a_page_of_ours(method: str) -> None:
    refusal = CHECK.check(make_request(method, headers=EVIL), SESSION)
    assert refusal is not None
    assert (refusal.code.name, refusal.status) == ("authenticate.cross_site", 403)
    assert CHECK.check(make_request(method, headers={"origin": "https://shop.example"}), SESSION) is None


def test_the_token_is_of_one_session_and_tells_nothing_of_its_id() -> None:
    assert csrf_token(SESSION) != csrf_token(OTHER)
    assert csrf_token(SESSION) != as_text(SESSION)
    mine, others = ({"x-csrf-token": csrf_token(each)} for each in (SESSION, OTHER))
    assert CHECK.check(make_request("POST", headers=mine), SESSION) is None
    assert CHECK.check(make_request("POST", headers=others), SESSION) is not None


def test_a_token_of_a_form_stands_for_the_header() -> None:
    assert CHECK.check(make_request("POST"), SESSION, csrf_token(SESSION)) is None
    assert CHECK.check(make_request("POST"), SESSION, "é") is not None


def test_where_a_token_is_required_it_goes_with_an_origin_of_ours() -> None:
    ours, token = {"origin": "https://shop.example"}, {"x-csrf-token": csrf_token(SESSION)}
    assert STRICT.check(make_request("POST", headers=ours), SESSION) is not None
    assert STRICT.check(make_request("POST", headers={**ours, **token}), SESSION) is None
    assert STRICT.check(make_request("POST", headers={**EVIL, **token}), SESSION) is not None
