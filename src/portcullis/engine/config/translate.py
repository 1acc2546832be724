"""pydantic's errors, told for people: where in the file, what is wrong, and what would be right.

pydantic reports an error for each member of a union, and speaks of Python types and fields. Here each error is led
along the shapes of the model, so that one diagnostic remains for each real problem, in the words of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from portcullis.engine.config import shape as shapes
from portcullis.engine.config import tree, wording
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.shape import Choice, Fields, Items, OneOf, Scalar, Shape, Table
from portcullis.engine.config.sources import Sources
from portcullis.engine.config.tree import Node, Path, pointer
from portcullis.engine.decision import shorten

_RANGES = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_MOST_GUESSES = 2_000
"""How many unknown keys are compared with the known ones in one run."""
_LENGTHS = ("too_short", "too_long", "string_too_short", "string_too_long")


class _Place(msgspec.Struct, frozen=True):
    """Where an error belongs.

    ``path``: in the file; ``shape``: what may stand there; ``parent``: the shape around it; ``is_key``: the error is
    about the last key itself. On the way to it there may be a ``choice`` (at ``choice_path``), of which pydantic
    tried ``option``.
    """

    path: Path
    shape: Shape | None
    parent: Shape | None = None
    is_key: bool = False
    choice_path: Path = ()
    choice: Choice | None = None
    option: Shape | None = None


class Translator:
    """Tells what is wrong with the tree ``root``, which was read from ``sources``, as ``model``."""

    def __init__(self, model: type[BaseModel], root: Node, sources: Sources) -> None:
        self.model = model
        self.root = root
        self.sources = sources
        self.guesses = 0

    def translate(self, errors: Sequence[ErrorDetails]) -> list[Diagnostic]:
        """One diagnostic for each real problem among ``errors``."""
        places = [(error, self._place(error["loc"])) for error in errors]
        mistyped = {self._meant_key(place) for error, place in places if error["type"] == "extra_forbidden"}
        told: dict[Diagnostic, None] = {}
        for error, place in places:
            if error["type"] == "missing" and place.path in mistyped:
                continue
            if place.choice is None:
                told[self._tell(error, place)] = None
                continue
            meant = _meant(place.choice, tree.find(self.root, place.choice_path))
            if meant is None:
                told[self._mismatch(_Place(place.choice_path, place.choice))] = None
            elif meant is place.option:
                told[self._tell(error, place)] = None
        return list(told)

    def empty_keys(self) -> Iterator[Diagnostic]:
        """An error for each key without a value, unless ``null`` says something there (the default is another)."""
        waiting: list[tuple[Path, Shape | None, Node]] = [((), Fields(self.model), self.root)]
        while waiting:
            path, shape, node = waiting.pop()
            for key, below in _children(node):
                where, shape_below = (*path, key), shapes.step(shape, key)
                if isinstance(below, tree.Scalar) and below.value is None and _null_says_nothing(shape, key):
                    yield self._diagnostic(where, "has no value", wording.fill(shape_below))
                waiting.append((where, shape_below, below))

    def _place(self, loc: Sequence[str | int]) -> _Place:
        """Follow pydantic's location through shapes and file, past union tags and keys that a model added."""
        place = _Place((), Fields(self.model))
        node: Node | None = self.root
        for at, part in enumerate(loc):
            if part == "[key]":
                return msgspec.structs.replace(place, is_key=True)
            if isinstance(place.shape, Choice):
                place = _chosen(place, place.shape, str(part))
                continue
            place = msgspec.structs.replace(place, shape=shapes.step(place.shape, part), parent=place.shape)
            if tree.is_added(node, loc, at):
                continue
            place = msgspec.structs.replace(place, path=(*place.path, part))
            node = tree.child(node, part)
        return place

    def _tell(self, error: ErrorDetails, place: _Place) -> Diagnostic:
        kind = error["type"]
        if kind == "extra_forbidden":
            return self._unknown_key(place)
        if kind == "missing":
            key = str(place.path[-1])
            return self._diagnostic(place.path, f'"{key}" is missing', wording.purpose(place.parent, key))
        if kind in ("value_error", "assertion_error"):
            return self._invalid(str(error["ctx"]["error"]), place)
        if kind in _RANGES:
            shown = wording.show(tree.find(self.root, place.path), private=_is_private(place))
            otherwise = error["msg"].removeprefix("Input should be ")
            return self._at_value(place, f"{shown} is out of range", wording.bounds(place.shape, otherwise))
        if kind in _LENGTHS:
            return self._diagnostic(place.path, *wording.length(kind, error.get("ctx", {})))
        return self._mismatch(place)

    def _mismatch(self, place: _Place) -> Diagnostic:
        """Something else was expected here."""
        node = tree.find(self.root, place.path)
        if isinstance(node, tree.Scalar) and node.value is None:
            return self._diagnostic(place.path, "has no value", wording.fill(place.shape))
        private = _is_private(place)
        shown = wording.show(node, private=private)
        hint = wording.correction(node, place.shape, private=private)
        if isinstance(place.shape, OneOf) and isinstance(node, tree.Scalar):
            return self._at_value(place, f"{shown} is not allowed here", hint)
        expected = shapes.describe(place.shape) if place.shape is not None else "something else"
        return self._at_value(place, f"expected {expected}, found {shown}", hint)

    def _invalid(self, reason: str, place: _Place) -> Diagnostic:
        """A validator's own words: the hint where a single value is wrong, the message where a mapping is."""
        if place.is_key:
            noun = shapes.describe(place.parent.key) if isinstance(place.parent, Table) else "allowed here"
            return self._diagnostic(place.path, f'"{shorten(place.path[-1], 60)}" is not {noun}', reason)
        node = tree.find(self.root, place.path)
        if not isinstance(node, tree.Scalar):
            return self._diagnostic(place.path, reason)
        private = _is_private(place)
        shown = "this" if private else wording.show(node)
        if isinstance(place.shape, Scalar) and place.shape.example:
            return self._at_value(place, f"{shown} is not {place.shape.noun}", reason)
        return self._at_value(place, f"{shown} can't be used here", reason)

    def _unknown_key(self, place: _Place) -> Diagnostic:
        key = str(place.path[-1])
        if meant := self._meant_key(place):
            hint = f'did you mean "{meant[-1]}"?'
        elif home := self._home(key, place):
            hint = f"it belongs {home}"
        else:
            hint = f"allowed here: {wording.listed(_keys(place.parent))}"
        return self._diagnostic(place.path, f'unknown key "{shorten(key, 60)}"', hint)

    def _meant_key(self, place: _Place) -> Path:
        """The path with the key that the unknown one was probably meant to be; ``()`` if none is near."""
        self.guesses += 1
        if self.guesses > _MOST_GUESSES:
            return ()
        near = wording.closest(str(place.path[-1]), _keys(place.parent))
        return (*place.path[:-1], near) if near else ()

    def _home(self, key: str, place: _Place) -> str:
        """Where ``key`` is known: one level below, or above on the way to here."""
        below = shapes.shapes_of(place.parent.model) if isinstance(place.parent, Fields) else {}
        for name, shape in below.items():
            if _knows(shape, key):
                return f'below "{name}"'
        for end in range(len(place.path) - 2, 0, -1):
            if _knows(self._place(place.path[:end]).shape, key):
                return f"to {pointer(place.path[:end])}"
        return "to the top level of the file" if key in shapes.fields_of(self.model) else ""

    def _at_value(self, place: _Place, message: str, hint: str) -> Diagnostic:
        """A diagnostic at a value; at its key where it is a mapping or list, which begins somewhere below."""
        node = tree.find(self.root, place.path)
        if not isinstance(node, tree.Scalar):
            return self._diagnostic(place.path, message, hint)
        private = _is_private(place)
        file = self.sources.of(place.path)
        return Diagnostic(file, *node.position, pointer(place.path), message, hint, private=private)

    def _diagnostic(self, path: Path, message: str, hint: str = "") -> Diagnostic:
        return Diagnostic(self.sources.of(path), *tree.locate(self.root, path), pointer(path), message, hint)


