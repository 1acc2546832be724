from __future__ import annotations

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.oidc import codes


def test_of_a_session_the_caller_learns_only_that_authentication_failed() -> None:
    assert codes.MALFORMED_SESSION.visible == codes.UNKNOWN_SESSION.visible == FAILED
