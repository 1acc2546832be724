from __future__ import annotations

from portcullis.control.service_errors import ServiceError


def test_a_refusal_has_a_sentence_and_a_code_that_can_be_another() -> None:
    usual, other = ServiceError("no"), ServiceError("no", "things.conflict")
    assert (str(usual), usual.detail, usual.code, usual.status) == ("no", "no", "control.failed", 500)
    assert other.code == "things.conflict"
