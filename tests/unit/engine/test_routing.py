from __future__ import annotations

import re
from collections.abc import Sequence
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.routing import MAX_SEGMENTS, RouteConflict, RouteIndex, TemplateError, parse_template
from portcullis.engine.target import TargetError


def index(*templates: str) -> RouteIndex[str]:
    """An index in which each template's payload is the template."""
    return RouteIndex((template, template) for template in templates)


def found(routes: RouteIndex[str], path: str) -> tuple[str, dict[str, str]] | None:
    match = routes.match(path)
    if match is None:
        return None
    assert match.payload == match.template
    return match.template, dict(match.values)


SHOP = index(
    "/",
    "/orders",
    "/orders/",
    "/orders/{order_id}",
    "/orders/latest",
    "/orders/{order_id}/items/{item}",
    "/orders/latest/notes",
    "/files/{name}.json",
    "/files/{name}.tar.gz",
    "/files/{name}.gz",
    "/files/{any}",
    "/between/{from}-{to}",
    "/v1/{name}:cancel",
    "/café/{x}",
    "/100%25",
    "/users/@me",
    "/users/{id}",
    "/matrix;v=1/{x}",
)


@rows(
    ("path", "expected"),
    [
        ("/", ("/", {})),
        ("/orders", ("/orders", {})),
        ("/orders/", ("/orders/", {})),
        ("/orders/17", ("/orders/{order_id}", {"order_id": "17"})),
        ("/orders/latest", ("/orders/latest", {})),
        ("/orders/latest/notes", ("/orders/latest/notes", {})),
        ("/orders/latest/items/4", ("/orders/{order_id}/items/{item}", {"order_id": "latest", "item": "4"})),
        ("/orders/17/items/a%20b", ("/orders/{order_id}/items/{item}", {"order_id": "17", "item": "a b"})),
        ("/files/a.json", ("/files/{name}.json", {"name": "a"})),
        ("/files/a.json.json", ("/files/{name}.json", {"name": "a.json"})),
        ("/files/a.tar.gz", ("/files/{name}.tar.gz", {"name": "a"})),
        ("/files/a.gz", ("/files/{name}.gz", {"name": "a"})),
        ("/files/.json", ("/files/{any}", {"any": ".json"})),
        ("/between/a-b", ("/between/{from}-{to}", {"from": "a", "to": "b"})),
        ("/between/a-b-c", ("/between/{from}-{to}", {"from": "a", "to": "b-c"})),
        ("/between/--c", ("/between/{from}-{to}", {"from": "-", "to": "c"})),
        ("/between/---", ("/between/{from}-{to}", {"from": "-", "to": "-"})),
        ("/v1/x:cancel", ("/v1/{name}:cancel", {"name": "x"})),
        ("/caf%C3%A9/1", ("/café/{x}", {"x": "1"})),
        ("/100%25", ("/100%25", {})),
        ("/users/@me", ("/users/@me", {})),
        ("/users/%40me", ("/users/@me", {})),
        ("/users/a;b", ("/users/{id}", {"id": "a;b"})),
        ("/matrix;v=1/a", ("/matrix;v=1/{x}", {"x": "a"})),
        ("/Orders", None),
        ("/orders/17/", None),
        ("/orders/17/items", None),
        ("/orders/17/items/", None),
        ("/orders//items/4", None),
        ("/files/", None),
        ("/between/-c", None),
        ("/between/a-", None),
        ("/between/ab", None),
        ("/v1/:cancel", None),
        ("/unknown", None),
        ("orders", None),
        ("", None),
    ],
)
def test_a_path_leads_to_its_route(path: str, expected: tuple[str, dict[str, str]] | None) -> None:
    assert found(SHOP, path) == expected


