from __future__ import annotations

from typing import Any

import msgspec
import pytest

from portcullis.engine.authentication.proof import FAILED, Authenticator
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.decision import Refuse
from portcullis.engine.policies import authenticate
from portcullis.engine.policies.authenticate import (
    compile_phase,
    credential_header_names,
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


def test_an_identity_is_compiled_once_for_all_operations(phase: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def compile_kind(name: str, *_: object) -> Authenticator:
        compiled.append(name)
        return Authenticator("authenticate.fake", lambda *_: Refuse(FAILED), fields=(f"of-{name}".encode(),))

    [kind] = [kind for kind in policies_of("authenticate") if kind.key == "api_key"]
    fake = msgspec.structs.replace(kind, compile=compile_kind)
    monkeypatch.setattr(authenticate, "policies_of", lambda _phase: (fake,))
    context = phase.context(authenticate=["partners", {"all_of": ["links", "partners"]}])
    compile_phase(context)
    assert credential_header_names(context) == ("of-partners", "of-links", "of-partners")
    assert compiled == ["partners", "links"]


def test_all_of_some_identities_are_asked_for_together(phase: Any, issued: Any) -> None:
    issued.issue("one", "acme", scopes=["a", "b"])
    issued.issue("other", "beta", scopes=["b"])
    settings = {"authenticate": [{"all_of": ["partners", "others"]}]}
    site = type(phase)({"partners": {"api_key": {}}, "others": {"api_key": {"header": "X-Other"}}}, issued)
    key, other = issued.keys["one"].reveal(), issued.keys["other"].reveal()
    both = site.run([("x-api-key", key), ("x-other", other)], **settings)
    assert both.refusal is None
    assert both.facts.identity.subject == "acme"
    assert both.facts.identity.scopes == {"b"}
    assert [each.subject for each in both.facts.identity.also] == ["beta"]
    assert both.removed_fields == {b"x-api-key", b"x-other"}
    for fields in ([("x-api-key", key)], [("x-other", other)], []):
        assert site.run(fields, **settings).refusal is not None
