"""What inspection reaches on real attacks and real honest texts: floors and ceilings, so that neither gets worse."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.slow

# Of what the corpus calls a path traversal some are none any more: steps without their slashes, "/{file}".
PARAMS = {"sqli": 99.5, "xss": 91, "cmdi": 93, "path-traversal": 87}
# Lines of multi-line documents, placeholders, and fragments that mean something only in their place are among these.
PAYLOADS = {
    "sqli": 92,
    "xss": 84,
    "lfi": 85,
    "lfi-file": 83,
    "rce": 75,
    "ssti": 97,
    "xxe": 83,
    "ssi": 100,
    "nosql": 92,
    "ldap": 93,
    "xpath": 100,
    "crlf": 55,
}
# Many are probes of one rule by one word (``database(``), which is no attack where nothing is known of the field.
REQUESTS = {
    "sqli": 56,
    "xss": 60,
    "generic": 100,
    "prototype-pollution": 92,
    "php": 36,
    "rce": 38,
    "lfi": 33,
    "java": 38,
}
# Queries in a field called "sql", a script in a page about uploads, an embedded film, commands in lists and in builds,
# and two links that lose their focus by script.
MOST_HONEST = 0.12
HONEST = {
    "api-body": 0.5,
    "markdown": 0.5,
    "code-snippet": 0.5,
    "prose-shell-words": 0.2,
    "prose-markup": 0.2,
    "prose-sql-words": 0.1,
}


@pytest.fixture(scope="module")
def score(load_script: Callable[[str], ModuleType]) -> Any:
    return load_script("score_inspection")


def check(scores: Any, floors: dict[str, float]) -> None:
    short = {name: scores[name].percent for name, floor in floors.items() if scores[name].percent < floor}
    assert not short


def test_single_values_that_are_attacks_are_found(score: Any, corpora: Path) -> None:
    check(score.by_class(corpora / "attacks/params.jsonl.gz", label="attack"), PARAMS)


def test_single_values_that_are_none_pass(score: Any, corpora: Path) -> None:
    [honest] = score.by_class(corpora / "attacks/params.jsonl.gz", label="benign").values()
    assert (honest.found, honest.ids) == (0, ())


def test_attack_strings_are_found(score: Any, corpora: Path) -> None:
    check(score.by_class(corpora / "attacks/payloads.jsonl.gz"), PAYLOADS)


def test_requests_with_attacks_in_any_place_are_found(score: Any, corpora: Path) -> None:
    check(score.of_requests(corpora / "attacks/attacks.jsonl.gz"), REQUESTS)


def test_what_people_write_passes(score: Any, corpora: Path) -> None:
    scores = score.by_class(corpora / "benign/benign.jsonl.gz", key="kind")
    found, total = sum(each.found for each in scores.values()), sum(each.total for each in scores.values())
    assert 100 * found / total <= MOST_HONEST
    ceilings = {**dict.fromkeys(scores, 0.0), **HONEST}
    high = {name: each.ids for name, each in scores.items() if each.percent > ceilings[name]}
    assert not high


def test_texts_of_a_real_document_pass(score: Any, corpora: Path) -> None:
    """Descriptions and examples of a large API. One of them tells which commands to type, with a pipe."""
    document = json.loads(gzip.decompress((corpora / "openapi/large/github.json.gz").read_bytes()))
    texts = sorted(set(score.texts_of(document)))
    assert len(texts) > 5_000
    [found] = [text for text in texts if score.is_found(text, "body")]
    assert "gzip -c" in found