def test_overlapping_templates_are_tried_from_the_left_the_most_literal_first() -> None:
    routes = index("/users/{id}", "/users/me", "/a/{x}/c", "/a/b/{y}", "/{any}/b/c", "/f/{name}.{ext}", "/f/{a}-{b}")
    assert found(routes, "/users/me") == ("/users/me", {})
    assert found(routes, "/users/you") == ("/users/{id}", {"id": "you"})
    assert found(routes, "/a/b/c") == ("/a/b/{y}", {"y": "c"})
    assert found(routes, "/a/x/c") == ("/a/{x}/c", {"x": "x"})
    assert found(routes, "/z/b/c") == ("/{any}/b/c", {"any": "z"})
    assert found(routes, "/f/archive.tar.gz") == ("/f/{name}.{ext}", {"name": "archive", "ext": "tar.gz"})
    assert found(routes, "/f/a-b") == ("/f/{a}-{b}", {"a": "a", "b": "b"})
    # Literal parts of equal length: which is tried first is fixed, not left to the order of the document.
    assert found(routes, "/f/a-b.c") == found(index("/f/{a}-{b}", "/f/{name}.{ext}"), "/f/a-b.c")


def test_a_service_that_drops_parameters_is_not_asked_for_another_route() -> None:
    assert found(SHOP, "/users/@me;x") is None
    assert found(SHOP, "/orders/latest;x=y") is None
    assert found(SHOP, "/orders/;x=y") is None
    assert found(SHOP, "/;x=y/orders/17") is None
    assert found(SHOP, "/orders/17;x=y") == ("/orders/{order_id}", {"order_id": "17;x=y"})


def test_a_dead_end_leads_back_and_leaves_no_values() -> None:
    routes = index("/a/{x}-{y}/b", "/a/{z}/c", "/{p}/q/d")
    assert found(routes, "/a/1-2/c") == ("/a/{z}/c", {"z": "1-2"})
    assert found(routes, "/a/q/d") == ("/{p}/q/d", {"p": "a"})
    assert found(routes, "/a/1-2/d") is None


def test_the_longest_path_has_64_segments() -> None:
    template = "/a" * (MAX_SEGMENTS - 1) + "/{x}"
    routes = index(template)
    assert found(routes, "/a" * MAX_SEGMENTS) == (template, {"x": "a"})
    assert found(routes, "/a" * (MAX_SEGMENTS + 1)) is None
    assert found(routes, "/" * 100_000) is None
    with pytest.raises(TemplateError, match="at most 64"):
        index("/a" * (MAX_SEGMENTS + 1))


@rows(
    ("first", "second"),
    [
        ("/a", "/a"),
        ("/a/{x}", "/a/{y}"),
        ("/{a}/{b}", "/{b}/{a}"),
        ("/{x}.json", "/{y}.json"),
        ("/{a}-{b}/c", "/{from}-{to}/c"),
        ("/caf%C3%A9", "/café"),
    ],
)
def test_templates_that_differ_in_names_only_are_a_conflict(first: str, second: str) -> None:
    with pytest.raises(RouteConflict) as caught:
        index("/z", first, second)
    assert (caught.value.first, caught.value.second) == (first, second)
    assert first in str(caught.value)


@rows(
    ("template", "reason"),
    [
        ("", "starts with a slash"),
        ("a", "starts with a slash"),
        ("/a?b", "neither query nor fragment"),
        ("/a#b", "neither query nor fragment"),
        ("/a//b", "no empty segment"),
        ("//", "no empty segment"),
        ("/a/../b", "no dot segments"),
        ("/.", "no dot segments"),
        ("/{}", "braces"),
        ("/{a", "braces"),
        ("/a}", "braces"),
        ("/{a{b}}", "braces"),
        ("/{a/b}", "braces"),
        ("/{a}{b}", "between two variables"),
        ("/{a}/{a}", "once"),
        ("/{a}-{a}", "once"),
        ("/100%", "two hex digits"),
        ("/%ff", "UTF-8"),
    ],
)
def test_a_template_that_cannot_work_is_refused(template: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(reason)) as caught:
        index(template)
    assert caught.value.template == template


def test_a_path_that_was_not_normalised_matches_no_wrong_route() -> None:
    assert found(index("/a/b", "/{x}"), "/a%2Fb") == ("/{x}", {"x": "a/b"})
    with pytest.raises(TargetError):
        SHOP.match("/users/%ff")


