from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.engine.authentication.callers import UntoldCallersError
from portcullis.engine.config.model import AuthenticateSettings
from portcullis.engine.decision_points.questions import Entity
from portcullis.engine.decision_points.subjects import subject_reader
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Consumer, Identity

ALICE = Identity(
    "jwt",
    "alice",
    "t-1",
    frozenset({"b", "a"}),
    Consumer("staff:alice", roles=frozenset({"clerk"})),
    name="staff",
    issuer="https://id.example",
    claims={"department": "sales", "email": "a@shop.example"},
)


def reader(*any_of: str, claims: tuple[str, ...] = (), **subjects: str) -> Any:
    point: Any = SimpleNamespace(config=SimpleNamespace(subjects=subjects))
    context: Any = SimpleNamespace(
        settings=SimpleNamespace(
            public=False, authenticate=AuthenticateSettings.model_validate({"any_of": list(any_of)})
        ),
        configuration=SimpleNamespace(identities={name: SimpleNamespace(api_key=None) for name in any_of}),
    )
    return subject_reader(point, context, claims)


def calling(identity: Identity | None) -> Facts:
    facts = Facts()
    if identity is not None:
        facts.identify(identity)
    return facts


def test_the_caller_is_told_with_what_is_known_of_it_and_no_claim() -> None:
    assert reader("staff")(calling(ALICE)) == Entity(
        "user",
        "alice",
        {
            "identity": "staff",
            "issuer": "https://id.example",
            "consumer": "staff:alice",
            "roles": ["clerk"],
            "scopes": ["a", "b"],
        },
    )


def test_claims_are_told_where_they_are_asked_for_and_there() -> None:
    told = reader("staff", claims=("department", "missing"))(calling(ALICE))
    assert told.properties["claims"] == {"department": "sales"}


def test_the_type_is_that_of_the_identity() -> None:
    read = reader("staff", "web", staff="employee", web="customer")
    assert read(calling(ALICE)).type == "employee"
    assert read(calling(Identity("jwt", "alice", name="web"))) == Entity("customer", "alice", {"identity": "web"})
    with pytest.raises(UntoldCallersError):
        reader("staff", "web", staff="employee")


def test_nobody_is_nobody() -> None:
    assert reader("staff")(calling(None)) is None
    assert reader("staff")(calling(Identity("jwt", "", name="staff"))) is None
