"""From an HMAC over a request to who calls. The lines that are signed are described where the policy kind is."""

from __future__ import annotations

import binascii
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from portcullis.engine.authentication.content_digest import FIELD
from portcullis.engine.authentication.proof import UNAVAILABLE, Proven
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.request_signing import (
    MALFORMED_SIGNATURE,
    UNKNOWN_SIGNING_KEY,
    UNSIGNED_PART,
    WRONG_SIGNATURE,
    Freshness,
    SignatureError,
    path_and_query,
    use_up,
)
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.identity import Identity
from portcullis.engine.ports import Clock, CounterStoreError
from portcullis.engine.request import RequestView

VERSION: Final = "portcullis-hmac-1"
MAX_CREDENTIAL: Final = 1_024
"""Bytes of the header field; names of keys and nonces have a hundred at most."""
POINTER: Final = "/header/authorization"
_PARAMETER: Final = re.compile(rb'(key|time|nonce|signature)="([!#-\[\]-~]{1,200})"')
_NAMES: Final = frozenset({b"key", b"time", b"nonce", b"signature"})
_TIME: Final = re.compile(r"[1-9][0-9]{0,11}")
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")
_FORM: Final = 'key, time, nonce and signature, each once: key="..."'
_NOBODYS: Final = (secrets.token_bytes(64),)
"""What is computed with for a key that is not known."""


class Credential(msgspec.Struct, frozen=True):
    """What a caller says: the name of its key, when, the nonce, the octets of the signature."""

    key: str
    time: str
    nonce: str
    signature: bytes


class KnownKey(msgspec.Struct, frozen=True):
    """``secrets``: of one caller, any of them; ``identity``: who that is."""

    secrets: Sequence[bytes]
    identity: Identity


def read_credential(text: bytes) -> Credential:
    """What follows the scheme in ``Authorization``. Raises :class:`SignatureError`."""
    said: dict[bytes, str] = {}
    if len(text) <= MAX_CREDENTIAL:
        for piece in text.split(b","):
            match = _PARAMETER.fullmatch(piece.strip(b" \t"))
            if match is None or match[1] in said:
                break
            said[match[1]] = match[2].decode("ascii")
        else:
            if said.keys() == _NAMES:
                return _checked(said)
    raise SignatureError(MALFORMED_SIGNATURE, f"{len(text)} bytes", _FORM)


def _checked(said: Mapping[bytes, str]) -> Credential:
    if not _TIME.fullmatch(said[b"time"]):
        raise SignatureError(MALFORMED_SIGNATURE, f"time {shorten(said[b'time'], 40)}", "Unix seconds")
    if not _NONCE.fullmatch(said[b"nonce"]):
        found = f"a nonce of {len(said[b'nonce'])} characters"
        raise SignatureError(MALFORMED_SIGNATURE, found, "16 to 128 letters, digits, - and _")
    try:
        signature = binascii.a2b_base64(said[b"signature"], strict_mode=True)
    except binascii.Error:
        raise SignatureError(MALFORMED_SIGNATURE, "a signature that is no base64", "base64") from None
    return Credential(said[b"key"], said[b"time"], said[b"nonce"], signature)


def signed_lines(request: RequestView, credential: Credential, headers: Sequence[bytes]) -> bytes:
    """The lines that are signed; ``headers``: lower-case names of the fields among them."""
    path, query = path_and_query(request)
    lines = [
        VERSION,
        credential.key,
        credential.time,
        credential.nonce,
        request.method,
        request.host,
        path if query is None else f"{path}?{query}",
    ]
    get = request.headers.get
    fields = [name + b":" + get(name, b"").strip(b" \t") for name in (*headers, FIELD)]
    return b"\n".join(("\n".join(lines).encode(), *fields))


class HmacJudge:
    """Says whom requests prove that are signed with one of ``keys``. ``place``: of the identity in the file."""

    def __init__(
        self,
        place: str,
        keys: Mapping[str, KnownKey],
        algorithm: str,
        headers: Sequence[bytes],
        freshness: Freshness,
        once: SingleUse,
        clock: Clock,
    ) -> None:
        self._place = place
        self._keys = keys
        self._algorithm = algorithm
        self._headers = tuple(headers)
        self._freshness = freshness
        self._once = once
        self._wall_s = clock.wall_s

    def judge(self, text: bytes, request: RequestView) -> Proven:
        """Whom a request proves whose ``Authorization`` has ``text`` after the scheme, or why nobody."""
        try:
            return self._prove(read_credential(text), request)
        except SignatureError as error:
            return Refuse(error.code, finding=Finding(POINTER, error.found, error.allowed, self._place))
        except CounterStoreError as error:
            return Refuse(UNAVAILABLE, finding=Finding(POINTER, str(error), "", self._place))

    def _prove(self, credential: Credential, request: RequestView) -> Identity:
        lasts = self._freshness.check(float(credential.time), self._wall_s())
        if request.has_body and FIELD not in request.headers:
            raise SignatureError(UNSIGNED_PART, "a body without Content-Digest", "Content-Digest (RFC 9530)")
        known = self._keys.get(credential.key)
        signed = signed_lines(request, credential, self._headers)
        right = False
        for secret in _NOBODYS if known is None else known.secrets:
            right |= hmac.compare_digest(hmac.digest(secret, signed, self._algorithm), credential.signature)
        if known is None:
            raise SignatureError(UNKNOWN_SIGNING_KEY, f"the key {shorten(credential.key, 60)}", "a key of the file")
        if not right:
            raise SignatureError(WRONG_SIGNATURE, f"of the key {credential.key}", "the HMAC of the lines described")
        use_up(self._once, credential.key, credential.nonce, lasts)
        return known.identity
