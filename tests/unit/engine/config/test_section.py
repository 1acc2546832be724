"""What holds for every mapping of the file."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from portcullis.engine.config.section import Section


class Door(Section):
    """A door."""

    width: int = 1
    """How wide it is."""
    locked: bool = False
    tags: list[str] = []


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValidationError):
        Door.model_validate({"widht": 2})


@pytest.mark.parametrize("data", [{"width": "5"}, {"width": True}, {"width": 1.0}, {"locked": "yes"}, {"locked": 1}])
def test_nothing_is_guessed(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Door.model_validate(data)


def test_what_was_read_is_never_changed() -> None:
    with pytest.raises(ValidationError):
        Door().width = 3  # type: ignore[misc]


def test_defaults_are_not_shared() -> None:
    assert Door().tags is not Door().tags


def test_the_text_below_a_field_documents_it() -> None:
    assert Door.model_fields["width"].description == "How wide it is."
