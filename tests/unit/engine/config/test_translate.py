"""One diagnostic for each real problem, at its place, in the words of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import read_yaml

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.load import load_configuration
from portcullis.engine.config.reader import read
from portcullis.engine.config.section import Section
from portcullis.engine.config.sources import Sources
from portcullis.engine.config.translate import Translator
from portcullis.engine.config.tree import plain
from portcullis.engine.config.values import SecretReference
from portcullis.testing import FakeFiles

Changed = Callable[..., list[str]]


def cases(name: str) -> list[Any]:
    """The cases of a file beside this one."""
    return [pytest.param(case, id=case["by"]) for case in read_yaml(Path(__file__).with_name(name))]


@rows("case", cases("mistakes.yaml"))
def test_each_mistake_is_told_once(changed: Changed, case: dict[str, Any]) -> None:
    assert changed((case["replace"], case["by"])) == case["told"]


def test_a_key_without_a_value_is_told_once_wherever_it_is(changed: Changed) -> None:
    assert changed(("validate: {}", "validate:")) == [
        "validate> apis.shop.validate: has no value (give it a mapping, or remove the key)"
    ]
    assert changed(("listeners:\n", "listeners: null\nx:\n"))[0].startswith("listeners> listeners: has no value")


def test_null_may_stand_where_it_says_something(complete: str, beside: FakeFiles) -> None:
    text = complete.replace("{header: X-API-Key}", "{header: null, query: api_key}")
    load_configuration(text, "f.yaml", beside)


class Vault(Section):
    """A vault."""

    secret: SecretReference
    """What opens it."""
    door: dict[str, int] = {}
    """Its doors."""


def refusal_of(text: str) -> Diagnostic:
    root = read(text, "f.yaml").root
    with pytest.raises(ValidationError) as caught:
        Vault.model_validate(plain(root))
    (found,) = Translator(Vault, root, Sources("f.yaml")).translate(caught.value.errors())
    return found


def test_a_secret_in_the_file_is_refused_and_never_repeated() -> None:
    found = refusal_of("secret: hunter2\n")
    assert found.private
    assert (found.line, found.column) == (1, 9)
    assert "hunter2" not in str(found)
    assert "env:NAME" in found.hint


@rows("text", ["api_key: pk_live_hunter2", "api_key: {password: hunter2}", "api_key: {token: [hunter2]}"])
def test_what_may_be_a_secret_is_never_repeated(changed: Changed, text: str) -> None:
    (found,) = changed(("api_key: {header: X-API-Key}", text))
    assert "hunter2" not in found.partition("> ")[2]
