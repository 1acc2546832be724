"""Decision points that follow their protocols to the letter, and take nothing that does not.

What a request has to be is written down as the specifications have it; any other is answered with 400 and kept in
``wrong``. What they decide is a function of who asks for what: ``decides(subject, action, resource)``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from upstream import Exchange, Respond, Upstream

Decides = Callable[[str, str, str], bool]
TOKEN = "a-token-of-the-gateway"


class WrongRequestError(Exception):
    """A request that the protocol does not have."""


def need(condition: object, what: str) -> None:
    if not condition:
        raise WrongRequestError(what)


class DecisionServer:
    """``asked``: every question that was decided, as ``user:alice read order:17``; ``requests``: their paths.

    ``trouble``: instead of an answer, such as ``500``, ``slow``, ``garbage`` or ``closed``.
    """

    def __init__(self) -> None:
        self.decides: Decides = lambda _subject, _action, _resource: True
        self.asked: list[str] = []
        self.requests: list[str] = []
        self.wrong: list[str] = []
        self.trouble = ""
        self.upstream = Upstream(_All(self))

    @property
    def url(self) -> str:
        return self.upstream.url

    def stop(self) -> None:
        self.upstream.stop()

    def respond(self, exchange: Exchange) -> None:
        self.requests.append(exchange.path)
        if self.trouble:
            self._make_trouble(exchange)
            return
        try:
            need(exchange.line.startswith("POST "), "another method than POST")
            need(exchange.field("content-type") == "application/json", "another content type than JSON")
            need(exchange.field("authorization") == f"Bearer {TOKEN}", "no token")
            answer = self.answer(exchange.path, json.loads(exchange.body))
        except (WrongRequestError, KeyError, TypeError, ValueError) as error:
            self.wrong.append(f"{exchange.path}: {error!r}: {exchange.body!r}")
            exchange.answer(b'{"code": "validation_error"}', "400 Bad Request")
        else:
            exchange.answer(json.dumps(answer).encode())

    def _make_trouble(self, exchange: Exchange) -> None:
        if self.trouble == "slow":
            time.sleep(2)
            exchange.answer(b'{"decision": true, "result": true, "allowed": true}')
        elif self.trouble == "garbage":
            exchange.answer(b"<html>yes</html>")
        elif self.trouble == "neither":
            exchange.answer(b'{"decision": "true", "result": "true", "allowed": "true"}')
        elif self.trouble == "closed":
            exchange.reset()
        elif self.trouble == "huge":
            exchange.answer(b'{"decision": true, "result": true, "allowed": true, "x": "' + b"x" * 2_000_000 + b'"}')
        else:
            exchange.answer(b'{"decision": true, "result": true, "allowed": true}', f"{self.trouble} Trouble")

    def decide(self, subject: str, action: str, resource: str) -> bool:
        self.asked.append(f"{subject} {action} {resource}")
        return self.decides(subject, action, resource)

    def answer(self, path: str, body: Any) -> Any:
        raise NotImplementedError


class _All(dict[str, Respond]):
    def __init__(self, server: DecisionServer) -> None:
        super().__init__()
        self.server = server

    def get(self, _path: str, _default: Any = None) -> Respond:  # type: ignore[override]
        return self.server.respond


def entity(found: Any) -> str:
    """A subject or a resource of AuthZEN (Authorization API 1.0, 5.1 and 5.2)."""
    need(found.keys() <= {"type", "id", "properties"}, f"members of {found}")
    need(isinstance(found["type"], str) and isinstance(found["id"], str), "type and id are strings")
    need(isinstance(found.get("properties", {}), dict), "properties are an object")
    return f"{found['type']}:{found['id']}"


class AuthZen(DecisionServer):
    """OpenID AuthZEN, Authorization API 1.0."""

    def answer(self, path: str, body: Any) -> Any:
        if path == "/pdp/access/v1/evaluation":
            return {"decision": self._evaluate(body), "context": {"reason": "because"}}
        need(path == "/pdp/access/v1/evaluations", "another path")
        options = body.get("options", {})
        need(options.get("evaluations_semantic", "execute_all") == "execute_all", "another semantic than execute_all")
        need(body["evaluations"], "no evaluations")
        defaults = {key: body[key] for key in ("subject", "action", "resource", "context") if key in body}
        return {"evaluations": [{"decision": self._evaluate({**defaults, **each})} for each in body["evaluations"]]}

    def _evaluate(self, body: Any) -> bool:
        need(body.keys() <= {"subject", "action", "resource", "context"}, f"members {sorted(body)}")
        need(body["action"].keys() <= {"name", "properties"}, "members of the action")
        need(isinstance(body["action"]["name"], str), "the name of an action is a string")
        need(isinstance(body.get("context", {}), dict), "a context is an object")
        return self.decide(entity(body["subject"]), body["action"]["name"], entity(body["resource"]))


class Opa(DecisionServer):
    """Open Policy Agent, REST API: a document ``shop/allow`` that is undefined where it is not true."""

    def answer(self, path: str, body: Any) -> Any:
        need(path == "/v1/data/shop/allow", "another path")
        need(body.keys() == {"input"}, f"members {sorted(body)}")
        given = body["input"]
        allowed = self.decide(entity(given["subject"]), given["action"]["name"], entity(given["resource"]))
        return {"result": True, "decision_id": "1"} if allowed else {"decision_id": "1"}


class OpenFga(DecisionServer):
    """OpenFGA, HTTP API v1: check and batch check of one store."""

    MOST = 50

    def answer(self, path: str, body: Any) -> Any:
        if path == "/stores/01STORE/check":
            need(body.keys() <= {"tuple_key", "authorization_model_id", "context", "contextual_tuples"}, "members")
            return {"allowed": self._check(body["tuple_key"]), "resolution": ""}
        need(path == "/stores/01STORE/batch-check", "another path")
        need(body.keys() <= {"checks", "authorization_model_id", "consistency"}, "members")
        need(0 < len(body["checks"]) <= self.MOST, f"{len(body['checks'])} checks")
        ids = [check["correlation_id"] for check in body["checks"]]
        need(len(set(ids)) == len(ids), "the ids of checks are told apart")
        need(all(re.fullmatch(r"[\w-]{1,36}", each) for each in ids), "ids of checks")
        results = {check["correlation_id"]: {"allowed": self._check(check["tuple_key"])} for check in body["checks"]}
        return {"result": dict(reversed(results.items()))}

    def _check(self, key: Any) -> bool:
        need(key.keys() == {"user", "relation", "object"}, f"members of a key: {sorted(key)}")
        need(re.fullmatch(r"[^:#@\s]+:[^#:\s]+", key["user"]), "a user")
        need(re.fullmatch(r"[^:#@\s]{1,50}", key["relation"]), "a relation")
        need(re.fullmatch(r"[^\s:#]{2,256}:?[^\s#:]*", key["object"]), "an object")
        return self.decide(key["user"], key["relation"], key["object"])
