"""The admin listener."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families
from rows import rows

from portcullis.control.admin import create_admin_app
from portcullis.control.metrics import Metrics


async def ask(
    path: str, *, ready: bool = True, host: str | None = "127.0.0.1:9901", method: str = "GET"
) -> httpx.Response:
    app = create_admin_app(Metrics(lambda: 0), lambda: ready)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        request = client.build_request(method, path)
        del request.headers["host"]
        if host is not None:
            request.headers["host"] = host
        return await client.send(request)


async def test_the_control_process_says_that_it_lives_whether_workers_serve_or_not() -> None:
    answer = await ask("/healthz", ready=False)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@rows(("ready", "status", "text"), [(True, 200, "ready"), (False, 503, "not ready")])
async def test_readiness_is_that_of_the_workers(ready: bool, status: int, text: str) -> None:
    answer = await ask("/readyz", ready=ready)
    assert (answer.status_code, answer.json()) == (status, {"status": text})


async def test_metrics_are_the_exposition_of_prometheus() -> None:
    answer = await ask("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "portcullis_workers" in {family.name for family in text_string_to_metric_families(answer.text)}


@rows("path", ["/", "/metrics/", "/healthz/x", "/docs", "/openapi.json", "/..%2fmetrics"])
async def test_nothing_else_is_there(path: str) -> None:
    assert (await ask(path)).status_code in (404, 307)


@rows("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_can_be_changed(method: str) -> None:
    assert (await ask("/healthz", method=method)).status_code == 405


async def test_a_prober_may_ask_for_the_head_only() -> None:
    answer = await ask("/readyz", ready=False, method="HEAD")
    assert (answer.status_code, answer.content) == (503, b"")


@rows("host", ["127.0.0.1", "127.0.0.1:9901", "[::1]:9901", "[::1]", "localhost:9901", "LOCALHOST"])
async def test_the_listener_answers_to_addresses_and_localhost(host: str) -> None:
    assert (await ask("/metrics", host=host)).status_code == 200


@rows(
    "host",
    [None, "", "evil.example", "evil.example:9901", "127.0.0.1.evil.example", "localhost.evil.example", "localhost.",
     "127.1", "0x7f000001", "[::1", "::1", "127.0.0.1:x", "127.0.0.1:9901:1", "localhost@evil.example"],
)  # fmt: skip
async def test_a_name_that_somebody_else_can_own_gets_no_answer(host: str | None) -> None:
    answer = await ask("/metrics", host=host)
    assert answer.status_code == 421
    assert "portcullis_workers" not in answer.text


@rows("host", ["127.0.0.1", "evil.example"])
async def test_no_answer_is_cached_or_sniffed(host: str) -> None:
    answer = await ask("/healthz", host=host)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
