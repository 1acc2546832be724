"""Answers of one caller, and shared caches."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.decision import Modify
from portcullis.engine.facts import Facts
from portcullis.engine.objects.caching import keep_from_caches, keep_from_shared_caches
from portcullis.engine.response import ResponseView
from portcullis.testing import make_request


def kept(keep: Any = keep_from_shared_caches, **fields: str) -> Modify | None:
    headers = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    found: Modify | None = keep(ResponseView(make_request(), 200, tuple(headers.items()), headers, True), Facts())
    return found


@rows("said", ["public", "max-age=60", "s-maxage=1, no-cache", 'private="set-cookie", max-age=9', "x-private"])
def test_what_a_shared_cache_could_keep_it_may_not(said: str) -> None:
    found = kept(cache_control=said)
    assert found is not None
    assert found.set_fields == ((b"cache-control", b"no-store"),)


@rows("said", ["private", "max-age=60, Private", "no-store", " No-Store ,max-age=0"])
def test_what_no_shared_cache_may_keep_stays_as_it_is(said: str) -> None:
    assert kept(cache_control=said) is None


@rows("name", ["cdn_cache_control", "surrogate_control", "cloudflare_cdn_cache_control"])
def test_shared_caches_are_told_nothing_else(name: str) -> None:
    found = kept(**{"cache_control": "private", name: "max-age=60"})
    assert found is not None
    assert name.replace("_", "-").encode() in found.remove_fields
    assert found.set_fields == ()


def test_where_nothing_is_said_nothing_is_done() -> None:
    assert kept() is None


def test_unless_nothing_else_says_it() -> None:
    found = kept(keep_from_caches)
    assert found is not None
    assert found.set_fields == ((b"cache-control", b"no-store"),)
    assert kept(keep_from_caches, cache_control="private") is None
    assert kept(keep_from_caches, cache_control="public") == kept(cache_control="public")
