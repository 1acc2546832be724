from __future__ import annotations

from bench.catalogue import PREFIX
from bench.orders import ACCEPTED, CHECKED_OUT, ITEMS
from bench.peers import Ground, nginx


def test_the_upstream_answers_both_calls_and_keeps_its_connections(ground: Ground) -> None:
    nginx.upstream(ground)
    config = (ground.folder / "nginx.conf").read_text()

    assert f"return 200 '{ITEMS}'" in config
    assert f"return 201 '{ACCEPTED}'" in config
    assert "keepalive_requests 1000000000" in config


def test_the_upstream_has_what_the_other_cases_ask_for(ground: Ground) -> None:
    nginx.upstream(ground)
    config = (ground.folder / "nginx.conf").read_text()

    assert f"location = /checkouts {{ return 201 '{CHECKED_OUT}'; }}" in config
    assert f"location {PREFIX} {{ return 200 '{ITEMS}'; }}" in config


def test_big_bodies_are_not_kept_on_the_way(ground: Ground) -> None:
    nginx.streaming(ground)
    config = (ground.folder / "nginx.conf").read_text()

    for setting in ("client_max_body_size 0;", "proxy_request_buffering off;", "proxy_max_temp_file_size 0;"):
        assert setting in config


def test_only_one_of_the_proxies_logs(ground: Ground) -> None:
    assert nginx.passthrough(ground).access_log is None
    assert "access_log off;" in (ground.folder / "nginx.conf").read_text()
    logged = nginx.passthrough_logged(ground)
    config = (ground.folder / "nginx.conf").read_text()

    assert f"access_log {logged.access_log} json" in config
    assert "worker_processes 1;" in config
    assert config.count("listen 127.0.0.1:") == config.count("listen ")


def test_http2_is_spoken_where_it_is_measured(ground: Ground) -> None:
    assert nginx.http2(ground).secure
    config = (ground.folder / "nginx.conf").read_text()
    assert config.count(" ssl http2 ") == 2
