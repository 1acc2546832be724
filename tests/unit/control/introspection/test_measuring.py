from __future__ import annotations

from typing import Any

from portcullis.control.introspection.asking import Endpoint
from portcullis.control.introspection.client_proof import ClientProof
from portcullis.control.introspection.measuring import IntrospectionCollector
from portcullis.engine.authentication.introspection_messages import IntrospectionSource

SOURCE = IntrospectionSource("https://id.example.com/introspect", "gateway", "env:SECRET")


def test_what_came_of_questions_is_counted_by_endpoint() -> None:
    nothing: Any = None
    endpoint = Endpoint(SOURCE, lambda _now: ClientProof({}, {}), nothing, lambda: 0)
    endpoint.results.update({"active": 3, "unavailable": 1})
    [metric] = IntrospectionCollector({SOURCE.digest: endpoint}).collect()
    labels = {"endpoint": SOURCE.endpoint, "source": SOURCE.digest[:8]}
    assert [(sample.labels, sample.value) for sample in metric.samples] == [
        ({**labels, "result": "active"}, 3),
        ({**labels, "result": "unavailable"}, 1),
    ]
