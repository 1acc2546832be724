"""Run one harness under atheris, or a crash of it again: ``python tests/fuzz/run_harness.py fuzz_openapi [file ...]``.

A harness is a module of this folder with ``check(data)``, which raises where something does not hold, and perhaps
``mutate(data, chance)``, which makes another input of one, or ``None`` where it can't. It knows nothing of atheris, so
that unit tests run it on the committed corpus as well.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from random import Random

import atheris

TREES = 0.7
"""How often a harness that can change inputs does so, instead of libFuzzer."""


def main(name: str, arguments: list[str]) -> None:
    """Fuzz the harness ``name`` with libFuzzer's ``arguments``; ends the process."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    # Only our own code: others' is large, mostly compiled, and not what is looked for.
    with atheris.instrument_imports(include=["portcullis"]):
        harness = import_module(name)
    options = {}
    if (mutate := getattr(harness, "mutate", None)) is not None:

        def mutate_or_not(data: bytes, max_size: int, seed: int) -> bytes:
            chance = Random(seed)
            mutated = mutate(data, chance) if chance.random() < TREES else None
            return bytes(atheris.Mutate(data, max_size)) if mutated is None else bytes(mutated[:max_size])

        options["custom_mutator"] = mutate_or_not
    atheris.Setup([name, *arguments], harness.check, **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
