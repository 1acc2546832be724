"""Problem documents: what a refused caller is told."""

from __future__ import annotations

import json

from portcullis.engine.codes import UNKNOWN_PATH, Code
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.problem import PROBLEM_TYPE, problem_document

FAILED = Code("authenticate.failed", 401, "The caller could not be authenticated")
EXPIRED = Code("authenticate.expired", 401, "The key has expired", FAILED)


def test_a_problem_document_has_the_members_of_rfc_9457_and_ours() -> None:
    assert PROBLEM_TYPE == b"application/problem+json"
    assert json.loads(problem_document(Refuse(UNKNOWN_PATH, "Look elsewhere."), "f" * 32)) == {
        "type": "urn:portcullis:guard.unknown_path",
        "title": "There is nothing at this path",
        "status": 404,
        "code": "guard.unknown_path",
        "request_id": "f" * 32,
        "detail": "Look elsewhere.",
    }


def test_no_detail_is_no_member() -> None:
    assert "detail" not in json.loads(problem_document(Refuse(UNKNOWN_PATH), "f" * 32))


def test_the_caller_sees_the_public_code_only() -> None:
    text = problem_document(Refuse(EXPIRED, finding=Finding("/header/x-api-key", "key k1, expired")), "f" * 32).decode()
    assert json.loads(text)["code"] == "authenticate.failed"
    assert json.loads(text)["title"] == FAILED.title
    assert "expired" not in text


def test_the_finding_is_never_told() -> None:
    finding = Finding("/query/limit", "found-this", "allowed-that", "portcullis.yaml#/apis/shop")
    text = problem_document(Refuse(UNKNOWN_PATH, finding=finding), "f" * 32).decode()
    assert not any(inner in text for inner in ("found-this", "allowed-that", "portcullis.yaml", "/query/limit"))


def test_a_detail_can_not_break_out_of_its_member() -> None:
    detail = 'a "quoted" \\ text\r\n\0 \u2028'
    assert json.loads(problem_document(Refuse(UNKNOWN_PATH, detail), "f" * 32))["detail"] == detail
