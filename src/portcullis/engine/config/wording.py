"""Words for error messages: what was found, what was expected, and how the one becomes the other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from portcullis.engine.config import shape as shapes
from portcullis.engine.config import tree
from portcullis.engine.config.descriptions import descriptions
from portcullis.engine.config.shape import Fields, Items, OneOf, Scalar, Shape
from portcullis.engine.config.tree import Node
from portcullis.engine.decision import shorten

_SECRET_NAME = re.compile(r"secret|passw|pwd|token|credential|private", re.IGNORECASE)
_KEY = re.compile(r"""([\w-]{1,64})["']?[ \t]{0,8}:[ \t]{1,8}["']?""")
_USER_IN_URL = re.compile(r"://[^/@\s]{1,500}@")
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")
_MOST_LISTED: Final = 16
_MOST_COMPARED: Final = 100
_LONGEST_LINE: Final = 2000
_MASK: Final = "***"


def is_secret_name(key: str) -> bool:
    """Whether what stands at ``key`` may be a secret, which is never repeated."""
    return _SECRET_NAME.search(key) is not None


def quotable(line: str) -> str:
    """``line`` of the file as it may be quoted: what looks like a secret masked; ``""`` if it is too long for that."""
    if len(line) > _LONGEST_LINE:
        return ""
    for match in _KEY.finditer(line):
        if is_secret_name(match[1]) and not line.startswith(("env:", "file:"), match.end()):
            line = line[: match.end()] + _MASK
            break
    return _USER_IN_URL.sub(f"://{_MASK}@", line)


def show(node: Node | None, *, private: bool = False) -> str:
    """What was found, in a few words: text in quotes, unless it is ``private``."""
    if isinstance(node, tree.Mapping):
        return "a mapping"
    if isinstance(node, tree.Listing):
        return "a list"
    if node is None or node.value is None:
        return "nothing"
    if isinstance(node.value, str):
        return "text" if private else f'"{_USER_IN_URL.sub(f"://{_MASK}@", shorten(node.value, 60))}"'
    return shorten(node.text, 60)


def correction(node: Node | None, shape: Shape | None, *, private: bool = False) -> str:
    """How what was written becomes what was expected; ``""`` if that can't be said."""
    if isinstance(node, tree.Scalar) and not private:
        text = shorten(node.text, 40)
        if isinstance(shape, Items) and isinstance(node.value, str):
            return f'write it as a list: ["{text}"]'
        if _takes(shape, str) and not isinstance(node.value, str):
            return f'in quotes it is text: "{text}"'
        if _takes(shape, int, float) and isinstance(node.value, str) and _NUMBER.fullmatch(node.text):
            return f"without quotes it is a number: {text}"
        if _takes(shape, bool):
            return "true or false, without quotes"
    words = [word for option in shapes.options(shape) if isinstance(option, OneOf) for word in option.words]
    if words and isinstance(node, tree.Scalar):
        near = closest(node.text, words)
        return suggest(node.text, words) if isinstance(shape, OneOf) else f'did you mean "{near}"?' if near else ""
    if isinstance(shape, Fields):
        return f"for example {shape.example}" if shape.example else f"its keys: {listed(shapes.fields_of(shape.model))}"
    return f"for example {shape.example}" if isinstance(shape, Scalar) and shape.example else ""


def _takes(shape: Shape | None, *kinds: type) -> bool:
    return any(isinstance(option, Scalar) and option.kind in kinds for option in shapes.options(shape))


def fill(shape: Shape | None) -> str:
    """What to do about a key without a value."""
    return "remove the key" if shape is None else f"give it {shapes.describe(shape)}, or remove the key"


def purpose(parent: Shape | None, key: str) -> str:
    """What a key is for: the first sentence of its documentation."""
    text = descriptions(parent.model).get(key, "") if isinstance(parent, Fields) else ""
    sentence = " ".join(text.split("\n\n")[0].split()).replace("``", "").rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def bounds(shape: Shape | None, otherwise: str) -> str:
    """The range of a number: ``from 1 to 65535``."""
    if not isinstance(shape, Scalar) or shape.least is shape.most is None:
        return otherwise
    least, most = (_bound(bound, shape) for bound in (shape.least, shape.most))
    if least and most:
        return f"from {least} to {most}"
    return f"at least {least}" if least else f"at most {most}"


def _bound(bound: float | None, shape: Scalar) -> str:
    if bound is None:
        return ""
    return str(shapes.written(bound, shape))


def length(kind: str, context: dict[str, Any]) -> tuple[str, str]:
    """Message and hint about a list, mapping or text that is too short or too long."""
    what = "characters" if kind.startswith("string") else "entries"
    if kind.endswith("short"):
        least = context.get("min_length", 1)
        return (
            ("is empty", f"at least one of its {what} is needed")
            if least == 1
            else (f"has too few {what}", f"at least {least}")
        )
    return f"has too many {what}", f"at most {context.get('max_length')}"


def closest(word: str, allowed: Iterable[str]) -> str:
    """The one of ``allowed`` that ``word`` was probably meant to be; ``""`` if none is near."""
    known = {_folded(name): name for name in allowed}
    folded = _folded(word)
    if folded in known:
        return known[folded]
    if near := difflib.get_close_matches(folded, known, n=1, cutoff=0.7):
        return known[near[0]]
    return next((known[name] for name in known if len(folded) > 2 and name.startswith(folded)), "")


def _folded(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")[:_MOST_COMPARED]


def suggest(word: str, allowed: Sequence[str], label: str = "allowed") -> str:
    """``did you mean "enforce"? allowed: enforce, monitor, off``."""
    near = closest(word, allowed)
    every = f"{label}: {listed(allowed)}"
    return f'did you mean "{near}"? {every}' if near and len(allowed) > 1 else every


def listed(names: Iterable[str]) -> str:
    """The first few of ``names``, with commas."""
    every = list(names)
    return ", ".join(every[:_MOST_LISTED]) + (", ..." if len(every) > _MOST_LISTED else "") or "none"
