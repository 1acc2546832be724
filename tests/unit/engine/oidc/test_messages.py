from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.engine.oidc import messages
from portcullis.engine.oidc.messages import RelyingPartySource, encode

SOURCE = RelyingPartySource("people", "https://id.example", "web", "https://shop.example", "https://shop.example/cb")
SECRET = b"secret" * 5 + b"ab"


@rows(
    ("message", "decode"),
    [
        (messages.ProviderQuestion("r"), messages.decode_provider_question),
        (messages.ProviderAnswer("a", "b", "c"), messages.decode_provider_answer),
        (messages.LoginQuestion("r", "c", None, "v", "n", SECRET, b""), messages.decode_login_question),
        (messages.LoginAnswer("refused", "why"), messages.decode_login_answer),
        (messages.SessionQuestion("r", SECRET), messages.decode_session_question),
        (messages.SessionAnswer("done", b"{}", 1.0, 2.0), messages.decode_session_answer),
        (messages.SessionNews(True, (SECRET,)), messages.decode_session_news),
        (messages.LogoutQuestion("r", SECRET), messages.decode_logout_question),
        (messages.LogoutAnswer("done", "a.b.c"), messages.decode_logout_answer),
        (messages.BackChannelQuestion("r", "a.b.c"), messages.decode_back_channel_question),
        (messages.BackChannelAnswer("done", 3), messages.decode_back_channel_answer),
    ],
)
def test_what_is_sent_is_read_and_nothing_else(message: Any, decode: Any) -> None:
    assert decode(encode(message)) == message
    for wrong in (b"", b"\xc1", encode({"a": 1})):
        with pytest.raises(msgspec.MsgspecError):
            decode(wrong)


def test_no_secret_is_shown() -> None:
    shown = [
        messages.LoginQuestion("r", "thecode", None, "theverifier", "n", SECRET),
        messages.SessionQuestion("r", SECRET),
        messages.LogoutQuestion("r", SECRET),
        messages.LogoutAnswer("done", "thetoken"),
        messages.BackChannelQuestion("r", "thetoken"),
    ]
    assert not any(word in repr(shown) for word in ("secret", "thecode", "theverifier", "thetoken"))


def test_a_realm_is_a_registration_and_not_how_long_its_sessions_last() -> None:
    assert msgspec.structs.replace(SOURCE, idle=60.0, scopes=("openid", "email")).realm == SOURCE.realm
    for change in ({"name": "x"}, {"issuer": "x"}, {"client": "x"}, {"origin": "x"}):
        assert msgspec.structs.replace(SOURCE, **change).realm != SOURCE.realm


def test_idleness_is_known_to_a_tenth_of_it_and_a_minute_at_most() -> None:
    assert msgspec.structs.replace(SOURCE, idle=10.0).touch == 1.0
    assert msgspec.structs.replace(SOURCE, idle=86400.0).touch == 60.0
