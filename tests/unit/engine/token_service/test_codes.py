from __future__ import annotations

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.token_service.codes import ENDPOINT_CODES, REVOKED_TOKEN


def test_a_caller_does_not_learn_that_a_token_was_revoked() -> None:
    assert REVOKED_TOKEN.visible is FAILED


def test_what_records_say_of_the_endpoints_has_names_of_its_own() -> None:
    assert len({code.name for code in (REVOKED_TOKEN, *ENDPOINT_CODES)}) == 3
