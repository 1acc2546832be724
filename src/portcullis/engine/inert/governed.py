"""One operation as the settings that govern it find it, and what looks whether one of them can act there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from portcullis.engine.config.layers import Place
from portcullis.engine.config.model import OperationSettings
from portcullis.engine.operation import Operation, OperationContext

Keys: TypeAlias = tuple[str, ...]


class Governed(msgspec.Struct, frozen=True, eq=False):
    """One operation as its settings find it. Of one that is not there yet the rest is open.

    ``context``: what it was compiled from; ``has_body``: the document says that it takes one; ``has_scopes``: the
    document asks for scopes.
    """

    settings: OperationSettings
    layers: Sequence[tuple[Place, OperationSettings]]
    operation: Operation | None = None
    context: OperationContext | None = None
    has_body: bool = True
    has_scopes: bool = True


Look: TypeAlias = Callable[[Governed], str]
"""Says why a setting has nothing to act on at an operation; nothing if it has."""
