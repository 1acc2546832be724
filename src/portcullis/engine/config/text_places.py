"""Where a character of a text stands in the file, however the text is written there.

YAML writes a text plain, in quotes, or as a block; over several lines it folds, and in quotes it may escape. A text
that holds a language of its own (a rule, say) has errors at some character: here that becomes a line and a column.
"""

from __future__ import annotations

import re
from typing import Final

from portcullis.engine.config.tree import Position, Scalar

_BREAK: Final = re.compile(r"[ \t]*(?:\r\n|\r|\n)[ \t\r\n]*")
_ESCAPE_LENGTHS: Final = {"x": 4, "u": 6, "U": 10}
_HEADER: Final = re.compile(r"[|>][-+0-9]*[^\r\n]*(?:\r\n|\r|\n)")


def place_of(scalar: Scalar, offset: int) -> Position:
    """Line and column, from 1, of the character ``offset`` of the text of ``scalar``."""
    written = scalar.written
    if not written:
        return scalar.position[0], scalar.position[1] + offset
    at = _in_block(scalar, offset) if written[0] in "|>" else _in_flow(scalar, offset)
    before = written[:at].replace("\r\n", "\n").replace("\r", "\n")
    line, _, last = before.rpartition("\n")
    if "\n" not in before:
        return scalar.position[0], scalar.position[1] + at
    return scalar.position[0] + line.count("\n") + 1, len(last) + 1


def _in_block(scalar: Scalar, offset: int) -> int:
    """The place in a literal or folded block. Both keep all characters, and take the indentation off each line."""
    written, text = scalar.written, scalar.text
    header = _HEADER.match(written)
    at = header.end() if header else 0
    indent = _indentation(written[at:]) - _indentation(text)
    line_starts = True
    for index in range(offset + 1):
        if line_starts:
            while index < len(text) and not text[index : index + 1].isspace() and written[at : at + 1] in ("\r", "\n"):
                at += 1  # an empty line that a fold has swallowed
            at += _leading_blanks(written[at : at + indent])
            line_starts = False
        if index == offset:
            break
        line_starts = written[at : at + 1] in ("\r", "\n")
        at += 2 if written[at : at + 2] == "\r\n" else 1
    return min(at, len(written))


def _indentation(block: str) -> int:
    """How far the first line that is not empty is indented."""
    for line in block.splitlines():
        if line.strip(" "):
            return _leading_blanks(line)
    return 0


def _leading_blanks(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _in_flow(scalar: Scalar, offset: int) -> int:
    """The place in a text that is plain or in quotes."""
    written, text = scalar.written, scalar.text
    quote = written[0] if written[0] in "'\"" else ""
    at, index = len(quote), 0
    while index < offset and at < len(written):
        folded = _BREAK.match(written, at)
        if folded:
            # A single break is a blank, and more of them are one break less.
            index += 1 if text[index : index + 1] == " " else len(text) - index - len(text[index:].lstrip("\n"))
            at = folded.end()
            continue
        if quote == '"' and written[at] == "\\":
            continued = _BREAK.match(written, at + 1)
            if continued:
                at = continued.end()
                continue
            at += _ESCAPE_LENGTHS.get(written[at + 1 : at + 2], 2)
        else:
            at += 2 if quote == "'" and written[at : at + 2] == "''" else 1
        index += 1
    return at
