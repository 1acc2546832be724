from __future__ import annotations

from bench import films
from openapi_spec_validator import validate


def test_the_document_is_openapi_and_a_film_is_accepted() -> None:
    validate(films.document())
    assert films.MEBIBYTES < films.LARGEST
