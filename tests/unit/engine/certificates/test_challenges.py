from __future__ import annotations

import pytest

from portcullis.engine.certificates.challenges import Challenges, decode, encode


def test_what_is_told_comes_as_it_was() -> None:
    told = Challenges({"token": "token.thumbprint"}, {"shop.example": "PEM"})
    assert decode(encode(told)) == told


def test_nonsense_is_told_as_such() -> None:
    with pytest.raises(ValueError):
        decode(b"nonsense")
