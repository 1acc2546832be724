"""Clients of the token service that sign with a key instead of sending a secret (private_key_jwt), over sockets."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import portcullis
from gateway import wait_for
from joserfc import jwt
from joserfc.jwk import ECKey
from token_site import EXCHANGE, ISSUER, QUIET, Site, token_site
from upstream import Upstream

from portcullis.control.introspection.client_proof import prover
from portcullis.control.token_service.orders import SecretRotation
from portcullis.engine.authentication.introspection_messages import IntrospectionSource
from portcullis.testing.tokens import Signer, key_set_of

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY, OTHER, RSA = Signer("ES256", "k-1"), Signer("ES256", "k-1"), Signer("PS256", "k-2")
ENDPOINT = f"{ISSUER}/oauth2/token"
_numbers = itertools.count()


def keys_of(*signers: Signer) -> str:
    return json.dumps(key_set_of(*signers))


def assertion(signer: Signer = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    now = int(time.time())
    usual = {"iss": "signer", "sub": "signer", "aud": ISSUER, "jti": f"j-{next(_numbers)}", "iat": now, "exp": now + 60}
    said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return signer.token(said, header)


def ask(site: Site, text: str, endpoint: str = "token", kind: str = TYPE, **parameters: str) -> httpx.Response:
    usual = {"grant_type": "client_credentials"} if endpoint == "token" else {}
    form = {**usual, "client_assertion": text, "client_assertion_type": kind, **parameters}
    return site.post(endpoint, None, **form)


def test_a_client_gets_tokens_by_its_key_at_every_endpoint(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        assert site.add("signer", keys=keys_of(KEY, RSA))[1] == ""
        said = site.get("/.well-known/oauth-authorization-server").json()
        assert "private_key_jwt" in said["token_endpoint_auth_methods_supported"]
        for signer in (KEY, RSA):
            answer = ask(site, assertion(signer))
            assert answer.status_code == 200, answer.text
            token = answer.json()["access_token"]
            assert site.call(token).status_code == 200
            assert ask(site, assertion(signer), "introspect", token=token).json()["active"] is True
            assert ask(site, assertion(signer), "revoke", token=token).status_code == 200
            wait_for(lambda token=token: site.call(token).status_code == 401, "the token to be refused", 2)
        record = site.gateway.record_of(answer.headers["x-request-id"])
        assert record["identity"] == "signer"


def test_an_assertion_passes_once_whichever_worker_it_comes_by(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        site.add("signer", keys=keys_of(KEY))
        for _ in range(5):
            text = assertion()
            with ThreadPoolExecutor(8) as threads:
                answers = Counter(threads.map(lambda _, text=text: ask(site, text).status_code, range(16)))
            assert answers == {200: 1, 401: 15}
        last = ask(site, text)
        assert last.json()["error"] == "invalid_client"
        record = site.gateway.record_of(last.headers["x-request-id"])
        assert record["verdicts"][0]["code"] == "authenticate.client_failed"
        assert "used before" in json.dumps(record)
        assert text not in (site.gateway.directory / "access.jsonl").read_text()


def test_an_assertion_that_was_used_stays_used_after_a_restart(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        site.add("signer", keys=keys_of(KEY))
        text = assertion()
        assert ask(site, text).status_code == 200
    with token_site(tmp_path, service) as site:
        assert ask(site, text).status_code == 401
        assert ask(site, assertion()).status_code == 200


def test_whoever_is_not_the_client_gets_nothing(tmp_path: Path, service: Upstream) -> None:
    now = int(time.time())
    with token_site(tmp_path, service) as site:
        site.add("signer", keys=keys_of(KEY, RSA))
        name, secret = site.add()
        token = ask(site, assertion()).json()["access_token"]
        refused = {
            "another key": assertion(OTHER),
            "an unknown kid": assertion(Signer("ES256", "k-9")),
            "none": assertion(header={"alg": "none"}),
            "the public key as a secret": Signer("HS256", "k-1", json.dumps(KEY.jwk).encode()).token({"sub": "signer"}),
            "another algorithm of its key": RSA.token({"iss": "signer", "sub": "signer"}, algorithm="RS256"),
            "a key of its own": assertion(OTHER, {"jwk": OTHER.jwk, "kid": None}),
            "another client's": assertion(iss=name, sub=name),
            "iss": assertion(iss=name),
            "nobody": assertion(iss="nobody", sub="nobody"),
            "aud": assertion(aud="https://other.example"),
            "the token endpoint": assertion(aud=ENDPOINT),
            "two audiences": assertion(aud=[ISSUER, "https://other.example"]),
            "no jti": assertion(jti=None),
            "no exp": assertion(exp=None),
            "expired": assertion(exp=now - 60),
            "too long": assertion(exp=now + 3600),
            "not yet": assertion(nbf=now + 120),
            "an access token": token,
            "typ": assertion(header={"typ": "dpop+jwt"}),
            "nonsense": "x",
            "parts": "a.b.c",
        }
        for why, text in refused.items():
            answer = ask(site, text)
            assert (why, answer.status_code, answer.json()["error"]) == (why, 401, "invalid_client")
            assert answer.json()["error_description"] == "the client could not be authenticated"
        for parameters in ({"client_id": name}, {"client_id": "nobody"}):
            assert ask(site, assertion(), **parameters).status_code == 401
        assert ask(site, assertion(), kind=TYPE + "x").status_code == 401
        both = {"client_assertion": assertion(), "client_assertion_type": TYPE, "grant_type": "client_credentials"}
        assert site.post("token", (name, secret), **both).status_code == 400
        assert site.post("token", ("signer", ""), grant_type="client_credentials").status_code == 401
        assert (
            site.post("token", None, grant_type="refresh_token", refresh_token="x", client_id="signer").status_code
            == 401
        )
        assert ask(site, assertion(), client_id="signer").status_code == 200
        assert "Traceback" not in site.gateway.errors()


def test_the_token_endpoint_is_an_audience_where_the_file_says_so(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, f"{QUIET}, token_endpoint_audience: true") as site:
        site.add("signer", keys=keys_of(KEY))
        answers = [ask(site, assertion(aud=aud)) for aud in (ENDPOINT, ISSUER, f"{ENDPOINT}/")]
        assert [answer.status_code for answer in answers] == [
            200,
            200,
            401,
        ]


def test_keys_change_with_an_overlap_and_no_call_is_refused(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        site.add("signer", keys=keys_of(KEY))
        site.tokens.rotate_secret("signer", SecretRotation(2.0, keys_of(OTHER)))
        assert [ask(site, assertion(each)).status_code for each in (KEY, OTHER)] == [200, 200]
        wait_for(lambda: ask(site, assertion(KEY)).status_code == 401, "the end of the overlap", 4)
        assert ask(site, assertion(OTHER)).status_code == 200


def test_it_also_refreshes_and_exchanges(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        grants = ("client_credentials", "refresh_token", "token_exchange")
        site.add("signer", keys=keys_of(KEY), grants=grants, audiences=("payments",), serves=("shop",))
        begun = site.issue("signer", subject="alice", refresh=True)
        once = ask(site, assertion(), grant_type="refresh_token", refresh_token=begun.refresh_token)
        assert once.status_code == 200
        token = site.token(site.add())
        access = "urn:ietf:params:oauth:token-type:access_token"
        given = ask(site, assertion(), grant_type=EXCHANGE, subject_token=token, subject_token_type=access)
        assert given.status_code == 200, given.text


@pytest.mark.parametrize("how", ["pem", "jwks"])
def test_a_key_is_registered_by_the_command_and_other_libraries_sign_for_it(
    tmp_path: Path, service: Upstream, how: str
) -> None:
    key = ECKey.generate_key("P-256", {"kid": "k"})
    public, private = tmp_path / "public.key", key.as_pem(private=True)
    public.write_bytes(
        key.as_pem(private=False) if how == "pem" else json.dumps({"keys": [key.as_dict(False)]}).encode()
    )
    with token_site(tmp_path, service) as site:
        refused = tmp_path / "private.pem"
        refused.write_bytes(private)
        arguments = ("tokens", "clients", "add", "signer", "--audience", "shop", "--key")
        wrong = portcullis(tmp_path, *arguments, str(refused))
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert "private key" in wrong.stderr
        assert portcullis(tmp_path, *arguments, str(public)).returncode == 0
        now = int(time.time())
        said = {"iss": "signer", "sub": "signer", "aud": ISSUER, "jti": "j", "iat": now, "exp": now + 60}
        assert ask(site, jwt.encode({"alg": "ES256"}, said, key)).status_code == 200
        source = IntrospectionSource(
            endpoint="", client="signer", secret="", method="private_key_jwt", algorithm="ES256", audience=ISSUER
        )
        ours = prover(source, private)(time.time())  # as the gateway shows who it is to issuers
        assert site.post("token", None, grant_type="client_credentials", **ours.form).status_code == 200
