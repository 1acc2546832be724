"""Fail where a source file has no test beside it, or a policy lacks its docs, cases or probes.

Same stem everywhere: ``src/portcullis/engine/routing.py`` is tested by ``tests/unit/engine/test_routing.py``, a package
whose ``__init__.py`` holds code by ``test_<package>.py`` beside or in its folder. A policy kind
``engine/policies/<phase>/<kind>.py`` has its docs as docstring (under fixed headings), its generated page
``docs/policies/<phase>/<kind>.md``, its cases ``tests/cases/<phase>/<kind>.yaml`` and at least one probe. Exceptions
are waivers with a written reason; a waiver that is no longer needed fails as well.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("src/portcullis")
POLICIES = PACKAGE / "engine" / "policies"
HEADINGS = ("What", "Why", "Config", "When it fails", "Example")

WAIVERS: Mapping[str, str] = {
    "src/portcullis/__main__.py": "two lines that call the command line, which is tested",
    "src/portcullis/engine/ports.py": "protocols and records without behaviour; the tests of the stores are theirs",
    "src/portcullis/engine/openapi/bodies/roles.py": "protocols; the tests of those who play them are theirs",
    "src/portcullis/mounts/http2/events.py": "records without behaviour; the tests of the connection are theirs",
    "src/portcullis/engine/websocket/rules.py": "records without behaviour; compiling and sessions are tested",
    "src/portcullis/mounts/reverse_proxy/roles.py": "protocols; the tests of those who play them are theirs",
}


def has_code(source: Path) -> bool:
    """Whether the module does anything: more than a docstring, imports and ``__all__`` or ``__version__``."""

    def inert(node: ast.stmt) -> bool:
        if isinstance(node, ast.Assign):
            return all(isinstance(target, ast.Name) and target.id.startswith("__") for target in node.targets)
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        return is_text or isinstance(node, ast.Import | ast.ImportFrom)

    return not all(inert(node) for node in ast.parse(source.read_text(encoding="utf-8")).body)


def mirrors(source: Path) -> list[Path]:
    """Where the test of ``source`` (relative to the project) may be; the first is where it belongs."""
    inside = source.relative_to(PACKAGE)
    tests = Path("tests/unit")
    if source.stem == "__init__":
        name = f"test_{inside.parent.name}.py"
        return [tests / inside.parent.parent / name, tests / inside.parent / name]
    return [tests / inside.parent / f"test_{source.stem}.py"]


def missing_tests(root: Path, waivers: Mapping[str, str]) -> Iterator[str]:
    """One line for each source file without a test, and for each waiver without a need."""
    unused = dict(waivers)
    for path in sorted((root / PACKAGE).rglob("*.py")):
        source = path.relative_to(root)
        candidates = mirrors(source)
        if not has_code(path) or any((root / candidate).is_file() for candidate in candidates):
            continue
        if unused.pop(source.as_posix(), None) is None:
            yield f"{source}: no test, expected {candidates[0]}"
    for name in unused:
        yield f"scripts/check_mirrors.py: the waiver of {name} is stale: the file has a test, no code, or is gone"


def policy_modules(root: Path) -> list[Path]:
    """Every policy kind, relative to the project."""
    found = (root / POLICIES).glob("*/*.py")
    return sorted(path.relative_to(root) for path in found if not path.stem.startswith("_"))


def policy_faults(root: Path) -> Iterator[str]:
    """One line for each thing that a policy kind should come with and does not, or that has lost its policy."""
    expected: dict[str, set[Path]] = {"tests/cases/*/*.yaml": set(), "docs/policies/*/*.md": set()}
    for source in policy_modules(root):
        phase, kind = source.parent.name, source.stem
        yield from (f"{source}: {fault}" for fault in docstring_faults(root / source))
        if not declares_probes(root / source):
            yield f"{source}: POLICY declares no probes"
        for pattern, needed in expected.items():
            companion = Path(pattern.replace("*", phase, 1).replace("*", kind, 1))
            needed.add(companion)
            if not (root / companion).is_file():
                yield f"{source}: {companion} is missing"
    for pattern, needed in expected.items():
        for path in sorted(root.glob(pattern)):
            if path.relative_to(root) not in needed and path.stem != "index":
                yield f"{path.relative_to(root)}: there is no policy of this name"


def docstring_faults(source: Path) -> Iterator[str]:
    """What is missing of the headings, each on a line of its own, and out of order."""
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    places = []
    for heading in HEADINGS:
        match = re.search(rf"^{heading}$", text, re.MULTILINE)
        if match is None:
            yield f'no heading "{heading}" in the docstring'
        else:
            places.append(match.start())
    if places != sorted(places):
        yield f"the headings are out of order: {', '.join(HEADINGS)}"


def declares_probes(source: Path) -> bool:
    """Whether ``POLICY = Policy(... probes=...)`` names probes that are not an empty literal."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "probes":
            return not (isinstance(node.value, ast.Tuple | ast.List) and not node.value.elts)
    return False


def main(root: Path = ROOT) -> int:
    """Print what is missing; 1 if anything is."""
    faults = [*missing_tests(root, WAIVERS), *policy_faults(root)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
