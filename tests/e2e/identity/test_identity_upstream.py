"""Who calls, told to the service: a token that it verifies by published keys, fields, and nothing of the client's."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from token_site import QUIET, Site, claims_of, token_site
from upstream import Upstream

from portcullis.engine.authentication.jose.claims import TokenRules
from portcullis.engine.authentication.jose.key_ring import FixedKeys
from portcullis.engine.authentication.jose.key_set import read_key_set
from portcullis.engine.authentication.jose.verifier import TokenVerifier, VerifiedToken


def verified(site: Site, token: str, types: frozenset[str] = frozenset({"identity+jwt"})) -> VerifiedToken:
    """``token``, as a service verifies it that knows nothing but the key set's address."""
    keys = read_key_set(site.get("/oauth2/identity-jwks").content).keys
    rules = TokenRules("http://127.0.0.1", frozenset({"shop"}), types)
    return TokenVerifier(FixedKeys(keys), ["ES256", "EdDSA", "RS256"], rules).verify(token.encode(), time.time())


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_the_service_verifies_who_calls(tmp_path: Path, service: Upstream, algorithm: str) -> None:
    settings = f"{QUIET}, signing: {{algorithm: {algorithm}}}"
    with token_site(tmp_path, service, settings, workers=2) as site:
        token = site.token(site.add(roles=("clerk",)))
        assert site.call(token).status_code == 200
        seen = service.seen[-1]
        assert (seen.field("x-user"), seen.field("x-roles")) == ("checkout", "clerk")
        claims = verified(site, seen.field("x-identity") or "").claims
        assert (claims["sub"], claims["aud"], claims["idp"]) == ("checkout", "shop", "apps")
        assert (claims["roles"], claims["scope"]) == (["clerk"], "orders:read orders:write")
        assert (claims["idp_iss"], claims["credential"]) == ("http://127.0.0.1", claims_of(token)["jti"])
        assert 0 < claims["exp"] - claims["iat"] <= 4


def test_what_a_client_says_itself_never_arrives(tmp_path: Path, service: Upstream) -> None:
    forged = {"X-User": "root", "X_User": "root", "x_roles": "admin", "X-Identity": "e30.e30.x", "X_Identity": "e30"}
    with token_site(tmp_path, service) as site:
        token = site.token(site.add())
        answer = site.call(token, **forged)
        fields = [(name, value) for name, value in service.seen[-1].fields if name.replace("_", "-").startswith("x-")]
        told = {name for name, _ in fields if name.replace("_", "-") in ("x-user", "x-roles", "x-identity")}
        assert told == {"x-user", "x-roles", "x-identity"}
        assert service.seen[-1].field("x-user") == "checkout"
        assert verified(site, service.seen[-1].field("x-identity") or "").claims["sub"] == "checkout"
        record = site.gateway.record_of(answer.headers["x-request-id"])
        assert "transform.forged_identity" in [verdict.get("code") for verdict in record["verdicts"]]
        site.call(None, "/shop/open", **forged)
        names = {name.replace("_", "-") for name, _ in service.seen[-1].fields}
        assert not names & {"x-user", "x-roles", "x-identity"}


def test_an_identity_token_is_no_access_token(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        token = site.token(site.add())
        site.call(token)
        passed_on = service.seen[-1].field("x-identity") or ""
        answer = site.call(passed_on)
        assert answer.status_code == 401
        with pytest.raises(Exception, match="authenticate"):
            verified(site, token, frozenset({"at+jwt"}))


def test_a_token_is_signed_once_for_many_calls_and_has_always_time_left(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        token = site.token(site.add())
        told: set[str] = set()
        for _ in range(60):
            site.call(token)
            identity = service.seen[-1].field("x-identity") or ""
            assert claims_of(identity)["exp"] - time.time() > 0.9
            told.add(identity)
            time.sleep(0.05)
        assert 1 < len(told) <= 4


@pytest.mark.slow
def test_its_keys_rotate_and_what_was_signed_holds(tmp_path: Path, service: Upstream) -> None:
    settings = f"{QUIET}, token_lifetime: 60s, signing: {{rotate_every: 2s, publish_before: 1s}}"
    with token_site(tmp_path, service, settings, workers=2) as site:
        token = site.token(site.add())
        kids: set[str] = set()
        for _ in range(40):
            assert site.call(token).status_code == 200
            identity = service.seen[-1].field("x-identity") or ""
            assert verified(site, identity).claims["sub"] == "checkout"
            kids.add(json.dumps(verified(site, identity).header.kid))
            time.sleep(0.2)
        assert len(kids) >= 3
