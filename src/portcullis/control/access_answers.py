"""What is told of who may call what: the answers of :class:`~portcullis.control.access.AccessReview`."""

from __future__ import annotations

from typing import Literal

import msgspec

from portcullis.control.access_rules import AccessRule

Kind = Literal["consumer", "role", "service"]


class RoleAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """A role that lets its holders pass; ``by``: the roles it inherits that do so, where it does not itself."""

    name: str
    by: list[str] = []


class ConsumerAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """A consumer that comes through: its roles, and the ids of the ``keys`` by which it does, or by its password."""

    name: str
    roles: list[str] = []
    keys: list[str] = []
    password: bool = False


class ConsumerRefusal(msgspec.Struct, frozen=True):
    """A consumer that comes through by nothing that it has, and the ``code`` that the record of a call would have."""

    name: str
    code: str


class OperationAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who may call an operation.

    ``path``: where it is served; ``declared``: ``file:line`` of it; ``anyone``: callers need not prove who they are;
    ``identities``: what they prove it by otherwise; ``rules``: what is asked of them; ``roles``: those that are enough
    for what is asked of roles, if anything is (``needs_role``); ``services``: those that the call graph lets call it.
    """

    operation: str
    api: str
    version: str
    path: str
    declared: str
    anyone: bool = False
    identities: list[str] = []
    rules: list[AccessRule] = []
    needs_role: bool = False
    roles: list[RoleAccess] = []
    consumers: list[ConsumerAccess] = []
    refused: list[ConsumerRefusal] = []
    services: list[str] = []


class Reach(msgspec.Struct, frozen=True, omit_defaults=True):
    """An operation that somebody may call. ``keys``: by which; ``password``: by his; ``rules``: what is asked besides,
    undecided here.
    """

    operation: str
    api: str
    version: str
    path: str
    keys: list[str] = []
    password: bool = False
    rules: list[AccessRule] = []


class Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """A consumer, a role or a service, and what it may call.

    ``roles``: those it holds or inherits; ``permissions``: what of all that operations ask for they give;
    ``scopes``: by key; ``refused``: how many operations it may not call.
    """

    name: str
    kind: Kind
    roles: list[str]
    permissions: list[str]
    scopes: dict[str, list[str]]
    operations: list[Reach]
    refused: int
