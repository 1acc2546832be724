"""Which operations look administrative: functions that an ordinary caller has no business with.

A document seldom says who a function is for, but its names do. Each sign below is one way to see it; a sign that is
wrong in one place costs a line in the file that says who may call, one that is missing costs a function that everyone
may call. So the words are few and mean one thing: ``admin`` and not ``manage``, which customers do as well.

Paths, tags and operation ids are read as words: ``/adminUsers``, ``/admin-users`` and ``/Admin/users`` all have
``admin``. ``OPTIONS`` does nothing, and is never administrative.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from portcullis.engine.openapi.operations import SpecOperation

Shapes: TypeAlias = Collection[str]
"""The paths of a document, with ``{}`` for each variable."""

_ADMINISTRATION: Final = frozenset(
    {
        *("admin", "admins", "administration", "administrative", "administrator", "administrators", "backoffice"),
        *("impersonate", "impersonation", "sudo", "superadmin", "superuser", "sysadmin"),
    }
)
_INSIDES: Final = frozenset(
    {
        *("actuator", "debug", "diagnostics", "heapdump", "internal", "internals", "jolokia", "pprof", "threaddump"),
        *("management", "mgmt"),
    }
)
"""Words that mean the inside of a service where they are a whole segment or tag, and something else within others."""
_RIGHTS: Final = frozenset(
    {
        *("acl", "acls", "entitlement", "entitlements", "grants", "permission", "permissions", "privilege"),
        *("privileges", "role", "roles", "scopes"),
    }
)
_OWN: Final = frozenset({"current", "me", "mine", "my", "self"})
"""Segments below which everything is the caller's own."""
_MANY: Final = re.compile(r"(?:delete|drop|purge|remove|reset|truncate|wipe) all\b")
_READING: Final = frozenset({"GET", "HEAD"})
_WHOLE: Final = frozenset({"DELETE", "PATCH", "PUT"})
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_VARIABLE: Final = re.compile(r"\{[^{}]*\}")


class Sign(msgspec.Struct, frozen=True):
    """One way to see that an operation is administrative.

    ``finds``: what it looks for, for people; ``see``: gives what was seen in an operation (among the paths of its
    document), or ``""``; ``example``: an operation that has it.
    """

    finds: str
    example: str
    see: Callable[[SpecOperation, Shapes], str]


def _in_path(operation: SpecOperation, _paths: Shapes) -> str:
    for segment in _literals(operation.path):
        words = words_of(segment)
        if not _ADMINISTRATION.isdisjoint((*words, "".join(words))) or "".join(words) in _INSIDES:
            return f"{segment} in its path"
    return ""


def _in_tags(operation: SpecOperation, _paths: Shapes) -> str:
    for tag in operation.tags:
        words = words_of(tag)
        if not _ADMINISTRATION.isdisjoint((*words, "".join(words))) or "".join(words) in _INSIDES:
            return f"the tag {tag[:60]}"
    return ""


def _in_operation_id(operation: SpecOperation, _paths: Shapes) -> str:
    words = words_of(operation.operation_id)
    is_one = not _ADMINISTRATION.isdisjoint(words) or _MANY.match(" ".join(words)) is not None
    return f"the operationId {operation.operation_id[:60]}" if is_one else ""


def _extension(operation: SpecOperation, _paths: Shapes) -> str:
    return "x-internal" if operation.internal else ""


def _changes_rights(operation: SpecOperation, _paths: Shapes) -> str:
    if operation.method in _READING:
        return ""
    found = next((each for each in _literals(operation.path) if each.lower() in _RIGHTS), "")
    return f"it changes {found}" if found else ""


def _changes_collection(operation: SpecOperation, paths: Shapes) -> str:
    path = operation.path.rstrip("/")
    if operation.method not in _WHOLE or "{" in path or not _OWN.isdisjoint(path.lower().split("/")):
        return ""
    return f"it is for the whole collection {path}" if f"{path}/{{}}" in paths else ""


SIGNS: Final = (
    Sign(
        f"a word in the path: {', '.join(sorted(_ADMINISTRATION))}; or a whole segment: {', '.join(sorted(_INSIDES))}",
        "GET /admin/users",
        _in_path,
    ),
    Sign(f"a segment {', '.join(sorted(_RIGHTS))}, by a method that changes", "PUT /users/{id}/roles", _changes_rights),
    Sign(
        f"DELETE, PUT or PATCH on a collection, a path without variables that another continues with one; not below a "
        f"segment {', '.join(sorted(_OWN))}",
        "DELETE /users",
        _changes_collection,
    ),
    Sign("one of these words in a tag", "tags: [Admin]", _in_tags),
    Sign(
        "one of the first words in the operationId, or one such as deleteAll...",
        "operationId: purgeAllUsers",
        _in_operation_id,
    ),
    Sign("the extension x-internal: true, of the operation or its path", "x-internal: true", _extension),
)
"""Every sign, the plainest first."""


def seen_in(operation: SpecOperation, paths: Shapes) -> str:
    """By what ``operation`` looks administrative, in a few words; ``""`` if it does not.

    ``paths``: those of its document, see :func:`shapes_of`.
    """
    if operation.method == "OPTIONS":
        return ""
    return next(filter(None, (sign.see(operation, paths) for sign in SIGNS)), "")


def shapes_of(operations: Iterable[SpecOperation]) -> frozenset[str]:
    """The paths of ``operations``, with ``{}`` for each variable."""
    return frozenset(shape_of(operation.path).rstrip("/") for operation in operations)


def shape_of(path: str) -> str:
    """``/orders/{id}`` -> ``/orders/{}``."""
    return _VARIABLE.sub("{}", path)


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """The words of a name, however it is written: ``adminUsers``, ``admin-users`` -> ``("admin", "users")``."""
    return tuple(word.lower() for word in _WORDS.findall(text[:200]))


def _literals(path: str) -> list[str]:
    """The segments of ``path`` that are no variables."""
    return [segment for segment in path.split("/") if segment and "{" not in segment]
