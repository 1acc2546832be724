"""Portcullis itself: the same file that a user would write, made for each case."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import Any

from bench.errors import StartError
from bench.load import HOST, Request
from bench.orders import document, order
from bench.peers import Ground, Probe, Setup
from bench.processes import last_lines

_KEY_HEADER = "X-API-Key"


def passthrough(ground: Ground) -> Setup:
    """A public API behind the gateway: declared operations only, and the JSON access log."""
    argv, _ = _write(ground, {"public": True}, {})
    undeclared = Probe("a path that is not declared", Request("GET", "/else", {}), 404)
    return Setup(argv, access_log=ground.folder / "access.jsonl", probes=(undeclared,))


def policy(ground: Ground) -> Setup:
    """API key, a limit by consumer, the request's schema, and the JSON access log."""
    api = {
        "authenticate": ["partners"],
        "limit": {"plan": {"of": "consumer"}, "by": "consumer"},
        "validate": {"request": {"mode": "enforce", "on_undeclared": "refuse"}},
    }
    plan = {"rate": {"requests": 1_000_000, "per": "second", "burst": 1_000_000}}
    whole = {"identities": {"partners": {"api_key": {"header": _KEY_HEADER}}}, "plans": {"gold": plan}}
    argv, named = _write(ground, api, whole)
    key = _make_key(ground, named)
    credential = {_KEY_HEADER: key}

    place = Request("POST", "/orders", {"Content-Type": "application/json"}, order())
    proven = place.with_headers(credential)
    flipped = key[:-1] + ("a" if key[-1] != "a" else "b")
    wrong = order().replace('"currency":"EUR"', '"currency":"XXX"')
    more = order().replace('"express":true', '"express":true,"is_admin":true')
    probes = (
        Probe("no key", place, 401),
        Probe("a key with a changed character", place.with_headers({_KEY_HEADER: flipped}), 401),
        Probe("the limit is counted", proven, 201, ("RateLimit", "RateLimit-Policy")),
        Probe("a value that is not in the enum", replace(proven, body=wrong), 400),
        Probe("a field that is not declared", replace(proven, body=more), 400),
    )
    return Setup(argv, credential=credential, access_log=ground.folder / "access.jsonl", probes=probes)


def _write(ground: Ground, api: dict[str, Any], whole: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Write file and document; give the command that serves them, and the arguments that name the file."""
    (ground.folder / "shop.json").write_text(json.dumps(document(), indent=1))
    config = {
        "listeners": {"public": {"bind": f"127.0.0.1:{ground.port}"}},
        **whole,
        "apis": {
            "shop": {
                "hosts": [HOST],
                "upstream": {"targets": [f"http://127.0.0.1:{ground.upstream}"]},
                "versions": {"v1": {"spec": "shop.json"}},
                **api,
            }
        },
        "observe": {"access_log": {"path": "access.jsonl", "rotate_at": "100GiB"}},
        "process": {"drain": "2s"},
    }
    file = ground.folder / "portcullis.yaml"
    file.write_text(json.dumps(config, indent=1))
    named = ["-c", str(file)]
    return [str(ground.binary), "serve", *named, "--workers", "1"], named


def _make_key(ground: Ground, named: list[str]) -> str:
    argv = [str(ground.binary), "keys", "create", "bench", *named, "--plan", "gold", "--format", "json"]
    done = subprocess.run(argv, cwd=ground.folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise StartError(f"portcullis keys create ended with {done.returncode}: {last_lines(done.stderr)}")
    return str(json.loads(done.stdout)["key"])
