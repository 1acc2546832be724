"""The model of the file: complete, documented, and with defaults that may be written out."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter
from rows import rows

from portcullis.engine.config.descriptions import descriptions
from portcullis.engine.config.load import load_configuration
from portcullis.engine.config.model import Configuration, PhaseSection
from portcullis.engine.config.reader import read
from portcullis.engine.config.shape import Fields, fields_of, item_of, sections, shapes_of, step, written
from portcullis.engine.config.tree import Listing, Mapping, Node
from portcullis.engine.policy import all_policies
from portcullis.testing import FakeFiles

KEYS = [
    pytest.param(model, key, id=".".join((*path, key)))
    for path, model in sections(Configuration)
    for key in fields_of(model)
]


@rows(("model", "key"), KEYS)
def test_every_key_is_documented(model: Any, key: str) -> None:
    assert model.__doc__
    assert len(descriptions(model)[key].strip()) > 5


def test_every_policy_kind_has_its_place_in_the_file() -> None:
    reachable = {model for _, model in sections(Configuration)}
    assert {policy.config for policy in all_policies()} <= reachable


def _keys_used(node: Node, shape: Any) -> set[tuple[str, str]]:
    used: set[tuple[str, str]] = set()
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            models = [option.model for option in _options(shape) if isinstance(option, Fields)]
            used |= {(model.__name__, key) for model in models if key in fields_of(model)}
            used |= _keys_used(entry.node, step(shape, key))
    elif isinstance(node, Listing):
        for item in node.items:
            used |= _keys_used(item, item_of(shape))
    return used


def _options(shape: Any) -> Any:
    return getattr(shape, "options", (shape,))


def test_the_complete_file_has_every_key_and_is_sound(complete: str, beside: FakeFiles) -> None:
    package = Configuration.__module__.rpartition(".")[0]
    own = [model for _, model in sections(Configuration) if model.__module__.startswith(package)]
    every = {(model.__name__, key) for model in own if not issubclass(model, PhaseSection) for key in fields_of(model)}
    used = _keys_used(read(complete, "f.yaml").root, Fields(Configuration))
    # What is set for an operation can be set for an API and a version as well; the file shows each once or more.
    shared = {key for model, key in every if model == "OperationSettings"}
    missing = {(model, key) for model, key in every - used if key not in shared}
    assert missing == {("UpstreamTlsConfig", "unverified")}  # of which `check` warns
    assert shared <= {key for _, key in used}
    assert load_configuration(complete, "f.yaml", beside).warnings == ()


def _defaults() -> list[Any]:
    found: list[Any] = []
    for path, model in sections(Configuration):
        for key, field in fields_of(model).items():
            default = written(field.default, shapes_of(model)[key])
            if isinstance(default, str | int | bool | float):
                found.append(pytest.param(model, key, default, id=".".join((*path, key))))
    return found


@rows(("model", "key", "default"), _defaults())
def test_a_default_may_be_written_out(model: Any, key: str, default: object) -> None:
    field = fields_of(model)[key]
    reader: TypeAdapter[Any] = TypeAdapter(Annotated[(field.annotation, "as in the file", *field.metadata)])
    assert reader.validate_python(default) == field.default
