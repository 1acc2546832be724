"""Header fields that an operation knows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.engine import declared_fields as module
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.declared_fields import declared_fields
from portcullis.engine.openapi.credentials import KeyPlaces


def context(
    *parameters: tuple[str, str], keys: frozenset[str] = frozenset(), version: dict[str, Any] | None = None
) -> Any:
    declared = [SimpleNamespace(location=location, name=name) for location, name in parameters]
    operation = SimpleNamespace(parameters=declared, keys=KeyPlaces(keys))
    return SimpleNamespace(
        operation=operation, api=SimpleNamespace(version=SimpleNamespace(**version) if version else None)
    )


@pytest.fixture(autouse=True)
def forwarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "forwarded_fields", lambda _context: frozenset({b"x-forward-key"}))


def test_parameters_keys_versions_and_credentials_are_known() -> None:
    known = declared_fields(
        context(
            ("header", "X_User"),
            ("query", "q"),
            ("path", "id"),
            keys=frozenset({"api_key"}),
            version={"by": "header", "name": "Api-Version"},
        )
    )
    assert known == {b"x_user", b"api_key", b"api-version", b"x-forward-key"}


def test_a_version_in_the_path_is_no_field() -> None:
    assert declared_fields(context(version={"by": "path", "name": "X"})) == {b"x-forward-key"}


def test_the_same_names_are_the_same_object() -> None:
    assert declared_fields(context(("header", "A"))) is declared_fields(context(("header", "a")))


def test_identities_that_are_wrong_are_told_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_context: Any) -> frozenset[bytes]:
        raise ConfigurationError([])

    monkeypatch.setattr(module, "forwarded_fields", fail)
    assert declared_fields(context(("header", "A"))) == {b"a"}
