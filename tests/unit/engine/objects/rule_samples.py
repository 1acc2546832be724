"""Rules and objects for tests: what a rule finds is said by a test, and any rules about any objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from portcullis.engine.facts import Facts
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.objects.given import Given, OfExchange, OfObject, Source
from portcullis.engine.objects.surroundings import reader
from portcullis.engine.objects.syntax import Condition, Path, paths_of
from portcullis.testing import make_request

ODD = [None, 1.0, [], {}, [1], {"a": 1}]

ALICE = Identity("api_key", "alice", "k", frozenset({"a", "b"}), Consumer("alice", roles=frozenset({"clerk"})))


def make_given(identity: Identity = ALICE, whole: Any = None, **arguments: Any) -> Given:
    """What is known of an exchange of ``identity``, with ``arguments``."""
    facts = Facts()
    facts.identify(identity)
    facts.arguments = arguments
    return Given(make_request("GET", "/orders/1"), facts, whole)


def sources_of(condition: Condition) -> Mapping[Path, Source]:
    """``response`` is the object, ``identity.claims`` and ``request`` are the arguments of an exchange."""
    found: dict[Path, Source] = {}
    for path in paths_of(condition):
        if path.root == "response":
            found[path] = OfObject(reader(path.item_steps))
        else:
            found[path] = OfExchange(_argument(path))
    return found


def _argument(path: Path) -> Callable[[Given], Any]:
    read = reader(path.item_steps)
    if path.steps == ("subject",):
        return lambda given: given.facts.identity.subject
    if path.steps == ("roles",):
        return lambda given: given.facts.identity.roles
    return lambda given: read(given.facts.arguments)


NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.one_of(st.sampled_from(["alice", "clerk", "x", ""]), st.integers(0, 3), st.booleans())
VALUES = st.one_of(SCALARS, st.sampled_from(ODD), st.lists(st.one_of(SCALARS, st.none()), max_size=3))
THINGS = st.one_of(st.dictionaries(NAMES, st.one_of(VALUES, st.dictionaries(NAMES, VALUES, max_size=2))), VALUES)
PATHS = st.one_of(
    st.lists(NAMES, max_size=2).map(lambda names: ".".join(["response", *names])),
    NAMES.map("request.query.{}".format),
    st.sampled_from(["identity.subject", "identity.roles"]),
)


def text_of(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


OPERANDS = st.one_of(PATHS, SCALARS.map(text_of))
LISTS = st.one_of(PATHS, st.lists(SCALARS, max_size=3).map(lambda values: f"[{', '.join(map(text_of, values))}]"))
ATOMS = st.one_of(
    st.tuples(OPERANDS, st.sampled_from(["==", "!="]), OPERANDS).map(" ".join),
    st.tuples(OPERANDS, st.sampled_from(["in", "not in"]), LISTS).map(" ".join),
    PATHS,
)
RULES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' and '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' or '.join(parts)})"),
    ),
    max_leaves=6,
)
