from __future__ import annotations

import json
import re
import resource

from bench.load import HOST
from bench.peers import Ground, haproxy
from rows import rows


def test_it_logs_a_json_line_a_request_to_its_standard_output(ground: Ground) -> None:
    setup = haproxy.passthrough(ground)
    config = (ground.folder / "haproxy.cfg").read_text()

    assert "log stdout" in config
    assert setup.access_log == ground.folder / "output.log"
    form = re.search(r"log-format '(.*)'", config)
    assert form
    line = json.loads(re.sub(r"%\[[^\]]*\]|%[A-Za-z]+", "0", form[1]))
    assert {"time", "request_id", "method", "path", "status", "upstream", "user_agent", "traceparent"} <= set(line)


def test_it_has_one_thread_keeps_connections_and_knows_its_host_alone(ground: Ground) -> None:
    setup = haproxy.passthrough(ground)
    config = (ground.folder / "haproxy.cfg").read_text()

    assert setup.argv[1:] == ["-db", "-f", str(ground.folder / "haproxy.cfg")]
    assert "nbthread 1" in config
    assert "http-reuse always" in config
    assert f"deny_status 421 unless {{ req.hdr(host),host_only -i {HOST} }}" in config
    assert f"bind 127.0.0.1:{ground.port} " in config
    assert f"server shop 127.0.0.1:{ground.upstream}" in config


@rows(("descriptors", "connections"), [(20_000, 9_600), (resource.RLIM_INFINITY, 9_600), (4_096, 1_948), (64, 1)])
def test_it_starts_with_few_open_files_too(descriptors: int, connections: int) -> None:
    assert haproxy.most_connections(descriptors) == connections
