"""The schema of a shop."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from graphql import GraphQLSchema

from portcullis.engine.graphql.field_rules import FieldRule, FieldRules
from portcullis.engine.graphql.judging import Bounds, QueryJudge
from portcullis.engine.graphql.schema import read_schema

SCHEMA = b"""
type Query {
  me: Customer
  node(id: ID!): Node
  orders(first: Int = 20, after: String): OrderConnection
  products(limit: Int): [Product!]!
  search(text: String!, in: Where): [Result!] @cost(weight: "10")
}
interface Node { id: ID! }
type Customer implements Node { id: ID! email: String name: String friends(first: Int): [Customer!] orders: [Order!] }
type Order implements Node { id: ID! total: Int customer: Customer items: [Product!] }
type Product implements Node { id: ID! name: String related: [Product!] @listSize(assumedSize: 5) }
type OrderConnection { edges: [Edge] count: Int }
type Edge { node: Order }
union Result = Product | Order
input Where { shop: ID! tags: [String!] inner: Where }
type Mutation { refund(order: ID!, amount: Int): Order }
type Subscription { changed: Order }
"""


@pytest.fixture(scope="session")
def schema() -> GraphQLSchema:
    return read_schema("shop.graphql", SCHEMA)


@pytest.fixture(scope="session")
def make_judge(schema: GraphQLSchema) -> Callable[..., QueryJudge]:
    """A judge of queries for the shop."""

    def make(*rules: FieldRule, introspection: bool = False, list_size: int = 10, **bounds: int) -> QueryJudge:
        found = FieldRules(schema, rules)
        return QueryJudge(schema, Bounds(**bounds), found, list_size=list_size, introspection=introspection)

    return make
