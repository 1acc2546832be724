from __future__ import annotations

import json
from typing import Any

from portcullis.engine.authentication.jose.claims import ACCESS_TOKEN_CLAIMS, ORDINARY_TYPES, TokenRules
from portcullis.engine.authentication.jwt_building import judge_of, rules_of
from portcullis.engine.identity import Identity
from portcullis.engine.policies.authenticate.jwt import JwtConfig
from portcullis.engine.ports import Ports
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeFiles, FakeKeys
from portcullis.testing.tokens import Signer, key_set_of

BASE: dict[str, Any] = {
    "issuer": "https://id.example.com",
    "audience": ["shop", "store"],
    "jwks": {"file": "keys.json"},
}


def rules(**said: Any) -> TokenRules:
    return rules_of(JwtConfig.model_validate({**BASE, **said}))


def test_the_rules_are_what_the_file_says() -> None:
    plain = rules()
    assert plain == TokenRules(BASE["issuer"], frozenset({"shop", "store"}), ORDINARY_TYPES, frozenset(), 30.0, None)
    assert rules(leeway="5s", max_age="1h", require=["tenant"]) == TokenRules(
        BASE["issuer"], plain.audiences, ORDINARY_TYPES, frozenset({"tenant"}), 5.0, 3600.0
    )


def test_a_profile_asks_for_its_type_and_its_claims() -> None:
    profiled = rules(profile="rfc9068", require=["tenant"])
    assert (profiled.types, profiled.required) == ({"at+jwt"}, ACCESS_TOKEN_CLAIMS | {"tenant"})
    assert rules(typ="application/Shop+JWT").types == {"shop+jwt"}
    assert rules(jti="once").required == {"jti"}


def test_what_judges_goes_by_the_file() -> None:
    signer, clock = Signer("ES256", "a"), FakeClock()
    files = FakeFiles({"keys.json": json.dumps(key_set_of(signer))})
    ports = Ports(clock, FakeCounters(), FakeKeys(), files=files)
    config = JwtConfig.model_validate({**BASE, "cache": "1MiB", "roles": {"claim": "groups"}, "plan": "gold"})
    judge = judge_of("staff", config, ports)
    claims = {"iss": BASE["issuer"], "aud": "store", "sub": "a", "exp": clock.wall_s() + 9, "groups": ["clerk"]}
    token = signer.token(claims).encode()
    who = judge.judge(token, "/header/authorization")
    assert isinstance(who, Identity)
    assert who.consumer is not None
    assert (who.consumer.name, who.consumer.plan, who.roles) == ("staff:a", "gold", {"clerk"})
    assert judge.judge(token, "/header/authorization") is who
