from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.token_service import messages
from portcullis.engine.token_service.messages import (
    Call,
    CallAnswer,
    IdentityKey,
    PublishedKeys,
    Revocations,
    Revoked,
    encode,
    of_client,
)


@rows(
    ("message", "decode"),
    [
        (Call("token", {"grant_type": "x"}, "a", "b", "client_secret_basic"), messages.decode_call),
        (CallAnswer(400, b"{}", "a", "why"), messages.decode_answer),
        (PublishedKeys("https://i", b"{}", b"{}"), messages.decode_keys),
        (IdentityKey("https://i", "k", "ES256", b"x"), messages.decode_identity_key),
        (Revocations(True, [Revoked("a", 2.0, 1.0), Revoked("b", 3.0)]), messages.decode_revocations),
    ],
)
def test_what_is_said_is_understood(message: object, decode: object) -> None:
    assert decode(encode(message)) == message  # type: ignore[operator]
    with pytest.raises(ValueError, match=r"."):
        decode(b"\xc1")  # type: ignore[operator]


def test_secrets_are_not_shown() -> None:
    shown = repr([Call("token", {"refresh_token": "pcr_1"}, "a", "pcs_2"), IdentityKey("i", "k", "ES256", b"pcs_3")])
    assert "pc" not in shown


def test_a_client_is_no_token() -> None:
    assert " " in of_client("checkout")
