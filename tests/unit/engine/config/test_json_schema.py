"""The JSON Schema for editors agrees with what is read."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
import yaml
from rows import rows

from portcullis.engine.config.json_schema import DIALECT, configuration_schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return configuration_schema()


@pytest.mark.slow
def test_it_is_a_valid_schema_of_its_dialect(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == DIALECT
    jsonschema_rs.meta.validate(schema)


def test_it_accepts_the_complete_file(schema: dict[str, Any], complete: str) -> None:
    validator = jsonschema_rs.validator_for(schema)
    assert [str(error) for error in validator.iter_errors(yaml.safe_load(complete))] == []


@rows(
    ("old", "new"),
    [
        ("base_path:", "base_paht:"),
        ("by: consumer", "by: consumr"),
        ("drain: 30s", "drain: 30"),
        ("plan: {of: consumer}", "plan: {of: x}"),
        ("authenticate: [partners]", "authenticate: partners"),
        ("shop:", "sh op:"),
        ("ca: tls/ca.pem", "ca:"),
        ("redirect_port: 8443", "redirect_port: 0"),
    ],
)
def test_it_refuses_what_an_editor_can_see(schema: dict[str, Any], complete: str, old: str, new: str) -> None:
    validator = jsonschema_rs.validator_for(schema)
    assert not validator.is_valid(yaml.load(complete.replace(old, new, 1), yaml.CSafeLoader))


def test_keys_are_those_of_the_file_and_documented(schema: dict[str, Any]) -> None:
    settings = schema["$defs"]["OperationSettings"]["properties"]
    assert "validate" in settings
    assert "validate_" not in settings
    for definition in schema["$defs"].values():
        for key, property_ in definition.get("properties", {}).items():
            assert "title" not in property_, key
            assert "description" in property_ or "$ref" in property_, key


@pytest.mark.slow
def test_defaults_are_written_as_in_the_file(schema: dict[str, Any]) -> None:
    assert schema["$defs"]["ListenerTimeouts"]["properties"]["idle"]["default"] == "75s"
    assert schema["$defs"]["ListenerConfig"]["properties"]["max_header_bytes"]["default"] == "16KiB"
    assert schema["$defs"]["AddressAttempts"]["properties"]["for"]["default"] == "1m"
    assert "default" not in schema["$defs"]["BasicLockout"]["properties"]["per_user"]
    for definition in schema["$defs"].values():
        for property_ in definition.get("properties", {}).values():
            if "default" in property_:
                inner = {**property_, "$defs": schema["$defs"]}
                assert jsonschema_rs.validator_for(inner).is_valid(property_["default"]), property_
