"""The formats that are asserted: those of JSON Schema 2020-12 and of the OpenAPI format registry.

A format says something about strings or numbers and nothing about other values. What the compiled validator does not
know itself is said in other keywords, bounds and patterns: they are as fast as anything it does, and exact as far as
the format's grammar goes. Formats that no value breaks (``password``, ``html``, ``binary``) are not here, and neither
are names that nobody registered.

Sources: JSON Schema Validation 2020-12 section 7.3; https://spec.openapis.org/registry/format/
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

Keywords = Mapping[str, Any]
_STRICTER: Final = {"minimum": max, "maximum": min, "minLength": max, "maxLength": min}
_NOTHING: Final[Keywords] = MappingProxyType({})
_WHOLE: Final[Keywords] = MappingProxyType({"multipleOf": 1})


class Format(msgspec.Struct, frozen=True):
    """A format. ``meaning``: in words, for who wrote a value that breaks it.

    ``for_strings`` and ``for_numbers``: the keywords that say the same, ``None`` where it says nothing about these.
    """

    meaning: str
    for_strings: Keywords | None = None
    for_numbers: Keywords | None = None

    def keywords(self, types: Collection[str]) -> dict[str, Any] | None:
        """What it says of values of some JSON ``types`` (none: of any), or ``None`` if that is nothing."""
        of_strings = self.for_strings if not types or "string" in types else None
        of_numbers = self.for_numbers if not types or "number" in types or "integer" in types else None
        if of_strings is None and of_numbers is None:
            return None
        whole = of_numbers is not None and "multipleOf" in of_numbers and types and "number" not in types
        found = {**(of_numbers or {}), **(of_strings or {})}
        if whole:  # an integer is a whole number without being told
            del found["multipleOf"]
        return found


def is_broken_by(name: str, keyword: str, value: object) -> bool:
    """Whether ``keyword: value`` of a translated schema with the format ``name`` is part of what the format means."""
    known = FORMATS.get(name)
    if keyword == "format" or known is None:
        return keyword == "format"
    return any(part is not None and part.get(keyword) == value for part in (known.for_strings, known.for_numbers))


def _at_most(number: int) -> str:
    """A pattern for the whole numbers up to ``number``, written without leading zeros."""
    digits = str(number)
    longer = len(digits) - 1
    ways = [rf"0|[1-9][0-9]{{0,{longer - 1}}}"]
    for place, digit in enumerate(digits):
        lowest = 1 if place == 0 else 0
        if int(digit) > lowest:
            ways.append(rf"{digits[:place]}[{lowest}-{int(digit) - 1}][0-9]{{{longer - place}}}")
    return "|".join([*ways, digits])


def _known(meaning: str) -> Format:
    """A format that the compiled validator knows."""
    return Format(meaning, for_strings=_NOTHING)


def _text(meaning: str, pattern: str) -> Format:
    return Format(meaning, for_strings=MappingProxyType({"pattern": f"^(?:{pattern})$"}))


def _between(meaning: str, least: float, most: float, *, text: str = "", whole: bool = True) -> Format:
    bounds = {"minimum": least, "maximum": most, **(_WHOLE if whole else {})}
    strings = MappingProxyType({"pattern": f"^(?:{text})$"}) if text else None
    return Format(meaning, for_strings=strings, for_numbers=MappingProxyType(bounds))


def _signed(bits: int, text: str = "") -> Format:
    return _between(f"a signed {bits}-bit integer", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, text=text)


def _unsigned(bits: int, text: str = "") -> Format:
    return _between(f"an unsigned {bits}-bit integer", 0, 2**bits - 1, text=text)


# RFC 3339, with the days that a month has.
_LEAP_YEAR: Final = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE: Final = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    rf"|{_LEAP_YEAR}-02-29)"
)
_CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_LOCAL_TIME: Final = rf"{_CLOCK}(?:\.[0-9]+)?"
# RFC 9110 section 5.6.7: the form of today, and two that are obsolete and must be understood.
_DAY: Final = r"(?:0[1-9]|[12][0-9]|3[01])"
_MONTH: Final = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_SECONDS: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)"
_WEEKDAY: Final = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_HTTP_DATE: Final = (
    rf"{_WEEKDAY}, {_DAY} {_MONTH} [0-9]{{4}} {_SECONDS} GMT"
    rf"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, {_DAY}-{_MONTH}-[0-9]{{2}} {_SECONDS} GMT"
    rf"|{_WEEKDAY} {_MONTH} (?: [1-9]|[12][0-9]|3[01]) {_SECONDS} [0-9]{{4}}"
)
_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - RFC 9110 section 5.6.2
_QUOTED: Final = r'"(?:[\t !#-\[\]-~\u0080-\u00ff]|\\[\t -~\u0080-\u00ff])*"'
_BASE64: Final = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_DIGITS: Final = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"

FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        # JSON Schema 2020-12
        "date-time": _known("a date and time such as 2024-05-31T12:30:00Z"),
        "date": _known("a date such as 2024-05-31"),
        "time": _known("a time with its offset such as 12:30:00Z"),
        "duration": _known("a duration such as P3DT12H"),
        "email": _known("an e-mail address"),
        "idn-email": _known("an e-mail address"),
        "hostname": _known("a host name"),
        "idn-hostname": _known("a host name"),
        "ipv4": _known("an IPv4 address"),
        "ipv6": _known("an IPv6 address"),
        "uri": _known("a URI with its scheme"),
        "uri-reference": _known("a URI or a relative reference"),
        "iri": _known("an IRI with its scheme"),
        "iri-reference": _known("an IRI or a relative reference"),
        "uri-template": _known("a URI template (RFC 6570)"),
        "uuid": _known("a UUID"),
        "json-pointer": _known("a JSON pointer (RFC 6901)"),
        "relative-json-pointer": _known("a relative JSON pointer"),
        "regex": _known("a regular expression (ECMA-262)"),
        # numbers
        "int8": _signed(8),
        "int16": _signed(16),
        "int32": _signed(32),
        # The only integers for which the registry has text as well: JavaScript can't read all of them as numbers.
        "int64": _signed(64, text=rf"-(?:{_at_most(2**63)})|{_at_most(2**63 - 1)}"),
        "uint8": _unsigned(8),
        "uint16": _unsigned(16),
        "uint32": _unsigned(32),
        "uint64": _unsigned(64, text=_at_most(2**64 - 1)),
        "double-int": _between("an integer of at most 53 bits", -(2**53) + 1, 2**53 - 1),
        "float": _between("a single-precision number", -3.4028234663852886e38, 3.4028234663852886e38, whole=False),
        "decimal": _text("a decimal number", rf"[+-]?(?:{_DIGITS})(?:[eE][+-]?[0-9]+)?"),
        "decimal128": _text(
            "a decimal number of 34 digits",
            r"[+-]?(?:[0-9]{1,34}(?:\.[0-9]{0,34})?|\.[0-9]{1,34})(?:[eE][+-]?[0-9]{1,4})?|NaN|[+-]?INF",
        ),
        # text
        "byte": _text("base64", _BASE64),
        "base64url": _text(
            "base64 in the alphabet for URLs", "(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}(?:==)?|[A-Za-z0-9_-]{3}=?)?"
        ),
        "char": Format("one character", for_strings=MappingProxyType({"minLength": 1, "maxLength": 1})),
        "date-time-local": _text(
            "a date and time without offset such as 2024-05-31T12:30:00", rf"{_DATE}[Tt]{_LOCAL_TIME}"
        ),
        "time-local": _text("a time without offset such as 12:30:00", _LOCAL_TIME),
        "http-date": _text("a date of HTTP such as Fri, 31 May 2024 12:30:00 GMT", _HTTP_DATE),
        "media-range": _text(
            "a media type or range", rf"{_TOKEN}/{_TOKEN}(?:[ \t]*;[ \t]*(?:{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))?)*"
        ),
        # structured fields, RFC 9651
        "sf-integer": _between("an integer of at most 15 digits", -(10**15) + 1, 10**15 - 1),
        "sf-decimal": Format(
            "a number of at most 12 digits, and 3 after the point",
            for_numbers=MappingProxyType(
                {"exclusiveMinimum": -(10**12), "exclusiveMaximum": 10**12, "multipleOf": 0.001}
            ),
        ),
        "sf-string": _text("a string of structured fields, in double quotes", r'"(?:[ !#-\[\]-~]|\\["\\])*"'),
        "sf-token": _text("a token of structured fields", r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*"),
        "sf-binary": _text(
            "base64 between colons", ":(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?:"
        ),
        "sf-boolean": _text("?1 or ?0", r"\?[01]"),
    }
)


def add_format(schema: dict[str, Any], name: str) -> None:
    """Add to ``schema`` what the format ``name`` says of values of its types."""
    types = schema.get("type", ())
    known = FORMATS.get(name)
    keywords = known.keywords([types] if isinstance(types, str) else types) if known is not None else None
    if keywords is None:
        return
    apart: dict[str, Any] = {}
    for keyword, value in keywords.items():
        if keyword not in schema:
            schema[keyword] = value
        elif keyword in _STRICTER:
            schema[keyword] = _STRICTER[keyword](schema[keyword], value)
        else:
            apart[keyword] = value
    if apart:
        schema["allOf"] = [*schema.get("allOf", ()), {"format": name, **apart}]
    schema["format"] = name
