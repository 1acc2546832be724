"""What all tests share: where the corpora are, and how Hypothesis runs."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
CORPORA = Path(os.environ.get("PORTCULLIS_CORPORA", ROOT.parent / "shared" / "data"))

# A deadline for one example fails on a busy machine and says nothing about the code.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real-world test data; tests that need it are skipped where it is not there."""
    if not CORPORA.is_dir():
        pytest.skip(f"the test corpora are not at {CORPORA}; PORTCULLIS_CORPORA says where they are")
    return CORPORA
