from __future__ import annotations

from typing import Any

import msgspec
import pytest

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.policies import authenticate
from portcullis.engine.policies.authenticate import (
    MISSING,
    Authenticator,
    compile_phase,
    credential_query_names,
    forwarded_fields,
)
from portcullis.engine.policy import policies_of


@pytest.mark.parametrize("settings", [{}, {"public": False}])
def test_an_operation_without_authentication_is_an_error(phase: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_phase(phase.context(**settings))
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.pointer == "apis.shop.operations.GET /orders"
    assert diagnostic.message == "operation has no authentication"
    assert "public: true" in diagnostic.hint


def test_an_unknown_identity_is_an_error_that_names_the_known_ones(phase: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"no identity 'staff'.*links, partners"):
        compile_phase(phase.context(authenticate=["staff"]))


def test_an_identity_of_no_kind_is_an_error(phase: Any, issued: Any) -> None:
    site = type(phase)({"partners": {}}, issued)
    with pytest.raises(ConfigurationError, match=r"identities\.partners: .*exactly one kind"):
        compile_phase(site.context(authenticate=["partners"]))


def test_a_public_operation_has_no_step_where_there_is_nothing_to_withhold(phase: Any) -> None:
    assert compile_phase(phase.context(public=True)) == ()


def test_the_query_names_of_credentials_are_told(phase: Any) -> None:
    assert credential_query_names(phase.context(authenticate=["partners", "links"])) == {"api_key"}
    assert credential_query_names(phase.context(authenticate=["partners"])) == set()
    assert credential_query_names(phase.context(public=True)) == set()


def test_the_fields_of_credentials_that_are_sent_on_are_told(phase: Any, issued: Any) -> None:
    kinds = {"ours": {"api_key": {"header": "X-Ours"}}, "theirs": {"api_key": {"header": "Their_Key", "forward": True}}}
    site = type(phase)(kinds, issued)
    assert forwarded_fields(site.context(authenticate=["ours", "theirs"])) == {b"their_key"}
    assert forwarded_fields(site.context(public=True)) == set()


def test_only_the_step_that_decides_is_monitored(phase: Any) -> None:
    steps = compile_phase(phase.context(authenticate={"any_of": ["partners"], "mode": "monitor"}))
    assert [step.monitor for step in steps] == [False, True]


@pytest.mark.parametrize("outcome", [None, Refuse(MISSING)])
async def test_a_proof_that_has_to_wait_is_awaited(
    phase: Any, monkeypatch: pytest.MonkeyPatch, outcome: Refuse | None
) -> None:
    def prove(_request: object, _facts: Facts) -> Any:
        async def ask() -> Refuse | None:
            return outcome

        return ask()

    [kind] = policies_of("authenticate")
    slow = msgspec.structs.replace(kind, compile=lambda *_: Authenticator("authenticate.slow", prove, b"Slow"))
    monkeypatch.setattr(authenticate, "policies_of", lambda _phase: (slow,))
    [step] = compile_phase(phase.context(authenticate=["partners"]))
    decision = await step.run(None, Facts())  # type: ignore[arg-type, misc]
    assert decision == (None if outcome is None else Refuse(MISSING, fields=((b"www-authenticate", b"Slow"),)))
