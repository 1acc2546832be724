from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.request_signing import (
    REPLAYED_REQUEST,
    STALE_SIGNATURE,
    WRONG_DIGEST,
    Freshness,
    SignatureError,
    SigningParty,
    digest_step,
    path_and_query,
    use_up,
)
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.testing import FakeClock, FakeCounters, make_request
from portcullis.testing.signing import content_digest

NOW = 1_800_000_000.0


def test_for_how_long_a_signature_passes() -> None:
    fresh = Freshness(max_age=300.0, leeway=10.0)
    assert fresh.check(NOW, NOW) == 310
    assert fresh.check(NOW - 309, NOW) == 1
    assert fresh.check(NOW + 10, NOW) == 320
    assert fresh.check(NOW, NOW, expires=NOW + 5) == 15
    assert fresh.check(NOW, NOW, expires=NOW + 5000) == 310


@rows(("created", "expires"), [(NOW - 310, None), (NOW + 11, None), (NOW, NOW - 10), (0.0, None), (NOW, 0.0)])
def test_a_signature_that_does_not_pass(created: float, expires: float | None) -> None:
    with pytest.raises(SignatureError) as caught:
        Freshness(max_age=300.0, leeway=10.0).check(created, NOW, expires)
    assert caught.value.code is STALE_SIGNATURE


def test_a_nonce_is_good_once_for_each_key() -> None:
    once = SingleUse("test", FakeCounters(), FakeClock())
    use_up(once, "acme", "n", 10)
    use_up(once, "other", "n", 10)
    with pytest.raises(SignatureError) as caught:
        use_up(once, "acme", "n", 10)
    assert caught.value.code is REPLAYED_REQUEST


@rows(
    ("target", "path", "query"),
    [
        ("/a/b?c=d?e", "/a/b", "c=d?e"),
        ("/a", "/a", None),
        ("/a?", "/a", ""),
        ("/a%2Fb/../c", "/a%2Fb/../c", None),
        ("https://shop.example/a?b", "/a", "b"),
        ("https://shop.example", "/", None),
    ],
)
def test_path_and_query_are_as_they_were_sent(target: str, path: str, query: str | None) -> None:
    request = make_request("GET", "/")
    request.target = target
    assert path_and_query(request) == (path, query)


def test_who_holds_a_key() -> None:
    party = SigningParty.model_validate({"scopes": ["a"], "roles": ["clerk"], "plan": "gold"})
    identity = party.identity("hmac", "partners", "acme-1")
    assert (identity.method, identity.subject, identity.credential) == ("hmac", "acme-1", "acme-1")
    assert identity.consumer is not None
    assert (identity.consumer.name, identity.consumer.plan) == ("partners:acme-1", "gold")
    assert (identity.scopes, identity.roles, identity.name) == ({"a"}, {"clerk"}, "partners")
    other = SigningParty.model_validate({"subject": "acme"}).identity("hmac", "partners", "acme-1")
    assert other.consumer is not None
    assert (other.subject, other.credential, other.consumer.name) == ("acme", "acme-1", "partners:acme")


def checked(body: bytes, identity: Identity, digest: str | None, *, has_body: bool = True) -> Any:
    step = digest_step("authenticate.hmac", "partners", "#/identities/partners/hmac")
    request = make_request("POST", "/", [] if digest is None else [("content-digest", digest)], body=body)
    request.has_body = has_body
    facts = Facts()
    facts.identify(identity)
    assert step.wants is not None
    assert step.wants(request) is (digest is not None)
    return step.run(request, facts)


MINE = Identity("hmac", "acme", name="partners")


def test_the_body_of_who_was_proven_is_checked() -> None:
    assert checked(b"{}", MINE, content_digest(b"{}")) is None
    for identity in (MINE, Identity("jwt", "alice", name="staff", also=(MINE,))):
        refusal = checked(b"{} ", identity, content_digest(b"{}"))
        assert (refusal.code, refusal.finding.pointer) == (WRONG_DIGEST, "/body")
    assert checked(b"{}", MINE, None).code is WRONG_DIGEST


def test_a_call_without_a_body_may_have_a_digest_of_nothing() -> None:
    assert checked(b"", MINE, None, has_body=False) is None
    assert checked(b"", MINE, content_digest(b""), has_body=False) is None
    assert checked(b"", MINE, content_digest(b"{}"), has_body=False).code is WRONG_DIGEST


def test_the_body_of_others_is_their_own_affair() -> None:
    other = Identity("jwt", "alice", name="staff")
    assert checked(b"{} ", other, content_digest(b"{}")) is None
