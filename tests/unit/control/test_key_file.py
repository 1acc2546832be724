from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from rows import rows

from portcullis.control.key_file import read_key_file
from portcullis.control.key_orders import InvalidOrder, KeyRecord

RECORDS = [
    KeyRecord("abcdefgh", "sha256:" + 64 * "a", "acme", "gold", ("clerk",), expires=datetime(2027, 1, 31, tzinfo=UTC)),
    KeyRecord("ijklmnop", "sha256:" + 64 * "b", "globex"),
]
YAML = b"""\
# keys of the partners
- id: abcdefgh
  digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  consumer: acme
  plan: gold
  roles: [clerk]
  expires: 2027-01-31T00:00:00Z
- {id: ijklmnop, digest: "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", consumer: globex}
"""


@rows(
    "content",
    [
        msgspec.json.encode(RECORDS),
        b" \n" + msgspec.json.format(msgspec.json.encode(RECORDS)),
        b"\n".join(map(msgspec.json.encode, RECORDS)) + b"\n",
        YAML,
    ],
    ids=["JSON", "JSON with layout", "JSON lines", "YAML"],
)
def test_all_forms_hold_the_same(content: bytes) -> None:
    assert read_key_file(content) == RECORDS


def test_an_empty_file_holds_nothing() -> None:
    assert read_key_file(b"") == read_key_file(b"# none yet\n") == read_key_file(b"[]") == []


@rows(
    ("content", "complaint"),
    [
        (b'[{"id": "abcdefgh"}]', r"missing required field `digest` - at `\$\[0\]`"),
        (b'[{"idd": 1}]', "unknown field"),
        (b'{"id": 1}', "Expected `str`"),
        (b"[", "truncated"),
        (b"- id: [", "YAML"),
        (b"- !!python/object/apply:os.system [id]", "YAML"),
        (b"keys: 1", "Expected `array`"),
        (b"\xff\xfe\x00", "YAML"),
        (b"plain", "Expected `array`"),
    ],
)
def test_a_mistake_is_told_with_its_place(content: bytes, complaint: str) -> None:
    with pytest.raises(InvalidOrder, match=complaint):
        read_key_file(content)
