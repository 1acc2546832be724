"""Controls that no request meets: what all kinds have in common. Each kind has a test and cases of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rows import rows
from yaml_files import read_yaml

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.inert import kinds

HERE = Path(__file__).parent
NAMES = [module.__name__.rpartition(".")[2] for module in kinds()]
Findings = Callable[..., list[Diagnostic]]


@rows("kind", NAMES)
def test_each_kind_has_something_that_must_be_named_and_something_that_must_not(kind: str) -> None:
    cases = read_yaml(HERE / f"{kind}.yaml")
    told = [bool(case.get("told")) for case in cases]
    assert any(told)
    assert not all(told)


@rows("kind", kinds(), ids=NAMES)
def test_each_kind_says_what_it_finds(kind: Any) -> None:
    first, _, rest = (kind.__doc__ or "").partition("\n\n")
    assert first.endswith(".")
    assert rest.strip()


def test_cases_belong_to_a_kind() -> None:
    assert {path.stem for path in HERE.glob("*.yaml")} == set(NAMES)


def test_a_file_with_every_key_has_none_but_what_is_idle_in_it(base: str, spec: str, findings: Findings) -> None:
    text = (HERE.parent / "config" / "complete.yaml").read_text(encoding="utf-8")
    status = "  /status: {get: {responses: {'204': {description: ok}}}}\n"
    specs = dict.fromkeys(("specs/shop-v1.yaml", "specs/shop-v2.yaml"), spec + status)
    billing = base.partition("apis:\n")[2].replace("shop", "billing").replace("billing.yaml", "../specs/shop-v1.yaml")
    found = findings(text, {**specs, "apis/billing.yaml": f"apis:\n{billing}"})
    assert {f"{each.severity} {each.pointer}" for each in found} == {"warning apis.shop.hosts[0]", "warning roles"}


def test_a_finding_names_its_place_the_reason_and_what_would_be_right(base: str, findings: Findings) -> None:
    text = base.replace("{api_key: {}}", "{api_key: {}}\n  staff: {api_key: {header: X-Staff}}")
    assert list(map(str, findings(text))) == [
        "p.yaml:5:3: error: identities.staff: no API accepts this identity (use it, or remove it)"
    ]


def test_all_findings_are_told_at_once_in_the_order_of_the_file(base: str, findings: Findings) -> None:
    text = base.replace("{api_key: {}}", "{api_key: {}}\n  staff: {api_key: {header: X-Staff}}")
    text = text.replace('9000"]}', '9000"], ca: ca.pem, ejection: {failures: 3}}')
    assert [(each.line, each.severity) for each in findings(text)] == [(5, "error"), (9, "error"), (9, "error")]


def test_findings_in_an_included_file_are_told_of_it(base: str, findings: Findings) -> None:
    main, apis = base.partition("apis:\n")[::2]
    apis = "apis:\n" + apis.replace("spec: shop.yaml", "spec: ../shop.yaml").replace('9000"]}', '9000"], path: strip}')
    apis = apis.replace("hosts:", "base_path: /\n    hosts:")
    (found,) = findings(f"{main}include: apis/*.yaml\n", {"apis/shop.yaml": apis})
    assert str(found).startswith("apis/shop.yaml:5:52: error: apis.shop.upstream.path: there is nothing to strip")


def test_what_is_wrong_otherwise_is_told_first(base: str, findings: Findings) -> None:
    text = base.replace("{api_key: {}}", "{api_key: {}}\n  staff: {api_key: {header: X-Staff}}")
    found = findings(text.replace("spec: shop.yaml", "spec: none.yaml"))
    assert [each.message.partition(" can't")[0] for each in found] == ["none.yaml"]
