"""Single values of the configuration file: durations, sizes, addresses, secrets.

Each type carries what people are told about it: a :class:`Meaning` (what it is called, in errors and in the
reference) and, where it is the name of something declared elsewhere in the file, a :class:`Refers`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Final

import msgspec
from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Meaning(msgspec.Struct, frozen=True):
    """What a value is called: ``Meaning("a duration", "30s")``.

    ``relative``: it is a path, relative to the file it stands in.
    """

    noun: str
    example: str = ""
    relative: bool = False


class Refers(msgspec.Struct, frozen=True):
    """The value is the name of an entry of the top-level section ``section``."""

    section: str
    noun: str


_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_DURATION_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"([0-9]{1,12})(B|KiB|MiB|GiB|kB|MB|GB)?")
_SIZE_UNITS: Final = {
    None: 1,
    "B": 1,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
}
_BIND = re.compile(r"(?:\[([0-9a-fA-F]*:[0-9a-fA-F:.]{1,45})\]|([0-9.]{7,15})):([0-9]{1,5})")


def parse_duration(value: object) -> float:
    """Seconds from ``"500ms"``, ``"30s"``, ``"5m"``, ``"1h"``, ``"90d"``."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return float(match[1]) * _DURATION_UNITS[match[2]]
    raise ValueError("a number with a unit: 500ms, 30s, 5m, 1h or 90d")


def parse_size(value: object) -> int:
    """Bytes from ``"64KiB"``, ``"1MiB"``, ``"10MB"`` or a plain number."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return int(match[1]) * _SIZE_UNITS[match[2]]
    raise ValueError("a number of bytes, or a number with a unit: 64KiB, 1MiB, 10MB")


def format_duration(seconds: float) -> str:
    """``seconds`` as :func:`parse_duration` reads it, in the largest unit that divides it: ``"30s"``, ``"5m"``."""
    for unit, length in reversed(_DURATION_UNITS.items()):
        if seconds >= length and (seconds / length).is_integer():
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def format_size(size: int) -> str:
    """``size`` as :func:`parse_size` reads it: ``"16KiB"``, ``"1MiB"``, ``"1000"``."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _SIZE_UNITS[unit] == 0:
            return f"{size // _SIZE_UNITS[unit]}{unit}"
    return str(size)


def parse_bind(value: object) -> tuple[str, int]:
    """Address and port from ``"127.0.0.1:8080"`` or ``"[::1]:8080"``; port 0 lets the system choose."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, str) and (match := _BIND.fullmatch(value)) and int(match[3]) <= 65535:
        try:
            return str(ipaddress.ip_address(match[1] or match[2])), int(match[3])
        except ValueError:
            pass
    raise ValueError('an IP address and a port: "127.0.0.1:8080" or "[::1]:8080"')


def parse_network(value: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network from ``"10.0.0.0/8"`` or a single address."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    if isinstance(value, str):
        try:
            return ipaddress.ip_network(value)
        except ValueError:
            pass
    raise ValueError('an address, or a prefix without host bits: "10.0.0.0/8", "192.0.2.7", "2001:db8::/32"')


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$", "examples": ["30s"]}),
    Meaning("a duration", "30s"),
]
"""Seconds, written with a unit."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\d+(B|KiB|MiB|GiB|kB|MB|GB)?$", "examples": ["1MiB"]},
            ]
        }
    ),
    Meaning("a size", "1MiB"),
]
"""Bytes, written plainly or with a unit."""

Deadline = Annotated[Duration, Field(ge=0.001, le=86400.0)]
"""Seconds after which something is given up: at least a millisecond, at most a day."""

Bind = Annotated[
    tuple[str, int],
    BeforeValidator(parse_bind),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8080", "[::]:8443"]}),
    Meaning("an address with a port", "127.0.0.1:8080"),
]
"""Address and port to listen on."""

Network = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network,
    BeforeValidator(parse_network),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8"]}),
    Meaning("a network", "10.0.0.0/8"),
]
"""An IP network in CIDR notation."""


class SecretReference:
    """Where a secret is: ``env:NAME`` or ``file:PATH``. The secret itself is never in the configuration file."""

    __slots__ = ("kind", "name")

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name

    def __repr__(self) -> str:
        return f"SecretReference({self.kind}:{self.name})"

    @classmethod
    def parse(cls, value: object) -> SecretReference:
        """Read a reference; raises ``ValueError`` for anything else, without repeating what it was given."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            kind, _, name = value.partition(":")
            if kind in ("env", "file") and name:
                return cls(kind, name)
        raise ValueError('a secret is never written into the file: say where it is, "env:NAME" or "file:PATH"')

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^(env|file):.+$", "examples": ["env:SHOP_SECRET"]}
