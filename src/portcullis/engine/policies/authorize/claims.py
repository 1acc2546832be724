"""Claims: what must be proven of a caller besides its name.

What
    An operation names claims and the values they must have. A claim is what the credential says of its holder and was
    proven with it: a claim of a token, an answer of the issuer who was asked. Callers with API keys have none.

Why
    API5:2023 Broken Function Level Authorization. An issuer knows of its people what no role here says: the
    department, the tenant, whether the address was verified. What it vouches for can decide without a copy of it.

Config
    A mapping from claims to values; all of them must be as it says. A value is text, a number, or true or false; a list
    of values means that one of them is enough. Where the claim itself is a list, it must contain the value. Types
    count: ``"1"`` is not ``1``. A claim inside of others is written with dots (``realm_access.roles``) or as a JSON
    pointer (RFC 6901), ``/realm_access/roles``; any other text is the name of one claim
    (``https://shop.example/tenant``), as is one that begins with a slash (``/org.unit``).

    Or ``all_of`` with such a mapping and ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``.

When it fails
    403 ``authorize.missing_claim``. The caller is not told which claim; the record has its name, what it should have
    been and where that is said, but never its value, which is somebody's own.

Example
    .. code-block:: yaml

        apis:
          shop:
            operations:
              "POST /refunds":
                authorize: {claims: {department: [finance, support], email_verified: true}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, PlainValidator, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from portcullis.engine.codes import Code
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Meaning
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.openapi.pointer import join, split
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

MISSING_CLAIM: Final = Code("authorize.missing_claim", 403, "The credential does not prove what this call needs")

Typed: TypeAlias = tuple[type, bool | int | str]
"""A value with its type: to Python ``True`` is ``1``."""
_DOTTED: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_LONGEST: Final = 256
_MOST_VALUES: Final = 64
_MOST_ITEMS: Final = 1_000
"""Items of a claim that are looked at; a token has a few thousand bytes, an introspected one may have more."""


def check_claim(value: str) -> str:
    """``value`` if it can be the name of a claim, or the way to one; raises ``ValueError``."""
    if not value or len(value) > _LONGEST or not value.isprintable():
        raise ValueError("the name of a claim, such as department, realm_access.roles or /realm_access/roles")
    return value


def keys_of(claim: str) -> tuple[str, ...]:
    """The keys that lead to ``claim``: ``realm_access.roles`` -> ``("realm_access", "roles")``."""
    if claim.startswith("/"):
        return tuple(split(claim))
    return tuple(claim.split(".")) if _DOTTED.fullmatch(claim) else (claim,)


def check_values(value: object) -> frozenset[Typed]:
    """The values that a claim may have, from one or a list of them; raises ``ValueError``."""
    values: list[Any] = value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= _MOST_VALUES or not all(isinstance(each, str | int) for each in values):
        raise ValueError("text, a whole number, true or false, or a list of them: [finance, support]")
    return frozenset((type(each), each) for each in values)


_VALUE_SCHEMA: Final[dict[str, Any]] = {"type": ["string", "integer", "boolean"]}
ClaimName = Annotated[str, AfterValidator(check_claim), Meaning("the name of a claim", "department")]
ClaimValues = Annotated[
    Any,
    PlainValidator(check_values),
    WithJsonSchema({"anyOf": [_VALUE_SCHEMA, {"type": "array", "items": _VALUE_SCHEMA, "minItems": 1}]}),
    Meaning("a value or a list of values", "finance"),
]


class ClaimsConfig(Section):
    """Claims that must have been proven; a mapping with other keys is short for ``all_of``."""

    all_of: dict[ClaimName, ClaimValues] = Field({}, max_length=64)
    """Claims and the values they must have; of a list of values one is enough."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""

    @model_validator(mode="before")
    @classmethod
    def _other_keys_are_claims(cls, value: object) -> object:
        is_long = not isinstance(value, dict) or "all_of" in value or value.keys() <= {"mode"}
        return value if is_long else {"all_of": value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        listed: dict[str, Any] = {**schema["properties"]["all_of"], "title": "Claims"}
        return {"anyOf": [schema, listed], "description": schema.get("description", "")}


def compile_claims(config: ClaimsConfig, context: OperationContext) -> tuple[Step, ...]:
    """The step that asks for the claims; none where the mode is ``off`` or none is named."""
    if config.mode == "off" or not config.all_of:
        return ()
    needed: list[tuple[str, tuple[str, ...], frozenset[Typed]]]
    needed = [(name, keys_of(name), values) for name, values in config.all_of.items()]
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    source = f"#{join('', *written_at(layers, 'authorize', 'claims'))}"
    refusals = {name: _refusal(name, values, source) for name, _, values in needed}

    def authorize(_request: RequestView, facts: Facts) -> Refuse | None:
        claims = facts.identity.claims
        for name, keys, values in needed:
            if not has_one(claims, keys, values):
                return refusals[name]
        return None

    return (Step(POLICY.name, "head", authorize, config.mode == "monitor"),)


def has_one(claims: Mapping[str, Any], keys: tuple[str, ...], values: frozenset[Typed]) -> bool:
    """Whether what ``keys`` lead to is one of ``values``, or a list that contains one."""
    found: Any = claims
    for key in keys:
        if not isinstance(found, Mapping) or key not in found:
            return False
        found = found[key]
    if isinstance(found, list | tuple):
        return any((type(item), item) in values for item in found[:_MOST_ITEMS] if isinstance(item, str | int))
    return isinstance(found, str | int) and (type(found), found) in values


def _refusal(name: str, values: frozenset[Typed], source: str) -> Refuse:
    allowed = " or ".join(sorted(_shown(value) for _, value in values))
    finding = Finding(join("/identity/claims", *keys_of(name)), "nothing of the kind", shorten(allowed), source)
    return Refuse(MISSING_CLAIM, finding=finding)


def _shown(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


POLICY = Policy(
    phase="authorize",
    key="claims",
    config=ClaimsConfig,
    codes=(MISSING_CLAIM,),
    probes=(Probe("a credential that proves none of the claims", "drop_claims", MISSING_CLAIM),),
    compile=compile_claims,
)
