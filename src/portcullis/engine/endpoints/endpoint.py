"""One endpoint of the gateway itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from portcullis.engine.codes import INTERNAL
from portcullis.engine.config.model import Configuration
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.operation import Operation
from portcullis.engine.policy import Step, StepFunction
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView

API: Final = "portcullis"
"""What records and metrics say instead of the name of an API."""
MAX_BODY: Final = 64 * 1024


class EndpointContext(msgspec.Struct, frozen=True):
    """What endpoints are made from. ``shared``: as in an operation's context."""

    configuration: Configuration
    ports: Ports
    shared: dict[tuple[str, ...], Any]


class Endpoint(msgspec.Struct, frozen=True):
    """``host``: that it is served at; ``path``: its template; ``operation``: what is done; ``place``: of the file."""

    host: str
    path: str
    method: str
    operation: Operation
    place: tuple[str | int, ...]


def make_endpoint(
    host: str,
    method: str,
    path: str,
    answer: StepFunction,
    *,
    place: tuple[str | int, ...],
    policy: str,
    before: Sequence[Step] = (),
    needs: Literal["head", "body"] = "head",
) -> Endpoint:
    """An endpoint that ``answer`` answers, or refuses, once the steps ``before`` it have let the request pass.

    ``needs``: whether ``answer`` reads the request's body, which may have :data:`MAX_BODY` bytes; otherwise a request
    has none. ``policy``: whose words the answers are, in records.
    """
    steps = (*before, Step(policy, needs, answer), Step(policy, needs, _unanswered))
    operation = Operation(
        api=API,
        version="",
        name=f"{method} {path}",
        head_steps=tuple(step for step in steps if step.needs == "head"),
        body_steps=tuple(step for step in steps if step.needs == "body"),
        max_body=MAX_BODY if needs == "body" else 0,
        upstream="",
        upstream_path=str,
    )
    return Endpoint(host, path, method, operation, place)


def _unanswered(_request: RequestView, _facts: Facts) -> Refuse:
    """There is no service behind: what nobody answered is refused."""
    return Refuse(INTERNAL, finding=Finding(found="no answer", allowed="an answer of the endpoint"))
