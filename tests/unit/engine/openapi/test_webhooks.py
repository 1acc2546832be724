"""The calls that a service makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.openapi.webhooks import SpecCall, read_calls

Load = Callable[..., SpecDocument]


def test_webhooks_and_callbacks_are_listed(load: Load) -> None:
    document = load(
        {
            "/subscriptions": {
                "post": {
                    "callbacks": {
                        "arrived": {"{$request.body#/url}": {"put": {}, "post": {}}},
                        "left": {"$ref": "#/components/callbacks/left"},
                    }
                }
            }
        },
        components={"callbacks": {"left": {"{$url}": {"delete": {}}}}},
        webhooks={"paid": {"post": {}, "summary": "x"}, "sent": {"$ref": "#/webhooks/paid"}},
    )
    below = "/paths/~1subscriptions/post/callbacks/arrived/{$request.body#~1url}"
    assert document.webhooks == (
        SpecCall("paid", "POST", "/webhooks/paid/post"),
        SpecCall("sent", "POST", "/webhooks/paid/post"),
        SpecCall("{$request.body#/url}", "PUT", f"{below}/put", "POST /subscriptions"),
        SpecCall("{$request.body#/url}", "POST", f"{below}/post", "POST /subscriptions"),
        SpecCall("{$url}", "DELETE", "/components/callbacks/left/{$url}/delete", "POST /subscriptions"),
    )


def test_a_document_without_any_has_none(load: Load) -> None:
    assert load({"/a": {"get": {}}}).webhooks == ()


def test_what_makes_no_sense_is_left_out() -> None:
    for webhooks in (
        None,
        [],
        {"a": None},
        {"a": {"$ref": "#/nowhere"}},
        {"a": {"$ref": "#/webhooks/a"}},
        {"x-a": {"get": {}}},
    ):
        root: dict[str, Any] = {"webhooks": webhooks}
        assert list(read_calls(root, ())) == []
