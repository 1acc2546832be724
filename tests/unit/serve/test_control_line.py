from __future__ import annotations

from pathlib import Path

from portcullis.serve.control_line import ControlLine
from portcullis.stores.keys import TOPIC, KeyChange, encode_update
from portcullis.stores.shared_memory import SharedMemory
from portcullis.testing.fakes import FakeFiles


def test_what_the_line_tells_is_known_to_the_ports(tmp_path: Path) -> None:
    line = ControlLine()
    shared = SharedMemory(None, counter_slots=1024, connections=10, workers=2, now_ns=0)
    ports = line.ports(shared, FakeFiles({}), tmp_path / "relations.db")
    told: list[bytes] = []
    ports.topics.subscribe("users", told.append)
    assert ports.keys.find(b"d" * 32) is None
    change = KeyChange(b"d" * 32, 1, "k", "acme", "", [], [], None, None, False)
    line.topics.tell(TOPIC, encode_update(1, [change], snapshot=True))
    line.topics.tell("users", b"u")
    assert ports.keys.find(b"d" * 32) is not None
    assert told == [b"u"]
    assert ports.questions is line.questions
    assert repr(ports.relations) == f"<RelationReader {tmp_path}/relations.db closed>"
