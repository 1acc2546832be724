"""Documents of several files become one tree."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi import bundle as bundling
from portcullis.engine.openapi.anatomy import anatomy_of
from portcullis.engine.openapi.bundle import Bundle, bundle
from portcullis.engine.openapi.pointer import look_up, of_reference
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.sources import Sources

Files = dict[str, Any]


class Bundled:
    """A document at ``specs/main.yaml`` put together with other ``files`` (values, or bytes as they are)."""

    def __init__(self, root: dict[str, Any], version: str = "3.1.0", files: Files | None = None) -> None:
        self.files = {
            name: each if isinstance(each, bytes) else orjson.dumps(each) for name, each in (files or {}).items()
        }
        self.read: list[str] = []
        self.problems = Problems()
        self.sources = Sources("specs/main.yaml", orjson.dumps(root))
        self.bundle: Bundle = bundle(root, self.sources, anatomy_of(version), self.problems, self._read)
        self.root = self.bundle.root

    def _read(self, path: str) -> bytes:
        self.read.append(path)
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", path) from None

    def at(self, pointer: str) -> Any:
        """What the reference at ``pointer`` leads to."""
        return look_up(self.root, of_reference(look_up(self.root, pointer)["$ref"]))

    @property
    def messages(self) -> list[str]:
        return [problem.message for problem in self.problems]


def schemas(**named: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "components": {"schemas": named}}


def test_a_document_of_one_file_stays_as_it_is() -> None:
    root = schemas(A={"$ref": "#/components/schemas/B"}, B={"type": "string"})
    made = Bundled(root)
    assert made.root is root
    assert set(root) == {"openapi", "components"}
    assert made.bundle.enforced.targets == ()
    assert list(made.problems) == []


def test_files_are_put_into_the_tree_and_references_lead_there() -> None:
    made = Bundled(
        schemas(A={"$ref": "../common/types.json#/Name"}, B={"$ref": "pet.yaml"}),
        files={"common/types.json": {"Name": {"type": "string"}}, "specs/pet.yaml": b"type: object\n"},
    )
    assert made.at("/components/schemas/A") == {"type": "string"}
    assert made.at("/components/schemas/B") == {"type": "object"}
    assert sorted(made.bundle.enforced.targets) == [("schema", "/x-files/1/Name"), ("schema", "/x-files/2")]
    place = made.sources.locate(["/x-files/1/Name/type"])["/x-files/1/Name/type"]
    assert (place.file, place.pointer) == ("common/types.json", "/Name/type")


def test_files_refer_to_each_other_and_back_in_circles() -> None:
    made = Bundled(
        schemas(Node={"properties": {"next": {"$ref": "link.json#/Link"}}}),
        files={
            "specs/link.json": {"Link": {"properties": {"to": {"$ref": "main.yaml#/components/schemas/Node"}}}},
        },
    )
    assert made.read == ["specs/link.json"]
    link = made.at("/components/schemas/Node/properties/next")
    assert link["properties"]["to"] == {"$ref": "#/components/schemas/Node"}
    assert list(made.problems) == []


def test_local_references_of_a_file_mean_that_file() -> None:
    made = Bundled(
        schemas(A={"$ref": "types.json#/A"}),
        files={"specs/types.json": {"A": {"items": {"$ref": "#/B"}}, "B": {"type": "integer"}}},
    )
    assert made.at("/x-files/1/A/items") == {"type": "integer"}


@rows(
    ("root", "pointer"),
    [
        ({"paths": {"/a": {"$ref": "o.json#/x"}}}, "/paths/~1a"),
        ({"paths": {"/a": {"get": {"parameters": [{"$ref": "o.json#/x"}]}}}}, "/paths/~1a/get/parameters/0"),
        ({"paths": {"/a": {"get": {"requestBody": {"$ref": "o.json#/x"}}}}}, "/paths/~1a/get/requestBody"),
        ({"paths": {"/a": {"get": {"responses": {"200": {"$ref": "o.json#/x"}}}}}}, "/paths/~1a/get/responses/200"),
        ({"components": {"headers": {"H": {"$ref": "o.json#/x"}}}}, "/components/headers/H"),
        ({"components": {"securitySchemes": {"S": {"$ref": "o.json#/x"}}}}, "/components/securitySchemes/S"),
    ],
)
def test_everything_that_may_be_a_reference_may_lead_to_a_file(root: dict[str, Any], pointer: str) -> None:
    made = Bundled(root, files={"specs/o.json": {"x": {"description": "Here."}}})
    assert made.at(pointer) == {"description": "Here."}


@rows("reference", ["o.json#/a~1b/c~0d%20e", "o.json#/a~1b/c~0d%20%65", "./o.json#%2Fa~1b/c~0d e"])
def test_fragments_are_escaped_and_encoded(reference: str) -> None:
    made = Bundled(schemas(A={"$ref": reference}), files={"specs/o.json": {"a/b": {"c~d e": {"type": "null"}}}})
    assert made.at("/components/schemas/A") == {"type": "null"}


def test_a_percent_sign_in_a_name_survives_the_rewriting() -> None:
    made = Bundled(schemas(A={"$ref": "o.json#/100%25"}), files={"specs/o.json": {"100%": {"type": "null"}}})
    assert made.at("/components/schemas/A") == {"type": "null"}


def test_examples_and_extensions_are_not_followed() -> None:
    made = Bundled(schemas(A={"example": {"$ref": "secret.yaml"}, "x-a": {"$ref": "secret.yaml"}}))
    assert made.read == []
    assert list(made.problems) == []


def test_only_what_is_referred_to_is_followed_in_other_files() -> None:
    made = Bundled(
        schemas(A={"$ref": "o.json#/used"}),
        files={"specs/o.json": {"used": {"type": "null"}, "unused": {"$ref": "nowhere.json"}}},
    )
    assert made.read == ["specs/o.json"]
    assert list(made.problems) == []


def test_discriminators_may_map_to_files() -> None:
    mapping = {"cat": "cat.json", "dog": "#/components/schemas/Dog", "eel": "Eel"}
    Bundled(
        schemas(Pet={"discriminator": {"propertyName": "kind", "mapping": mapping}}, Dog={}),
        files={"specs/cat.json": {"type": "object"}},
    )
    assert mapping == {"cat": "#/x-files/1", "dog": "#/components/schemas/Dog", "eel": "Eel"}


def test_a_discriminator_that_maps_to_nothing_is_warned_of() -> None:
    mapping = {"cat": "#/components/schemas/Cat"}
    made = Bundled(schemas(Pet={"discriminator": {"propertyName": "kind", "mapping": mapping}}))
    (problem,) = made.problems
    assert (problem.severity, problem.pointer) == ("warning", "/components/schemas/Pet/discriminator/mapping/cat")


@rows(
    ("reference", "message"),
    [
        ("#/nowhere", "#/nowhere leads nowhere"),
        ("gone.yaml", "gone.yaml: specs/gone.yaml can't be read: No such file or directory"),
        ("o.json#/nowhere", "o.json#/nowhere leads nowhere"),
        ("o.json#anchor", "references to anchors are not supported"),
        ("http://example.com/a.yaml#/A", "http://example.com/a.yaml#/A: references to URLs are not followed"),
        ("../../etc/passwd", "it leads out of the folder of the configuration file"),
        ("#/%ff", "the reference is not UTF-8"),
    ],
)
def test_references_that_can_not_be_followed_are_errors_where_they_stand(reference: str, message: str) -> None:
    made = Bundled(schemas(A={"items": {"$ref": reference}}), files={"specs/o.json": {}})
    (problem,) = made.problems
    assert (problem.severity, problem.pointer) == ("error", "/components/schemas/A/items/$ref")
    assert message in problem.message


def test_the_same_wrong_reference_is_told_at_each_place() -> None:
    made = Bundled(schemas(A={"$ref": "gone.yaml"}, B={"$ref": "gone.yaml"}))
    assert {problem.pointer for problem in made.problems} == {
        "/components/schemas/A/$ref",
        "/components/schemas/B/$ref",
    }
    assert made.read == ["specs/gone.yaml"]


def test_what_is_wrong_in_another_file_is_told_with_that_file() -> None:
    made = Bundled(schemas(A={"$ref": "o.json#/A"}), files={"specs/o.json": {"A": {"items": {"$ref": "#/nowhere"}}}})
    (diagnostic,) = made.sources.diagnostics(made.problems)
    assert (diagnostic.file, diagnostic.pointer) == ("specs/o.json", "#/A/items/$ref")


def test_files_that_can_not_be_read_are_told_with_their_own_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Bundled(
            schemas(A={"$ref": "o.yaml"}, B={"$ref": "p.yaml"}),
            files={"specs/o.yaml": b"a: [\n", "specs/p.yaml": b"a: *x\n"},
        )
    assert [(each.file, each.line) for each in caught.value.diagnostics] == [("specs/o.yaml", 2), ("specs/p.yaml", 1)]


@rows(
    "named",
    [
        {"A": {"$ref": "#/components/schemas/A"}},
        {"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}},
        {"A": {"$ref": "o.json#/B"}},
        {"A": {"$ref": "#/components/schemas/A", "description": "Round and round."}},
    ],
)
def test_references_that_lead_back_to_themselves_are_errors(named: dict[str, Any]) -> None:
    made = Bundled(schemas(**named), files={"specs/o.json": {"B": {"$ref": "main.yaml#/components/schemas/A"}}})
    assert made.messages
    assert all("leads back to itself" in message for message in made.messages)
    assert made.problems.has_errors


def test_cycles_through_schemas_are_fine() -> None:
    node = {"properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    assert list(Bundled(schemas(Node=node)).problems) == []


def test_beside_a_reference_nothing_counts_before_3_1() -> None:
    schema = {"$ref": "#/components/schemas/B", "items": {"$ref": "#/nowhere"}}
    assert Bundled(schemas(A=schema, B={}), "3.0.3").messages == []
    assert Bundled(schemas(A=schema, B={}), "3.1.0").messages == ["#/nowhere leads nowhere"]


def test_what_only_the_service_calls_is_warned_of_instead() -> None:
    wrong = {"post": {"requestBody": {"$ref": "#/nowhere"}}}
    made = Bundled(
        {
            "paths": {"/a": {"get": {"callbacks": {"done": {"{$url}": wrong}}}}},
            "webhooks": {"paid": {"post": {"requestBody": {"$ref": "#/nor/here"}}}},
        }
    )
    assert sorted((problem.severity, problem.message) for problem in made.problems) == [
        ("warning", "#/nor/here leads nowhere"),
        ("warning", "#/nowhere leads nowhere"),
    ]
    assert made.bundle.links == ()


def test_targets_at_odd_places_are_told_by_their_kind() -> None:
    made = Bundled(
        {
            "info": {"x-types": {"A": {"type": "null"}}},
            "paths": {"/a": {"get": {"parameters": [{"$ref": "#/components/schemas/A"}]}}},
            "components": {"schemas": {"A": {}, "B": {"$ref": "#/info/x-types/A"}}},
        }
    )
    assert sorted(made.bundle.enforced.targets) == [
        ("parameter", "/components/schemas/A"),
        ("schema", "/info/x-types/A"),
    ]


def test_aliases_of_yaml_are_rewritten_once() -> None:
    shared = {"$ref": "o.json#/A"}
    made = Bundled(schemas(A=shared, B={"items": shared}), files={"specs/o.json": {"A": {}, "x-files": {}}})
    assert shared == {"$ref": "#/x-files/1/A"}
    assert list(made.problems) == []


def test_an_extension_of_the_same_name_is_left_alone() -> None:
    root = {**schemas(A={"$ref": "o.json"}), "x-files": {"1": "mine"}}
    made = Bundled(root, files={"specs/o.json": {"type": "null"}})
    assert made.root["x-files"] == {"1": "mine"}
    assert made.at("/components/schemas/A") == {"type": "null"}
    assert made.bundle.files_key == "x-files-2"


def test_how_many_files_and_bytes_there_are_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    def many() -> dict[str, Any]:
        return schemas(**{f"S{number}": {"$ref": f"{number}.json"} for number in range(4)})

    files = {f"specs/{number}.json": {} for number in range(4)}
    monkeypatch.setattr(bundling, "MAX_FILES", 3)
    made = Bundled(many(), files=files)
    assert [message.partition(": ")[2] for message in made.messages] == ["the document refers to more than 3 files"]
    monkeypatch.setattr(bundling, "MAX_FILES", 10)
    monkeypatch.setattr(bundling, "MAX_BYTES", 7)
    assert "have more than 0 MiB" in Bundled(many(), files=files).messages[0]


def test_nodes_of_all_files_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = b"a: &a [x, x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n"
    root = schemas(A={"$ref": "1.yaml"}, B={"$ref": "2.yaml"})
    monkeypatch.setattr(bundling.reading, "MAX_NODES", 100)
    with pytest.raises(ConfigurationError, match="more than"):
        Bundled(root, files={"specs/1.yaml": bomb, "specs/2.yaml": bomb})


@rows(
    ("mapped", "message"),
    [
        ("http://example.com/a.yaml", "http://example.com/a.yaml: references to URLs are not followed"),
        ("../../a.yaml", "../../a.yaml: it leads out of the folder of the configuration file"),
        ("./gone", "./gone: specs/gone can't be read: No such file or directory"),
        ("gone.yaml#/A", "gone.yaml#/A: specs/gone.yaml can't be read: No such file or directory"),
    ],
)
def test_a_discriminator_that_maps_to_a_file_that_is_not_followed_is_as_wrong_as_a_reference(
    mapped: str, message: str
) -> None:
    made = Bundled(schemas(A={"discriminator": {"propertyName": "kind", "mapping": {"a": mapped}}}))
    (problem,) = made.problems
    assert (problem.severity, problem.message) == ("error", message)
    assert problem.pointer == "/components/schemas/A/discriminator/mapping/a"
