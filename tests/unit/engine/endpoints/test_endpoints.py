from __future__ import annotations

from portcullis.engine.config.model import Configuration
from portcullis.engine.endpoints import find_endpoints
from portcullis.engine.endpoints.endpoint import EndpointContext
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeKeys


def test_a_file_that_asks_for_none_has_none() -> None:
    api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "a.yaml"}}}
    configuration = Configuration.model_validate({"listeners": {"a": {"bind": "127.0.0.1:0"}}, "apis": {"a": api}})
    context = EndpointContext(configuration, Ports(FakeClock(), FakeCounters(), FakeKeys()), {})
    assert list(find_endpoints(context)) == []
