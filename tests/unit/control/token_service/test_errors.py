from __future__ import annotations

import json

from portcullis.control.token_service.errors import OAuthError, unproven


def test_the_client_is_told_less_than_the_record() -> None:
    answer = OAuthError("invalid_grant", "the refresh token is not valid", "used again").answer("app")
    assert (answer.status, answer.client, answer.reason) == (400, "app", "used again")
    assert json.loads(answer.body) == {
        "error": "invalid_grant",
        "error_description": "the refresh token is not valid",
    }
    assert OAuthError("invalid_client", "no").answer().reason == "no"


def test_whoever_is_not_proven_is_told_the_same() -> None:
    error = unproven("another secret")
    assert (error.error, error.status, error.reason) == ("invalid_client", 401, "another secret")
    assert str(unproven("no such client")) == str(error)
