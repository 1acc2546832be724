"""Types as declarations name them: ``STRING``, ``list_of(STRING)``, ``map_of(STRING, DYN)``."""

from __future__ import annotations

from types import NoneType
from typing import Final

import msgspec

from portcullis.engine.cel.values import Duration, Timestamp, TypeValue, Uint


class Type(msgspec.Struct, frozen=True):
    """A type by its name in CEL, with what a list or map is of."""

    name: str
    of: tuple[Type, ...] = ()

    @property
    def kind(self) -> type | None:
        """The Python type of its values; ``None`` if that is not known before."""
        return KINDS.get(self.name)

    @property
    def item(self) -> type | None:
        """The Python type of a list's items or a map's values; ``None`` if that is not known before."""
        return self.of[-1].kind if self.of else None

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.of))})" if self.of else self.name


KINDS: Final[dict[str, type]] = {
    "bool": bool,
    "int": int,
    "uint": Uint,
    "double": float,
    "string": str,
    "bytes": bytes,
    "null_type": NoneType,
    "list": list,
    "map": dict,
    "timestamp": Timestamp,
    "duration": Duration,
    "type": TypeValue,
}

BOOL: Final = Type("bool")
INT: Final = Type("int")
STRING: Final = Type("string")
TIMESTAMP: Final = Type("timestamp")
DYN: Final = Type("dyn")


def list_of(item: Type) -> Type:
    """The type of lists of ``item``."""
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    """The type of maps from ``key`` to ``value``."""
    return Type("map", (key, value))
