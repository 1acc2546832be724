"""Scopes: what a credential may be used for.

What
    An operation names the scopes that a credential must carry, all of them, to call it. A key gets its scopes when
    it is made: ``portcullis keys create acme --scope orders:read``; a key made without any carries none.

Why
    API5:2023 Broken Function Level Authorization. A key that leaks from a reporting job should not be able to
    place orders: give each key what its job needs, and name here what each operation needs.

Config
    A list of scopes (RFC 6749 3.3), or ``all_of`` with such a list and ``mode``: ``enforce``, ``monitor`` (record,
    let pass) or ``off``. A caller who passed monitored authentication is anonymous and has no scopes. An operation
    that says ``public: true`` asks for none, whatever its API asks for.

When it fails
    403 ``authorize.missing_scope``; the caller is told which scopes the operation needs, the record also which ones
    the credential has.

Example
    .. code-block:: yaml

        apis:
          shop:
            operations:
              "POST /orders":
                authorize: {scopes: [orders:write]}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from portcullis.engine.codes import Code
from portcullis.engine.config.section import Section
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

MISSING_SCOPE: Final = Code("authorize.missing_scope", 403, "The credential does not allow this call")

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")  # scope-token of RFC 6749 3.3


def check_scope(value: str) -> str:
    """``value`` if it is a scope (RFC 6749 3.3, at most 128 characters); raises ``ValueError``."""
    if not _SCOPE.fullmatch(value):
        raise ValueError("a scope is printable ASCII without spaces, quotes and backslashes: orders:read")
    return value


class ScopesConfig(Section):
    """Scopes that a credential must carry; a plain list in the file is short for ``all_of``."""

    all_of: list[Annotated[str, AfterValidator(check_scope)]] = Field(min_length=1, max_length=64)
    """The scopes, all of which are needed."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""

    @model_validator(mode="before")
    @classmethod
    def _list_is_all_of(cls, value: object) -> object:
        return {"all_of": value} if isinstance(value, list) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        listed: dict[str, Any] = {**schema["properties"]["all_of"], "title": "Scopes"}
        return {"anyOf": [listed, schema], "description": schema.get("description", "")}


def compile_scopes(config: ScopesConfig, context: OperationContext) -> tuple[Step, ...]:
    """The step that asks for the scopes; none where the mode is ``off``."""
    if config.mode == "off":
        return ()
    required = frozenset(config.all_of)
    needed = ", ".join(config.all_of)
    source = "#/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in context.where)
    detail = f"This call needs a credential with {'the scope' if len(required) == 1 else 'the scopes'} {needed}."

    def authorize(_request: RequestView, facts: Facts) -> Refuse | None:
        scopes = facts.identity.scopes
        if required <= scopes:
            return None
        found = " ".join(sorted(scopes)) or "no scopes"
        return Refuse(MISSING_SCOPE, detail, Finding("/identity/scopes", shorten(found), shorten(needed), source))

    return (Step(POLICY.name, "head", authorize, config.mode == "monitor"),)


POLICY = Policy(
    phase="authorize",
    key="scopes",
    config=ScopesConfig,
    codes=(MISSING_SCOPE,),
    probes=(Probe("a key that carries no scopes", "drop_scopes", MISSING_SCOPE),),
    compile=compile_scopes,
)
