"""Which certificate a client gets."""

from __future__ import annotations

import ssl
from types import SimpleNamespace
from typing import Any

import pytest
from rows import rows

from portcullis.mounts.server_names import ServerNames, without_unreadable_names

CONTEXTS = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in ("shop", "any", "deep")}


@pytest.fixture
def names() -> ServerNames:
    made = ServerNames()
    assert made.add(["shop.example", "WWW.shop.example"], CONTEXTS["shop"]) == []
    assert made.add(["*.shop.example", "shop.example"], CONTEXTS["any"]) == ["shop.example"]
    assert made.add(["*.eu.shop.example"], CONTEXTS["deep"]) == []
    return made


@rows(
    ("name", "found"),
    [
        ("shop.example", "shop"),
        ("SHOP.example", "shop"),
        ("www.shop.example", "shop"),
        ("api.shop.example", "any"),
        ("eu.shop.example", "any"),
        ("a.eu.shop.example", "deep"),
        ("a.b.shop.example", None),
        (".shop.example", None),
        ("example", None),
        ("", None),
        ("shop.example.", None),
        ("*.shop.example", "any"),
        ("evilshop.example", None),
    ],
)
def test_names(names: ServerNames, name: str, found: str | None) -> None:
    assert names.find(name) is (None if found is None else CONTEXTS[found])


@rows(
    ("name", "answer", "context"),
    [
        (None, None, "first"),
        ("api.shop.example", None, CONTEXTS["any"]),
        ("other", ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME, "first"),
    ],
)
def test_a_handshake_goes_on_with_the_context_for_the_name(
    names: ServerNames, name: str | None, answer: int | None, context: Any
) -> None:
    connection: Any = SimpleNamespace(context="first")
    assert names.choose(connection, name, CONTEXTS["shop"]) == answer
    assert connection.context is context or connection.context == context


def test_a_name_that_is_not_ascii_is_no_news() -> None:
    told: list[Any] = []
    hook = without_unreadable_names(told.append)
    unreadable = UnicodeDecodeError("ascii", b"\xc3", 0, 1, "ordinal not in range(128)")
    for error, of in ((unreadable, b"\xc3"), (unreadable, CONTEXTS["shop"]), (ValueError("else"), b"\xc3")):
        hook(SimpleNamespace(exc_type=type(error), exc_value=error, exc_traceback=None, err_msg=None, object=of))
    assert [(each.exc_type, type(each.object)) for each in told] == [
        (UnicodeDecodeError, ssl.SSLContext),
        (ValueError, bytes),
    ]
