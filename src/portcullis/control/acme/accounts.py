"""Accounts with authorities: a key that only its owner can read, and what the authority calls the account."""

from __future__ import annotations

from pathlib import Path

import msgspec
from acme import client, errors, messages
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from josepy.jwk import JWKEC

from portcullis.control.acme.messages import Authority
from portcullis.control.acme.network import BoundedNetwork
from portcullis.stores.private_files import write_private


class Account(msgspec.Struct, frozen=True):
    """What is kept: the ``key`` in PEM, and the ``uri`` of the account at the ``directory``, empty until it has one."""

    directory: str
    key: str
    uri: str = ""


def open_client(authority: Authority) -> client.ClientV2:
    """A client with an account, which is made where there is none.

    Raises ``OSError`` or ``ValueError`` where the account's file can't be used, and what the library raises.
    """
    path = Path(authority.account)
    account = _read(path)
    if account is None or account.directory != authority.directory:
        account = Account(authority.directory, _new_key())
        write_private(path, msgspec.json.encode(account))  # first, so that no account is made whose key is lost
    key = JWKEC(key=load_pem_private_key(account.key.encode(), None))
    network = BoundedNetwork(key, authority)
    directory = client.ClientV2.get_directory(authority.directory, network)
    made = client.ClientV2(directory, network)
    if account.uri:
        network.account = messages.RegistrationResource(uri=account.uri, body=messages.Registration())
    else:
        uri = _register(made, key, authority)
        write_private(path, msgspec.json.encode(msgspec.structs.replace(account, uri=uri)))
    return made


def forget_uri(authority: Authority) -> None:
    """The authority does not know the account any more: the next client makes one with the same key."""
    path = Path(authority.account)
    account = _read(path)
    if account is not None:
        write_private(path, msgspec.json.encode(msgspec.structs.replace(account, uri="")))


def _register(made: client.ClientV2, key: JWKEC, authority: Authority) -> str:
    bound = None
    if authority.key_id:
        bound = messages.ExternalAccountBinding.from_data(
            key.public_key(), authority.key_id, authority.key, made.directory
        )
    contact = tuple(f"mailto:{each}" for each in authority.contact)
    asked = messages.NewRegistration(contact=contact, terms_of_service_agreed=True, external_account_binding=bound)
    try:
        return str(made.new_account(asked).uri)
    except errors.ConflictError as error:
        made.net.account = messages.RegistrationResource(uri=error.location, body=messages.Registration())
        return str(error.location)


def _read(path: Path) -> Account | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Account)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} is no account: move it away and another is made") from error


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
