"""One compiled validator for all positions of a document, and explanations of what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs
import orjson

from portcullis.engine.openapi.violations import Explainer, Schema, Violation


class Checker:
    """Checks values against the ``definitions`` of a translation.

    ``fits({"17": value, "20": other})`` says whether each value fits the definition it stands under. It takes
    microseconds, does not depend on how cleverly the value is made, and is all that a right request costs.
    """

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        wrapper = {
            "properties": {name: {"$ref": f"#/$defs/{name}"} for name in definitions},
            "$defs": dict(definitions),
        }
        self._validator = jsonschema_rs.Draft202012Validator(
            wrapper, offline=True, validate_formats=False, pattern_options=jsonschema_rs.RegexOptions()
        )
        self.fits: Callable[[Mapping[str, Any]], bool] = self._validator.is_valid
        # Only explanations need the schemas once more. As text they take a tenth of the memory.
        self._texts = {name: orjson.dumps(schema) for name, schema in definitions.items()}

    def violations(self, name: str, value: object, *, budget: int = 2_000, limit: int = 16) -> tuple[Violation, ...]:
        """What is wrong with ``value`` by the definition ``name``. Raises
        :class:`~portcullis.engine.openapi.violations.TooComplexError` where that would take too long to find out.
        """
        parsed: dict[str, Schema] = {}

        def resolve(reference: str) -> Schema:
            name = reference.removeprefix("#/$defs/")
            if name not in parsed:
                parsed[name] = orjson.loads(self._texts[name])
            return parsed[name]

        def fits(reference: str, value: object) -> bool:
            return self.fits({reference.removeprefix("#/$defs/"): value})

        explainer = Explainer(resolve, fits, budget, limit)
        return explainer.violations(resolve(name), value)
