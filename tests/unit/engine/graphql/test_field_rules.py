"""Who may ask for which fields."""

from __future__ import annotations

from graphql import GraphQLSchema
from rows import rows

from portcullis.engine.graphql.field_rules import FieldRule, FieldRules, fields_of, is_field
from portcullis.engine.identity import Consumer, Identity


@rows(
    ("coordinate", "parent", "field", "holds"),
    [
        ("Customer.id", "Customer", "id", True),
        ("Customer.id", "Node", "id", True),
        ("Customer.id", "Order", "id", False),
        ("Node.id", "Order", "id", True),
        ("Node.id", "Node", "id", True),
        ("Customer.email", "Customer", "name", False),
        ("Mutation.refund", "Mutation", "refund", True),
    ],
)
def test_a_rule_holds_however_the_object_is_reached(
    schema: GraphQLSchema, coordinate: str, parent: str, field: str, holds: bool
) -> None:
    rule = FieldRule(coordinate, "x")
    assert FieldRules(schema, [rule]).of(parent, field) == ((rule,) if holds else ())


def test_there_may_be_no_rules(schema: GraphQLSchema) -> None:
    assert not FieldRules(schema, [])
    assert FieldRules(schema, [FieldRule("Customer.id", "x")])


@rows(
    ("roles", "scopes", "holds"),
    [
        ({"clerk", "auditor"}, {"pii"}, True),
        ({"clerk"}, {"pii"}, False),
        ({"clerk", "auditor"}, set(), False),
        (set(), set(), False),
    ],
)
def test_all_that_a_rule_asks_for_is_needed(roles: set[str], scopes: set[str], holds: bool) -> None:
    rule = FieldRule("Customer.id", "x", (frozenset({"clerk", "boss"}), frozenset({"auditor"})), frozenset({"pii"}))
    caller = Identity("jwt", "a", scopes=frozenset(scopes), consumer=Consumer("a", roles=frozenset(roles)))
    assert rule.holds(caller) is holds


@rows(
    ("coordinate", "is_one"),
    [("Customer.email", True), ("Node.id", True), ("Customer.nope", False), ("Where.shop", False), ("Result", False)],
)
def test_rules_are_about_fields_of_objects(schema: GraphQLSchema, coordinate: str, is_one: bool) -> None:
    assert is_field(schema, coordinate) is is_one
    assert (coordinate in set(fields_of(schema))) is is_one
