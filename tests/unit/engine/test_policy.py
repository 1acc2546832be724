"""The registry of policies: what every one of them has to have."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from types import ModuleType

import pytest
from pydantic import BaseModel, create_model
from rows import rows

from portcullis.engine import policies as package
from portcullis.engine.codes import PHASES
from portcullis.engine.config.descriptions import descriptions
from portcullis.engine.policy import Policy, all_policies, policies_of

HEADINGS = ("What", "Why", "Config", "When it fails", "Example")

each_policy = rows("policy", all_policies(), ids=lambda policy: policy.name)


def module_of(policy: Policy) -> ModuleType:
    module = inspect.getmodule(policy.compile)
    assert module is not None
    return module


def test_there_are_policies() -> None:
    assert {"authenticate.api_key", "limit.rate"} <= {policy.name for policy in all_policies()}


def test_every_folder_is_a_phase() -> None:
    assert {module.name for module in pkgutil.iter_modules(package.__path__)} <= set(PHASES)


def test_policies_come_in_the_order_of_the_phases() -> None:
    order = [PHASES.index(policy.phase) for policy in all_policies()]
    assert order == sorted(order)


def test_every_module_of_a_phase_is_a_policy_that_says_so() -> None:
    for phase in pkgutil.iter_modules(package.__path__):
        folder = importlib.import_module(f"{package.__name__}.{phase.name}")
        kinds = {module.name for module in pkgutil.iter_modules(folder.__path__)}
        assert {policy.key for policy in policies_of(phase.name)} == kinds
        assert not kinds or callable(folder.compile_phase)


def test_no_two_policies_have_one_name() -> None:
    names = [policy.name for policy in all_policies()]
    assert len(set(names)) == len(names)


def test_a_phase_that_does_not_exist_has_no_policies() -> None:
    with pytest.raises(ModuleNotFoundError):
        policies_of("no_such_phase")


@each_policy
def test_a_policy_is_named_by_where_it_is(policy: Policy) -> None:
    assert module_of(policy).__name__ == f"{package.__name__}.{policy.phase}.{policy.key}"
    assert policy.name == f"{policy.phase}.{policy.key}"


@each_policy
def test_a_policy_is_documented_under_the_fixed_headings(policy: Policy) -> None:
    text = module_of(policy).__doc__ or ""
    found = re.findall(rf"^({'|'.join(HEADINGS)})\s*(?:\([^)\n]*\))?:?\s*$", text, re.MULTILINE)
    assert found == list(HEADINGS)


@each_policy
def test_a_policy_says_which_risk_it_is_for(policy: Policy) -> None:
    assert re.search(r"\bAPI\d{1,2}:20\d\d\b", module_of(policy).__doc__ or ""), "name the OWASP id under Why"


@each_policy
def test_every_key_of_a_policy_is_explained(policy: Policy) -> None:
    assert issubclass(policy.config, BaseModel)
    assert policy.config.__doc__
    assert policy.config.model_config.get("extra") == "forbid"
    keys = {field.alias or name for name, field in policy.config.model_fields.items()}
    assert keys == descriptions(policy.config).keys()


@each_policy
def test_a_policy_refuses_with_codes_of_its_own_phase(policy: Policy) -> None:
    assert policy.codes
    assert len(set(policy.codes)) == len(policy.codes)
    for code in policy.codes:
        assert code.phase == policy.phase


@each_policy
def test_probes_expect_what_the_policy_can_say(policy: Policy) -> None:
    assert policy.probes
    assert len({probe.name for probe in policy.probes}) == len(policy.probes)
    for probe in policy.probes:
        assert probe.expects in policy.codes


@each_policy
def test_where_the_file_says_nothing_the_defaults_are_the_same_object_each_time(policy: Policy) -> None:
    if policy.phase in ("validate", "protect"):
        defaults = policy.config_in(None)
        assert defaults == policy.config()
        assert policy.config_in(None) is defaults


def test_what_the_file_says_is_taken_instead_of_the_defaults() -> None:
    (request,) = (policy for policy in policies_of("validate") if policy.key == "request")
    section = create_model("Section", request=(request.config, None))
    said = section(request=request.config(mode="monitor"))  # type: ignore[call-arg]
    assert request.config_in(said).mode == "monitor"
    assert request.config_in(section()).mode == "enforce"
