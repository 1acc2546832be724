from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rows import rows

from portcullis.engine.authentication.callers import CallerTypes, UntoldCallersError, identities_of_callers
from portcullis.engine.config.model import AuthenticateSettings
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Consumer, Identity

KEYS = ("keys", "more_keys")


def context(*any_of: Any, public: bool = False) -> Any:
    authenticate = AuthenticateSettings.model_validate({"any_of": list(any_of)}) if any_of else None
    identities = {name: SimpleNamespace(api_key={} if name in KEYS else None) for name in (*KEYS, "staff", "web")}
    return SimpleNamespace(
        settings=SimpleNamespace(public=public, authenticate=authenticate),
        configuration=SimpleNamespace(identities=identities),
    )


def calling(identity: Identity | None) -> Facts:
    facts = Facts()
    if identity is not None:
        facts.identify(identity)
    return facts


@rows(
    ("made", "names"),
    [
        (context("staff", "web", "staff"), ("staff", "web")),
        (context({"all_of": ["staff", "keys"]}, "web"), ("staff", "web")),
        (context("staff", public=True), ()),
        (context(), ()),
    ],
)
def test_callers_are_proven_by_the_first_of_several(made: Any, names: tuple[str, ...]) -> None:
    assert identities_of_callers(made) == names


def test_a_caller_has_the_type_of_the_identity_that_proved_it() -> None:
    types = CallerTypes(context("staff", "keys"), {"staff": "user", "keys": "partner", "web": "user"})
    assert types.names == {"user", "partner"}
    assert types.of(calling(Identity("jwt", "alice", name="staff"))) == "user"
    assert types.of(calling(Identity("api_key", "acme", consumer=Consumer("acme")))) == "partner"


@rows(
    "identity",
    [None, Identity("jwt", "alice", name="web"), Identity("jwt", "alice"), Identity("jwt", "", name="staff")],
)
def test_who_was_proven_by_nothing_that_is_accepted_has_no_type(identity: Identity | None) -> None:
    types = CallerTypes(context("staff", "keys"), {"staff": "user", "keys": "partner", "web": "user"})
    assert types.of(calling(identity)) is None


def test_each_identity_has_to_have_a_type() -> None:
    with pytest.raises(UntoldCallersError, match="of which type callers are that web proves") as error:
        CallerTypes(context("staff", "web"), {"staff": "user"})
    assert error.value.identity == "web"


def test_api_keys_are_of_one_type_whichever_identity_looks_for_them() -> None:
    assert CallerTypes(context(*KEYS), dict.fromkeys(KEYS, "user")).names == {"user"}
    with pytest.raises(UntoldCallersError, match="API keys are the same for all identities"):
        CallerTypes(context(*KEYS), {"keys": "user", "more_keys": "partner"})
