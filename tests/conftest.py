"""What all tests share: where the corpora are, how Hypothesis runs, and what the garbage collector looks at."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
CORPORA = Path(os.environ.get("PORTCULLIS_CORPORA", ROOT.parent / "shared" / "data"))

# A deadline for one example fails on a busy machine and says nothing about the code.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=5)
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    quick = config.getoption("markexpr") == "not slow"
    hypothesis.settings.load_profile("quick" if quick else "ci" if os.environ.get("CI") else "here")
    gc.disable()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A process on each core for whole folders; none besides this one for single files, which are there sooner so."""
    whole = all(Path(argument.partition("::")[0]).is_dir() for argument in config.args)
    return len(os.sched_getaffinity(0)) if whole else 0


def pytest_collection_finish() -> None:
    """What was collected stays until the end: the garbage collector needs not look through it again and again."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(5_000, 10, 50)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real-world test data; tests that need it are skipped where it is not there."""
    if not CORPORA.is_dir():
        pytest.skip(f"the test corpora are not at {CORPORA}; PORTCULLIS_CORPORA says where they are")
    return CORPORA
