"""What can be wrong with a token: codes for the record. The caller is told ``authenticate.failed`` of them all."""

from __future__ import annotations

from typing import Final

from portcullis.engine.authentication.proof import FAILED, UNAVAILABLE
from portcullis.engine.codes import Code

MALFORMED_TOKEN: Final = Code("authenticate.malformed_token", 401, "The credential is no readable token", FAILED)
UNDECRYPTABLE_TOKEN: Final = Code("authenticate.undecryptable_token", 401, "The token can't be decrypted", FAILED)
REFUSED_ALGORITHM: Final = Code(
    "authenticate.refused_algorithm", 401, "The token is signed by an algorithm that is not accepted", FAILED
)
UNKNOWN_SIGNER: Final = Code("authenticate.unknown_signer", 401, "The token is signed by an unknown key", FAILED)
BAD_SIGNATURE: Final = Code("authenticate.bad_signature", 401, "The token's signature is wrong", FAILED)
WRONG_TOKEN_TYPE: Final = Code("authenticate.wrong_token_type", 401, "The token is of another type", FAILED)
FOREIGN_ISSUER: Final = Code("authenticate.foreign_issuer", 401, "The token is of another issuer", FAILED)
FOREIGN_AUDIENCE: Final = Code("authenticate.foreign_audience", 401, "The token is for another audience", FAILED)
EXPIRED_TOKEN: Final = Code("authenticate.expired_token", 401, "The token has expired", FAILED)
PREMATURE_TOKEN: Final = Code("authenticate.premature_token", 401, "The token does not hold yet", FAILED)
OLD_TOKEN: Final = Code("authenticate.old_token", 401, "The token was issued too long ago", FAILED)
INVALID_CLAIMS: Final = Code("authenticate.invalid_claims", 401, "The token lacks a claim or has a wrong one", FAILED)
REPLAYED_TOKEN: Final = Code("authenticate.replayed_token", 401, "The token was used before", FAILED)
BOUND_TOKEN: Final = Code(
    "authenticate.bound_token", 401, "The token is bound to a key whose possession was not proven", FAILED
)

TOKEN_CODES: Final = (
    MALFORMED_TOKEN,
    UNDECRYPTABLE_TOKEN,
    REFUSED_ALGORITHM,
    UNKNOWN_SIGNER,
    BAD_SIGNATURE,
    WRONG_TOKEN_TYPE,
    FOREIGN_ISSUER,
    FOREIGN_AUDIENCE,
    EXPIRED_TOKEN,
    PREMATURE_TOKEN,
    OLD_TOKEN,
    INVALID_CLAIMS,
    REPLAYED_TOKEN,
    BOUND_TOKEN,
    UNAVAILABLE,
)
"""Everything that a token can be refused with."""


class TokenError(Exception):
    """A token is refused with ``code``.

    ``found`` and ``allowed`` are for the record: what was there, never a part of a signature, and what would have been
    right.
    """

    def __init__(self, code: Code, found: str, allowed: str = "") -> None:
        super().__init__(code.name)
        self.code = code
        self.found = found
        self.allowed = allowed


class ForeignTokenError(TokenError):
    """The token may be fine, but is not for whoever was asked: it is of another issuer, audience or kind."""


class UnknownSignerError(TokenError):
    """No key that is known fits. Newer keys may."""


class NoKeysError(TokenError):
    """There are no keys to go by: they could never be fetched, or not for too long."""

    def __init__(self, found: str) -> None:
        super().__init__(UNAVAILABLE, found, "the issuer's keys")
