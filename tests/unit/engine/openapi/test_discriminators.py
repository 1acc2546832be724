"""Discriminators: which value selects which schema, and what is said of a value that is wrong."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.openapi.discriminators import TagReader, Tags
from portcullis.engine.openapi.document import load_document
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.stripping import strip_undeclared
from portcullis.engine.openapi.wording import sentence

INTEGER = {"type": "integer"}
TEXT = {"type": "string"}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def animal(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "required": ["kind"], "properties": {"kind": TEXT, **fields}}


SCHEMAS: dict[str, Any] = {
    "Cat": animal(lives=INTEGER),
    "Dog": animal(barks={"type": "boolean"}),
    "Loose": {"type": "object", "properties": {"kind": TEXT, "x": INTEGER}},
    "OneKind": {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["one"]}, "x": INTEGER}},
    "Part": {"allOf": [{"$ref": "#/components/schemas/Cat"}, {"properties": {"kind": {"const": "part"}}}]},
    "Nested": {"oneOf": [{"$ref": "#/components/schemas/OneKind"}, {"$ref": "#/components/schemas/Part"}]},
}
BY_NAME = {"oneOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "kind"}}
BY_MAPPING = {
    "oneOf": [ref("Cat"), ref("Dog")],
    "discriminator": {"propertyName": "kind", "mapping": {"c": "#/components/schemas/Cat", "d": "Dog", "dd": "Dog"}},
}


def read(schema: dict[str, Any], keyword: str = "oneOf") -> tuple[Tags | None, list[str]]:
    problems = Problems()
    graph = SchemaGraph({"root": schema, "components": {"schemas": SCHEMAS}}, "3.1.0", problems)
    alternatives = [f"/root/{keyword}/{index}" for index in range(len(schema[keyword]))]
    return TagReader(graph).of_alternatives("/root", alternatives), [problem.message for problem in problems]


@rows(
    ("schema", "values"),
    [
        (BY_NAME, (("Cat",), ("Dog",))),
        (BY_MAPPING, (("c", "Cat"), ("d", "dd", "Dog"))),
        ({**BY_NAME, "oneOf": [ref("Cat"), ref("OneKind")]}, (("Cat",), ("one",))),
        ({**BY_NAME, "oneOf": [ref("Cat"), ref("Part")]}, (("Cat",), ("part",))),
        ({**BY_NAME, "oneOf": [ref("Cat"), ref("Nested")]}, (("Cat",), ("one", "part"))),
        ({**BY_NAME, "oneOf": [{"type": "null"}, ref("Cat"), TEXT]}, ((), ("Cat",), ())),
        ({**BY_NAME, "oneOf": [animal(kind={"const": "here"}), ref("Cat")]}, (("here",), ("Cat",))),
        # A mapping may give a name to another schema than the one that has it.
        (
            {
                "oneOf": [ref("Cat"), ref("Dog")],
                "discriminator": {"propertyName": "kind", "mapping": {"Cat": "Dog", "Dog": "Cat"}},
            },
            (("Dog",), ("Cat",)),
        ),
    ],
)
def test_values_are_names_mappings_and_what_the_schema_allows(schema: Any, values: Any) -> None:
    tags, messages = read(schema)
    assert tags is not None
    assert tags.values == values
    assert messages == []


def test_a_tag_is_required_where_all_alternatives_require_it() -> None:
    tags, _ = read(BY_NAME)
    assert tags is not None
    assert tags.is_required
    tags, _ = read({**BY_NAME, "oneOf": [ref("Cat"), ref("Loose")]})
    assert tags is not None
    assert not tags.is_required


@rows(
    ("schema", "message"),
    [
        ({**BY_NAME, "oneOf": [ref("Cat"), animal()]}, "no value of kind selects this alternative"),
        (
            {**BY_NAME, "oneOf": [ref("OneKind"), animal(kind={"const": "one"})]},
            "one selects more than one alternative",
        ),
        (
            {**BY_NAME, "discriminator": {"propertyName": "kind", "mapping": {"c": "#/nowhere", "Cat": "Cat"}}},
            "#/nowhere is no schema of this document",
        ),
    ],
)
def test_what_does_not_tell_alternatives_apart_is_a_warning(schema: Any, message: str) -> None:
    _, messages = read(schema)
    assert len(messages) == 1
    assert message in messages[0]


def test_without_a_discriminator_there_are_no_tags() -> None:
    assert read({"oneOf": [ref("Cat"), ref("Dog")]}) == (None, [])


@pytest.mark.slow
def test_chains_without_end_are_read_in_bounded_depth() -> None:
    chain: dict[str, Any] = {f"S{n}": {"allOf": [ref(f"S{n + 1}"), ref(f"S{n + 1}")]} for n in range(2_000)}
    problems = Problems()
    schema = {"oneOf": [ref("S0"), ref("S1")], "discriminator": {"propertyName": "kind"}}
    graph = SchemaGraph({"root": schema, "components": {"schemas": {**chain, "S2000": animal()}}}, "3.1.0", problems)
    assert TagReader(graph).of_alternatives("/root", ["/root/oneOf/0", "/root/oneOf/1"]) is not None


CASES: list[tuple[str, Any, list[Any], list[tuple[Any, str]]]] = [
    (
        "the value selects exactly one alternative",
        BY_NAME,
        [{"kind": "Cat"}, {"kind": "Cat", "lives": 9}, {"kind": "Dog", "barks": True}],
        [
            ({"kind": "Cat", "lives": "x"}, 'must be integer (for kind "Cat")'),
            ({"kind": "Cat", "barks": True}, 'has "barks", which is not declared (for kind "Cat")'),
            ({"kind": "Cow"}, 'must be one of "Cat" or "Dog"'),
            ({"kind": 5}, 'must be one of "Cat" or "Dog"'),
            ({"lives": 9}, 'lacks "kind"'),
            ([], "fits none of the alternatives"),
        ],
    ),
    (
        "a mapping gives more values",
        BY_MAPPING,
        [{"kind": "c", "lives": 9}, {"kind": "d", "barks": True}, {"kind": "dd"}, {"kind": "Cat"}],
        [
            ({"kind": "d", "lives": 9}, 'has "lives", which is not declared (for kind "d")'),
            ({"kind": "e"}, 'must be one of "c", "Cat", "d", "dd" or "Dog"'),
        ],
    ),
    (
        "anyOf is selected from like oneOf",
        {"anyOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "kind"}},
        [{"kind": "Dog", "barks": True}],
        [({"kind": "Cat", "barks": True}, 'has "barks", which is not declared (for kind "Cat")')],
    ),
    (
        "fields beside the alternatives go with each",
        {**BY_NAME, "properties": {"id": INTEGER}, "required": ["id"]},
        [{"id": 1, "kind": "Cat", "lives": 9}],
        [
            ({"id": 1, "kind": "Cat", "barks": True}, 'has "barks", which is not declared'),
            ({"kind": "Cat", "lives": 9}, 'lacks "id"'),
            ({"id": 1, "kind": "Dog", "barks": 1}, 'must be boolean (for kind "Dog")'),
        ],
    ),
    (
        "null beside the alternatives",
        {**BY_NAME, "oneOf": [ref("Cat"), ref("Dog"), {"type": "null"}]},
        [None, {"kind": "Cat"}],
        [({"kind": "x"}, 'must be one of "Cat" or "Dog"'), ({}, 'lacks "kind"')],
    ),
    (
        "alternatives that may be null as a whole",
        {"anyOf": [{**BY_NAME}, {"type": "null"}]},
        [None, {"kind": "Cat", "lives": 9}],
        [({"kind": "Cat", "barks": True}, 'has "barks", which is not declared (for kind "Cat")')],
    ),
    (
        "a tag that need not be there",
        {**BY_NAME, "oneOf": [ref("Cat"), ref("Loose")]},
        [{"kind": "Cat", "lives": 9}, {"kind": "Loose", "x": 1}, {"x": 1}],
        [({"kind": "Cat", "x": 1}, 'has "x", which is not declared (for kind "Cat")'), ({"lives": 9}, 'lacks "kind"')],
    ),
    (
        "the tag is declared by the discriminator where an alternative does not",
        {
            "oneOf": [ref("A"), ref("B")],
            "discriminator": {"propertyName": "kind"},
        },
        [{"kind": "A", "a": 1}, {"kind": "B", "b": 1}],
        [({"kind": "A", "b": 1}, 'has "b", which is not declared')],
    ),
    (
        "alternatives that are selected in turn",
        {
            "oneOf": [ref("Pet"), ref("Dog")],
            "discriminator": {"propertyName": "kind", "mapping": {"small": "Pet", "large": "Pet"}},
        },
        [{"kind": "small", "size": "s"}, {"kind": "large", "size": "l", "n": 1}],
        [({"kind": "large", "size": "s", "n": 1}, 'has "n", which is not declared (for size "s")')],
    ),
]
MORE: dict[str, Any] = {
    "A": {"type": "object", "properties": {"a": INTEGER}},
    "B": {"type": "object", "properties": {"b": INTEGER}},
    "Pet": {
        "oneOf": [animal(size={"const": "s"}), animal(size={"const": "l"}, n=INTEGER)],
        "discriminator": {"propertyName": "size"},
    },
}


@rows(("schema", "fitting", "wrong"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_selected_counts(compiled: Any, schema: Any, fitting: list[Any], wrong: list[tuple[Any, str]]) -> None:
    check = compiled(schema, **SCHEMAS, **MORE)
    for value in fitting:
        assert check.fits(value), value
        assert check.violations(value) == []
    for value, said in wrong:
        assert not check.fits(value), value
        assert sentence(check.found(value)[0]) == said


@rows("closed", [True, False])
def test_what_is_not_selected_does_not_count_though_it_fits(compiled: Any, closed: bool) -> None:
    """As plain alternatives both of them would fit, which ``oneOf`` forbids."""
    check = compiled(BY_NAME, asking={"closed": closed}, **SCHEMAS)
    assert check.fits({"kind": "Cat"})
    assert not check.fits({"kind": "Cat", "lives": "many"})
    assert check.fits({"kind": "Dog", "lives": "many"}) is not closed


def test_alternatives_may_be_nullable_in_3_0(compiled: Any) -> None:
    check = compiled({**BY_NAME, "nullable": True}, "3.0.3", **SCHEMAS)
    assert check.fits(None)
    assert check.fits({"kind": "Cat", "lives": 9})
    assert (
        sentence(check.found({"kind": "Cat", "barks": 1})[0]) == 'has "barks", which is not declared (for kind "Cat")'
    )
    assert check.stripped({"kind": "Cat", "barks": 1}) == {"kind": "Cat"}


PET = {
    "type": "object",
    "required": ["kind", "name"],
    "properties": {"kind": TEXT, "name": TEXT},
    "discriminator": {"propertyName": "kind", "mapping": {"tom": "#/components/schemas/Cat"}},
}
HEIRS: dict[str, Any] = {
    "Pet": PET,
    "Cat": {"allOf": [ref("Pet"), {"properties": {"lives": INTEGER}}]},
    "Dog": {"allOf": [ref("Pet"), {"properties": {"friend": ref("Pet")}}]},
}


def test_a_tag_selects_among_those_that_inherit(compiled: Any) -> None:
    check = compiled({"properties": {"pet": ref("Pet")}}, **HEIRS)
    for pet in (
        {"kind": "Cat", "name": "a", "lives": 9},
        {"kind": "tom", "name": "a", "lives": 9},
        {"kind": "Pet", "name": "a"},
        {"kind": "Dog", "name": "a", "friend": {"kind": "Cat", "name": "b", "lives": 1}},
        {"kind": "unheard of", "name": "a", "lives": 9},
    ):
        assert check.fits({"pet": pet}), pet
        assert check.stripped({"pet": {**pet, "x": 1}}) == {"pet": pet}
    for pet, said in (
        ({"kind": "Cat", "name": "a", "friend": {}}, 'has "friend", which is not declared (for kind "Cat")'),
        ({"kind": "Pet", "name": "a", "lives": 1}, 'has "lives", which is not declared (for kind "Pet")'),
        ({"kind": "tom", "lives": 9}, 'lacks "name" (for kind "tom")'),
        ({"kind": "Dog", "name": "a", "friend": {"kind": "tom", "name": "b", "barks": 1}}, 'has "barks", which is'),
    ):
        assert not check.fits({"pet": pet}), pet
        assert sentence(check.found({"pet": pet})[0]).startswith(said)
    assert not check.fits({"pet": {"kind": "unheard of", "name": "a", "barks": 9}})


def test_heirs_are_checked_where_undeclared_fields_pass(compiled: Any) -> None:
    check = compiled({"properties": {"pet": ref("Pet")}}, asking={"closed": False}, **HEIRS)
    assert check.fits({"pet": {"kind": "Cat", "name": "a", "lives": 9, "x": 1}})
    assert not check.fits({"pet": {"kind": "Cat", "name": "a", "lives": "x"}})
    assert check.fits({"pet": {"kind": "Dog", "name": "a", "lives": "x"}})
    assert not check.fits({"pet": {"kind": "Dog", "name": "a", "friend": {"kind": "Cat", "name": "b", "lives": ""}}})


def test_swagger_names_the_property_only(compiled: Any) -> None:
    base = {**animal(), "discriminator": "kind"}
    cat = {"allOf": [{"$ref": "#/definitions/Pet"}, {"properties": {"lives": INTEGER}}]}
    rock = {
        "allOf": [{"$ref": "#/definitions/Pet"}, {"properties": {"weight": INTEGER}}],
        "x-ms-discriminator-value": "rocky",
    }
    check = compiled({"$ref": "#/definitions/Pet"}, "2.0", Pet=base, Cat=cat, Rock=rock)
    assert check.fits({"kind": "Cat", "lives": 9})
    assert check.fits({"kind": "rocky", "weight": 9})
    assert not check.fits({"kind": "Cat", "weight": 9})
    assert not check.fits({"kind": "rocky", "lives": 9})
    assert not check.fits({"lives": 9})


FILES: dict[str, Any] = {
    "specs/cat.yaml": animal(lives=INTEGER),
    "specs/dog.yaml": {"Dog": animal(barks={"type": "boolean"})},
    "specs/pet.yaml": {
        **animal(),
        "discriminator": {"propertyName": "kind", "mapping": {"tom": "heirs/cat.yaml", "rex": "./heirs/dog.yaml#/Dog"}},
    },
    "specs/heirs/cat.yaml": {"allOf": [{"$ref": "../pet.yaml"}, {"properties": {"lives": INTEGER}}]},
    "specs/heirs/dog.yaml": {"Dog": {"allOf": [{"$ref": "../pet.yaml"}, {"properties": {"barks": {}}}]}},
}
IN_FILES = {
    "oneOf": [{"$ref": "cat.yaml"}, {"$ref": "dog.yaml#/Dog"}],
    "discriminator": {"propertyName": "kind", "mapping": {"tom": "./cat.yaml", "rex": "dog.yaml#/Dog"}},
}
COMPONENTS = {"Cat": {"$ref": "cat.yaml"}, "Dog": {"$ref": "dog.yaml#/Dog"}}


@rows(
    ("schema", "components", "names"),
    [
        (IN_FILES, {}, ("tom", "rex")),
        ({"$ref": "#/components/schemas/Any"}, {"Any": IN_FILES}, ("tom", "rex")),
        ({**IN_FILES, "oneOf": [ref("Cat"), ref("Dog")]}, COMPONENTS, ("tom", "rex")),
        ({**IN_FILES, "oneOf": [ref("Cat"), ref("Dog")]}, COMPONENTS, ("Cat", "Dog")),
        (
            {**IN_FILES, "discriminator": {"propertyName": "kind", "mapping": {"tom": "Cat", "rex": "Dog"}}},
            COMPONENTS,
            ("tom", "rex"),
        ),
        ({"$ref": "pet.yaml"}, {}, ("tom", "rex")),
        (ref("Pet"), {"Pet": {"$ref": "pet.yaml"}}, ("tom", "rex")),
        (ref("Pet"), {"Pet": {"$ref": "pet.yaml"}, "Cat": {"$ref": "heirs/cat.yaml"}}, ("Cat", "rex")),
    ],
)
def test_what_a_value_selects_may_be_in_another_file(
    schema: dict[str, Any], components: dict[str, Any], names: tuple[str, str]
) -> None:
    body = {"content": {"application/json": {"schema": schema}}}
    root = {
        "openapi": "3.1.0",
        "info": {"title": "Pets", "version": "1"},
        "paths": {"/pets": {"post": {"requestBody": body, "responses": {}}}},
        "components": {"schemas": components},
    }
    files = {name: json.dumps(file).encode() for name, file in FILES.items()}
    document = load_document("specs/pets.json", json.dumps(root).encode(), files.__getitem__)
    assert not [warning for warning in document.warnings if "discriminator" in warning.pointer]
    (content,) = document.operations[0].body.content  # type: ignore[union-attr]
    checks = document.checks()
    key = checks.names[content.schema or ""]
    cat, dog = names
    for pet, fits in (
        ({"kind": cat, "lives": 9}, True),
        ({"kind": dog, "barks": True}, True),
        ({"kind": cat, "barks": True}, False),
        ({"kind": dog, "lives": 9}, False),
        ({"kind": cat, "lives": "many"}, False),
    ):
        assert checks.checker.fits({key: pet}) is fits, pet


FIELDS = st.sampled_from(
    [INTEGER, {"type": "integer", "readOnly": True}, ref("Choice"), ref("A"), {"type": "string", "writeOnly": True}]
)
KINDS = st.sampled_from(["A", "B", "C", "a", "z", "Base", 5])
LEAVES = st.sampled_from([0, "A", "a", None])


def objects(kind: str) -> st.SearchStrategy[Any]:
    tag = st.sampled_from([{"kind": {"const": kind}}, {"kind": TEXT}, {}])
    fields = st.tuples(st.dictionaries(st.sampled_from("abc"), FIELDS, max_size=2), tag).map(
        lambda both: both[0] | both[1]
    )
    own = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": fields},
        optional={
            "required": st.lists(st.sampled_from(["kind", "a", "b"]), max_size=2, unique=True),
            "additionalProperties": st.booleans() | st.just(INTEGER),
        },
    )
    return own | own.map(lambda schema: {"allOf": [ref("Base"), schema]})


CHOICES = st.tuples(
    st.sampled_from(["oneOf", "anyOf"]),
    st.lists(st.sampled_from("ABC"), min_size=1, max_size=3, unique=True),
    st.sampled_from([{}, {"mapping": {"a": "A", "z": "B"}}]),
    st.sampled_from([{}, {"properties": {"s": INTEGER}}]),
).map(lambda c: {c[0]: [ref(name) for name in c[1]], "discriminator": {"propertyName": "kind", **c[2]}, **c[3]})
BASES = st.sampled_from(
    [{**animal(), "discriminator": {"propertyName": "kind"}}, {"properties": {"id": {"readOnly": True}}}]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries({}, optional={"kind": KINDS, **dict.fromkeys("abcs", inner), "id": inner}),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples // 2)
@given(CHOICES, objects("A"), objects("B"), objects("C"), BASES, st.lists(VALUES, min_size=5, max_size=5))
def test_whatever_selects_what_is_explained_and_stripped_is_what_is_refused(
    compile_at: Any, choice: Any, a: Any, b: Any, c: Any, base: Any, values: Any
) -> None:
    root = {"components": {"schemas": {"Choice": choice, "A": a, "B": b, "C": c, "Base": base}}}
    for name, direction in (("Choice", "request"), ("Base", "response")):
        check = compile_at(root, f"/components/schemas/{name}", "3.0.3", closed=True, direction=direction)
        if check.problems.has_errors:
            continue
        for value in values:
            assert bool(check.violations(value)) != check.fits(value)
            left = check.stripped(value)
            explained = copy.deepcopy(value)
            if check.fits(value):
                assert left == value
            elif strip_undeclared(explained, check.name, check.checker, rounds=1):
                assert check.fits(left)
