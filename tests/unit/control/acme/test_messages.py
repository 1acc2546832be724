from __future__ import annotations

import msgspec
import pytest

from portcullis.control.acme.messages import AcmeOrder, Authority, Done, Failed, Present, Said, Suggested

ORDER = AcmeOrder("obtain", Authority("a", "https://a/dir", "/x"), "/y", ("shop.example",))


@pytest.mark.parametrize("said", [Present("http-01", "a", "b"), Suggested(1.0, 2.0, 3.0), Done(), Failed("no", 4.0)])
def test_what_is_said_comes_as_it_was(said: Said) -> None:
    assert msgspec.json.decode(msgspec.json.encode(said), type=Said) == said


def test_an_order_comes_as_it_was() -> None:
    assert msgspec.json.decode(msgspec.json.encode(ORDER), type=AcmeOrder) == ORDER


def test_an_order_that_nobody_knows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(ORDER).replace(b"obtain", b"other"), type=AcmeOrder)


def test_no_secret_is_in_what_an_order_looks_like() -> None:
    bound = Authority("a", "https://a/dir", "/x", key_id="k-1", key="c2VjcmV0")
    assert "c2VjcmV0" not in repr(AcmeOrder("obtain", bound, "/y"))
