from __future__ import annotations

import pytest

from portcullis.engine.certificates.messages import CertificateId, CurrentCertificate, decode, digest_of, encode


def test_what_is_told_comes_as_it_was() -> None:
    told = [CurrentCertificate(CertificateId("a.pem", "a.key"), "/x/a.pem", "/x/a.key", "d", ["a.example"])]
    assert decode(encode(told)) == told


def test_nonsense_is_told_as_such() -> None:
    with pytest.raises(ValueError):
        decode(b"nonsense")


def test_a_digest_is_of_both_and_of_where_one_ends() -> None:
    digests = {digest_of(*pair) for pair in ((b"ab", b"c"), (b"a", b"bc"), (b"ab", b"d"), (b"", b"abc"))}
    assert len(digests) == 4
