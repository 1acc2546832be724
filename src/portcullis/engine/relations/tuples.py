"""Tuples, as people write them: ``order:17#owner@user:alice``, ``order:17#viewer@group:staff#member``.

Ids come from elsewhere (``auth0|17``, ``alice@example.com``, ``spiffe://shop/web``), so nearly all may be in one: not
``#``, by which the end of an id is found, and no blank or control character, which would not be seen.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

MAX_ID: Final = 256
EVERYBODY: Final = "*"
"""Elsewhere an id for all subjects of a type. Here it means nobody, and is refused lest it be taken for that."""

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_TUPLE: Final = re.compile(rf"({_NAME}):([^#]{{1,{MAX_ID}}})#({_NAME})@({_NAME}):([^#]{{1,{MAX_ID}}})(?:#({_NAME}))?")
_OBJECT: Final = re.compile(rf"({_NAME}):([^#]{{1,{MAX_ID}}})")


class RelationTuple(msgspec.Struct, frozen=True, order=True, array_like=True):
    """One tuple.

    ``relation``: a relation with the type that has it, ``order#owner``; ``object_id``: an id of that type; ``kind``:
    what the subject is, a type (``user``) or the members of a relation (``group#member``); ``subject_id``: an id of
    that type.
    """

    relation: str
    object_id: str
    kind: str
    subject_id: str

    def __str__(self) -> str:
        type_, _, relation = self.relation.partition("#")
        subject_type, _, members = self.kind.partition("#")
        subject = f"{subject_type}:{self.subject_id}" + (f"#{members}" if members else "")
        return f"{type_}:{self.object_id}#{relation}@{subject}"


def is_id(text: str) -> bool:
    """Whether ``text`` can be the id of an object or a subject."""
    return 0 < len(text) <= MAX_ID and text.isprintable() and " " not in text and "#" not in text and text != EVERYBODY


def parse_tuple(text: str) -> RelationTuple:
    """The tuple that ``text`` says. Raises ``ValueError``, which says what would be right."""
    match = _TUPLE.fullmatch(text)
    if match is None:
        raise ValueError("a tuple is written order:17#owner@user:alice, or order:17#viewer@group:staff#member")
    type_, object_id, relation, subject_type, subject_id, members = match.groups()
    check_id(object_id)
    check_id(subject_id)
    kind = f"{subject_type}#{members}" if members else subject_type
    return RelationTuple(f"{type_}#{relation}", object_id, kind, subject_id)


def parse_object(text: str) -> tuple[str, str]:
    """Type and id of the object that ``text`` says, ``order:17``. Raises ``ValueError``."""
    match = _OBJECT.fullmatch(text)
    if match is None:
        raise ValueError("an object is written order:17, a subject user:alice")
    type_, object_id = match.groups()
    check_id(object_id)
    return type_, object_id


def check_id(text: str) -> None:
    """Raise ``ValueError`` unless ``text`` can be an id."""
    if text == EVERYBODY:
        raise ValueError("there is no * for everybody: name the subjects, or a group that they are members of")
    if not is_id(text):
        raise ValueError(f"an id has 1 to {MAX_ID} characters that can be seen, without blanks and #")
