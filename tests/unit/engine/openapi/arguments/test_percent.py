"""Percent-encoded text."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.openapi.arguments.percent import decode, decode_field, decode_form


@rows(("text", "meant"), [("a", "a"), ("%41+b", "A+b"), ("%c3%A9", "é"), ("%2541", "%41"), ("", "")])
def test_text_is_decoded_once(text: str, meant: str) -> None:
    assert decode(text) == meant
    assert decode_form(text) == meant.replace("+", " ")


@rows("text", ["%", "%4", "%zz", "%ff", "%C3", "a%", "%%41", "%C3%28", "%ed%a0%80", "%٣١"])
def test_what_is_no_encoded_utf_8_is_refused(text: str) -> None:
    for reading in (decode, decode_form):
        with pytest.raises(ValueError):
            reading(text)


def test_fields_are_not_encoded() -> None:
    assert decode_field(" \ta%41+b\t") == "a%41+b"


@settings(max_examples=settings.default.max_examples // 2)
@given(st.text())
def test_what_is_encoded_comes_back(text: str) -> None:
    assert decode(quote(text, safe="")) == text
    assert decode_form(quote(text, safe="")) == text
