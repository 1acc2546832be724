from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.inspection.database import Database
from portcullis.engine.inspection.readings import MAX_ROUNDS, SIGNS, readings

SIGN = Database({str(number): sign for number, sign in enumerate(SIGNS)})


def last(text: str) -> str:
    return [text, *readings(text)][-1]


@rows(
    ("text", "read"),
    [
        ("%3Cscript%3E", "<script>"),
        ("%253Cscript%253E", "<script>"),
        ("%25253C", "<"),
        ("%%32%66", "/"),
        ("a%2Bb+c", "a+b c"),
        ("%u003cb%u003e", "<b>"),
        ("..%c0%af", "../"),
        ("%e0%80%ae%f0%80%80%ae", ".."),
        ("%f8%80%80%80%ae%fc%80%80%80%80%af", "./"),
        ("%c0%2e", "."),
        ("%c0%41", "A"),
        ("caf%E9", "café"),
        ("caf%C3%A9", "café"),
        ("&lt;b&gt;&#x3c;&#60;", "<b><<"),
        ("ja&Tab;va&tab;&COLON;", "ja\tva\t:"),
        ("&unknown;&#xD800;", "&unknown;\ufffd"),
        ("\\u003c\\x3e\\u{3c}\\74", "<><<"),
        ("\\ud800", ""),
        ("un/**/ion/*!50000select*/1", "un ion select 1"),
        ("a/* b", "a  b"),
        ("s\x00e\x01l\x1fe\x7fct", "select"),
        ("\uff1cscript\uff1e", "<script>"),
        ("1\u00a0or\u02bc", "1 or'"),
        ("\u2215\u2216", "/\\"),
    ],
)
def test_what_a_later_reader_sees_is_among_the_readings(text: str, read: str) -> None:
    assert last(text) == read


@rows("text", ["", "a & b", "100 %", "50% off", "C:\\temp", "a*b/c", "tom&jerry", "\u201cquoted\u201d"])
def test_text_that_is_not_encoded_has_one_reading(text: str) -> None:
    assert list(readings(text)) == []


def test_a_plus_stays_where_the_text_has_blanks() -> None:
    assert last("1 %2B 1+1") == "1 + 1+1"


def test_layers_of_encoding_are_taken_off_a_few_times_only() -> None:
    text = "%" + "25" * (MAX_ROUNDS + 1) + "3c"
    assert "<" not in last(text)
    assert last("%" + "25" * (MAX_ROUNDS - 1) + "3c") == "<"


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("%25uU0cC0&#x;\\/*!\x00<'"), max_size=60))
def test_readings_are_few_and_no_longer_and_announced_by_a_sign(text: str) -> None:
    found = list(readings(text))
    assert len(found) <= MAX_ROUNDS + 1
    assert len({text, *found}) == len(found) + 1
    assert all(len(reading) <= len(text) for reading in found)
    decoded = [reading for reading in found if reading != "".join(c for c in text if c.isprintable() or c in "\t\n\r")]
    if decoded and all(c.isprintable() for c in text) and not set(text) & set("\u00a0"):
        assert (
            SIGN.scan(text.encode()) or "%" in text or "&" in text or "\\" in text or not text.isascii() or "*/" in text
        )
