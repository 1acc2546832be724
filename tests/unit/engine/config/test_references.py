"""What one part of the file says about another."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rows import rows

from portcullis.engine.config.load import load_configuration

Changed = Callable[..., list[str]]
Complaints = Callable[[str], list[str]]


def cases() -> list[Any]:
    text = Path(__file__).with_name("contradictions.yaml").read_text(encoding="utf-8")
    return [pytest.param(case, id=case["by"]) for case in yaml.safe_load(text)]


@rows("case", cases())
def test_contradictions_are_told_at_their_place(changed: Changed, case: dict[str, Any]) -> None:
    assert changed((case["replace"], case["by"])) == case["told"]


def test_names_are_checked_in_a_file_that_has_other_errors(changed: Changed) -> None:
    found = changed(
        ("plan: gold", "plan: gld"), ("workers: auto", "workers: many"), ("bind: 127.0.0.1:9901", "bind: x")
    )
    assert [line.partition(">")[0] for line in found] == ["x", "gld", "many"]


def test_an_entry_that_is_wrong_itself_brings_no_further_complaints(changed: Changed) -> None:
    assert len(changed(("tls: {certificate: tls/public.pem", "tls: {certificat: tls/public.pem"))) == 1


def test_a_plan_that_is_declared_badly_is_declared(changed: Changed) -> None:
    found = changed(("rate: {requests: 50, per: second}", "rat: {requests: 50, per: second}"))
    assert len(found) == 1
    assert "unknown key" in found[0]


def test_loopback_may_be_served_in_clear(minimal: str, complaints: Complaints) -> None:
    for bind in ("127.0.0.1:80", "[::1]:80", "127.8.8.8:80"):
        assert complaints(minimal.replace("127.0.0.1:8080", bind)) == []
    for bind in ("0.0.0.0:80", "[::]:80", "192.0.2.1:80"):
        assert len(complaints(minimal.replace("127.0.0.1:8080", bind))) == 1


def test_any_number_of_listeners_may_let_the_system_choose_a_port(minimal: str, complaints: Complaints) -> None:
    text = minimal.replace('{bind: "127.0.0.1:8080"}', '{bind: "127.0.0.1:0"}\n  other: {bind: "127.0.0.1:0"}')
    assert complaints(text) == []


def warnings(text: str) -> list[str]:
    return [str(warning).partition("warning: ")[2] for warning in load_configuration(text, "f.yaml").warnings]


def test_trust_in_everyone_is_warned_of(minimal: str) -> None:
    text = minimal.replace('8080"}', '8080", trusted_proxies: ["10.0.0.0/8", "::/0"]}')
    (warning,) = warnings(text)
    assert warning.startswith("listeners.public.trusted_proxies[1]: every address is trusted")


def test_a_gateway_that_serves_nothing_is_warned_of(minimal: str) -> None:
    assert "no listener serves the APIs" in warnings(minimal.replace("public:", "admin:"))[0]


def test_an_identity_that_no_listener_asks_for_can_be_proven_by_nobody(minimal: str, complaints: Complaints) -> None:
    text = minimal + "identities: {mesh: {mtls: {trust_domain: example.internal}}}\n"
    (told,) = complaints(text)
    assert "identities.mesh.mtls: no listener asks for client certificates" in told
    asking = '8080", tls: {certificate: a, key: b, client_ca: c}}'
    behind = '8080", trusted_proxies: [10.0.0.0/8], client_certificate_header: Client-Cert}'
    for listener in (asking, behind):
        assert complaints(text.replace('8080"}', listener)) == []


@rows(
    ("tls", "told"),
    [
        ("{unverified: an old appliance}", "not verified, whoever is on the way can read and change the calls. The"),
        ("{unverified: an old appliance, pins: [P, Q]}", "not verified, their keys are, by pins. The reason given: an"),
        ("{pins: [P]}", "there is no backup pin"),
    ],
)
def test_services_that_are_not_wholly_verified_are_warned_of(minimal: str, tls: str, told: str) -> None:
    for name, letter in (("P", "A"), ("Q", "B")):
        tls = tls.replace(name, f"sha256/{letter * 42}A=")
    (warning,) = warnings(minimal.replace('["http://127.0.0.1:9000"]', f'["https://127.0.0.1:9000"], tls: {tls}'))
    assert warning.startswith("apis.shop.upstream.tls.")
    assert told in warning


@pytest.mark.slow
def test_a_great_many_wrong_names_are_told_without_comparing_them_all(minimal: str, complaints: Complaints) -> None:
    plans = "plans:\n" + "".join(f"  plan{n}: {{}}\n" for n in range(3000))
    limits = "    operations:\n" + "".join(f'      "GET /x{n}": {{limit: {{plan: plam{n}}}}}\n' for n in range(300))
    start = time.process_time()
    found = complaints(minimal + limits + plans)
    assert time.process_time() - start < 3.0
    assert len(found) == 300
    assert 'did you mean "plan0"?' in found[0]
    assert "did you mean" not in found[-1]
