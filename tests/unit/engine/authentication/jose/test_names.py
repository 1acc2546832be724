from __future__ import annotations

from portcullis.engine.authentication.jose.algorithms import ALGORITHMS
from portcullis.engine.authentication.jose.names import (
    ED25519,
    PUBLIC_ALGORITHMS,
    SECRET_ALGORITHMS,
    SECRET_BYTES,
    USUAL_FOR_RSA,
)


def test_every_name_is_an_algorithm_and_none_is_none() -> None:
    assert ALGORITHMS.keys() == PUBLIC_ALGORITHMS | SECRET_ALGORITHMS
    assert not PUBLIC_ALGORITHMS & SECRET_ALGORITHMS
    assert "none" not in {name.lower() for name in ALGORITHMS}


def test_names_go_with_the_keys_that_they_are_for() -> None:
    assert {name for name, row in ALGORITHMS.items() if row.key_type == "oct"} == SECRET_ALGORITHMS
    assert all(ALGORITHMS[name].key_type == "RSA" for name in USUAL_FOR_RSA)
    assert {(ALGORITHMS[name].key_type, ALGORITHMS[name].curve) for name in ED25519} == {("OKP", "Ed25519")}


def test_a_secret_is_as_long_as_its_digest() -> None:
    assert {name: size * 8 for name, size in SECRET_BYTES.items()} == {"HS256": 256, "HS384": 384, "HS512": 512}
