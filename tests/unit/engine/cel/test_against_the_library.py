"""Whatever the expression, and whatever it is asked of: what was compiled here gives what Google's library gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from portcullis.engine.cel.types import BOOL, DYN, INT, STRING, TIMESTAMP, Type
from portcullis.engine.cel.values import Duration, Timestamp

TYPES: Mapping[str, Type] = {
    "i": INT,
    "j": INT,
    "d": Type("double"),
    "s": STRING,
    "b": BOOL,
    "o": Type("bytes"),
    "t": TIMESTAMP,
    "w": Type("duration"),
    "x": DYN,
    "y": DYN,
    "l": DYN,
    "m": DYN,
}
KINDS = ("int", "uint", "double", "string", "bytes", "bool", "time", "length", "list", "map", "dyn")
KEYS = st.sampled_from(["a", "b", "c"])
INTEGERS = st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63), 17, 2**53, 100])
DOUBLES = st.sampled_from([0.0, -0.0, 1.0, 1.5, -2.25, 1e300, float("inf"), float("-inf")])
TEXTS = st.sampled_from(["", "a", "b", "ab", "é😀", "A", "10", "true", "1.5", "a,b"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | DOUBLES | TEXTS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3),
    max_leaves=6,
)
# Microseconds, which is what the library takes and hands out.
TIMES = st.integers(-2_200_000_000_000_000, 7_250_000_000_000_000)
LENGTHS = st.integers(-(10**13), 10**13)
VALUES = st.fixed_dictionaries(
    {
        "i": INTEGERS,
        "j": INTEGERS,
        "d": DOUBLES,
        "s": TEXTS,
        "b": st.booleans(),
        "o": st.sampled_from([b"", b"a", b"ab", b"\xff"]),
        "t": TIMES.map(lambda microseconds: Timestamp(microseconds * 1000)),
        "w": LENGTHS.map(lambda microseconds: Duration(microseconds * 1000)),
        "x": JSON,
        "y": JSON,
        "l": st.lists(JSON, max_size=4),
        "m": st.dictionaries(KEYS, JSON, max_size=3),
    }
)
LEAVES: Mapping[str, tuple[str, ...]] = {
    "int": ("i", "j", "0", "1", "-1", "2", "7", "9223372036854775807", "-9223372036854775808"),
    "uint": ("0u", "1u", "7u", "18446744073709551615u"),
    "double": ("d", "0.0", "1.0", "-1.5", "2.5", "1e308"),
    "string": ("s", "'a'", "'ab'", "''", "'é'", "'12'", "'true'"),
    "bytes": ("o", "b'a'", "b''", "b'\\xff'"),
    "bool": ("b", "true", "false"),
    "time": ("t", "timestamp('2009-02-13T23:31:30Z')", "timestamp(0)"),
    "length": ("w", "duration('1h')", "duration('-90m')", "duration('0')", "duration('1500ms')"),
    "list": ("l", "[]", "[1, 2, 3]", "['a', 'b']", "[1, 'a', null]", "[1u, 2.0]", "['a', s]"),
    "map": ("m", "{}", "{'a': 1}", "{'a': s, 'b': [1]}", "{1: 'x', 2: 'y'}", "{true: 1}"),
    "dyn": ("x", "y", "dyn(i)", "dyn(s)", "dyn(null)", "dyn(t)", "dyn(1u)", "m.a", "m['b']", "l[0]", "x.a", "dyn(o)"),
}
PARTS = ("getHours", "getMinutes", "getSeconds", "getMilliseconds")
DATES = ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear")
# Of each kind, how it is written. ``{kind}`` stands for an expression of that kind, ``{any}`` for one of any kind,
# ``{v}`` for the variable of a loop; ``a|b`` is one of both.
FORMS: Mapping[str, tuple[str, ...]] = {
    "bool": (
        *("({bool} && {bool})", "({bool} || {bool})") * 5,
        "!{bool}",
        *(f"({{{kind}}} {{compare}} {{{kind}|dyn}})" for kind in KINDS[:8]),
        "({dyn} {compare} {dyn|int|string|double|uint})",
        "(dyn({any}) == {any})",
        "({dyn} in {list})",
        "({string|int|dyn} in {map|dyn|list})",
        "{string|dyn}.startsWith({string|dyn})",
        "{string|dyn}.endsWith({string|dyn})",
        "{string|dyn}.contains({string|dyn})",
        "{string|dyn}.matches('^a+')",
        "{string|dyn}.matches('(?i)AB|é$')",
        "{list|map|dyn}.all({v}, {turn})",
        "{list|map|dyn}.exists({v}, {turn})",
        "{list|map|dyn}.exists_one({v}, {turn})",
        "has({map|dyn}.a)",
        "has({map|dyn}.zz)",
        "(type({any}) == type({any}))",
        "bool({string|bool})",
    ),
    "int": (
        *(f"({{int|dyn}} {operator} {{int}})" for operator in "+-*/%"),
        "-({int})",
        "size({list|map|string|bytes|dyn})",
        "int({string|uint|double|int|time})",
        *(f"{{time}}.{part}()" for part in (*PARTS, *DATES)),
        *(f"{{time}}.{part}('Europe/Berlin')" for part in (*PARTS, *DATES)),
        *(f"{{time}}.{part}('-08:30')" for part in ("getHours", "getMinutes", "getDate")),
        *(f"{{length}}.{part}()" for part in PARTS),
    ),
    "uint": (*(f"({{uint}} {operator} {{uint|dyn}})" for operator in "+-*/%"), "uint({int|double|string})"),
    "double": (
        *(f"({{double}} {operator} {{double|dyn}})" for operator in "+-*/"),
        "double({int|uint|string})",
        "-({double})",
    ),
    "string": ("({string} + {string|dyn})", "string({int|uint|double|bool|string|bytes|length|time})"),
    "bytes": ("({bytes} + {bytes})", "bytes({string})"),
    "time": ("({time} + {length})", "({length} + {time})", "({time} - {length})", "timestamp({int|string})"),
    "length": ("({time} - {time})", "({length} + {length})", "({length} - {length})", "duration({string})"),
    "list": (
        "[{any}, {any}]",
        "({list} + {list|dyn})",
        "{list}.map({v}, {v})",
        "{list}.map({v}, {v} + 1)",
        "{list}.map({v}, {bool}, [{v}, {dyn}])",
        "{list}.filter({v}, {turn})",
    ),
    "map": ("{{'a': {any}, 'b': {any}}}", "{{{int}: {any}}}", "{{{string}: {any}}}"),
    "dyn": (
        "dyn({any})",
        "{map|dyn}.a",
        "{list}[{int|dyn}]",
        "{map|dyn}[{string|int|dyn}]",
        "({bool} ? {dyn} : {dyn})",
    ),
}
TURNS = ("{v} == {dyn}", "{v} != 1 && {bool}", "{v} > 1", "{v}.a == 1", "{v} in {list}", "1 / {v} > 0", "{v}", "{bool}")


@st.composite
def expressions(draw: Callable[..., Any], kind: str, depth: int) -> str:
    """The text of an expression, mostly of ``kind``."""
    variable = draw(st.sampled_from(("v", "v", "z")))

    def below(name: str) -> str:
        if name == "v":
            return str(variable)
        if name == "compare":
            return str(draw(st.sampled_from(("==", "!=", "<", "<=", ">", ">="))))
        if name == "turn":
            return fill(str(draw(st.sampled_from(TURNS))))
        one_of = KINDS if name == "any" else tuple(name.split("|"))
        return str(draw(expressions(draw(st.sampled_from(one_of)), depth - 1)))

    def fill(form: str) -> str:
        before, brace, rest = form.partition("{")
        if not brace:
            return form.replace("}}", "}")
        if rest.startswith("{"):
            return f"{before}{{{fill(rest[1:])}"
        name, _, rest = rest.partition("}")
        return f"{before.replace('}}', '}')}{below(name)}{fill(rest)}"

    if depth <= 0:
        return str(draw(st.sampled_from(LEAVES[kind])))
    if draw(st.integers(0, 6)) == 0:
        return fill(f"({{bool}} ? {{{kind}}} : {{{kind}}})")
    return fill(str(draw(st.sampled_from(FORMS[kind]))))


ANY_EXPRESSION = st.tuples(st.sampled_from((*KINDS, "bool", "bool", "bool")), st.integers(1, 4)).flatmap(
    lambda asked: expressions(*asked)
)


def in_microseconds(value: Any) -> Any:
    """``value`` without what is below a microsecond, which the library does not hand out."""
    if isinstance(value, list):
        return [in_microseconds(item) for item in value]
    if isinstance(value, dict):
        return {key: in_microseconds(item) for key, item in value.items()}
    if isinstance(value, tuple) and value[0] in ("timestamp", "duration"):
        return (value[0], value[1] // 1000 * 1000)
    return value


@settings(suppress_health_check=list(HealthCheck), max_examples=2 * settings.default.max_examples)
@given(ANY_EXPRESSION, VALUES)
def test_an_expression_gives_the_same_value_or_an_error_likewise(
    compile_expression: Callable[..., Any], library: Callable[..., Any], text: str, values: Mapping[str, Any]
) -> None:
    try:
        theirs = library(text, TYPES, values)
    except RuntimeError:
        assume(False)
    assert in_microseconds(compile_expression(text, TYPES).value(values)) == in_microseconds(theirs)
