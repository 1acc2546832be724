from __future__ import annotations

import json
from pathlib import Path

import pytest

from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.roca import is_marked
from portcullis.testing.tokens import rsa_key


def test_the_mark_is_found(corpora: Path) -> None:
    vectors = json.loads((corpora / "jwt/wycheproof/json_web_key_test.json").read_text())
    [group] = [each for each in vectors["testGroups"] if each["comment"] == "jws_rsa_roca_key"]
    [key] = group["public"]["keys"]
    assert is_marked(int.from_bytes(base64url.decode(key["n"].encode()), "big"))


@pytest.mark.slow
def test_ordinary_keys_do_not_bear_it() -> None:
    assert not any(is_marked(rsa_key(name).public_key().public_numbers().n) for name in ("key-1", "enc"))


def test_powers_of_its_generator_bear_it() -> None:
    assert is_marked(pow(65537, 12345))
    assert not is_marked(pow(65537, 12345) + 1)
