from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.authentication.content_digest import MAX_FIELD, DigestError, check_digest
from portcullis.testing.signing import content_digest

BODY = b'{"hello": "world"}'
SHA256, SHA512 = content_digest(BODY).encode(), content_digest(BODY, "sha-512").encode()


def test_the_examples_of_the_standard() -> None:
    """RFC 9421 B.2 and RFC 9530 B.1."""
    digest = b"sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
    check_digest(digest, BODY)
    check_digest(b"sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", BODY)


@rows("field", [SHA256, SHA512, SHA256 + b", " + SHA512, b"md5=:AAAA:, " + SHA256, SHA256 + b";x=1", b"  " + SHA256])
def test_a_right_digest_passes(field: bytes) -> None:
    check_digest(field, BODY)


def test_nothing_has_a_digest_too() -> None:
    check_digest(content_digest(b"").encode(), b"")


@rows(
    ("field", "reason"),
    [
        (content_digest(b"other").encode(), "the sha-256 of 18 bytes is another one"),
        (SHA256 + b", " + content_digest(b"other", "sha-512").encode(), "the sha-512 of 18 bytes is another one"),
        (b"", "no digest"),
        (b"md5=:AAAA:", "no digest by sha-256 or sha-512"),
        (b"sha-256=:AAAA:", "another one"),
        (b"sha-256=::", "another one"),
        (b"sha-256", "no byte sequence"),
        (b"sha-256=AAAA", "no byte sequence"),
        (b'sha-256="AAAA"', "no byte sequence"),
        (b"sha-256=(:AAAA:)", "no byte sequence"),
        (SHA256.upper(), "no dictionary"),
        (SHA256 + b", " + SHA256, "one algorithm twice"),
        (b"sha-256=:AAAA:, " + SHA256, "one algorithm twice"),
        (SHA256[:-1], "no dictionary"),
        (SHA256 + b",", "no dictionary"),
        (b"\xff", "no dictionary"),
        (b"sha-256=:\xff:", "no dictionary"),
        (b"a" * (MAX_FIELD + 1), "bytes, more than"),
    ],
)
def test_anything_else_is_refused(field: bytes, reason: str) -> None:
    with pytest.raises(DigestError, match=reason):
        check_digest(field, BODY)


def test_every_cut_of_a_field_is_refused() -> None:
    for end in range(len(SHA256)):
        with pytest.raises(DigestError):
            check_digest(SHA256[:end], BODY)
