from __future__ import annotations

from rows import rows

from portcullis.engine.cel.checking import check
from portcullis.engine.cel.costs import estimate, too_costly, weight
from portcullis.engine.cel.declarations import DECLARATIONS
from portcullis.engine.cel.syntax import Loop, Node

CLAIM = "identity.claims"


def tree(text: str) -> Node:
    return check(text, DECLARATIONS).tree


def test_the_weight_of_an_expression_is_its_nodes() -> None:
    assert weight(tree("identity.subject == 'a'")) == 3
    assert weight(tree("identity.claims.a.b == {'a': [1]}")) == 8


def test_a_loop_takes_its_step_for_each_item() -> None:
    loop = tree(f"{CLAIM}.a.all(v, v == 1)")
    assert isinstance(loop, Loop)
    assert estimate(loop) == 1 + 2 + 100 * weight(loop.step)
    few = tree("[1, 2, 3].all(v, v == 1)")
    assert isinstance(few, Loop)
    assert estimate(few) == 1 + 4 + 3 * weight(few.step)


@rows(
    ("text", "costly"),
    [
        (f"{CLAIM}.a.all(v, {CLAIM}.b.exists(w, w == v))", False),
        (f"{CLAIM}.a.all(v, {CLAIM}.b.exists(w, {CLAIM}.c.exists(z, z == w + v)))", True),
        (f"{CLAIM}.a.all(v, ['a'].exists(w, {CLAIM}.c.exists(z, z == w + v)))", False),
        (f"{CLAIM}.a.map(v, v).filter(v, v > 1).exists(v, v == 3)", False),
        (f"{CLAIM}.a.exists(v, {{'a': 1}}.all(k, k == v))", False),
    ],
)
def test_loops_over_unknown_lists_may_be_nested_twice(text: str, costly: bool) -> None:
    assert bool(too_costly(tree(text))) is costly


def test_what_is_too_costly_is_told_at_the_loop_that_is() -> None:
    text = f"identity.subject == 'a' && {CLAIM}.a.all(v, {CLAIM}.b.all(w, {CLAIM}.c.all(z, z == w)))"
    [problem] = too_costly(tree(text))
    assert text[problem.offset :].startswith("(v,")
    assert "steps, with 100 items in each list: 100,000 are the most" in problem.message
