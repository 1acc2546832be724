"""DPoP in the file (RFC 9449): what is asked of proofs that a caller has the key that its token is bound to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.codes import Code
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning

INVALID_PROOF: Final = Code(
    "authenticate.invalid_proof", 401, "The proof that the caller has the token's key is missing or wrong", FAILED
)
REPLAYED_PROOF: Final = Code("authenticate.replayed_proof", 401, "The proof was used before", FAILED)
NONCE_WANTED: Final = Code(
    "authenticate.nonce_wanted", 401, "The proof has no nonce of the gateway, or one that is over", FAILED
)
DPOP_CODES: Final = (INVALID_PROOF, REPLAYED_PROOF, NONCE_WANTED)
"""Everything that a proof can be refused with."""
FIELD: Final = b"dpop"
"""The header field with the proof."""

ProofAlgorithm = Literal[
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"
]
_ORIGIN: Final = re.compile(
    r"https?://[a-z0-9._-]{1,253}(?::[0-9]{1,5})?|https?://\[[0-9a-f:.]{2,45}\](?::[0-9]{1,5})?"
)


def _check_origin(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise ValueError(
            "scheme and host in lower case, and a port that is not the usual one: https://api.shop.example"
        )
    return value


class DpopSettings(Section):
    """Tokens that are bound to a key of the caller, who proves with every call that it has it."""

    mode: Literal["required", "allowed"] = "required"
    """``required``: no other tokens; ``allowed``: tokens that are bound to no key pass as bearer tokens."""
    htu: list[Annotated[str, AfterValidator(_check_origin), Meaning("an origin", "https://api.shop.example")]] = Field(
        [], max_length=32
    )
    """What callers take this gateway for, where a balancer in front hides it; default: scheme and host of the call."""
    algorithms: list[ProofAlgorithm] = Field(["ES256", "EdDSA", "Ed25519", "PS256"], min_length=1)
    """Signature algorithms of proofs."""
    max_age: Annotated[Duration, Field(ge=1.0, le=3600.0)] = 60.0
    """How old a proof may be."""
    leeway: Annotated[Duration, Field(ge=0.0, le=300.0)] = 5.0
    """By how much the caller's clock may differ."""
    nonce: Annotated[Duration, Field(ge=10.0, le=3600.0)] | None = None
    """How long a nonce of the gateway is good; callers must put the newest one into their proofs. Default: none."""


def _as_settings(value: object) -> object:
    return {"mode": value} if isinstance(value, str) else value


Dpop = Annotated[
    DpopSettings,
    BeforeValidator(_as_settings, json_schema_input_type=Literal["required", "allowed"] | DpopSettings),
    Meaning("required or allowed", "required"),
]


def is_for_a_key(claims: Mapping[str, Any]) -> bool:
    """Whether a token with these claims is bound to a key of the caller, and to nothing else."""
    confirmation = claims.get("cnf")
    return (
        isinstance(confirmation, dict)
        and confirmation.keys() == {"jkt"}
        and isinstance(confirmation["jkt"], str)
        and bool(confirmation["jkt"])
    )


def check_place(dpop: DpopSettings | None, header: str | None, cookie: str | None) -> None:
    """Raises ``ValueError`` where tokens that are bound to a key can't be: anywhere but in ``Authorization``."""
    if dpop is not None and (cookie is not None or header is None or header.lower() != "authorization"):
        raise ValueError("with dpop tokens are in Authorization (RFC 9449 7.1): leave header and cookie out")
