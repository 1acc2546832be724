"""Shapes: what people are told may stand somewhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from rows import rows

from portcullis.engine.config.names import Name, PlanName
from portcullis.engine.config.section import Section
from portcullis.engine.config.shape import (
    Choice,
    Fields,
    Items,
    OneOf,
    Scalar,
    Table,
    describe,
    either,
    fields_of,
    item_of,
    options,
    sections,
    shapes_of,
    step,
    written,
)
from portcullis.engine.config.values import Duration, Meaning, Network, SecretReference, Size


class Of(Section):
    """Whose it is."""

    of: Literal["consumer"]
    """The consumer's."""


class Lock(Section):
    """A lock."""

    keys: list[PlanName]
    """Keys."""
    after: Duration = 30.0
    """When it locks."""
    size: Size | None = None
    """How large it is."""


class Door(Section):
    """A door."""

    width: int = Field(1, ge=1, le=9)
    """How wide."""
    plan: PlanName | Of | None = None
    """Which plan."""
    mode: Literal["open", "shut"] = "shut"
    """Which way."""
    locks: dict[Name, Lock] = {}
    """Its locks."""
    secret: SecretReference | None = None
    """What opens it."""
    from_: list[Network] = Field([], alias="from")
    """Where from."""
    workers: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """How many."""
    lock: Annotated[Lock, Meaning("a list of keys", "[a]")] | None = None
    """The lock."""


SHAPES = shapes_of(Door)


@rows(
    ("key", "text"),
    [
        ("width", "a whole number"),
        ("plan", "the name of a plan or {of: consumer}"),
        ("mode", "open or shut"),
        ("locks", "a mapping from name to its settings"),
        ("secret", "the place of a secret"),
        ("from", "a list, each item a network"),
        ("workers", "a whole number or auto"),
        ("lock", "a list of keys"),
    ],
)
def test_a_shape_is_described_in_the_words_of_the_file(key: str, text: str) -> None:
    assert describe(SHAPES[key]) == text


def test_keys_are_those_of_the_file_not_the_names_of_fields() -> None:
    assert "from" in fields_of(Door)
    assert "from_" not in fields_of(Door)


def test_a_shape_knows_its_range_its_section_and_its_secrecy() -> None:
    width, secret = SHAPES["width"], SHAPES["secret"]
    assert isinstance(width, Scalar)
    assert (width.least, width.most, width.kind) == (1, 9, int)
    assert isinstance(secret, Scalar)
    assert secret.secret
    (name, _) = options(SHAPES["plan"])
    assert isinstance(name, Scalar)
    assert name.refers is not None
    assert name.refers.section == "plans"


def test_a_path_is_followed_through_tables_lists_and_choices() -> None:
    lock = step(SHAPES["locks"], "front")
    assert lock == Fields(Lock)
    keys = step(lock, "keys")
    assert isinstance(keys, Items)
    assert step(keys, 0) == keys.item
    assert step(SHAPES["plan"], "of") == OneOf(("consumer",))
    assert step(lock, "nothing") is None
    assert step(keys, "x") is None
    assert step(None, "x") is None


def test_a_list_in_the_place_of_a_mapping_is_its_only_list() -> None:
    keys = step(Fields(Lock), "keys")
    assert isinstance(keys, Items)
    assert item_of(SHAPES["lock"]) == keys.item
    assert item_of(Fields(Of)) is None
    assert item_of(None) is None


def test_every_model_is_visited_once_with_the_way_to_it() -> None:
    assert list(sections(Door)) == [((), Door), (("plan",), Of), (("locks", "<name>"), Lock)]


def test_defaults_are_written_with_their_units() -> None:
    shapes = shapes_of(Lock)
    assert written(90.0, shapes["after"]) == "90s"
    assert written(65536, shapes["size"]) == "64KiB"
    assert written("shut", SHAPES["mode"]) == "shut"
    assert written(None, shapes["size"]) is None


def test_lists_of_words_read_as_prose() -> None:
    assert either(["a"]) == "a"
    assert either(("a", "b", "c")) == "a, b or c"


def test_a_table_names_what_its_keys_are() -> None:
    assert isinstance(SHAPES["locks"], Table)
    assert isinstance(SHAPES["workers"], Choice)
