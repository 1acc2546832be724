from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

POLICY = '''"""Refuses because of the weather.

What
    It looks outside.

Why
    API4:2023.

Config
    None.

When it fails
    limit.weather

Example
    ...
"""

POLICY = Policy(phase="limit", key="weather", probes=(RAIN,))
'''


@pytest.fixture(scope="module")
def check(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("check_mirrors")


def write(root: Path, path: str, text: str = "x = 1\n") -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def complete_policy(root: Path, text: str = POLICY) -> None:
    write(root, "src/portcullis/engine/policies/limit/weather.py", text)
    write(root, "tests/unit/engine/policies/limit/test_weather.py")
    write(root, "tests/cases/limit/weather.yaml")
    write(root, "docs/policies/limit/weather.md")


def test_a_source_file_without_its_test_is_named_with_where_the_test_belongs(check: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "src/portcullis/engine/routing.py")
    assert list(check.missing_tests(tmp_path, {})) == [
        "src/portcullis/engine/routing.py: no test, expected tests/unit/engine/test_routing.py"
    ]


def test_a_source_file_with_its_test_is_fine(check: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "src/portcullis/engine/routing.py")
    write(tmp_path, "tests/unit/engine/test_routing.py")
    assert not list(check.missing_tests(tmp_path, {}))


def test_a_test_of_the_same_name_in_another_folder_does_not_count(check: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "src/portcullis/engine/routing.py")
    write(tmp_path, "tests/unit/mounts/test_routing.py")
    assert len(list(check.missing_tests(tmp_path, {}))) == 1


@pytest.mark.parametrize(
    "text", ["", '"""Docs."""\n', 'from a import b\n\n__all__ = ["b"]\n', '"""Docs."""\n\n__version__ = "1"\n']
)
def test_a_package_file_without_code_needs_no_test(check: ModuleType, tmp_path: Path, text: str) -> None:
    write(tmp_path, "src/portcullis/stores/__init__.py", text)
    assert not list(check.missing_tests(tmp_path, {}))


@pytest.mark.parametrize("test", ["tests/unit/stores/test_keys.py", "tests/unit/stores/keys/test_keys.py"])
def test_a_package_file_with_code_needs_a_test_named_after_the_package(
    check: ModuleType, tmp_path: Path, test: str
) -> None:
    write(tmp_path, "src/portcullis/stores/keys/__init__.py", "def find():\n    return 1\n")
    assert len(list(check.missing_tests(tmp_path, {}))) == 1
    write(tmp_path, test)
    assert not list(check.missing_tests(tmp_path, {}))


def test_a_waiver_excuses_a_missing_test(check: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "src/portcullis/__main__.py")
    assert not list(check.missing_tests(tmp_path, {"src/portcullis/__main__.py": "two lines"}))


@pytest.mark.parametrize("tested", [True, False])
def test_a_waiver_nobody_needs_is_a_fault(check: ModuleType, tmp_path: Path, *, tested: bool) -> None:
    if tested:
        write(tmp_path, "src/portcullis/__main__.py")
        write(tmp_path, "tests/unit/test___main__.py")
    (fault,) = check.missing_tests(tmp_path, {"src/portcullis/__main__.py": "two lines"})
    assert "stale" in fault


def test_a_complete_policy_is_fine(check: ModuleType, tmp_path: Path) -> None:
    complete_policy(tmp_path)
    assert not list(check.policy_faults(tmp_path))


@pytest.mark.parametrize("companion", ["tests/cases/limit/weather.yaml", "docs/policies/limit/weather.md"])
def test_a_policy_without_a_companion_is_named(check: ModuleType, tmp_path: Path, companion: str) -> None:
    complete_policy(tmp_path)
    (tmp_path / companion).unlink()
    assert list(check.policy_faults(tmp_path)) == [
        f"src/portcullis/engine/policies/limit/weather.py: {companion} is missing"
    ]


@pytest.mark.parametrize("companion", ["tests/cases/limit/snow.yaml", "docs/policies/limit/snow.md"])
def test_a_companion_without_a_policy_is_named(check: ModuleType, tmp_path: Path, companion: str) -> None:
    complete_policy(tmp_path)
    write(tmp_path, companion)
    assert list(check.policy_faults(tmp_path)) == [f"{companion}: there is no policy of this name"]


@pytest.mark.parametrize("heading", ["What", "Why", "Config", "When it fails", "Example"])
def test_a_policy_needs_every_heading(check: ModuleType, tmp_path: Path, heading: str) -> None:
    complete_policy(tmp_path, POLICY.replace(f"\n{heading}\n", "\nOther\n"))
    (fault,) = check.policy_faults(tmp_path)
    assert f'no heading "{heading}"' in fault


def test_headings_out_of_order_are_a_fault(check: ModuleType, tmp_path: Path) -> None:
    swapped = POLICY.replace("\nWhy\n", "\n-\n").replace("\nWhat\n", "\nWhy\n").replace("\n-\n", "\nWhat\n")
    complete_policy(tmp_path, swapped)
    (fault,) = check.policy_faults(tmp_path)
    assert "out of order" in fault


@pytest.mark.parametrize("probes", ["probes=()", "probes=[]", "codes=()"])
def test_a_policy_without_probes_is_a_fault(check: ModuleType, tmp_path: Path, probes: str) -> None:
    complete_policy(tmp_path, POLICY.replace("probes=(RAIN,)", probes))
    (fault,) = check.policy_faults(tmp_path)
    assert fault.endswith("POLICY declares no probes")


def test_the_exit_code_tells(check: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "src/portcullis/engine/routing.py")
    assert check.main(tmp_path) == 1
    assert "test_routing.py" in capsys.readouterr().out
