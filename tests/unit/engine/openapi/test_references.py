"""Which file a reference means, and how references within a document are followed."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.references import UnfollowedError, follow, normal_path, path_of


@rows(
    ("path", "normal"),
    [
        ("a.yaml", "a.yaml"),
        ("./a//b/../c.yaml", "a/c.yaml"),
        ("../specs/./a.yaml", "../specs/a.yaml"),
        ("a/../../b", "../b"),
        ("../../x", "../../x"),
        ("/etc/../a", "/a"),
        ("", ""),
    ],
)
def test_a_path_has_one_normal_form(path: str, normal: str) -> None:
    assert normal_path(path) == normal
    assert normal_path(normal) == normal


@rows(
    ("reference", "referrer", "document", "path"),
    [
        ("b.yaml", "specs/a.yaml", "specs/a.yaml", "specs/b.yaml"),
        ("./b.yaml", "a.yaml", "a.yaml", "b.yaml"),
        ("../common/b.json", "specs/a.yaml", "specs/a.yaml", "common/b.json"),
        ("../a.yaml", "specs/deep/b.yaml", "specs/a.yaml", "specs/a.yaml"),
        ("with%20space.yaml", "a.yaml", "a.yaml", "with space.yaml"),
        ("b:c.yaml/../d.yaml", "a.yaml", "a.yaml", None),
        # A document that is not below the configuration file's folder has a folder of its own.
        ("b.yaml", "../specs/a.yaml", "../specs/a.yaml", "../specs/b.yaml"),
        ("deep/b.yaml", "/etc/specs/a.yaml", "/etc/specs/a.yaml", "/etc/specs/deep/b.yaml"),
        ("../a.yaml", "../specs/deep/b.yaml", "../specs/a.yaml", "../specs/a.yaml"),
    ],
)
def test_files_are_found_relative_to_the_one_that_refers_to_them(
    reference: str, referrer: str, document: str, path: str | None
) -> None:
    if path is None:
        with pytest.raises(UnfollowedError):
            path_of(reference, referrer, document)
    else:
        assert path_of(reference, referrer, document) == path


@rows(
    ("reference", "document", "message"),
    [
        ("https://example.com/a.yaml", "a.yaml", "references to URLs are not followed"),
        ("file:///etc/passwd", "a.yaml", "references to URLs are not followed"),
        ("//example.com/a.yaml", "a.yaml", "references to URLs are not followed"),
        ("C:\\secret.yaml", "a.yaml", "references to URLs are not followed"),
        ("/etc/passwd", "a.yaml", "absolute paths are not followed"),
        ("%2Fetc%2Fpasswd", "a.yaml", "absolute paths are not followed"),
        ("../secret.yaml", "a.yaml", "leads out of the folder"),
        ("%2e%2e/secret.yaml", "a.yaml", "leads out of the folder"),
        ("b/../../secret.yaml", "a.yaml", "leads out of the folder"),
        ("../../../secret.yaml", "../specs/a.yaml", "leads out of the folder"),
        ("../secret.yaml", "../a.yaml", "leads out of the folder"),
        ("../etc/passwd", "/etc/specs/a.yaml", "leads out of the folder"),
        ("..", "specs/a.yaml", None),
        ("b.yaml?x=1", "a.yaml", "this is not a path"),
        ("b%00.yaml", "a.yaml", "this is not a path"),
        ("%ff.yaml", "a.yaml", "this is not a path"),
        ("http://[", "a.yaml", "this is not a path"),
        ("?", "a.yaml", "this is not a path"),
    ],
)
def test_references_out_of_the_folder_are_not_followed(reference: str, document: str, message: str | None) -> None:
    if message is None:
        assert path_of(reference, document, document) == ""
        return
    with pytest.raises(UnfollowedError, match=message) as caught:
        path_of(reference, document, document)
    assert "below the configuration file's folder" in caught.value.hint


def test_references_within_a_document_are_followed_to_their_end() -> None:
    root = {"a": {"$ref": "#/b"}, "b": {"$ref": "#/c~1d"}, "c/d": {"x": 1}}
    assert follow(root, "/a", Problems()) == ("/c~1d", {"x": 1})


@rows("reference", ["#/nowhere", "elsewhere.yaml", "#anchor"])
def test_a_reference_that_leads_nowhere_is_noted_and_means_nothing(reference: str) -> None:
    problems = Problems()
    assert follow({"a": {"$ref": "#/b"}, "b": {"$ref": reference}}, "/a", problems) == ("/b", {})
    assert [(problem.pointer, problem.message) for problem in problems] == [("/b", "this reference leads nowhere")]


def test_a_circle_of_references_is_noted_and_means_nothing() -> None:
    problems = Problems()
    root = {"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}}
    assert follow(root, "/a", problems) == ("/a", {})
    assert [problem.message for problem in problems] == ["this reference leads back to itself"]
