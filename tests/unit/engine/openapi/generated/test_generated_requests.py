"""Requests made of every operation of all real documents pass; broken in one place each they are refused.

The requests are made by a second reading of the documents, of their examples and their schemas. Where a document
contradicts itself no request can be right; these operations are written down here, each with the reason, and one that
is no longer needed fails as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import jsonschema_rs
import pytest

from portcullis.engine.openapi.body_reading import SpecContent
from portcullis.engine.openapi.document import SpecOperation
from portcullis.testing.generating import UnmakeableError, ValueMaker
from portcullis.testing.generating_mutations import mutations
from portcullis.testing.generating_requests import Draft, Source, draft, makeable_contents, write

ATTEMPTS: Final = 4
"""How many ways to choose between alternatives are tried."""
VARIANTS: Final[dict[str, tuple[Source, bool]]] = {
    "required": ("schemas", False),
    "all": ("schemas", True),
    "examples": ("examples", True),
}
"""Where the values of a request are from, and whether it has what need not be there."""


class Waiver(NamedTuple):
    """Requests that do not pass, however they choose: of which variants, with which code, and why that is right."""

    variants: str
    code: str
    reason: str


ALTERNATIVES: Final = "alternatives of oneOf overlap, so that such a value fits several, as JSON Schema has it too"
SLASHES: Final = "its pattern has slashes around it, and begins and ends within them: no text matches"
TEXTS_OF_NUMBER: Final = "a number that must be one of some texts"
NUMBER_FOR_BOOLEAN: Final = "its example of a boolean is 0"
WAIVERS: Final[dict[str, dict[str, Waiver]]] = {
    "1password.com__events__1.0.0__openapi.yaml": {
        "POST /api/v1/itemusages": Waiver("required all examples", "validate.schema", ALTERNATIVES),
        "POST /api/v1/signinattempts": Waiver("required all examples", "validate.schema", ALTERNATIVES),
    },
    "ably.io__platform__1.1.0__openapi.yaml": {
        "POST /keys/{keyName}/requestToken": Waiver(
            "examples", "validate.missing_field", "its example lacks what its schema requires"
        ),
        "POST /push/channelSubscriptions": Waiver("required all examples", "validate.schema", ALTERNATIVES),
    },
    "bbc.co.uk__1.0.0__swagger.yaml": {
        "GET /radio/popular": Waiver(
            "all examples", "validate.bad_parameter", "a list that must be one of some texts, instead of its items"
        ),
    },
    "cpy.re__peertube__3.3.0__openapi.yaml": {
        "POST /users": Waiver("required all examples", "unmakeable", SLASHES),
        "POST /users/me/subscriptions": Waiver("examples", "validate.schema", "its example of a URI is an account"),
        "POST /users/register": Waiver("required all examples", "unmakeable", SLASHES),
        "POST /users/token": Waiver("required all examples", "unmakeable", SLASHES),
        "POST /video-channels": Waiver("required all examples", "unmakeable", SLASHES),
        "POST /videos/imports": Waiver(
            "required all examples", "validate.undeclared_field", "additionalProperties: false beside allOf"
        ),
    },
    "epa.gov__echo__2019.10.15__swagger.yaml": {
        "GET /echo_rest_services.get_facilities": Waiver("all examples", "validate.bad_parameter", TEXTS_OF_NUMBER),
        "POST /echo_rest_services.get_facilities": Waiver("all examples", "validate.schema", TEXTS_OF_NUMBER),
        "GET /echo_rest_services.get_facility_info": Waiver("all examples", "validate.bad_parameter", TEXTS_OF_NUMBER),
        "POST /echo_rest_services.get_facility_info": Waiver("all examples", "validate.schema", TEXTS_OF_NUMBER),
    },
    "influxdata.com__2.0.0__openapi.yaml": {
        "POST /dbrps": Waiver("all examples", "validate.schema", ALTERNATIVES),
        "POST /query": Waiver("required", "validate.schema", ALTERNATIVES),
        "POST /query/analyze": Waiver("all examples", "validate.schema", ALTERNATIVES),
        "POST /templates/export": Waiver("required", "validate.schema", ALTERNATIVES),
        "POST /variables": Waiver("required", "validate.schema", ALTERNATIVES),
        "PATCH /variables/{variableID}": Waiver("required", "validate.schema", ALTERNATIVES),
        "PUT /variables/{variableID}": Waiver("required", "validate.schema", ALTERNATIVES),
    },
    "intellifi.nl__2.20.0__openapi.yaml": {
        "POST /items": Waiver("required all examples", "validate.schema", ALTERNATIVES),
        "POST /spots/{id}/sets": Waiver("required", "validate.schema", ALTERNATIVES),
        "POST /spotsets": Waiver("required", "validate.schema", ALTERNATIVES),
    },
    "motaword.com__1.0__openapi.yaml": {
        "GET /documents": Waiver("examples", "validate.bad_parameter", NUMBER_FOR_BOOLEAN),
        "GET /projects/{projectId}/documents/{documentId}/translations/download/{language}": Waiver(
            "examples", "validate.bad_parameter", NUMBER_FOR_BOOLEAN
        ),
        "GET /{userId}/documents": Waiver("examples", "validate.bad_parameter", NUMBER_FOR_BOOLEAN),
    },
}
"""By document and operation."""

LATER: Final[dict[str, dict[str, str]]] = {
    "cdcgov.local__prime-data-hub__0.2.0-oas3__openapi.yaml": {
        "PUT /settings/organizations/{organizationName}/receivers/{receiverName}": ALTERNATIVES,
    },
    "cpy.re__peertube__3.3.0__openapi.yaml": {"GET /jobs/{state}": "a path segment that may be empty can't be sent"},
    "influxdata.com__2.0.0__openapi.yaml": {
        "POST /query": ALTERNATIVES,
        "POST /write": "its header field says a content coding, which the body made here does not have",
    },
}
"""Operations whose first alternatives do not make a right request, but others do, and why."""

totals: Final[Counter[str]] = Counter()
"""What was seen, over all documents."""


def _drafts(gate: Any, operation: SpecOperation, variant: str, content: SpecContent | None) -> Iterator[Draft | None]:
    """A draft for each attempt, ``None`` where none can be made."""
    source, everything = VARIANTS[variant]
    for attempt in range(ATTEMPTS):
        try:
            yield draft(gate.graph, operation, source=source, everything=everything, attempt=attempt, content=content)
        except UnmakeableError:
            yield None


def _accepted(gate: Any, operation: SpecOperation, variant: str, content: SpecContent | None) -> tuple[int, str, Any]:
    """The first attempt that passes, what the very first one was refused with, and the draft that passed if any."""
    first = ""
    for attempt, made in enumerate(_drafts(gate, operation, variant, content)):
        code = "unmakeable" if made is None else gate.code_for(operation, write(made))
        if not code:
            return attempt, first, made
        first = first or code
    return ATTEMPTS, first, None


def test_requests_made_of_examples_and_schemas_pass(gate: Any) -> None:
    refused: dict[str, dict[str, set[str]]] = {}
    later = set()
    for operation in gate.operations:
        totals["operations"] += 1
        for content in makeable_contents(operation) or [None]:
            for variant in VARIANTS:
                attempt, code, made = _accepted(gate, operation, variant, content)
                if made is None:
                    refused.setdefault(operation.name, {}).setdefault(code, set()).add(variant)
                    continue
                totals[f"accepted: {variant}"] += 1
                if attempt:
                    later.add(operation.name)
    waived = {name: {waiver.code: set(waiver.variants.split())} for name, waiver in WAIVERS.get(gate.name, {}).items()}
    assert refused == waived
    assert later == LATER.get(gate.name, {}).keys()
    totals["documents"] += 1


def test_what_fits_several_alternatives_is_refused_by_json_schema_too(gate: Any) -> None:
    # By another validator, and by the schema as it is written.
    draft_of = jsonschema_rs.Draft4Validator if gate.document.version < "3.1" else jsonschema_rs.Draft202012Validator
    waived = {name: each for name, each in WAIVERS.get(gate.name, {}).items() if each.reason == ALTERNATIVES}
    for operation in gate.operations:
        if operation.name not in waived:
            continue
        content = makeable_contents(operation)[0]
        schema = {"$ref": "#" + quote(content.schema or "", safe="/~")}
        validator = draft_of({**gate.graph.root, "allOf": [schema]})
        for variant in waived[operation.name].variants.split():
            made = next(_drafts(gate, operation, variant, content))
            assert made is not None
            assert not validator.is_valid(made.document)


def test_requests_that_break_one_rule_each_are_refused_for_it(gate: Any) -> None:
    wrong = []
    for operation in gate.operations:
        for content in makeable_contents(operation) or [None]:
            for variant in ("required", "all"):
                attempt, _, made = _accepted(gate, operation, variant, content)
                if made is None:
                    continue
                maker = ValueMaker(gate.graph, everything=variant == "all", attempt=attempt)
                for mutation in mutations(maker, made):
                    code = gate.code_for(operation, mutation.request)
                    totals[f"refused: {mutation.kind}"] += 1
                    if code not in mutation.codes:
                        wrong.append((operation.name, mutation.kind, code, mutation.request))
    assert not wrong[:5], f"{len(wrong)} requests were not refused as they should be"


def test_bodies_that_no_request_is_made_of_are_xml_or_not_taken(gate: Any) -> None:
    for operation in gate.operations:
        made = makeable_contents(operation)
        for content in operation.body.content if operation.body is not None else ():
            assert content in made or content.media_range.is_xml or content.reading is None


@pytest.mark.slow
def test_all_operations_were_looked_at_and_rules_of_every_kind_broken() -> None:
    if totals["documents"] < 60:
        pytest.skip("only some of the documents were looked at")
    assert totals["documents"] == 63 + 3 + 2 - 3
    assert totals["operations"] > 3_200
    assert all(totals[f"accepted: {variant}"] > 3_200 for variant in VARIANTS)
    refused = {what.removeprefix("refused: "): count for what, count in totals.items() if what.startswith("refused")}
    assert refused.keys() == KINDS
    assert min(refused.values()) > 30
    assert sum(refused.values()) > 30_000


KINDS: Final = {
    *("undeclared_query", "missing_parameter", "parameter_type", "parameter_enum", "parameter_bound"),
    *("parameter_length", "parameter_pattern", "parameter_format"),
    *("unexpected_body", "missing_body", "media_type", "malformed_json", "duplicate_key"),
    *("undeclared_field", "read_only_field", "missing_field", "field_type", "field_enum", "field_bound"),
    *("field_length", "field_pattern", "field_format", "field_items", "field_unique"),
}
"""What is wrong with requests that must be refused."""
