from __future__ import annotations

from pydantic import BaseModel, Field

from portcullis.engine.config.descriptions import descriptions


class Base(BaseModel):
    """A base."""

    kept: int = 1
    """What the base says."""
    said_twice: int = Field(2, description="What the field says.")
    """What stands below it."""
    anew: int = 3
    """What the base says of it."""
    under_another_name: int = Field(4, alias="under-another-name")
    """Over
    two lines."""


class Below(Base):
    own: int = 5
    """What is said here."""
    anew: int = 6
    silent: int = 7
    _ = "no field, and no word about one"


def test_what_stands_below_a_field_describes_its_key():
    assert descriptions(Base) == {
        "kept": "What the base says.",
        "said_twice": "What the field says.",
        "anew": "What the base says of it.",
        "under-another-name": "Over\ntwo lines.",
    }


def test_a_model_says_what_its_base_says_unless_it_declares_the_field_anew():
    assert descriptions(Below) == {
        "kept": "What the base says.",
        "said_twice": "What the field says.",
        "under-another-name": "Over\ntwo lines.",
        "own": "What is said here.",
    }
