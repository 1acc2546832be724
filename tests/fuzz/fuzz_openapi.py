"""Documents, from bytes to a compiled snapshot, and calls of what was compiled.

Whatever they are: each is compiled or refused with diagnostics that say something, and nothing else is raised; what was
compiled decides about any call.
"""

from __future__ import annotations

import zlib
from random import Random

from mutations import mutate_json
from world import require

from portcullis.engine.codes import INTERNAL
from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration
from portcullis.engine.decision import Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.ports import Ports
from portcullis.engine.target import TargetError
from portcullis.testing import FakeClock, FakeCounters, FakeKeys, make_request

CONFIGURATIONS = [
    load_configuration(
        f"""
listeners: {{public: {{bind: "127.0.0.1:0"}}}}
apis:
  fuzzed:
    hosts: ["*"]
    base_path: /base
    upstream: {{targets: ["http://127.0.0.1:9000"]}}
    versions: {{v1: {{spec: fuzzed}}}}
    public: true
    inspect: {{injection: {{mode: enforce}}}}
    validate:
      request: {{on_undeclared: {undeclared}}}
      response: {{on_undeclared: {undeclared}}}
""",
        "portcullis.yaml",
    )
    for undeclared in ("refuse", "strip", "allow")
]
PORTS = Ports(FakeClock(), FakeCounters(), FakeKeys())
BODIES = (b"null", b'{"a":1}', b'[{"a":"b"},2,1.5]', b"a=b&c=d", b"x")
TYPES = ("application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x")
OTHER_FILE = b'{"x": {"type": "string"}, "A": {"properties": {"a": {"$ref": "#/x"}}}}'
CALLED_OPERATIONS = 3


class _Files:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, path: str) -> bytes:
        if path.endswith("fuzzed"):
            return self._data
        if path.endswith("b.json"):
            return OTHER_FILE
        raise FileNotFoundError(2, "No such file or directory", path)

    def read_referred(self, path: str, document: str) -> bytes:
        del document
        return self.read(path)

    def environment(self, _name: str) -> str | None:
        return None


def check(data: bytes) -> None:
    """Raise if anything of that does not hold for ``data``."""
    try:
        snapshot = compile_snapshot(CONFIGURATIONS[zlib.crc32(data) % 3], _Files(data), PORTS)
    except ConfigurationError as error:
        require(error.diagnostics, "refused without a word")
        for diagnostic in error.diagnostics:
            require(diagnostic.message and diagnostic.line >= 0, "a diagnostic that says nothing", diagnostic)
        require(str(error), "an error that says nothing")
        return
    for operation in snapshot.operations[:CALLED_OPERATIONS]:
        method, _, template = operation.name.partition(" ")
        for number, body in enumerate(BODIES):
            path = "/base" + template.replace("{", "").replace("}", "")
            headers = {"host": "x", "content-type": TYPES[number % len(TYPES)], "cookie": "a=1; b=2"}
            try:
                request = make_request(method, f"{path}?a=1&b=x&c[d]=2&q=%41", headers, body=body)
            except TargetError:
                continue
            if snapshot.route(request) is not None:
                continue
            exchange = Exchange(request, "1", "1", 0, 0.0)
            decision = exchange.decide_head()
            if decision is None and request.operation.body_steps:
                decision = exchange.begin_body() or exchange.decide_body(body)
            require(not (isinstance(decision, Refuse) and decision.code is INTERNAL), "a fault of ours", decision)


def mutate(data: bytes, chance: Random) -> bytes | None:
    """Another document."""
    return mutate_json(data, chance)
