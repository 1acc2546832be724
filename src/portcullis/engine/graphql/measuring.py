"""What a query costs: how deep it goes, how many fields it asks for, and how much the service may have to fetch for it.

The cost is that of the GraphQL Cost Directives draft: a field that gives an object costs 1, others 0, unless ``@cost``
says otherwise; what is below a list counts as often as the list may have items. How many these are, an argument says
(``first``, ``limit``, or those that ``@listSize`` names), else ``@listSize``, else the settings.

A fragment is looked at once for each type it stands on: what stands for exponentially many fields takes linear time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from graphql.utilities import value_from_ast_untyped

SLICING: Final = ("first", "last", "limit", "size", "take", "count", "pageSize", "perPage")
"""Arguments that usually say how many items a list has."""
SIZED: Final = ("edges", "nodes", "items")
"""Fields of what pages through a list whose length its arguments say."""
MOST: Final = 10**12
"""A cost beyond which nobody counts on."""


class Measure(msgspec.Struct, frozen=True):
    """``depth``: fields in one another; ``fields``: all that are asked for; ``aliases`` among them; ``cost``."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    cost: int = 0


_NOTHING: Final = Measure()


class _FieldCost(msgspec.Struct, frozen=True):
    """What the schema says of a field's cost; ``slicing``: arguments by which it is sized, with their defaults."""

    weight: int
    is_list: bool
    assumed: int | None
    slicing: tuple[tuple[str, int | None], ...]
    sized: frozenset[str]


class Weights:
    """The costs of the fields of a schema, read from it once each. ``list_size``: of lists that nothing is said of."""

    def __init__(self, schema: GraphQLSchema, list_size: int) -> None:
        self.schema = schema
        self.list_size = list_size
        self._known: dict[tuple[str, str], _FieldCost] = {}

    def of(self, parent: GraphQLNamedType, name: str) -> tuple[GraphQLField | None, _FieldCost]:
        """The field ``name`` of ``parent``, ``None`` for one of introspection, and what it costs."""
        field = parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
        key = (parent.name, name)
        cost = self._known.get(key)
        if cost is None:
            cost = self._known[key] = _FREE if field is None else _cost_of(field)
        return field, cost


_FREE: Final = _FieldCost(0, False, None, (), frozenset())


def _cost_of(field: GraphQLField) -> _FieldCost:
    named = get_named_type(field.type)
    directives = _directives(field.ast_node)
    weight = directives.get("cost") or _directives(getattr(named, "ast_node", None)).get("cost")
    listing = directives.get("listSize", {})
    given = listing.get("slicingArguments")
    slicing = tuple(
        (name, _default(argument))
        for name, argument in field.args.items()
        if name in (SLICING if given is None else given)
    )
    return _FieldCost(
        int(is_composite_type(named)) if weight is None else _number(weight.get("weight")),
        is_list_type(get_nullable_type(field.type)),
        listing.get("assumedSize"),
        slicing,
        frozenset(listing.get("sizedFields") or SIZED),
    )


def _default(argument: GraphQLArgument) -> int | None:
    literal = None if argument.default is None else argument.default.literal
    return int(literal.value) if isinstance(literal, IntValueNode) else None


def _directives(node: Any) -> dict[str, dict[str, Any]]:
    directives: tuple[DirectiveNode, ...] = getattr(node, "directives", None) or ()
    return {
        each.name.value: {
            argument.name.value: value_from_ast_untyped(argument.value) for argument in each.arguments or ()
        }
        for each in directives
    }


def _number(weight: object) -> int:
    try:
        return max(0, round(float(str(weight))))
    except (ValueError, OverflowError):
        return 1


