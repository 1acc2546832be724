"""What holds for every mapping of the file."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError
from rows import rows

from portcullis.engine.config.descriptions import descriptions
from portcullis.engine.config.section import ListedSection, Section


class Door(Section):
    """A door."""

    width: int = 1
    """How wide it is."""
    locked: bool = False
    tags: list[str] = []


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValidationError):
        Door.model_validate({"widht": 2})


@rows("data", [{"width": "5"}, {"width": True}, {"width": 1.0}, {"locked": "yes"}, {"locked": 1}])
def test_nothing_is_guessed(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Door.model_validate(data)


def test_what_was_read_is_never_changed() -> None:
    with pytest.raises(ValidationError):
        Door().width = 3  # type: ignore[misc]


def test_defaults_are_not_shared() -> None:
    assert Door().tags is not Door().tags


def test_the_text_below_a_field_documents_it() -> None:
    assert descriptions(Door)["width"] == "How wide it is."


class Locks(ListedSection):
    """What a door is locked by."""

    all_of: list[str] = []
    """Locks, all of which have to be opened."""
    mode: str = "shut"
    """How it is locked."""


def test_a_list_may_stand_for_a_mapping_that_has_one() -> None:
    assert Locks.model_validate(["a"]) == Locks.model_validate({"all_of": ["a"]})
    assert Locks.model_validate(["a"]).model_fields_set == {"all_of"}
    for data in ("a", {"any_of": ["a"]}, [5]):
        with pytest.raises(ValidationError):
            Locks.model_validate(data)


def test_editors_are_told_of_both_forms() -> None:
    schema = TypeAdapter(Locks).json_schema()
    listed, whole = schema["anyOf"]
    assert (listed["type"], listed["title"]) == ("array", "Locks")
    assert whole["properties"].keys() == {"all_of", "mode"}
    assert schema["description"] == "What a door is locked by."
