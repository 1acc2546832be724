"""Portcullis itself: the same file that a user would write, made for each case."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bench import catalogue, feed, films
from bench.certificates import make_certificate
from bench.errors import StartError
from bench.load import HOST, Request
from bench.orders import STRIPPED, document, order
from bench.peers import Ground, Probe, Setup
from bench.processes import last_lines
from bench.tokens import AUDIENCE, ISSUER, Issuer, bearer, forged

MANY = 20_000
"""Routes."""

PATH_OF_LOG = "access.jsonl"

_KEY_HEADER = "X-API-Key"
_JSON = {"Content-Type": "application/json"}
_CHECKS = {
    "validate": {
        "request": {"mode": "enforce", "on_undeclared": "refuse"},
        "response": {"mode": "enforce", "on_undeclared": "strip"},
    },
    "inspect": {"injection": {"mode": "enforce"}},
    "protect": {"headers": {"mode": "enforce"}, "errors": {"mode": "enforce"}},
}
_OF_BODIES_AND_ANSWERS = ("validate.response", "inspect.injection", "protect.headers", "protect.errors")
"""What is off where a peer does nothing of the kind."""


def passthrough(ground: Ground) -> Setup:
    """A public API behind the gateway: declared operations only, and the JSON access log."""
    argv, _ = _write(ground, document(), _PUBLIC)
    undeclared = Probe("a path that is not declared", Request("GET", "/else", {}), 404)
    return Setup(argv, access_log=ground.folder / PATH_OF_LOG, probes=(undeclared,))


def secure(ground: Ground) -> Setup:
    """The same over TLS."""
    certificate, key = make_certificate(ground.folder)
    tls = {"certificate": str(certificate), "key": str(key)}
    listeners = {"public": {"bind": f"127.0.0.1:{ground.port}", "tls": tls}}
    argv, _ = _write(ground, document(), _PUBLIC, {"listeners": listeners})
    undeclared = Probe("a path that is not declared", Request("GET", "/else", {}), 404)
    return Setup(argv, access_log=ground.folder / PATH_OF_LOG, probes=(undeclared,), secure=True)


def few_routes(ground: Ground) -> Setup:
    """The same with ten routes, which are asked for in turn."""
    return _routes(ground, 10, asked=10)


def many_routes(ground: Ground) -> Setup:
    """The same with twenty thousand, ten of which are asked for in turn."""
    return _routes(ground, MANY, asked=10)


def many_routes_spread(ground: Ground) -> Setup:
    """The same with twenty thousand, all of which are asked for in turn: what one needs is never in a CPU's cache."""
    return _routes(ground, MANY, asked=MANY)


def _routes(ground: Ground, count: int, asked: int) -> Setup:
    argv, _ = _write(ground, catalogue.catalogue(count), _PUBLIC)
    return Setup(argv, access_log=ground.folder / PATH_OF_LOG, paths=catalogue.calls(count, asked))


def streaming(ground: Ground) -> Setup:
    """A public API with big bodies of a type that is not looked into."""
    argv, _ = _write(ground, films.document(), {**_PUBLIC, "max_body": f"{films.LARGEST}MiB"})
    other = Request("POST", films.PATH, _JSON, "{}")
    probe = Probe("a media type that is not declared", other, 415)
    return Setup(argv, access_log=ground.folder / PATH_OF_LOG, probes=(probe,))


def websocket(ground: Ground) -> Setup:
    """A public API whose operation is a WebSocket, with what is always on: strict frames, origins, a largest size."""
    return _websocket(ground, {})


def websocket_rules(ground: Ground) -> Setup:
    """The same with rates, and the schema of each message, in both directions."""
    (ground.folder / "order.json").write_text(json.dumps(feed.SCHEMA))
    messages = {
        "max_size": "64KiB",
        "per_second": 1_000_000,
        "bytes_per_second": "1GiB",
        "from_client": "order.json",
        "from_service": "order.json",
    }
    refused = {
        "a value that is not in the enum": feed.message(type="hold"),
        "a field that is not declared": feed.message(is_admin=True),
        "no JSON": feed.message()[:-1],
    }
    return replace(_websocket(ground, messages), refused_messages=refused)


def _websocket(ground: Ground, messages: Mapping[str, Any]) -> Setup:
    api = {**_PUBLIC, "operations": {f"GET {feed.PATH}": {"websocket": {"messages": messages}}}}
    argv, _ = _write(ground, feed.document(), api)
    foreign = feed.HANDSHAKE.with_headers({"Origin": "https://elsewhere.example"})
    probes = (
        Probe("a page of another origin", foreign, 403),
        Probe("no WebSocket", Request("GET", feed.PATH, {}), 426),
    )
    return Setup(argv, access_log=ground.folder / PATH_OF_LOG, probes=probes)


def policy(ground: Ground) -> Setup:
    """API key, a limit by consumer, the request's schema, and the JSON access log."""
    return _policy(ground, "/orders", without=_OF_BODIES_AND_ANSWERS)


