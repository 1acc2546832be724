"""Which file something was read from."""

from __future__ import annotations

from portcullis.engine.config.sources import Sources

SOURCES = Sources("conf/p.yaml", {("apis", "shop"): "apis/shop.yaml", ("plans",): "plans.yaml"})


def test_what_stands_in_the_configuration_file_is_of_it() -> None:
    assert SOURCES.of(()) == "conf/p.yaml"
    assert SOURCES.of(("apis",)) == "conf/p.yaml"
    assert SOURCES.of(("apis", "billing", "hosts", 0)) == "conf/p.yaml"
    assert Sources("p.yaml").of(("apis", "shop")) == "p.yaml"


def test_an_entry_and_what_is_below_it_is_of_the_file_that_holds_it() -> None:
    assert SOURCES.of(("apis", "shop")) == "apis/shop.yaml"
    assert SOURCES.of(("apis", "shop", "hosts", 0)) == "apis/shop.yaml"


def test_a_section_that_only_included_files_have_is_of_the_first_of_them() -> None:
    assert SOURCES.of(("plans",)) == "plans.yaml"
    assert SOURCES.of(("plans", "gold", "rate")) == "plans.yaml"


def test_files_are_named_as_the_user_would() -> None:
    assert SOURCES.named("apis/shop.yaml") == "conf/apis/shop.yaml"
    assert SOURCES.named("conf/p.yaml") == "conf/p.yaml"
    assert Sources("p.yaml").named("apis/shop.yaml") == "apis/shop.yaml"
