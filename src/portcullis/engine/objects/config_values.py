"""Rules and paths as values of the configuration file."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from portcullis.engine.config.names import check_field_name
from portcullis.engine.config.values import Meaning
from portcullis.engine.objects.parsing import parse, parse_path
from portcullis.engine.objects.tokens import RuleError

_POINTER: Final = re.compile(r"(?:/(?:[^/~\x00-\x1f]|~[01])+)+")
_MAX_POINTER: Final = 500
HEADER: Final = "header."
"""What a path into the header fields of an answer begins with."""


def check_rule_text(value: str) -> str:
    """``value`` if it is a rule; raises ``ValueError``, which says where in it something is wrong."""
    try:
        parse(value)
    except RuleError as error:
        hint = f": {error.hint}" if error.hint else ""
        raise ValueError(f"{place_in(error)}, {error.message}{hint}") from None
    return value


def check_rule_path(value: str) -> str:
    """``value`` if it is a path of rules, or ``header.`` and the name of a field of the answer."""
    if value.startswith(HEADER):
        check_field_name(value.removeprefix(HEADER))
        return value
    try:
        parse_path(value)
    except RuleError as error:
        raise ValueError(f"a path such as response.items: {error.message}") from None
    return value


def check_field_pointer(value: str) -> str:
    """``value`` if it is a JSON pointer (RFC 6901) to a field, in which ``*`` stands for each item or field."""
    if not _POINTER.fullmatch(value) or len(value) > _MAX_POINTER:
        raise ValueError("a JSON pointer to a field, with * for each item of a list: /customer/email, /items/*/cost")
    return value


def place_in(error: RuleError) -> str:
    """Where in a rule something is wrong, in words."""
    line = f"line {error.line}, " if error.line > 1 else ""
    return f"{line}column {error.column} of the rule"


RuleText = Annotated[
    str,
    AfterValidator(check_rule_text),
    Meaning("a rule about an object", "response.customer_id == identity.subject"),
]
"""Which objects are whose."""

RulePath = Annotated[str, AfterValidator(check_rule_path), Meaning("a path of rules", "response.items")]
"""Where something is in a request or an answer."""

FieldPointer = Annotated[str, AfterValidator(check_field_pointer), Meaning("a pointer", "/customer/email")]
"""Which field of a body, or of each item of a list (``/items/*/cost``)."""
