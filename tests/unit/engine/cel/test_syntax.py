from __future__ import annotations

from portcullis.engine.cel.syntax import Call, Constant, Ident, ListLiteral, Loop, MapLiteral, Select, children, walk


def test_all_nodes_are_walked_through_in_the_order_of_the_text() -> None:
    one, two, three, name = Constant(0, 1), Constant(1, 2), Constant(2, 3), Ident(3, "x")
    select = Select(4, name, "a")
    literal = MapLiteral(5, ((one, select),))
    loop = Loop(6, "v", ListLiteral(7, (two,)), "@result", three, Call(8, "f", (literal,)), name)
    offsets = [node.offset for node in walk(loop)]
    assert offsets == [6, 7, 1, 2, 8, 5, 0, 4, 3, 3]
    assert children(one) == children(name) == ()
