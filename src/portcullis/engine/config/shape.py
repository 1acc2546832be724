"""What may stand where in the file, read from the models: for error messages, reference checks and the docs.

A *shape* is a model's annotation reduced to what people have to know. pydantic alone validates.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

import annotated_types
import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from portcullis.engine.config.values import Meaning, Refers, SecretReference, format_duration, format_size


class Scalar(msgspec.Struct, frozen=True):
    """One value. ``noun`` is what it is called; ``kind`` its Python type, where the file holds just that.

    ``refers``: it names an entry of a section; ``least`` and ``most``: its range; ``secret``: never to be shown;
    ``relative``: a path, relative to the file it stands in.
    """

    noun: str
    example: str = ""
    kind: type | None = None
    refers: Refers | None = None
    least: float | None = None
    most: float | None = None
    secret: bool = False
    relative: bool = False


class OneOf(msgspec.Struct, frozen=True):
    """One of some words."""

    words: tuple[str, ...]


class Fields(msgspec.Struct, frozen=True):
    """A mapping with known keys. ``noun`` replaces the list of keys where there is something better to say."""

    model: type[BaseModel]
    noun: str = ""
    example: str = ""


class Table(msgspec.Struct, frozen=True):
    """A mapping with keys of the operator's choosing."""

    key: Shape
    value: Shape


class Items(msgspec.Struct, frozen=True):
    """A list."""

    item: Shape


class Choice(msgspec.Struct, frozen=True):
    """Any one of several shapes."""

    options: tuple[Shape, ...]


Shape: TypeAlias = Scalar | OneOf | Fields | Table | Items | Choice

_NOUNS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


@cache
def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of ``model`` by the key that stands in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


@cache
def shapes_of(model: type[BaseModel]) -> dict[str, Shape]:
    """What may stand at each key of ``model``."""
    return {key: _shape(field.annotation, field.metadata) for key, field in fields_of(model).items()}


def step(shape: Shape | None, key: str | int) -> Shape | None:
    """The shape below ``shape`` at one key or index; ``None`` where nothing is known to be there."""
    if isinstance(shape, Fields) and isinstance(key, str):
        return shapes_of(shape.model).get(key)
    if isinstance(shape, Table) and isinstance(key, str):
        return shape.value
    if isinstance(shape, Items) and isinstance(key, int):
        return shape.item
    if isinstance(shape, Choice):
        below = [step(option, key) for option in shape.options]
        return next((found for found in below if found is not None), None)
    return None


def item_of(shape: Shape | None) -> Shape | None:
    """The shape of the items of a list; a list in the place of a mapping is short for the one list in it."""
    for option in options(shape):
        if isinstance(option, Items):
            return option.item
        if isinstance(option, Fields):
            return next((below.item for below in shapes_of(option.model).values() if isinstance(below, Items)), None)
    return None


def options(shape: Shape | None) -> tuple[Shape, ...]:
    """The alternatives of ``shape``: itself, unless it is a choice."""
    if shape is None:
        return ()
    return shape.options if isinstance(shape, Choice) else (shape,)


def describe(shape: Shape) -> str:
    """``shape`` in a few words, to follow "expected": ``a list of host names``, ``enforce, monitor or off``."""
    if isinstance(shape, Scalar):
        return shape.noun
    if isinstance(shape, OneOf):
        return either(shape.words)
    if isinstance(shape, Fields):
        return shape.noun or _describe_fields(shape.model)
    if isinstance(shape, Items):
        return f"a list, each item {describe(shape.item)}"
    if isinstance(shape, Table):
        return f"a mapping from {_bare(describe(shape.key))} to its settings"
    return either([describe(option) for option in shape.options])


def written(value: object, shape: Shape | None) -> object:
    """``value``, a default of the model, as it would stand in the file: durations and sizes with their units."""
    if isinstance(shape, Scalar) and isinstance(value, int | float):
        if shape.noun == "a duration":
            return format_duration(value)
        if shape.noun == "a size":
            return format_size(int(value))
    return value


def either(words: tuple[str, ...] | list[str]) -> str:
    """``a, b or c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def sections(root: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """Every model below ``root`` with the way to it (``("apis", "<name>", "upstream")``), each model once, in order."""
    seen: set[type[BaseModel]] = set()
    waiting: list[tuple[tuple[str, ...], Shape]] = [((), Fields(root))]
    while waiting:
        path, shape = waiting.pop(0)
        if isinstance(shape, Fields):
            if shape.model in seen:
                continue
            seen.add(shape.model)
            yield path, shape.model
            waiting[:0] = [((*path, key), below) for key, below in shapes_of(shape.model).items()]
        elif isinstance(shape, Table):
            waiting.insert(0, ((*path, f"<{_bare(describe(shape.key))}>"), shape.value))
        elif isinstance(shape, Items):
            waiting.insert(0, ((*path, "[]"), shape.item))
        elif isinstance(shape, Choice):
            waiting[:0] = [(path, option) for option in shape.options]


def _bare(noun: str) -> str:
    article, _, rest = noun.partition(" ")
    return rest if article in ("a", "an", "the") else noun


def _describe_fields(model: type[BaseModel]) -> str:
    fixed = [
        shape.words[0] for shape in shapes_of(model).values() if isinstance(shape, OneOf) and len(shape.words) == 1
    ]
    if len(fixed) == len(fields_of(model)) == 1:
        return f"{{{next(iter(fields_of(model)))}: {fixed[0]}}}"
    return "a mapping"


def _shape(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> Shape:
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _shape(inner, [*more, *metadata])
    meaning = next((item for item in metadata if isinstance(item, Meaning)), None)
    if get_origin(annotation) in (Union, types.UnionType) and not (meaning and _is_one_kind(annotation)):
        found = tuple(_shape(member, metadata) for member in get_args(annotation) if member is not type(None))
        return found[0] if len(found) == 1 else Choice(found)
    return _container(annotation, meaning) or _scalar(annotation, meaning, metadata)


def _is_one_kind(annotation: Any) -> bool:
    """A union that a :class:`Meaning` describes as a whole: one notion, several Python types."""
    members = get_args(annotation)
    return type(None) not in members and not any(get_origin(member) is Annotated for member in members)


def _container(annotation: Any, meaning: Meaning | None) -> Shape | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return OneOf(tuple(str(word) for word in arguments))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Fields(annotation, meaning.noun if meaning else "", meaning.example if meaning else "")
    if origin is dict:
        return Table(_shape(arguments[0]), _shape(arguments[1]))
    if origin in (list, set, frozenset):
        return Items(_shape(arguments[0]))
    return None


def _scalar(annotation: Any, meaning: Meaning | None, metadata: list[Any] | tuple[Any, ...]) -> Scalar:
    if annotation is SecretReference:
        return Scalar("the place of a secret", "env:NAME", secret=True)
    kind = annotation if annotation in _NOUNS else None
    constraints = [item for part in metadata for item in (part.metadata if isinstance(part, FieldInfo) else [part])]
    least = [item.ge for item in constraints if isinstance(item, annotated_types.Ge)]
    most = [item.le for item in constraints if isinstance(item, annotated_types.Le)]
    return Scalar(
        noun=meaning.noun if meaning else _NOUNS.get(annotation, "a value"),
        example=meaning.example if meaning else "",
        kind=kind,
        refers=next((item for item in metadata if isinstance(item, Refers)), None),
        least=_number(least),
        most=_number(most),
        relative=meaning is not None and meaning.relative,
    )


def _number(bounds: list[Any]) -> float | None:
    return bounds[0] if bounds and isinstance(bounds[0], int | float) else None
