"""One order from its beginning to its end: names proven, certificate signed, looked at, written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import requests
from acme import client, crypto_util, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from josepy.b64 import b64encode
from josepy.errors import Error as JoseError
from josepy.jwk import JWK

from portcullis.control.acme.accounts import forget_uri, open_client
from portcullis.control.acme.messages import AcmeOrder, Done, Failed, Present, Result, Suggested
from portcullis.control.acme.network import BoundedNetwork
from portcullis.control.acme.proving import ProofError, proofs_of, shown
from portcullis.engine.certificates.judging import problems_of
from portcullis.engine.certificates.reading import UnreadableError, names_of, read_chain
from portcullis.stores.private_files import write_private

_KEYS: Final[dict[str, Callable[[], Any]]] = {
    "ec-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
}
_MOST_TOLD: Final = 300


def carry_out(order: AcmeOrder, present: Callable[[Present], None]) -> Result:
    """Do what is asked; ``present`` has a challenge shown, and returns once it is. Never raises for what others do."""
    network = None
    try:
        try:
            made = open_client(order.authority)
            network = made.net
            return _carry_out(made, order, present)
        except messages.Error as error:
            if error.code != "accountDoesNotExist":
                raise
            forget_uri(order.authority)
            made = open_client(order.authority)
            network = made.net
            return _carry_out(made, order, present)
    except (errors.Error, messages.Error, requests.RequestException, JoseError) as error:
        wait = network.wait if isinstance(network, BoundedNetwork) else 0.0
        return Failed(f"{order.authority.name}: {in_words(error)}", wait)
    except (ProofError, UnreadableError, OSError, ValueError) as error:
        return Failed(f"{order.authority.name}: {_printable(str(error))}")


def _carry_out(made: client.ClientV2, order: AcmeOrder, present: Callable[[Present], None]) -> Result:
    if order.what == "suggest":
        return _suggestion(made, order)
    if order.what == "revoke":
        (certificate, *_) = read_chain(Path(order.certificate).read_bytes())
        made.revoke(certificate, order.reason)
        return Done()
    _obtain(made, order, present)
    return Done()


def _obtain(made: client.ClientV2, order: AcmeOrder, present: Callable[[Present], None]) -> None:
    deadline = datetime.now() + timedelta(seconds=order.timeout)  # noqa: DTZ005 - as the library compares it
    key = _KEYS[order.key]().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    placed = made.new_order(crypto_util.make_csr(key, list(order.names)), order.authority.profile)
    proofs = proofs_of(placed.authorizations, order.challenge, _key_of(made))
    with shown(proofs, order, present):
        for proof in proofs:
            made.answer_challenge(proof.body, proof.response)
        placed = made.poll_authorizations(placed, deadline)
    signed = made.finalize_order(placed, deadline).fullchain_pem.encode()
    _look_at(read_chain(signed), key, order.names)
    write_private(Path(order.certificate), key + signed)


def _look_at(chain: list[x509.Certificate], key: bytes, names: Iterable[str]) -> None:
    """Raises :class:`ProofError` where what the authority signed can't be used."""
    problems = [problem.text for problem in problems_of(chain, key, time.time()) if problem.grave]
    missing = set(names) - set(names_of(chain[0]))
    if missing:
        problems.append(f"it is not for {', '.join(sorted(missing))}")
    if problems:
        raise ProofError(f"what it signed can't be used: {'; '.join(problems)}")


def _suggestion(made: client.ClientV2, order: AcmeOrder) -> Suggested | Done:
    """When the authority would have the certificate renewed (RFC 9773 4.1, 4.2)."""
    try:
        base = made.directory["renewalInfo"]
    except KeyError:
        return Done()
    (certificate, *_) = read_chain(Path(order.certificate).read_bytes())
    answer = made.net.get(f"{base.rstrip('/')}/{ari_id(certificate)}", content_type="application/json")
    info = messages.RenewalInfo.from_json(answer.json())
    window = info.suggested_window
    said = answer.headers.get("Retry-After", "")
    why = answer.json().get("explanationURL", "")
    again_in = float(said) if said.isascii() and said.isdigit() else None
    return Suggested(window.start.timestamp(), window.end.timestamp(), again_in, _printable(str(why)))


def ari_id(certificate: x509.Certificate) -> str:
    """What names a certificate in a call for renewal information: key of its authority, and serial (RFC 9773 4.1).

    Raises ``ValueError`` where it does not name the key of its authority.
    """
    try:
        authority = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        authority = None
    if authority is None:
        raise ValueError("the certificate does not name the key of its authority")
    number = certificate.serial_number
    serial = number.to_bytes(number.bit_length() // 8 + 1)  # as in DER: with a zero where the first bit is set
    return f"{b64encode(authority).decode()}.{b64encode(serial).decode()}"


def in_words(error: Exception) -> str:
    """Why the authority did not do it, in its own words where it has some."""
    if isinstance(error, errors.ValidationError):
        told = [
            f"{each.body.identifier.value}: {challenge.error.detail}"
            for each in error.failed_authzrs
            for challenge in each.body.challenges
            if challenge.error is not None
        ]
        return _printable("; ".join(told) or "a name was not proven")
    if isinstance(error, messages.Error):
        return _printable(f"{error.code or error.typ}: {error.detail}")
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "can't be reached"
    if isinstance(error, requests.exceptions.Timeout | errors.TimeoutError):
        return "did not answer in time"
    return _printable(str(error) or type(error).__name__)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:_MOST_TOLD]


def _key_of(made: client.ClientV2) -> JWK:
    key: JWK | None = made.net.key
    if key is None:
        raise ValueError("an account without a key")
    return key
