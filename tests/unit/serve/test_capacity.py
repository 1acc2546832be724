"""How much a gateway is laid out for."""

from __future__ import annotations

import os

from rows import rows

from portcullis.engine.config.load import load_configuration
from portcullis.engine.config.model import Configuration
from portcullis.serve.capacity import max_connections, worker_count
from portcullis.serve.generations import MAX_WORKERS


def configuration(workers: str) -> Configuration:
    text = f"""\
listeners:
  public: {{bind: "127.0.0.1:8080", max_connections: 100}}
  other: {{bind: "127.0.0.1:8081", max_connections: 20}}
  admin: {{bind: "127.0.0.1:9901", max_connections: 5}}
apis: {{shop: {{hosts: ["*"], upstream: {{targets: ["http://127.0.0.1:1"]}}, versions: {{v1: {{spec: a.yaml}}}}}}}}
process: {{workers: {workers}}}
"""
    return load_configuration(text, "p.yaml").configuration


@rows(
    ("forced", "wanted", "workers"),
    [(None, "3", 3), (5, "3", 5), (None, "auto", len(os.sched_getaffinity(0))), (10_000, "1", MAX_WORKERS)],
)
def test_there_are_as_many_workers_as_were_asked_for(forced: int | None, wanted: str, workers: int) -> None:
    assert worker_count(configuration(wanted), forced) == workers


def test_connections_are_counted_on_all_listeners_but_that_of_the_control_process() -> None:
    assert max_connections(configuration("3"), 3) == 360