def _keys(shape: Shape | None) -> list[str]:
    return list(shapes.fields_of(shape.model)) if isinstance(shape, Fields) else []


def _chosen(place: _Place, choice: Choice, tag: str) -> _Place:
    """``place`` with the option that pydantic calls ``tag`` instead of the choice."""
    option = _option(choice, tag)
    if place.choice is not None:
        return msgspec.structs.replace(place, shape=option)
    return msgspec.structs.replace(place, shape=option, choice_path=place.path, choice=choice, option=option)


def _option(choice: Choice, tag: str) -> Shape | None:
    for option in choice.options:
        if isinstance(option, Fields) and option.model.__name__ in tag:
            return option
        if isinstance(option, OneOf) and "literal" in tag:
            return option
        if (isinstance(option, Items) and tag.startswith("list[")) or (
            isinstance(option, Table) and tag.startswith("dict[")
        ):
            return option
        if isinstance(option, Scalar) and option.kind is not None and option.kind.__name__ in tag:
            return option
    return None


def _meant(choice: Choice, node: Node | None) -> Shape | None:
    """The one option that the author of ``node`` can have meant; ``None`` if that can't be told."""
    fits: list[Shape]
    if isinstance(node, tree.Mapping):
        fits = [option for option in choice.options if isinstance(option, Fields | Table)]
    elif isinstance(node, tree.Listing):
        fits = [option for option in choice.options if isinstance(option, Items)]
    else:
        kind = type(node.value) if node is not None else None
        fits = [option for option in choice.options if isinstance(option, Scalar) and option.kind is kind]
    return fits[0] if len(fits) == 1 else None


def _children(node: Node) -> Iterator[tuple[str | int, Node]]:
    if isinstance(node, tree.Mapping):
        yield from ((key, entry.node) for key, entry in node.entries.items())
    elif isinstance(node, tree.Listing):
        yield from enumerate(node.items)


def _null_says_nothing(shape: Shape | None, key: str | int) -> bool:
    """Whether ``null`` at ``key`` would quietly mean the same as leaving the key out."""
    fields = [option for option in shapes.options(shape) if isinstance(option, Fields)]
    known = [shapes.fields_of(option.model).get(str(key)) for option in fields]
    return any(field is not None and field.default is None for field in known)


def _knows(shape: Shape | None, key: str) -> bool:
    return any(key in shapes.fields_of(option.model) for option in shapes.options(shape) if isinstance(option, Fields))


def _is_private(place: _Place) -> bool:
    """Whether the text that stands here may be a secret: by its key, by its shape, or since no text was expected."""
    if any(isinstance(key, str) and wording.is_secret_name(key) for key in place.path[-1:]):
        return True
    options = shapes.options(place.shape)
    if any(isinstance(option, Scalar) and option.secret for option in options):
        return True
    return any(isinstance(option, Fields) for option in options) and not any(
        isinstance(option, Scalar) for option in options
    )
