"""For people who write policies: fakes for everything outside the engine, and ways to say what should happen.

Nothing here opens a socket, sleeps, or looks at a clock.
"""

from portcullis.testing.fakes import FakeClock, FakeCounters, FakeFiles, FakeKeys, FakeQuestions, FakeRelations
from portcullis.testing.playbook import Playbook, settle
from portcullis.testing.requests import make_request
from portcullis.testing.transport import FakeTransport

__all__ = [
    "FakeClock",
    "FakeCounters",
    "FakeFiles",
    "FakeKeys",
    "FakeQuestions",
    "FakeRelations",
    "FakeTransport",
    "Playbook",
    "make_request",
    "settle",
]
