from __future__ import annotations

from rows import rows

from portcullis.engine.config import reader, tree
from portcullis.engine.config.text_places import place_of

WRITTEN = [
    "a: abc xyz\n",
    "a: 'it''s xyz'\n",
    'a: "q\\"u\\u00e9\\x41o\\U0001f600 xyz"\n',
    "a:\n  abc\n  def xyz\n",
    "a: 'abc\n\n\n   def xyz'\n",
    'a: "abc \\\n    def xyz"\n',
    'a: "abc\n    def xyz"\n',
    "a: |\n  abc\n\n    def xyz\n  ghi\n",
    "a: |\n\n\n  abc\n  xyz\n",
    "a: |2\n   abc xyz\n",
    "a: |-  # a remark\n  abc xyz\n",
    "a: >\n  abc\n  def xyz\n\n  ghi\n",
    "a: >\n\n  abc\n  xyz\n",
    "a: >-\n  abc\n\n\n  def xyz\n",
    "a: >\n  abc\n    more\n  xyz\n",
    "a: >\n   abc\n\n     k\n\n   xyz\n",
    "x: {a: 'b xyz', c: d}\n",
    'x:\n  - a: [é😀 xyz, "é😀 xyz"]\n',
    "a: |\r\n  abc\r\n  def xyz\r\n",
    "a: 'abc\r\n   def xyz'\r\n",
]


def scalars(node: tree.Node) -> list[tree.Scalar]:
    if isinstance(node, tree.Mapping):
        return [found for entry in node.entries.values() for found in scalars(entry.node)]
    if isinstance(node, tree.Listing):
        return [found for item in node.items for found in scalars(item)]
    return [node]


@rows("written", WRITTEN)
def test_every_character_is_found_where_it_is_written(written: str) -> None:
    lines = reader.lines(written)
    for scalar in scalars(reader.read(written, "f", needs=("a",)).root):
        for offset, character in enumerate(scalar.text):
            line, column = place_of(scalar, offset)
            if not character.isspace():
                assert lines[line - 1][column - 1] in (character, "\\"), (scalar.text, offset)


def test_the_end_of_a_text_is_right_behind_it() -> None:
    for written, place in (("a: abc\n", (1, 7)), ("a: 'abc'\n", (1, 8)), ("a: |\n  abc\n", (2, 6))):
        [scalar] = scalars(reader.read(written, "f", needs=("a",)).root)
        assert place_of(scalar, 3) == place
