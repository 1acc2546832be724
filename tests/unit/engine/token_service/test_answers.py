from __future__ import annotations

import json

from portcullis.engine.token_service.answers import document_answer, endpoint_answer, error_answer


def test_tokens_are_kept_by_nobody() -> None:
    fields = dict(endpoint_answer(200, b"{}").fields)
    assert (fields[b"cache-control"], fields[b"pragma"]) == (b"no-store", b"no-cache")
    assert fields[b"content-type"] == b"application/json"
    assert b"content-type" not in dict(endpoint_answer(200, b"").fields)


def test_who_has_not_proven_who_it_is_gets_the_challenge() -> None:
    assert dict(error_answer("invalid_client", "no", 401).fields)[b"www-authenticate"].startswith(b"Basic ")
    answer = error_answer("invalid_request", "no")
    assert answer.status == 400
    assert b"www-authenticate" not in dict(answer.fields)
    assert json.loads(answer.body) == {"error": "invalid_request", "error_description": "no"}


def test_documents_may_be_kept_for_a_while() -> None:
    assert dict(document_answer(b"{}", 30).fields)[b"cache-control"] == b"public, max-age=30"
