"""Requests to the endpoints of the token service, read one way only.

A form (RFC 6749 B) in which a parameter stands twice would mean one thing to us and another to whoever reads the first
one (RFC 6749 3.2 forbids it), so it is refused, as is whatever is not plainly encoded.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from typing import Final
from urllib.parse import unquote_to_bytes

from portcullis.engine.request import RequestView
from portcullis.engine.token_service.messages import Call, EndpointName

MAX_PARAMETERS: Final = 32
MAX_VALUE: Final = 16 * 1024
"""Characters of a value; a token is the longest."""
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""RFC 7523 2.2."""
_FORM: Final = "application/x-www-form-urlencoded"
_ENCODED: Final = re.compile(rb"(?:[A-Za-z0-9*._~!$'(),/:;?@+-]|%[0-9A-Fa-f]{2})*")
_NAME: Final = re.compile(r"[a-z0-9_.-]{1,64}")


class FormError(ValueError):
    """The request can't be taken. ``error``: the code of RFC 6749 5.2; the message says why, and repeats nothing."""

    def __init__(self, message: str, error: str = "invalid_request") -> None:
        super().__init__(message)
        self.error = error


def read_call(endpoint: EndpointName, request: RequestView, *, takes_post: bool = False) -> Call:
    """What ``request``, whose body is whole, asks of ``endpoint``. Raises :class:`FormError`.

    ``takes_post``: a client may send its secret in the body.
    """
    kind = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise FormError(f"the body is a form: {_FORM}")
    if request.query:
        raise FormError("parameters are in the body, never in the URL (RFC 6749 2.3.1)")
    parameters = read_form(request.body or b"")
    authorization = request.headers.get(b"authorization")
    named, secret, assertion = (
        parameters.pop("client_id", ""),
        parameters.pop("client_secret", None),
        _assertion(parameters),
    )
    if [authorization, secret, assertion].count(None) < 2:
        raise FormError("a client says in one way who it is")
    if authorization is not None:
        client, secret = read_basic(authorization)
        if named and named != client:
            raise FormError("a client says in one way who it is")
        return Call(endpoint, parameters, client, secret, "client_secret_basic")
    if assertion is not None:
        return Call(endpoint, parameters, named, assertion, "private_key_jwt")
    if secret is not None:
        if not takes_post:
            raise FormError("clients authenticate by Basic, or by an assertion", "invalid_client")
        return Call(endpoint, parameters, named, secret, "client_secret_post")
    return Call(endpoint, parameters, named)


def _assertion(parameters: dict[str, str]) -> str | None:
    """The assertion by which a client shows who it is (RFC 7521 4.2), taken out of ``parameters``."""
    assertion, kind = parameters.pop("client_assertion", None), parameters.pop("client_assertion_type", None)
    if (assertion is None) != (kind is None):
        raise FormError("client_assertion and client_assertion_type belong together")
    if kind is not None and kind != ASSERTION_TYPE:
        raise FormError(f"assertions of clients are of the type {ASSERTION_TYPE}", "invalid_client")
    return assertion


def read_form(body: bytes) -> dict[str, str]:
    """The parameters of a form; those without a value are left out (RFC 6749 3.2). Raises :class:`FormError`."""
    pairs = body.split(b"&") if body else []
    if len(pairs) > MAX_PARAMETERS:
        raise FormError(f"at most {MAX_PARAMETERS} parameters")
    parameters: dict[str, str] = {}
    for pair in pairs:
        encoded_name, equals, encoded_value = pair.partition(b"=")
        name, value = _decoded(encoded_name), _decoded(encoded_value)
        if not equals or not _NAME.fullmatch(name):
            raise FormError("parameters are written as name=value")
        if name in parameters:
            raise FormError("a parameter stands more than once")
        parameters[name] = value
    return {name: value for name, value in parameters.items() if value}


def read_basic(field: bytes) -> tuple[str, str]:
    """Client and secret in an ``Authorization`` field: Basic (RFC 7617), each form-encoded (RFC 6749 2.3.1).

    Raises :class:`FormError`.
    """
    scheme, _, credentials = field.partition(b" ")
    if scheme.lower() != b"basic" or len(credentials) > MAX_VALUE:
        raise FormError("clients authenticate by Basic", "invalid_client")
    try:
        client, colon, secret = a2b_base64(credentials.strip(b" "), strict_mode=True).partition(b":")
        if not colon:
            raise FormError("Basic has a client and a secret", "invalid_client")
        return _decoded(client), _decoded(secret)
    except Error:
        raise FormError("Basic is in base64", "invalid_client") from None


def _decoded(encoded: bytes) -> str:
    if len(encoded) > MAX_VALUE:
        raise FormError(f"a value has at most {MAX_VALUE} bytes")
    if not _ENCODED.fullmatch(encoded):
        raise FormError("the form is not encoded as it should be")
    try:
        text = unquote_to_bytes(encoded.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise FormError("the form is in UTF-8") from None
    if not text.isprintable():
        raise FormError("the form holds control characters")
    return text
