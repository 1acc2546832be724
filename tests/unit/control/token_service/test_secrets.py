from __future__ import annotations

from hashlib import sha256

from portcullis.control.token_service.secrets import digest_of, new_refresh_token, new_secret


def test_they_are_random_and_told_apart_by_how_they_begin() -> None:
    secrets = {new_secret() for _ in range(100)} | {new_refresh_token() for _ in range(100)}
    assert len(secrets) == 200
    assert {each[:4] for each in secrets} == {"pcs_", "pcr_"}
    assert {len(each) for each in secrets} == {47}


def test_only_a_digest_is_kept() -> None:
    assert digest_of("pcs_x") == sha256(b"pcs_x").digest()
