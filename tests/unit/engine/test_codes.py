"""The registry of codes: stable names of everything that can be said about an exchange."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path

from rows import rows

from portcullis.engine import codes
from portcullis.engine.codes import ENGINE_CODES, PHASES, Code
from portcullis.engine.policy import all_policies

ALL = [*ENGINE_CODES, *(code for policy in all_policies() for code in policy.codes)]
UNOFFICIAL = {499}  # nginx's: the client closed the connection; it is recorded, never sent
NAME = re.compile(r"[a-z]+\.[a-z][a-z_]*[a-z]")

each_code = rows("code", ALL, ids=lambda code: code.name)


def test_every_code_that_is_declared_here_is_in_the_registry() -> None:
    declared = {value for value in vars(codes).values() if isinstance(value, Code)}
    assert declared == set(ENGINE_CODES)


def test_no_two_codes_have_one_name() -> None:
    names: dict[str, Code] = {}
    for code in ALL:
        assert names.setdefault(code.name, code) == code


def test_no_policy_takes_a_name_of_the_gateway_itself() -> None:
    policies = {code.name for policy in all_policies() for code in policy.codes}
    assert policies.isdisjoint(code.name for code in ENGINE_CODES)


@each_code
def test_a_name_is_a_phase_and_a_reason(code: Code) -> None:
    assert NAME.fullmatch(code.name)
    assert code.phase in PHASES


@each_code
def test_a_status_is_one_that_refuses(code: Code) -> None:
    assert code.status == 308 or 400 <= code.status <= 599
    assert code.status in UNOFFICIAL or HTTPStatus(code.status)


@each_code
def test_a_title_is_one_short_sentence_for_anybody(code: Code) -> None:
    assert code.title
    assert code.title[0].isupper()
    assert not code.title.endswith(".")
    assert len(code.title) <= 80
    assert code.title.isascii()
    assert code.title.isprintable()


@each_code
def test_what_a_caller_sees_hides_nothing_behind_it(code: Code) -> None:
    assert code.visible.public is None
    assert code.visible.status == code.status, "a status of its own would tell what the public code hides"


def test_a_code_without_a_public_one_is_told_as_it_is() -> None:
    plain = Code("guard.plain", 400, "Plain")
    assert plain.visible is plain
    assert Code("guard.exact", 400, "Exact", plain).visible is plain


def test_only_the_phases_of_the_file_exist_and_none_twice() -> None:
    assert len(set(PHASES)) == len(PHASES)
    assert PHASES.index("authenticate") < PHASES.index("authorize") < PHASES.index("limit") < PHASES.index("validate")


def test_every_code_of_the_gateway_is_said_somewhere() -> None:
    names = {name for name, value in vars(codes).items() if isinstance(value, Code)}
    source = Path(codes.__file__).resolve().parents[1]
    text = "\n".join(path.read_text(encoding="utf-8") for path in source.rglob("*.py") if path.name != "codes.py")
    assert names - set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", text)) == set()
