"""Effective settings of an operation: the API's, overlaid by the version's, overlaid by the operation's own."""

from __future__ import annotations

from typing import TypeVar

from portcullis.engine.config.model import ApiConfig, OperationSettings, VersionConfig
from portcullis.engine.config.section import Section

_SectionT = TypeVar("_SectionT", bound=Section)


def effective(api: ApiConfig, version: VersionConfig, operation: str) -> OperationSettings:
    """What holds for ``operation`` (``"GET /orders"``) of ``version``.

    From wide to narrow: the API, the version, the API's ``operations``, the version's ``operations``. The narrower
    wins, key by key and also inside of sections; lists are replaced whole. ``authenticate`` ends a ``public: true``
    of a wider layer; a narrower ``public: true`` leaves ``authenticate`` in place, so that credentials which are
    sent nevertheless are still recognised. ``authorize.every_caller: true`` ends what wider layers ask of callers,
    and what a narrower layer asks ends it.
    """
    settings = OperationSettings()
    for layer in (api, version, api.operations.get(operation), version.operations.get(operation)):
        if layer is not None:
            settings = overlay(_ended_rules(_ended_publicity(settings, layer), layer), layer)
    return settings


def overlay(wide: _SectionT, narrow: Section) -> _SectionT:
    """``wide`` with what ``narrow`` sets, as far as ``wide`` knows the keys; neither is changed."""
    update: dict[str, object] = {}
    for name in narrow.model_fields_set & type(wide).model_fields.keys():
        above, below = getattr(wide, name), getattr(narrow, name)
        mergeable = isinstance(above, Section) and isinstance(below, type(above))
        update[name] = overlay(above, below) if mergeable else below
    return wide.model_copy(update=update)


def _ended_publicity(settings: OperationSettings, layer: OperationSettings) -> OperationSettings:
    ends = settings.public and "authenticate" in layer.model_fields_set and "public" not in layer.model_fields_set
    return settings.model_copy(update={"public": False}) if ends else settings


def _ended_rules(settings: OperationSettings, layer: OperationSettings) -> OperationSettings:
    wide, narrow = settings.authorize, layer.authorize
    if wide is None or narrow is None or not narrow.model_fields_set:
        return settings
    ends = narrow.every_caller or (wide.every_caller and narrow.every_caller is None)
    return settings.model_copy(update={"authorize": None}) if ends else settings
