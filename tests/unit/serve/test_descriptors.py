from __future__ import annotations

import os
import resource
import sys

import pytest

from portcullis.engine.config.model import Configuration
from portcullis.serve.descriptors import raise_limit, shortage
from portcullis.serve.forking import fork


def configuration(**listeners: dict[str, object]) -> Configuration:
    api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "a.yaml"}}}
    bound = {name: {"bind": "127.0.0.1:0", **settings} for name, settings in listeners.items()}
    return Configuration.model_validate({"listeners": bound, "apis": {"a": api}})


def status_of(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_the_soft_limit_becomes_the_hard_one() -> None:
    def child() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (50, 200))
        raised = raise_limit()
        sys.exit(0 if raised == 200 == resource.getrlimit(resource.RLIMIT_NOFILE)[0] else 1)

    assert status_of(fork("child", child)) == 0


def test_a_limit_that_can_not_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", forbidden)
    assert raise_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_a_file_that_asks_for_more_than_there_can_be_is_told() -> None:
    asks = configuration(
        public={"max_connections": 3000}, other={"max_connections": 1000}, admin={"max_connections": 9}
    )
    assert shortage(asks, 4096) == (
        "a worker may have 4096 open files, but 4000 connections are allowed: raise the limit (ulimit -n)"
    )
    assert shortage(asks, 4100) == ""
    assert shortage(asks, resource.RLIM_INFINITY) == ""


def test_a_file_that_leaves_it_to_the_default_asks_for_nothing() -> None:
    assert shortage(configuration(public={}), 1024) == ""
