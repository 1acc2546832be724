"""The YAML test suite, against both readers: that of OpenAPI documents and that of the configuration file.

What is read must mean what YAML 1.2 says, where it can be said in JSON; what must be refused must be. The exceptions
are libyaml's, which both readers get their events from, or a feature that has no place in such files.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from portcullis.engine.config import reader
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.tree import plain
from portcullis.engine.openapi import reading

NOT_READ_BY_LIBYAML = {
    "a tab between tokens, or in an empty line": "6BCT 6CA3 A2M4 DK95/00 DK95/03 DK95/04 Q5MG Y79Y/010",
    "a tab at the start of a block scalar": "96NN/00 96NN/01 R4YG Y79Y/001",
    "an empty key": "2JQS 4ABK 6M2F CFD4 FRK4 NHX8 NKF9 S3PD SM9W/01 UKK6/00",
    "a colon without a space in flow style": "4MUZ/00 4MUZ/01 4MUZ/02 58MP 5MUD 5T43 DBG4 HM87/00 K3WX",
    "a key of several lines in flow style": "9SA2 NJ66 UT92 VJP3/01",
    "a colon, or a letter beyond ASCII, in the name of an anchor": "2SXE 8XYN W5VH",
    "a directive that is unknown, or of a newer YAML": "2LFX 6LVF BEC7 MUS6/05 MUS6/06 W4TN",
    "an end of a document without a beginning": "7Z25 HWV9 M7A3 QT73",
    "text right behind the marker of a block scalar": "DK3J FP8R",
}
MEANS_OTHERWISE = {
    "652Z": "a question mark begins a key, though no space follows",
    "HM87/01": "the same",
    "JEF9/02": "a block scalar of blanks alone",
    "L24T/01": "a block scalar that ends in blanks",
    "Y2GN": "an anchor ends before a colon",
}
NOT_REFUSED_BY_LIBYAML = {
    "lines that are indented too little, within brackets or quotes": "9C9N DK95/01 QB6E Y79Y/003",
    "a comment without a space before it": "9JBA CVW2 MUS6/00 SU5Z X4QW",
    "a hyphen alone in flow style": "G5U8 YJV2",
    "a block scalar whose first, empty lines are longer than the next": "S98Z",
}
NO_PLACE_IN_A_DOCUMENT = {
    "a second document": "only one document",
    "tag": "application types; values are what they look like",
    "a key must be a plain text": "JSON has text for keys",
}
NO_PLACE_IN_A_CONFIGURATION = {
    "second document": "only one document",
    "tags (": "application types; values are what they look like",
    "a key must be text": "keys are names",
    "directives (": "they would change what tags mean",
    "the file must be a mapping": "a configuration is one",
    "the file is empty": "it needs something to serve",
}


class RefusedError(Exception):
    """The reader refuses the text."""


def as_document(text: str) -> Any:
    try:
        return reading.read(text.encode())
    except reading.UnreadableError as error:
        raise RefusedError(error.message) from None


def as_configuration(text: str) -> Any:
    try:
        read = reader.read(text, "portcullis.yaml")
    except ConfigurationError as error:
        raise RefusedError(error.diagnostics[0].message) from None
    if read.problems:
        raise RefusedError(read.problems[0].message)
    return plain(read.root)


Read = Callable[[str], Any]
Cases = list[dict[str, Any]]
READERS = pytest.mark.parametrize(
    ("read", "reasons"),
    [(as_document, NO_PLACE_IN_A_DOCUMENT), (as_configuration, NO_PLACE_IN_A_CONFIGURATION)],
    ids=["document", "configuration"],
)


@pytest.fixture(scope="module")
def cases(corpora: Path) -> Cases:
    with gzip.open(corpora / "yaml" / "yaml-test-suite.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def ids(exceptions: dict[str, str]) -> set[str]:
    return {each for listed in exceptions.values() for each in listed.split()}


def test_all_classes_of_the_suite_are_there(cases: Cases) -> None:
    expected = [case["expected"] for case in cases]
    assert (expected.count("accept"), expected.count("reject")) == (308, 94)
    assert sum(case.get("json") is not None for case in cases) == 282


@READERS
def test_what_is_accepted_means_what_it_should(cases: Cases, read: Read, reasons: dict[str, str]) -> None:
    wrong, refused, compared, used = [], [], 0, set()
    for case in cases:
        if case["expected"] != "accept":
            continue
        try:
            value = read(case["yaml"])
        except RefusedError as error:
            message = str(error)
            purpose = [reason for reason in reasons if reason in message]
            used.update(purpose)
            if not purpose and case["id"] not in ids(NOT_READ_BY_LIBYAML):
                refused.append((case["id"], message))
            continue
        if case.get("json"):
            compared += 1
            if (json.loads(case["json"]) == value) == (case["id"] in MEANS_OTHERWISE):
                wrong.append(case["id"])
    assert wrong == []
    assert refused == []
    assert compared >= 85
    assert used == reasons.keys()


@READERS
def test_what_must_be_rejected_is_refused(cases: Cases, read: Read, reasons: dict[str, str]) -> None:
    accepted = []
    for case in cases:
        if case["expected"] == "reject" and case["id"] not in ids(NOT_REFUSED_BY_LIBYAML):
            try:
                read(case["yaml"])
                accepted.append(case["id"])
            except RefusedError:
                pass
    assert accepted == []


def test_the_exceptions_are_still_needed(cases: Cases) -> None:
    """What libyaml learns is no exception any more."""
    for case in cases:
        try:
            list(yaml.parse(case["yaml"], Loader=yaml.CSafeLoader))
            assert case["id"] not in ids(NOT_READ_BY_LIBYAML), case["id"]
        except yaml.YAMLError:
            assert case["id"] not in ids(NOT_REFUSED_BY_LIBYAML), case["id"]
    exceptions = ids(NOT_READ_BY_LIBYAML) | ids(NOT_REFUSED_BY_LIBYAML) | MEANS_OTHERWISE.keys()
    assert exceptions <= {case["id"] for case in cases}
