from __future__ import annotations

import msgspec
import pytest
from rows import rows

from portcullis.control import record_file
from portcullis.control.record_file import read_records


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str


@rows(
    "content",
    [b'[{"name":"a"},{"name":"b"}]', b' {"name":"a"}\n{"name":"b"}\n', b"- name: a\n- {name: b}\n"],
)
def test_a_list_is_read_whatever_it_is_written_in(content: bytes) -> None:
    assert read_records(content, Thing) == [Thing("a"), Thing("b")]


def test_an_empty_file_has_nothing_in_it() -> None:
    assert read_records(b"", Thing) == []


@rows(
    ("content", "complaint"),
    [
        (b'[{"nam":"a"}]', "nam"),
        (b'{"name":1}', "Expected `str`"),
        (b"name: a\n", "Expected `array`"),
        (b"a: [", "not readable as YAML"),
        (b"- !!python/object/apply:os.getcwd []", "not readable as YAML"),
    ],
)
def test_the_first_mistake_is_told(content: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_records(content, Thing)


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_file, "MAX_FILE", 1024**2)
    with pytest.raises(ValueError, match="larger than 1 MiB"):
        read_records(b" " * (1024**2 + 1), Thing)
