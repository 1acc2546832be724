from __future__ import annotations

from typing import Any

import msgspec
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from portcullis.control.api_messages import decode_order, json_answer, problem_answer, read_body


class Order(msgspec.Struct, forbid_unknown_fields=True):
    name: str


def _request(*chunks: bytes) -> Request:
    waiting = list(chunks)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def test_a_body_is_read_up_to_its_limit_and_no_further() -> None:
    assert await read_body(_request(b"ab", b"cd"), 4) == b"abcd"
    with pytest.raises(HTTPException) as caught:
        await read_body(_request(b"ab", b"cde", b"never read"), 4)
    assert caught.value.status_code == 413


def test_an_order_is_what_it_must_be() -> None:
    assert decode_order(b'{"name":"x"}', Order).name == "x"
    for wrong in (b"", b"{}", b'{"name":1}', b'{"name":"x","nme":1}', b"\xff"):
        with pytest.raises(ValueError, match=r"."):
            decode_order(wrong, Order)


def test_answers_are_kept_by_nobody() -> None:
    answer = json_answer(201, {"a": 1})
    assert (answer.status_code, answer.body, answer.headers["cache-control"]) == (201, b'{"a":1}', "no-store")
    problem = problem_answer(409, "things.conflict", "no")
    assert problem.media_type == "application/problem+json"
    assert msgspec.json.decode(problem.body) == {
        "type": "urn:portcullis:things.conflict",
        "title": "Conflict",
        "status": 409,
        "code": "things.conflict",
        "detail": "no",
    }
