"""The files of a document, and places in them."""

from __future__ import annotations

import hashlib

from portcullis.engine.openapi.problems import Problem
from portcullis.engine.openapi.sources import Place, Sources

MAIN = b"a:\n  b: 1\n"
OTHER = b'{\n "c": {"d": 1}}'


def sources() -> Sources:
    made = Sources("specs/main.yaml", MAIN)
    made.add("/x-files/1", "common/other.json", OTHER)
    made.add("/x-files/10", "common/third.yaml", b"e:\n\n f: 1\n")
    return made


def test_each_pointer_leads_into_a_file() -> None:
    made = sources()
    assert made.names.reference("/a/b") == "specs/main.yaml#/a/b"
    assert made.names.reference("/x-files/1/c/d") == "common/other.json#/c/d"
    assert made.names.reference("/x-files/1") == "common/other.json#"
    assert made.names.reference("/x-files/10/e") == "common/third.yaml#/e"
    assert made.names.reference("/x-files/2/e") == "specs/main.yaml#/x-files/2/e"


def test_places_are_those_of_the_files_themselves() -> None:
    assert sources().locate(["/a/b", "/x-files/1/c/d", "/x-files/10/e/f"]) == {
        "/a/b": Place("specs/main.yaml", "/a/b", 2, 3),
        "/x-files/1/c/d": Place("common/other.json", "/c/d", 2, 8),
        "/x-files/10/e/f": Place("common/third.yaml", "/e/f", 3, 2),
    }


def test_what_was_put_together_is_shown_where_it_comes_from() -> None:
    made = sources()
    first, second = made.synthesise("/a/b"), made.synthesise("/x-files/1/c")
    assert (first, second) == ("/x-synthesised/0", "/x-synthesised/1")
    assert made.names.origin(f"{first}/content/x") == "/a/b"
    assert made.names.reference(f"{second}/content") == "common/other.json#/c"
    assert made.locate([f"{first}/content"]) == {f"{first}/content": Place("specs/main.yaml", "/a/b", 2, 3)}


def test_problems_get_the_place_of_what_they_are_about() -> None:
    found = sources().diagnostics(
        [
            Problem("/x-files/1/c", "is wrong", "make it right"),
            Problem("/a/b", "is odd", severity="warning"),
            Problem("", "bad"),
        ]
    )
    assert [str(each) for each in found] == [
        "common/other.json:2:2: error: #/c: is wrong (make it right)",
        "specs/main.yaml:2:3: warning: #/a/b: is odd",
        "specs/main.yaml:1:1: error: #: bad",
    ]


def test_nothing_is_located_if_there_is_nothing_to_say() -> None:
    assert Sources("x", b"\xff not even text").diagnostics([]) == []


def test_the_digest_is_that_of_the_only_file_or_covers_all() -> None:
    alone = Sources("specs/main.yaml", MAIN)
    assert alone.digest == hashlib.sha256(MAIN).hexdigest()
    made = sources()
    assert made.digests["common/other.json"] == hashlib.sha256(OTHER).hexdigest()
    assert made.digest == sources().digest
    changed = sources()
    changed.add("/x-files/11", "common/more.yaml", b"")
    renamed = Sources("specs/other.yaml", MAIN)
    renamed.add("/x-files/1", "common/other.json", OTHER)
    renamed.add("/x-files/10", "common/third.yaml", b"e:\n\n f: 1\n")
    assert len({alone.digest, made.digest, changed.digest, renamed.digest}) == 4
