from __future__ import annotations

from urllib.parse import parse_qsl, quote_plus, urlencode

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.query_credentials import credential_values, without_credentials

NAMES = ["api_key", "page", "api_key2", "", "a b"]
pairs = st.lists(st.tuples(st.sampled_from(NAMES), st.text("ab%&=+_ é", max_size=6)), max_size=6)


def _encode_all(text: str) -> str:
    return "".join(f"%{octet:02x}" for octet in text.encode())


@rows(
    ("query", "values"),
    [
        ("", []),
        ("page=1", []),
        ("api_key=x", ["x"]),
        ("page=1&api_key=x&api_key=y", ["x", "y"]),
        ("api%5Fkey=%78", ["x"]),
        ("api_key", [""]),
        ("api_key=", [""]),
        ("api_key=a=b", ["a=b"]),
        ("xapi_key=1&api_keys=2", []),
        ("API_KEY=1", []),
        ("page=api_key=1", []),
        ("&&api_key=x&", ["x"]),
        ("page=1;api_key=x", []),
        ("+api_key=x&api_key+=x", []),
    ],
)
def test_credentials_are_found_as_a_service_would_find_them(query: str, values: list[str]) -> None:
    assert credential_values(query, "api_key") == values


@given(pairs, st.booleans())
def test_what_is_found_agrees_with_the_standard_library(parameters: list[tuple[str, str]], hide: bool) -> None:
    encode = _encode_all if hide else quote_plus
    query = "&".join(f"{encode(name)}={quote_plus(value)}" for name, value in parameters)
    expected = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "api_key"]
    assert credential_values(query, "api_key") == expected


@given(pairs, st.booleans())
def test_everything_but_the_credentials_stays(parameters: list[tuple[str, str]], hide: bool) -> None:
    encode = _encode_all if hide else quote_plus
    query = "&".join(f"{encode(name)}={quote_plus(value)}" for name, value in parameters)
    kept = without_credentials(query, frozenset({"api_key"}))
    assert credential_values(kept, "api_key") == []
    others = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "api_key"]
    assert parse_qsl(kept, keep_blank_values=True) == others


@rows("query", ["", "page=1", "a=%20&b=+", "xapi_key=1", "%zz=1", "&&"])
def test_a_query_without_credentials_is_the_same_object(query: str) -> None:
    assert without_credentials(query, frozenset({"api_key"})) is query


def test_what_is_written_oddly_stays_as_it_was_written() -> None:
    query = urlencode({"api_key": "x"}) + "&q=%7e+a%2B&&flag"
    assert without_credentials(query, frozenset({"api_key"})) == "q=%7e+a%2B&&flag"
