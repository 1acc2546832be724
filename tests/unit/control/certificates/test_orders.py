from __future__ import annotations

from typing import get_args

from cryptography import x509

from portcullis.control.certificates.orders import REASONS, Reason, Revocation


def test_every_reason_has_the_number_of_the_rfc() -> None:
    assert set(REASONS) == set(get_args(Reason))
    assert REASONS["keyCompromise"] == 1
    assert {x509.ReasonFlags(name) for name in REASONS}  # which knows them by the same names
    assert Revocation().reason == "unspecified"
