"""Fields of answers that are never written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rows import rows
from yaml_files import read_yaml

from portcullis.engine.config.diagnostics import Diagnostic

Findings = Callable[..., list[Diagnostic]]
CASES = read_yaml(Path(__file__).with_name("headers.yaml"))


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], check: Callable[[dict[str, Any]], None]) -> None:
    check(case)


def test_a_field_that_nothing_writes_can_not_be_left_to_the_service(base: str, findings: Findings) -> None:
    text = base + "    protect: {headers: {set: {X-Mine: null, Cache-Control: null}}}\n"
    (found,) = findings(text)
    assert str(found).startswith("p.yaml:11:31: error: apis.shop.protect.headers.set.X-Mine: nothing writes this field")
