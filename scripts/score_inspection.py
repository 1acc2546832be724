"""How well attacks are told from honest text, counted on corpora: ``python scripts/score_inspection.py [corpora]``."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from portcullis.engine.facts import Facts
from portcullis.engine.inspection.allowances import Allowances
from portcullis.engine.inspection.inspector import the_inspector
from portcullis.engine.inspection.known import Known
from portcullis.engine.inspection.requests import RequestInspection
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.request import RequestView

PLACES = {"query": "query", "json": "body", "header": "header", "path": "path"}


class Score(NamedTuple):
    """How many of ``total`` texts or requests were found to be attacks, and the ids of those that were not, or were."""

    found: int
    total: int
    ids: tuple[str, ...] = ()

    @property
    def percent(self) -> float:
        """How many were found, of a hundred."""
        return 100 * self.found / self.total


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a corpus."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def texts_of(value: Any) -> Iterator[str]:
    """All strings in a value, and all names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from texts_of(member)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)


def is_found(value: Any, place: str) -> bool:
    """Whether there is an attack in one of the texts of ``value``."""
    find = the_inspector().find
    return any(find(text, place) is not None for text in texts_of(value))


def by_class(path: Path, key: str = "class", label: str | None = None) -> dict[str, Score]:
    """The scores of a corpus of values by what ``key`` of a record says; ``label``: of these records only."""
    found: Counter[str] = Counter()
    total: Counter[str] = Counter()
    ids: dict[str, list[str]] = {}
    for record in records(path):
        if label is not None and record["label"] != label:
            continue
        total[record[key]] += 1
        if is_found(record["value"], PLACES[record["where"]]):
            found[record[key]] += 1
            ids.setdefault(record[key], []).append(record["id"])
    return {name: Score(found[name], count, tuple(ids.get(name, ()))) for name, count in total.items()}


def of_requests(path: Path) -> dict[str, Score]:
    """The scores of recorded requests at paranoia level 1 by class, nothing being known of what they may hold."""
    known = Known(SpecOperation(method="GET", path="/", pointer=""), None)
    inspection = RequestInspection(the_inspector(), known, Allowances(()))
    found: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for record in records(path):
        if record["label"] == "attack" and record["pl"] == 1 and "raw_base64" not in record:
            total[record["class"]] += 1
            found[record["class"]] += _is_refused(inspection, record)
    return {name: Score(found[name], count) for name, count in total.items()}


def _is_refused(inspection: RequestInspection, record: Mapping[str, Any]) -> bool:
    headers = {name.lower().encode(): value.encode("latin-1", "replace") for name, value in record["headers"].items()}
    uri = record["uri"]
    try:
        split = urlsplit(uri)
    except ValueError:
        split = urlsplit("/")
    body = (record.get("body") or "").encode()
    if body and b"content-type" not in headers:
        headers[b"content-type"] = b"application/x-www-form-urlencoded"
    request = RequestView(record["method"], uri, list(headers.items()), headers, has_body=bool(body))
    request.query = split.query
    request.path_values = {"path": unquote(split.path)}
    request.body = body
    facts = Facts()
    return inspection.head(request, facts) is not None or inspection.whole(request, facts) is not None


def main(corpora: Path) -> None:
    """Print every table."""
    for title, scores in (
        ("params, attacks", by_class(corpora / "attacks/params.jsonl.gz", label="attack")),
        ("params, benign", by_class(corpora / "attacks/params.jsonl.gz", label="benign")),
        ("payloads", by_class(corpora / "attacks/payloads.jsonl.gz")),
        ("requests, paranoia level 1", of_requests(corpora / "attacks/attacks.jsonl.gz")),
        ("benign", by_class(corpora / "benign/benign.jsonl.gz", key="kind")),
    ):
        print(f"\n{title}")
        for name, score in sorted(scores.items()):
            print(f"  {name:22} {score.found:5} of {score.total:5}  {score.percent:6.2f} %")
        found, total = sum(score.found for score in scores.values()), sum(score.total for score in scores.values())
        print(f"  {'all':22} {found:5} of {total:5}  {100 * found / total:6.2f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1].parent / "shared" / "data")