class Measurer:
    """Measures one document. ``variables``: the values of its variables, as they were coerced.

    ``uses_variables``: the cost depends on them.
    """

    def __init__(
        self, weights: Weights, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]
    ) -> None:
        self._weights = weights
        self._fragments = fragments
        self._variables = variables
        self._known: dict[tuple[str, str, int], Measure] = {}
        self.uses_variables = False

    def of(self, selections: SelectionSetNode, parent: GraphQLNamedType, inherited: int = 0) -> Measure:
        """The measure of ``selections`` on ``parent``; ``inherited``: the length of its lists, where that is known."""
        depth = fields = aliases = cost = 0
        for each in self._each(selections, parent, inherited):
            depth = max(depth, each.depth)
            fields += each.fields
            aliases += each.aliases
            cost += each.cost
        return Measure(depth, min(fields, MOST), min(aliases, MOST), min(cost, MOST))

    def _each(self, selections: SelectionSetNode, parent: GraphQLNamedType, inherited: int) -> Iterator[Measure]:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                yield self._field(selection, parent, inherited)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                named = parent if condition is None else self._weights.schema.type_map[condition.name.value]
                yield self.of(selection.selection_set, named, inherited)
            elif isinstance(selection, FragmentSpreadNode):
                yield self._fragment(selection.name.value, inherited)

    def _fragment(self, name: str, inherited: int) -> Measure:
        fragment = self._fragments[name]
        key = (name, fragment.type_condition.name.value, inherited)
        found = self._known.get(key)
        if found is None:
            named = self._weights.schema.type_map[fragment.type_condition.name.value]
            found = self._known[key] = self.of(fragment.selection_set, named, inherited)
        return found

    def _field(self, node: FieldNode, parent: GraphQLNamedType, inherited: int) -> Measure:
        field, cost = self._weights.of(parent, node.name.value)
        sliced = self._sliced(node, cost) if cost.slicing else None
        below, size = _NOTHING, 1
        if node.selection_set is not None and field is not None:
            handed_on = sliced if sliced is not None and not cost.is_list else 0
            below = self.of(node.selection_set, get_named_type(field.type), handed_on)
        if cost.is_list:
            own = inherited if inherited and node.name.value in cost.sized | frozenset(SIZED) else None
            size = next(each for each in (sliced, own, cost.assumed, self._weights.list_size) if each is not None)
        return Measure(
            1 + below.depth,
            1 + below.fields,
            (node.alias is not None) + below.aliases,
            min(cost.weight * size + size * below.cost, MOST),
        )

    def _sliced(self, node: FieldNode, cost: _FieldCost) -> int | None:
        """How many items the arguments ask for; the most that one of them says."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        sizes = [self._value(given[name]) if name in given else default for name, default in cost.slicing]
        known = [abs(size) for size in sizes if size is not None]
        return min(max(known), MOST) if known else None

    def _value(self, node: ValueNode) -> int | None:
        if isinstance(node, IntValueNode):
            return int(node.value)
        if isinstance(node, VariableNode):
            self.uses_variables = True
            value = self._variables.get(node.name.value)
            return value if isinstance(value, int) and not isinstance(value, bool) else None
        return None


def coordinates_of(
    selections: SelectionSetNode,
    parent: GraphQLNamedType,
    schema: GraphQLSchema,
    fragments: Mapping[str, FragmentDefinitionNode],
    take: Callable[[str, str], None],
) -> None:
    """Tell ``take`` of each field that is asked for: the type it is asked of, and its name; perhaps more than once."""
    seen: set[str] = set()
    stack: list[tuple[SelectionSetNode, GraphQLNamedType]] = [(selections, parent)]
    while stack:
        found, named = stack.pop()
        for selection in found.selections:
            if isinstance(selection, FieldNode):
                take(named.name, selection.name.value)
                field = getattr(named, "fields", {}).get(selection.name.value)
                if selection.selection_set is not None and field is not None:
                    stack.append((selection.selection_set, get_named_type(field.type)))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                within = named if condition is None else schema.type_map[condition.name.value]
                stack.append((selection.selection_set, within))
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                fragment = fragments[selection.name.value]
                stack.append((fragment.selection_set, schema.type_map[fragment.type_condition.name.value]))
