from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError
from rows import rows

from portcullis.engine.relations.declaring import RelationTypes, check_term


def test_types_are_lists_of_identities_or_relations() -> None:
    said = {"user": ["staff"], "order": {"owner": ["user"]}, "device": {}}
    assert TypeAdapter(RelationTypes).validate_python(said, strict=True) == said


@rows(
    "said", [{"user": []}, {"user": "staff"}, {"order": {"owner": "user"}}, {"order": {"owner": ["a b"]}}, {"a b": {}}]
)
def test_nothing_else_is(said: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RelationTypes).validate_python(said, strict=True)


def test_a_good_term_is_given_back() -> None:
    assert check_term("folder#viewer via parent") == "folder#viewer via parent"
