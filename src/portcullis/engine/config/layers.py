"""The places of the file where settings of an operation may be written, and which of them a setting is from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from portcullis.engine.config.section import Section

if TYPE_CHECKING:
    from portcullis.engine.config.model import ApiConfig, OperationSettings

Place: TypeAlias = tuple[str | int, ...]
"""A path of keys in the file."""


def layers_of(name: str, api: ApiConfig, version: str, operation: str) -> list[tuple[Place, OperationSettings]]:
    """What the file says about one operation, from narrow to wide; levels that say nothing are left out."""
    config = api.versions[version]
    found = [
        (("apis", name, "versions", version, "operations", operation), config.operations.get(operation)),
        (("apis", name, "operations", operation), api.operations.get(operation)),
        (("apis", name, "versions", version), config),
        (("apis", name), api),
    ]
    return [(place, settings) for place, settings in found if settings is not None]


def written_at(layers: Sequence[tuple[Place, OperationSettings]], *keys: str) -> Place:
    """The path of ``keys`` at the narrowest of ``layers`` that sets them; at the widest one if none does."""
    place = next((place for place, settings in layers if is_set(settings, keys)), layers[-1][0])
    return (*place, *keys)


def is_set(settings: Section, keys: Sequence[str]) -> bool:
    """Whether the file says something at ``keys`` below ``settings``."""
    value: object = settings
    for key in keys:
        if not isinstance(value, Section):
            return False
        name = field_name(type(value), key)
        if name not in value.model_fields_set:
            return False
        value = getattr(value, name)
    return True


def field_name(model: type[Section], key: str) -> str:
    """The attribute of ``model`` that holds what the file has at ``key``."""
    return key if key in model.model_fields else f"{key}_"
