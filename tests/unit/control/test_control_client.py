from __future__ import annotations

import gc
import warnings
from pathlib import Path

import httpx
import msgspec
import pytest
from rows import rows

from portcullis.control.control_client import ControlClient, NoControlProcess
from portcullis.control.service_errors import ServiceError


class WrongError(ServiceError):
    code = "things.failed"


class InvalidError(WrongError):
    code = "things.invalid"


class Thing(msgspec.Struct):
    name: str


def _client(path: Path) -> ControlClient:
    return ControlClient(path / "control.sock", WrongError, InvalidError, "portcullis things list")


def test_that_nobody_listens_is_told_apart(tmp_path: Path) -> None:
    client = _client(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # httpcore forgets a socket that it could not connect
        with pytest.raises(NoControlProcess):
            client.ask("GET", "/v1/things", Thing)
        gc.collect()
    client.close()


def _answered(path: Path, answer: httpx.Response | httpx.HTTPError) -> ControlClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, httpx.HTTPError):
            raise answer
        assert request.content in (b"", b'{"name":"x"}')
        return answer

    client = _client(path)
    client.close()
    client._client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://control")
    return client


def test_an_answer_is_what_was_wanted(tmp_path: Path) -> None:
    client = _answered(tmp_path, httpx.Response(200, json={"name": "y"}))
    assert client.ask("POST", "/v1/things", Thing, Thing("x")).name == "y"
    client.close()


@rows(
    ("answer", "error", "complaint"),
    [
        (httpx.Response(200, text="?"), WrongError, "can't be read"),
        (httpx.Response(500, text="?"), WrongError, "can't be read"),
        (httpx.Response(200, json={"name": 1}), WrongError, "can't be read"),
        (httpx.Response(409, json={"code": "things.conflict", "detail": "no"}), WrongError, "^no$"),
        (httpx.Response(422, json={"code": "things.invalid", "detail": "no"}), InvalidError, "^no$"),
        (httpx.ReadTimeout("late"), WrongError, "did not answer; see `portcullis things list`"),
    ],
)
def test_an_answer_that_is_none_is_an_error(
    tmp_path: Path, answer: httpx.Response | httpx.HTTPError, error: type[WrongError], complaint: str
) -> None:
    client = _answered(tmp_path, answer)
    with pytest.raises(WrongError, match=complaint) as caught:
        client.ask("GET", "/v1/things", Thing)
    assert type(caught.value) is error
    client.close()
