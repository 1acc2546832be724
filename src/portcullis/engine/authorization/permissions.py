"""Permissions: what an operation may ask for, ``orders:read``, and the patterns by which a role gives them.

A permission is one to eight segments between colons. In what a role gives ``*`` stands for a segment: ``orders:*`` and
``*:read`` give ``orders:read``. At the end it stands for all that follow, so ``orders:*`` gives ``orders:items:read``
too, and ``*`` gives everything. An operation asks for a permission, never for a pattern.
"""

from __future__ import annotations

import re
from typing import Final

_SEGMENT: Final = r"[A-Za-z0-9._-]{1,64}"
_PERMISSION: Final = re.compile(rf"{_SEGMENT}(?::{_SEGMENT}){{0,7}}")
_PATTERN: Final = re.compile(rf"(?:{_SEGMENT}|\*)(?::(?:{_SEGMENT}|\*)){{0,7}}")
_ANY: Final = "*"


def check_permission(value: str) -> str:
    """``value`` if an operation can ask for it; raises ``ValueError``."""
    if not _PERMISSION.fullmatch(value):
        raise ValueError("letters, digits, '.', '_' and '-' in one to eight segments between colons: orders:read")
    return value


def check_pattern(value: str) -> str:
    """``value`` if a role can give it: a permission, in which ``*`` may stand for segments; raises ``ValueError``."""
    if not _PATTERN.fullmatch(value):
        raise ValueError("a permission such as orders:read, or orders:* for every one that begins so")
    return value


def gives(pattern: str, permission: str) -> bool:
    """Whether ``pattern`` gives ``permission``."""
    if pattern == permission:
        return True
    given, wanted = pattern.split(":"), permission.split(":")
    if given[-1] == _ANY:
        wanted = wanted[: len(given)]
    return len(given) == len(wanted) and all(mine in (_ANY, its) for mine, its in zip(given, wanted, strict=True))
