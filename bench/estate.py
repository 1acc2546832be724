"""A big estate: many real OpenAPI documents behind one gateway, repeated until they have enough operations.

Each repetition is an API of its own, with a host of its own; and a document of its own: it says which repetition it is,
so that nobody can do the work once for all of them.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.install import tell
from bench.load import Request
from bench.peers import Ground, Probe, Setup
from bench.peers.portcullis import PATH_OF_LOG, serve
from bench.processes import last_lines

ROOT = Path(__file__).resolve().parent.parent
CORPORA = Path(os.environ.get("PORTCULLIS_CORPORA", ROOT.parent / "shared" / "data"))
DOCUMENTS = CORPORA / "openapi" / "apis-guru"

CHECK_SECONDS = 300
_ADMINISTRATIVE = re.compile(r"([A-Z]+ /\S*) (?:\([^()]*\) )?looks administrative")
_API = re.compile(r"apis\.a([0-9]{4})\b")
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Source:
    """A document that can be served; ``administrative``: its operations that have to be opened to everybody by name."""

    path: Path
    operations: int
    administrative: tuple[str, ...] = ()


def small(ground: Ground) -> Setup:
    """Two hundred operations."""
    return _estate(ground, 200)


def large(ground: Ground) -> Setup:
    """Twenty thousand operations."""
    return _estate(ground, 20_000)


def pick(sources: Sequence[Source], operations: int) -> Iterator[tuple[int, Source]]:
    """Go through the sources in turn, again and again, and take what fits until there are so many ``operations``.

    Gives each with the number of its repetition.
    """
    for number in itertools.count():
        fitting = False
        for source in sources:
            if 0 < source.operations <= operations:
                operations -= source.operations
                fitting = True
                yield number, source
        if not fitting:
            return


def repetition(text: str, number: int) -> str:
    """The document (YAML in block style) with an extension that says which repetition it is."""
    return f"{text.rstrip()}\nx-repetition: {number}\n"


@cache
def usable(binary: Path, documents: Path) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """The documents that the gateway can serve as they are, and the names of those that it refuses.

    Raises:
        BenchError: there are none, or the gateway does not say.

    """
    paths = {path.name: path for path in sorted(documents.glob("*.yaml"))}
    if not paths:
        raise BenchError(f"there are no documents in {documents}; PORTCULLIS_CORPORA says where the corpora are")
    tell(f"asking the gateway which of {len(paths)} documents it can serve")
    refused: list[str] = []
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as folder:
        for name, path in paths.items():
            Path(folder, name).write_text(repetition(path.read_text(), 0))
        opened: dict[str, tuple[str, ...]] = {}
        while left := [name for name in paths if name not in refused]:
            report = _check(binary, Path(folder), {name: opened.get(name, ()) for name in left})
            if not report["errors"]:
                counts = {each["spec"]: each["operations"] for each in report["served"]["versions"]}
                sources = tuple(Source(paths[name], counts[name], opened.get(name, ())) for name in left)
                return sources, tuple(refused)
            errors = [each for each in report["diagnostics"] if each["severity"] == "error"]
            if found := _administrative(errors, left):
                opened |= {name: opened.get(name, ()) + names for name, names in found.items()}
                continue
            wrong = {Path(each["file"]).name for each in errors}
            if not wrong.intersection(left):
                raise BenchError(f"portcullis check finds errors in no document: {report['diagnostics'][:3]}")
            refused += sorted(wrong.intersection(left))
    raise BenchError(f"none of the documents in {documents} can be served")


def _administrative(errors: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The operations, by document, that the gateway will not open to everybody unless they are named."""
    found: dict[str, tuple[str, ...]] = {}
    for error in errors:
        operation = _ADMINISTRATIVE.match(error["message"])
        api = _API.search(error["pointer"])
        if operation is not None and api is not None:
            document = names[int(api[1])]
            found[document] = (*found.get(document, ()), operation[1])
    return found


def _check(binary: Path, folder: Path, documents: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What ``portcullis check`` says of ``documents``, with the operations of each that are opened by name."""
    apis = {
        f"a{number:04}": _api(f"a{number:04}", name, 9, opened)
        for number, (name, opened) in enumerate(documents.items())
    }
    file = folder / "portcullis.json"
    file.write_text(json.dumps({"listeners": {"public": {"bind": "127.0.0.1:8080"}}, "apis": apis}))
    argv = [str(binary), "check", str(file), "--format", "json"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False, cwd=folder)
        report: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"portcullis check did not end within {CHECK_SECONDS} s") from error
    except ValueError as error:
        raise BenchError(f"portcullis check ended with {done.returncode}: {last_lines(done.stderr)}") from error
    return report


def _estate(ground: Ground, operations: int) -> Setup:
    sources, refused = usable(ground.binary, DOCUMENTS)
    apis: dict[str, Any] = {}
    for number, source in pick(sources, operations):
        name = f"api-{len(apis)}"
        (ground.folder / f"{name}.yaml").write_text(repetition(source.path.read_text(), number))
        apis[name] = _api(name, f"{name}.yaml", ground.upstream, source.administrative)
    argv, _ = serve(ground, {"apis": apis}, WORKERS)
    left_out = f"{len(refused)} of {len(refused) + len(sources)} documents can't be served as they are"
    last = Request("GET", "/no-such-path", {"Host": f"api-{len(apis) - 1}.example"})
    return Setup(
        argv,
        access_log=ground.folder / PATH_OF_LOG,
        probes=(Probe("the last host is known", last, 404),),
        remarks=(f"{left_out}: {', '.join(refused)}",) if refused else (),
    )


def _api(name: str, spec: str, upstream: int, opened: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "hosts": [f"{name}.example"],
        "public": True,
        "upstream": {"targets": [f"http://127.0.0.1:{upstream}"]},
        "versions": {"v1": {"spec": spec}},
        "operations": {operation: {"public": True} for operation in opened},
    }
