"""Step-up: how, and how lately, a person must have logged in for one operation (RFC 9470).

What
    Looks at what the issuer says of the log-in behind a token: ``acr``, by which means it was done, and ``auth_time``,
    when. An operation names the means that are enough and how long ago the log-in may be. Whose log-in is not enough
    is told what would be, in a form by which a client sends the person to log in again, and then comes back.

Why
    API5:2023 Broken Function Level Authorization. A session that was opened in the morning with a password is good for
    reading, and not for changing where the money goes. Asking for more on the few operations that need it beats asking
    for it everywhere.

Config
    ``acr``: means of authentication, as the issuer names them; one of them is enough. ``max_age``: how long ago the
    log-in may be at most. At least one of these. ``leeway``: by how much the issuer's clock may differ. ``mode``:
    ``enforce``, ``monitor`` (record, let pass) or ``off``.

    Callers whose credential says nothing of a log-in (API keys, client certificates, tokens without these claims) are
    refused. Where several credentials are asked for together, one of them must say all of it.

When it fails
    401 ``authorize.insufficient_authentication`` with the challenge ``Bearer error="insufficient_user_authentication",
    acr_values="...", max_age="..."`` (``DPoP`` for tokens that are bound to a key). The record says what was found.

Example
    .. code-block:: yaml

        apis:
          shop:
            operations:
              "POST /payouts":
                authorize: {step_up: {acr: ["urn:example:mfa"], max_age: 15m}}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from portcullis.engine.codes import Code
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

INSUFFICIENT_AUTHENTICATION: Final = Code(
    "authorize.insufficient_authentication", 401, "This call needs a stronger or a more recent log-in"
)
_ACR: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")


def _check_acr(value: str) -> str:
    if not _ACR.fullmatch(value):
        raise ValueError("what the claim acr says: printable ASCII without blanks, quotes and backslashes")
    return value


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


Acr = Annotated[str, AfterValidator(_check_acr), Meaning("a means of authentication", "urn:example:mfa")]


class StepUpConfig(Section):
    """How, and how lately, a person must have logged in."""

    acr: Annotated[
        list[Acr], BeforeValidator(_listed, json_schema_input_type=str | list[str]), Field(max_length=32)
    ] = []
    """Means of authentication, of which one is enough: what the claim ``acr`` must be."""
    max_age: Annotated[Duration, Field(ge=1.0, le=31536000.0)] | None = None
    """How long ago the log-in (``auth_time``) may be."""
    leeway: Annotated[Duration, Field(ge=0.0, le=600.0)] = 30.0
    """By how much the issuer's clock may differ."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.mode != "off" and not self.acr and self.max_age is None:
            raise ValueError("say what is asked for: acr, max_age or both")
        return self


def compile_step_up(config: StepUpConfig, context: OperationContext) -> tuple[Step, ...]:
    """The step that looks at the log-in; none where the mode is ``off``."""
    if config.mode == "off":
        return ()
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    source = f"#{join('', *written_at(layers, 'authorize', 'step_up'))}"
    run = _asking(
        frozenset(config.acr), config.max_age, config.leeway, context.ports.clock.wall_s, _said(config), source
    )
    return (Step(POLICY.name, "head", run, config.mode == "monitor"),)


def _asking(
    accepted: frozenset[str],
    max_age: float | None,
    leeway: float,
    wall_s: Callable[[], float],
    said: str,
    source: str,
) -> Callable[[RequestView, Facts], Refuse | None]:
    def is_enough(claims: Mapping[str, Any]) -> bool:
        if accepted and not (isinstance(acr := claims.get("acr"), str) and acr in accepted):
            return False
        if max_age is None:
            return True
        since, now = claims.get("auth_time"), wall_s()
        return (type(since) is int or type(since) is float) and now - max_age - leeway <= since <= now + leeway

    def authorize(_request: RequestView, facts: Facts) -> Refuse | None:
        identity = facts.identity
        if is_enough(identity.claims) or (identity.also and any(is_enough(each.claims) for each in identity.also)):
            return None
        return _refusal(identity, said, source)

    return authorize


def _refusal(identity: Identity, said: str, source: str) -> Refuse:
    claims = identity.claims
    found = f"acr {shorten(claims.get('acr'), 40)}, auth_time {shorten(claims.get('auth_time'), 40)}"
    confirmation = claims.get("cnf")
    scheme = "DPoP" if isinstance(confirmation, dict) and "jkt" in confirmation else "Bearer"
    challenge = f'{scheme} error="insufficient_user_authentication", {said}'
    return Refuse(
        INSUFFICIENT_AUTHENTICATION,
        "Log in again as the challenge says, and call with the new token.",
        Finding("/identity/claims", found, said, source),
        ((b"www-authenticate", challenge.encode()),),
    )


def _said(config: StepUpConfig) -> str:
    """What would be enough, as RFC 9470 3 writes it."""
    wanted = [f'acr_values="{" ".join(config.acr)}"'] if config.acr else []
    if config.max_age is not None:
        wanted.append(f'max_age="{config.max_age:.0f}"')
    return ", ".join(wanted)


POLICY = Policy(
    phase="authorize",
    key="step_up",
    config=StepUpConfig,
    codes=(INSUFFICIENT_AUTHENTICATION,),
    probes=(Probe("a credential that says nothing of a log-in", "drop_claims", INSUFFICIENT_AUTHENTICATION),),
    compile=compile_step_up,
)
