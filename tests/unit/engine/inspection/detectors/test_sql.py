from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.inspection.detectors import sql


@rows(
    ("text", "shape"),
    [
        ("1 or 1=1", "1&1=1"),
        ("x' and 'a'='a", "nq&pnq=pn"),
        ("name = 'x' and age > 5", "n=qnp&n<1"),
        ('a "b" c', "ndnDn"),
        ("don't, O'Brien, it's l'eau", "n,n,nn"),
        ("0x1F 1.5e3 .5 @@version @x", "111vv"),
        ("union all select null", "uaet"),
        ("concat(1), other(1), in (2)", "f(1),n(1),I(1)"),
        ("a -- b # c /* d", "n-n#n/n"),
        ("|| && <=> <> != ~ ` \u20ac", "|&===!x"),
    ],
)
def test_a_text_has_the_shape_of_its_tokens(text: str, shape: str) -> None:
    assert sql.shape(text) == shape


def test_a_quote_opens_or_closes_by_those_before_it() -> None:
    assert sql.shape("'a' 'b' 'c") == "qnpqnpqn"


@rows(
    ("judge", "yes", "no"),
    [
        (sql.is_condition_of_literals, "5 and 7533=7533", "1=1 and so on"),
        (sql.is_condition_of_literals, "1 or x=x #", "a or x=y and more"),
        (sql.is_condition_after_break, "x' or name like 'a%", "'x' or name like 'a%'"),
        (sql.is_comment_after_break, "x')) -- ", "the '--' sign"),
        (sql.is_clause_after_break, "x' group by a,", "'x' group by post"),
        (sql.is_union, "union select name, pass", "union select committee"),
        (sql.is_subselect, "(select count(*) from x)", "(select one)"),
        (sql.is_order, "') order by 4#", "order by 4 pm"),
        (sql.is_statement, "select a, b from c", "select a or b from c"),
    ],
)
def test_a_judgement_is_about_the_arrangement_and_not_the_words(judge: object, yes: str, no: str) -> None:
    assert judge(yes)  # type: ignore[operator]
    assert not judge(no)  # type: ignore[operator]


@given(st.text(alphabet="'\"()=1a -#/*,;|&<>", max_size=80))
def test_any_text_has_a_shape(text: str) -> None:
    assert len(sql.shape(text)) <= len(text)
