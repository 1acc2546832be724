from __future__ import annotations

import pytest

from portcullis.control.oidc.sealing import Contents, SealError, digest_of, seal, unseal

ID = b"s" * 32
CONTENTS = Contents(b'{"sub": "alice"}', "a.b.c", "refresh-me", 12.5, 1.0)


def test_only_the_id_opens_what_was_sealed() -> None:
    sealed = seal(ID, "realm", CONTENTS)
    assert unseal(ID, "realm", sealed) == CONTENTS
    for secret in (b"alice", b"a.b.c", b"refresh-me", ID, digest_of(ID)):
        assert secret not in sealed
    assert "refresh-me" not in repr(CONTENTS)
    for session, realm, damaged in (
        (b"t" * 32, "realm", sealed),
        (digest_of(ID), "realm", sealed),
        (ID, "another", sealed),
        (ID, "realm", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (ID, "realm", sealed[:20]),
        (ID, "realm", b""),
    ):
        with pytest.raises(SealError):
            unseal(session, realm, damaged)


def test_the_same_is_never_sealed_alike() -> None:
    assert seal(ID, "realm", CONTENTS) != seal(ID, "realm", CONTENTS)
