"""Proving that names are ours: which challenge is taken, and what has to be shown for it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from acme import challenges, messages
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from josepy.b64 import b64encode
from josepy.jwk import JWK

from portcullis.control.acme.messages import AcmeOrder, Present

HOOK_SECONDS: Final = 120
_ACME_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
"""``id-pe-acmeIdentifier`` (RFC 8737 3)."""


class ProofError(Exception):
    """A name can't be proven in the way that was asked for. The message says why."""


class Proof:
    """One challenge that has to be met: for ``name``, with ``key_authorization`` (RFC 8555 8.1)."""

    def __init__(self, body: messages.ChallengeBody, name: str, key: JWK) -> None:
        self.body = body
        self.name = name
        self.token = _token(body)
        thumbprint = b64encode(key.thumbprint()).decode()
        self.key_authorization = f"{self.token}.{thumbprint}"

    @property
    def response(self) -> challenges.ChallengeResponse:
        """What tells the authority to look: an empty object, whatever the challenge."""
        return challenges.HTTP01Response(key_authorization=self.key_authorization)

    @property
    def record(self) -> tuple[str, str]:
        """Name and value of the DNS record for dns-01 (RFC 8555 8.4)."""
        digest = sha256(self.key_authorization.encode()).digest()
        return f"_acme-challenge.{self.name}", b64encode(digest).decode()


def proofs_of(authorizations: Sequence[messages.AuthorizationResource], kind: str, key: JWK) -> list[Proof]:
    """The challenges of ``kind`` that are open. Raises :class:`ProofError` where the authority offers none."""
    found = []
    for each in authorizations:
        name = each.body.identifier.value
        if each.body.status == messages.STATUS_VALID:
            continue
        offered = {_kind(body): body for body in each.body.challenges}
        if kind not in offered:
            raise ProofError(f"{name}: the authority offers {', '.join(sorted(offered))}, not {kind}")
        found.append(Proof(offered[kind], name, key))
    return found


@contextmanager
def shown(proofs: Sequence[Proof], order: AcmeOrder, present: Callable[[Present], None]) -> Iterator[None]:
    """Show what is asked for, and take it away afterwards. Raises :class:`ProofError`."""
    if order.challenge == "dns-01":
        with _dns_records(proofs, order):
            yield
        return
    for proof in proofs:
        if order.challenge == "http-01":
            present(Present("http-01", proof.token, proof.key_authorization))
        else:
            present(Present("tls-alpn-01", proof.name.lower(), challenge_certificate(proof)))
    yield


@contextmanager
def _dns_records(proofs: Sequence[Proof], order: AcmeOrder) -> Iterator[None]:
    made = []
    try:
        for proof in proofs:
            made.append(proof)
            _call_hook(order.dns_hook, "present", proof)
        if proofs:
            time.sleep(order.dns_wait)
        yield
    finally:
        for proof in made:
            _call_hook(order.dns_hook, "cleanup", proof, must_work=False)


def _call_hook(command: Sequence[str], what: str, proof: Proof, *, must_work: bool = True) -> None:
    why = ""
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
            [*command, what, *proof.record],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=HOOK_SECONDS,
            check=False,
        )
        why = f"ended with {done.returncode}" if done.returncode else ""
    except subprocess.TimeoutExpired:
        why = f"took more than {HOOK_SECONDS} s"
    except OSError as error:
        why = f"can't be run: {error.strerror or error}"
    if why and must_work:
        raise ProofError(f"{command[0]} {what} {proof.record[0]}: it {why}")


def challenge_certificate(proof: Proof) -> str:
    """The self-signed certificate of a tls-alpn-01 challenge, and its key, in PEM (RFC 8737 3)."""
    key = ec.generate_private_key(ec.SECP256R1())
    nobody = x509.Name([])
    now = datetime.now(UTC)
    octets = b"\x04\x20" + sha256(proof.key_authorization.encode()).digest()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(nobody)
        .issuer_name(nobody)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(proof.name)]), critical=True)
        .add_extension(x509.UnrecognizedExtension(_ACME_IDENTIFIER, octets), critical=True)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (pem + certificate.public_bytes(Encoding.PEM)).decode()


def _kind(body: messages.ChallengeBody) -> str:
    chall = body.chall
    # The library does not know tls-alpn-01, and keeps what it does not know as it came.
    return str(chall.jobj.get("type")) if isinstance(chall, challenges.UnrecognizedChallenge) else str(chall.typ)


def _token(body: messages.ChallengeBody) -> str:
    chall = body.chall
    if isinstance(chall, challenges.UnrecognizedChallenge):
        token = str(chall.jobj.get("token"))
        if not token or set(token) - _TOKEN:
            raise ProofError("the authority's token is none (RFC 8555 8)")
        return token
    return str(chall.encode("token"))


_TOKEN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
