"""What inert controls are looked for in."""

from __future__ import annotations

from typing import Any

from portcullis.engine.config.load import load_configuration
from portcullis.engine.inert.estate import Estate

NOTHING: Any = None


def test_listeners_that_serve_no_api_are_left_out(base: str) -> None:
    more = '{bind: "127.0.0.1:0"}\n  plain: {bind: "0.0.0.0:0", redirect: https}\n  admin: {bind: "127.0.0.1:0"}'
    loaded = load_configuration(base.replace('{bind: "127.0.0.1:0"}', more), "p.yaml")
    estate = Estate(loaded, NOTHING, NOTHING, (), {})
    assert [place for place, _ in estate.api_listeners()] == [("listeners", "public")]
    assert [place for place, _ in estate.apis()] == [("apis", "shop")]
    assert estate.configuration is loaded.configuration
