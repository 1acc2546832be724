"""Keys and secrets that the file names, loaded while it is compiled. What is wrong with one is told with its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from portcullis.engine.authentication.jose.key_ring import FixedKeys
from portcullis.engine.authentication.jose.key_set import KeySet, read_key_file
from portcullis.engine.authentication.jose.keys import UnusableKeyError, shared_secret
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.values import SecretReference
from portcullis.engine.ports import Ports, SecretError, UnknownSecret

if TYPE_CHECKING:
    from portcullis.engine.authentication.jose.encryption import Decrypter

Place = tuple[str, ...]
"""Keys of the file that lead to a value."""
NOT_LOOKED_UP: Final = "the secret is not known here"


def secret_keys(
    where: Place, references: Sequence[SecretReference], accepted: Sequence[str], ports: Ports
) -> FixedKeys:
    """Keys made of shared secrets. Raises :class:`ConfigurationError`."""
    secrets = [reveal(where, reference, ports) for reference in references]
    if any(isinstance(secret, UnknownSecret) for secret in secrets):
        return FixedKeys(KeySet(), NOT_LOOKED_UP)
    try:
        return FixedKeys(KeySet([shared_secret(secret, accepted) for secret in secrets]))
    except UnusableKeyError as error:
        hint = "openssl rand -base64 48 makes a good one"
        raise mistake(where, f"the secret can't be used: {error}", hint) from None


def file_keys(where: Place, path: str, accepted: Sequence[str] | None, ports: Ports) -> FixedKeys:
    """Public keys in a file. Raises :class:`ConfigurationError`, also for one key of them that can't be used."""
    try:
        keys = read_key_file(ports.files.read(path), accepted)
    except OSError as error:
        reason = error.strerror or str(error)
        raise mistake(where, f"{path} can't be read: {reason}", "paths are relative to this file") from None
    except ValueError as error:
        raise mistake(where, f"{path} has no keys: {error}", "a JWK set, or a public key in PEM") from None
    if keys.problems or not keys.size:
        problem = "; ".join(keys.problems) or "no key for the accepted signatures is in it"
        raise mistake(where, f"{path}: {problem}", "take that key out, or replace it")
    return FixedKeys(keys)


def decrypter(where: Place, references: Sequence[SecretReference], ports: Ports) -> Decrypter:
    """What opens encrypted tokens by keys in PEM or JSON web keys. Raises :class:`ConfigurationError`."""
    # Few files have encrypted tokens, and what opens them takes a while to load.
    from portcullis.engine.authentication.jose.encryption import Decrypter, read_decryption_key  # noqa: PLC0415

    secrets = [reveal(where, reference, ports) for reference in references]
    try:
        return Decrypter([read_decryption_key(each) for each in secrets if not isinstance(each, UnknownSecret)])
    except UnusableKeyError as error:
        raise mistake(where, f"the key can't be used: {error}", "a private key in PEM, or a JSON web key") from None


def reveal(where: Place, reference: SecretReference, ports: Ports) -> bytes:
    """The secret at ``reference``. Raises :class:`ConfigurationError`."""
    try:
        return ports.secrets.reveal(reference)
    except SecretError as error:
        raise mistake(where, str(error), "secrets are read when the gateway starts") from None


def mistake(where: Place, message: str, hint: str) -> ConfigurationError:
    """An error at a place of the file."""
    return ConfigurationError([Diagnostic("", 0, 0, ".".join(where), message, hint)])
