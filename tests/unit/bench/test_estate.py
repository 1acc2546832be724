from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from bench import estate
from bench.errors import BenchError
from bench.estate import Source, pick, repetition, usable
from bench.peers import Ground

PORTCULLIS = Path(sys.executable).parent / "portcullis"
GOOD = """openapi: 3.0.3
info: {title: T, version: "1"}
paths:
  /a: {get: {responses: {"200": {description: Fine.}}}, post: {responses: {"200": {description: Fine.}}}}
"""


@pytest.fixture
def documents(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "documents"
    folder.mkdir()
    usable.cache_clear()
    yield folder
    usable.cache_clear()


def test_documents_are_taken_in_turn_until_nothing_fits_any_more() -> None:
    sources = [Source(Path(name), count) for name, count in (("a", 5), ("none", 0), ("b", 3))]

    taken = [(number, source.path.name) for number, source in pick(sources, 22)]

    assert taken == [(0, "a"), (0, "b"), (1, "a"), (1, "b"), (2, "a")]
    assert list(pick(sources, 2)) == []


def test_a_repetition_is_the_same_document_but_for_its_number() -> None:
    first, second = (yaml.safe_load(repetition(GOOD, number)) for number in (1, 2))

    assert first.pop("x-repetition") == 1
    assert second.pop("x-repetition") == 2
    assert first == second == yaml.safe_load(GOOD)


@pytest.mark.slow
def test_documents_that_can_not_be_served_are_told_apart_by_the_gateway_itself(documents: Path) -> None:
    (documents / "good.yaml").write_text(GOOD)
    (documents / "bad.yaml").write_text(GOOD.replace("description: Fine.", "$ref: '#/nowhere'"))

    assert usable(PORTCULLIS, documents) == ((Source(documents / "good.yaml", 2),), ("bad.yaml",))


@pytest.mark.slow
def test_what_looks_administrative_is_opened_by_name(
    documents: Path, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    (documents / "good.yaml").write_text(GOOD.replace("/a:", "/admin/users:"))

    (source,), refused = usable(PORTCULLIS, documents)

    assert (source.administrative, refused) == (("GET /admin/users", "POST /admin/users"), ())
    monkeypatch.setattr(estate, "usable", lambda *_: ((source,), ()))
    estate.small(ground)
    apis = json.loads((ground.folder / "portcullis.yaml").read_text())["apis"]
    assert apis["api-99"]["operations"] == {name: {"public": True} for name in source.administrative}


@pytest.mark.slow
def test_where_no_document_can_be_served_nothing_is_measured(documents: Path) -> None:
    (documents / "bad.yaml").write_text("openapi: 3.0.3\n")

    with pytest.raises(BenchError, match="none of the documents"):
        usable(PORTCULLIS, documents)


def test_without_documents_it_is_told_where_they_are_looked_for(documents: Path) -> None:
    with pytest.raises(BenchError, match="PORTCULLIS_CORPORA"):
        usable(PORTCULLIS, documents)


def test_an_estate_has_an_api_with_a_host_and_a_document_of_its_own_for_each_repetition(
    ground: Ground, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (documents / "good.yaml").write_text(GOOD)
    sources = ((Source(documents / "good.yaml", 2),), ("bad.yaml",))
    monkeypatch.setattr(estate, "usable", lambda *_: sources)

    setup = estate.small(ground)

    apis = json.loads((ground.folder / "portcullis.yaml").read_text())["apis"]
    assert len(apis) == 100
    assert {api["hosts"][0] for api in apis.values()} == {f"api-{number}.example" for number in range(100)}
    assert len({(ground.folder / api["versions"]["v1"]["spec"]).read_text() for api in apis.values()}) == 100
    assert setup.argv[-2:] == ["--workers", "2"]
    assert setup.probes[0].request.headers == {"Host": "api-99.example"}
    assert setup.remarks == ("1 of 2 documents can't be served as they are: bad.yaml",)
