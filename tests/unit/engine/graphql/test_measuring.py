"""What queries cost."""

from __future__ import annotations

import pytest
from graphql import FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode, parse
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.graphql.measuring import MOST, Measure, Measurer, Weights, coordinates_of


def measured(schema: GraphQLSchema, text: str, variables: dict[str, object] | None = None) -> tuple[Measure, bool]:
    document = parse(text, no_location=True)
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    (operation,) = (each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    root = schema.get_root_type(operation.operation)
    assert root is not None
    measurer = Measurer(Weights(schema, 10), fragments, variables or {})
    return measurer.of(operation.selection_set, root), measurer.uses_variables


@rows(
    ("text", "measure"),
    [
        ("{me{id}}", Measure(2, 2, 0, 1)),
        ("{me{a:id b:name __typename}}", Measure(2, 4, 2, 1)),
        ("{me{friends{id}}}", Measure(3, 3, 0, 1 + 10)),
        ("{me{friends(first:3){friends(first:4){id}}}}", Measure(4, 4, 0, 1 + 3 + 12)),
        ("{products{related{id}}}", Measure(3, 3, 0, 10 + 50)),
        ("{products(limit:2){related{id}}}", Measure(3, 3, 0, 2 + 10)),
        ('{search(text:"a"){...on Product{id} ...on Order{id}}}', Measure(2, 3, 0, 100)),
        ("{orders{edges{node{id}}}}", Measure(4, 4, 0, 1 + 20 + 20)),
        ("{orders(first:5){edges{node{items{id}}} count}}", Measure(5, 6, 0, 1 + 5 + 5 + 50)),
        ("{orders(first:-5){edges{node{id}}}}", Measure(4, 4, 0, 1 + 5 + 5)),
        ("mutation{refund(order:1){id}}", Measure(2, 2, 0, 1)),
        ("{__schema{types{name}}}", Measure(1, 1, 0, 0)),
        ("fragment f on Customer{friends{id}} {me{...f ...f}}", Measure(3, 5, 0, 1 + 20)),
        ("{...{me{...on Customer{...on Node{id}}}}}", Measure(2, 2, 0, 1)),
    ],
)
def test_measures(schema: GraphQLSchema, text: str, measure: Measure) -> None:
    assert measured(schema, text) == (measure, False)


@rows(
    ("variables", "cost"),
    [({"n": 7}, 7), ({"n": None}, 10), ({}, 10), ({"n": 10**30}, MOST), ({"n": True}, 10), ({"n": "7"}, 10)],
)
def test_a_size_may_be_a_variable(schema: GraphQLSchema, variables: dict[str, object], cost: int) -> None:
    measure, uses_variables = measured(schema, "query($n:Int){products(limit:$n){id}}", variables)
    assert measure.cost == cost
    assert uses_variables


@pytest.mark.timeout(5)
def test_what_stands_for_exponentially_many_fields_takes_linear_time(schema: GraphQLSchema) -> None:
    links = [f"fragment f{n} on Customer{{a:friends{{...f{n + 1}}} b:friends{{...f{n + 1}}}}}" for n in range(40)]
    measure, _ = measured(schema, "".join(links) + "fragment f40 on Customer{id} {me{...f0}}")
    assert measure.depth == 42
    assert measure.cost == measure.fields == measure.aliases == MOST


@given(st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_lists_in_lists_multiply(schema: GraphQLSchema, sizes: list[int]) -> None:
    text, cost, count = "{me{", 1, 1
    for size in sizes:
        text += f"friends(first:{size}){{"
        count *= size
        cost += count
    measure, _ = measured(schema, text + "id" + "}" * (len(sizes) + 2))
    assert measure.cost == min(cost, MOST)


def test_coordinates_are_told_by_the_type_that_is_asked(schema: GraphQLSchema) -> None:
    document = parse("fragment f on Node{id ...g} fragment g on Customer{email} {node(id:1){...f ...on Order{total}}}")
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    (operation,) = (each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    found: set[str] = set()
    root = schema.query_type
    assert root is not None
    coordinates_of(
        operation.selection_set, root, schema, fragments, lambda parent, field: found.add(f"{parent}.{field}")
    )
    assert found == {"Query.node", "Node.id", "Customer.email", "Order.total"}
