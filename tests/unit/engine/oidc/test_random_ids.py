from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.oidc.random_ids import ID_BYTES, as_text, new_id, read_id


def test_no_two_ids_are_alike() -> None:
    made = {new_id() for _ in range(100)}
    assert len(made) == 100
    assert {len(each) for each in made} == {ID_BYTES}


@given(st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read(octets: bytes) -> None:
    assert read_id(as_text(octets).encode()) == octets


@rows(
    "text",
    [
        b"",
        b"A" * 42,
        b"A" * 44,
        b"A" * 42 + b"=",
        b"A" * 42 + b"B",
        b"+" * 43,
        b"/" + b"A" * 42,
        b"\xff" * 43,
        b"A" * 10**6,
    ],
)
def test_only_one_spelling_of_an_id_is_one(text: bytes) -> None:
    assert read_id(text) is None