def test_many_separators_cost_little() -> None:
    routes = index("/{a}-{b}-{c}-{d}-{e}x", "/{a}a{b}a{c}a{d}b")
    started = perf_counter()
    assert routes.match("/" + "-" * 8000) is None
    assert routes.match("/" + "a" * 8000) is None
    assert perf_counter() - started < 0.5


# A slow, obvious matcher: all templates as regular expressions, the best of those that match.

PARTS = ["a", "b", "a.b", "{x}", "{y}.b", "a.{z}", "{p}.{q}", ""]
TEMPLATES = st.lists(st.sampled_from(PARTS[:-1]), min_size=1, max_size=4).flatmap(
    lambda parts: st.sampled_from([parts, [*parts, ""]])
)


def named(parts: Sequence[str]) -> str:
    """A template of the parts, its variables numbered so that no name stands in it twice."""
    numbers = iter(range(100))
    return "/" + "/".join(re.sub(r"\{\w", lambda match: match[0] + str(next(numbers)), part) for part in parts)


def shape(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template)


def segment_pattern(part: str) -> str:
    pieces = re.split(r"\{([^}]*)\}", part)
    lazy = [f"(?P<{piece}>.+?)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)]
    return "".join(lazy)


def rank(part: str) -> tuple[int, int, tuple[str, ...]]:
    literals = tuple(re.split(r"\{[^}]*\}", part))
    if len(literals) == 1:
        return (0, 0, literals)
    return (1 if any(literals) else 2, -sum(map(len, literals)), literals)


def slow_match(templates: Sequence[str], path: str) -> tuple[str, dict[str, str]] | None:
    segments = path.split("/")[1:]
    candidates = []
    for template in templates:
        parts = template.split("/")[1:]
        if len(parts) != len(segments):
            continue
        matches = [re.fullmatch(segment_pattern(part), segment) for part, segment in zip(parts, segments, strict=True)]
        if all(matches):
            values = {name: value for match in matches if match for name, value in match.groupdict().items()}
            candidates.append(([rank(part) for part in parts], template, values))
    if not candidates:
        return None
    _, template, values = min(candidates)
    return template, values


@given(
    st.lists(TEMPLATES.map(named), max_size=12, unique_by=shape),
    st.lists(
        st.lists(st.sampled_from(["a", "b", "c", "a.b", "c.b", "a.c", "a.b.b", ".", ".b", ""]), min_size=1, max_size=5),
        max_size=8,
    ),
)
def test_the_index_finds_what_a_slow_obvious_matcher_finds(templates: list[str], paths: list[list[str]]) -> None:
    routes = index(*templates)
    for path in ("/" + "/".join(segments) for segments in paths):
        assert found(routes, path) == slow_match(templates, path), path


def test_a_template_is_parsed_into_segments() -> None:
    segments = parse_template("/a/{b}-{c}/")
    assert [(segment.literals, segment.names) for segment in segments] == [
        (("a",), ()),
        (("", "-", ""), ("b", "c")),
        (("",), ()),
    ]


@pytest.mark.slow
def test_twenty_thousand_routes_cost_what_ten_cost() -> None:
    few = index(*(f"/shop/v1/r{i}/{{id}}" for i in range(10)))
    many = index(*(f"/shop/v1/r{i}/{{id}}" for i in range(20_000)))

    def cost(routes: RouteIndex[str]) -> float:
        started = perf_counter()
        for _ in range(500):
            routes.match("/shop/v1/r7/17")
        return perf_counter() - started

    # Measured equal; the margin is for a busy machine, where a search through the routes would cost a thousandfold.
    rounds = [(cost(few), cost(many)) for _ in range(15)]
    assert min(many for _, many in rounds) < 1.5 * min(few for few, _ in rounds)


def test_equal_segments_of_templates_are_one_object() -> None:
    first, second = parse_template("/v1/orders/{id}"), parse_template("/v2/orders/{id}.json")
    assert first[1] is second[1]
    assert first[2] != second[2]
