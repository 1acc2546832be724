"""The sections ``roles`` and ``services`` of the configuration file: what callers may be, and whom they call."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from portcullis.engine.authorization.call_graph import check_call
from portcullis.engine.config.names import IdentityName, PermissionPattern, RoleName
from portcullis.engine.config.section import ListedSection, Section
from portcullis.engine.config.values import Meaning


def _one_is_a_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


class RoleConfig(ListedSection):
    """What a role gives to whoever holds it; a plain list in the file is short for ``permissions``."""

    listed = "permissions"

    permissions: list[PermissionPattern] = []
    """Permissions; ``*`` stands for a segment between colons, at the end for all that follow."""
    inherits: list[RoleName] = Field([], max_length=64)
    """Roles whose permissions it gives as well."""
    exclusive_with: list[RoleName] = Field([], max_length=64)
    """Roles that nobody may hold together with it (separation of duty), also by inheriting."""


class ServiceConfig(Section):
    """A service that calls others, and what it may call."""

    subjects: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=2048), Meaning("a subject", "spiffe://example.internal/a")]],
        BeforeValidator(_one_is_a_list, json_schema_input_type=str | list[str]),
        Field(min_length=1, max_length=64),
    ]
    """As whom it is proven: a SPIFFE name, another name of a certificate, the subject of its tokens; one or a list."""
    proven_by: list[IdentityName] = Field([], max_length=16)
    """Names of ``identities`` that prove it; default: all that go by client certificates. Whoever one of them proves
    has to be a service."""
    may_call: list[Annotated[str, AfterValidator(check_call), Meaning("an API or an operation", "orders")]] = Field(
        [], max_length=10_000
    )
    """What it may call: APIs (``orders``) and operations (``"payments:POST /v1/charges"``)."""