def token(ground: Ground) -> Setup:
    """JWT with the issuer's keys from a file, a rule on a claim of it, and the JSON access log."""
    issuer = Issuer()
    (ground.folder / "keys.json").write_text(issuer.key_set())
    identity = {"jwt": {"issuer": ISSUER, "audience": AUDIENCE, "jwks": {"file": "keys.json"}}}
    rule = {"claims": {"plan": "gold"}}
    api = {"authenticate": ["staff"], "authorize": rule, **_checks(_OF_BODIES_AND_ANSWERS)}
    argv, _ = _write(ground, document(), api, {"identities": {"staff": identity}})
    place = Request("GET", "/items", {})
    gold_token = issuer.token("gold")
    probes = (
        Probe("no token", place, 401),
        Probe("a forged token", place.with_headers(bearer(forged(gold_token))), 401),
        Probe("a token without the claim", place.with_headers(bearer(issuer.token("none"))), 403),
    )
    return Setup(argv, credential=bearer(gold_token), access_log=ground.folder / PATH_OF_LOG, probes=probes)


def policy_full(ground: Ground, without: Collection[str] = ()) -> Setup:
    """The same, the request inspected, the answer validated and what it does not declare taken out, its fields set.

    Args:
        ground: where to write.
        without: controls that are off, as ``phase.kind``, ``limit`` or ``access_log``.

    """
    setup = _policy(ground, "/checkouts", without)
    return setup if "validate.response" in without else replace(setup, answer=STRIPPED)


def _policy(ground: Ground, path: str, without: Collection[str]) -> Setup:
    plan = {"rate": {"requests": 1_000_000, "per": "second", "burst": 1_000_000}}
    whole: dict[str, Any] = {"identities": {"partners": {"api_key": {"header": _KEY_HEADER}}}, "plans": {"gold": plan}}
    if "access_log" in without:
        whole["observe"] = {}
    mode = "off" if "limit" in without else "enforce"
    limit = {"mode": mode, "plan": {"of": "consumer"}, "by": "consumer"}
    api = {"authenticate": ["partners"], "limit": limit, **_checks(without)}
    argv, named = _write(ground, document(), api, whole)
    key = _make_key(ground, named)
    return Setup(
        argv,
        credential={_KEY_HEADER: key},
        access_log=None if "access_log" in without else ground.folder / PATH_OF_LOG,
        probes=tuple(probe for control, probe in _probes(path, key) if control not in without),
    )


def _probes(path: str, key: str) -> Iterator[tuple[str, Probe]]:
    """Calls that show a control at work, each with its control."""
    place = Request("POST", path, _JSON, order())
    proven = place.with_headers({_KEY_HEADER: key})
    flipped = key[:-1] + ("a" if key[-1] != "a" else "b")

    def changed(old: str, new: str) -> Request:
        return replace(proven, body=order().replace(old, new, 1))

    yield "authenticate", Probe("no key", place, 401)
    wrong_key = place.with_headers({_KEY_HEADER: flipped})
    yield "authenticate", Probe("a key with a changed character", wrong_key, 401)
    yield "limit", Probe("the limit is counted", proven, 201, ("RateLimit", "RateLimit-Policy"))
    not_listed = changed('"currency":"EUR"', '"currency":"XXX"')
    yield "validate.request", Probe("a value that is not in the enum", not_listed, 400)
    undeclared = changed('"express":true', '"express":true,"is_admin":true')
    yield "validate.request", Probe("a field that is not declared", undeclared, 400)
    injection = changed('"note":"', '"note":"1\' UNION SELECT password FROM users -- ')
    yield "inspect.injection", Probe("an injection in the body", injection, 403)
    yield "protect.headers", Probe("security headers are set", proven, 201, ("X-Content-Type-Options",))


def _checks(without: Collection[str]) -> dict[str, dict[str, Any]]:
    """All checks of requests and answers, each on unless it is to be ``off``."""
    return {
        phase: {kind: {"mode": "off"} if f"{phase}.{kind}" in without else settings for kind, settings in kinds.items()}
        for phase, kinds in _CHECKS.items()
    }


_PUBLIC = {"public": True, **_checks(_OF_BODIES_AND_ANSWERS)}


def _write(
    ground: Ground, spec: Mapping[str, object], api: Mapping[str, Any], whole: Mapping[str, Any] | None = None
) -> tuple[list[str], list[str]]:
    """Write document and file; give the command that serves them, and the arguments that name the file."""
    (ground.folder / "shop.json").write_text(json.dumps(spec))
    shop = {
        "hosts": [HOST],
        "upstream": {"targets": [f"http://127.0.0.1:{ground.upstream}"]},
        "versions": {"v1": {"spec": "shop.json"}},
        **api,
    }
    return serve(ground, {**(whole or {}), "apis": {"shop": shop}}, workers=1)


def serve(ground: Ground, config: Mapping[str, Any], workers: int) -> tuple[list[str], list[str]]:
    """Write the file, with listener and access log; give the command that serves it, and what names it."""
    usual = {
        "listeners": {"public": {"bind": f"127.0.0.1:{ground.port}"}},
        "observe": {"access_log": {"path": PATH_OF_LOG, "rotate_at": "100GiB"}},
        "process": {"drain": "2s"},
    }
    file = ground.folder / "portcullis.yaml"
    file.write_text(json.dumps({**usual, **config}, indent=1))
    named = ["-c", str(file)]
    return [str(ground.binary), "serve", *named, "--workers", str(workers)], named


def _make_key(ground: Ground, named: list[str]) -> str:
    argv = [str(ground.binary), "keys", "create", "bench", *named, "--plan", "gold", "--format", "json"]
    done = subprocess.run(argv, cwd=ground.folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise StartError(f"portcullis keys create ended with {done.returncode}: {last_lines(done.stderr)}")
    return str(json.loads(done.stdout)["key"])
