from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from pydantic import ValidationError
from rows import rows

from portcullis.engine.authentication.proof import Authenticator
from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.exchange import Exchange
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.engine.policies.authenticate import compile_phase
from portcullis.engine.policies.authenticate.mtls import POLICY, MtlsConfig, compile_mtls
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys
from portcullis.testing.certificates import Authority, Issued, pem_of

DOCUMENT = yaml.safe_load((Path(__file__).parents[4] / "cases/authenticate/mtls.yaml").read_text(encoding="utf-8"))
IDENTITIES, CASES = DOCUMENT["identities"], DOCUMENT["cases"]
NOW: Final = float(int(time.time()))
ROOT: Final = Authority("root")
BELOW: Final = Authority("below", ROOT)
AUTHORITIES: Final = {"root": ROOT, "below": BELOW, "stranger": Authority("below", Authority("root"))}
LEAF: Final = {"uris": ["spiffe://example.internal/a"]}


def as_authority(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)


def issue(case: dict[str, Any]) -> Issued:
    names = {key: case[key] for key in ("dns", "uris", "emails", "subject") if key in case}
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if case.get("purpose") == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    late = time.time() - NOW  # times of the cases are from NOW on
    return AUTHORITIES[case.get("by", "below")].issue(
        **names,
        starts=timedelta(seconds=case.get("starts", -3600) - late),
        ends=timedelta(seconds=case.get("ends", 3600) - late + 0.5),
        purposes=[purpose],
        **({"change": as_authority} if case.get("authority") else {}),
    )


def ports(files: dict[str, bytes], clock: FakeClock | None = None) -> Ports:
    return Ports(clock or FakeClock(wall_s=NOW), FakeCounters(), FakeKeys(), files=FakeFiles(files))


class Site:
    """One operation that accepts identities of the cases, and calls of it."""

    def __init__(self, revoked: Issued | None = None) -> None:
        files = {"root.pem": ROOT.pem, "below.crl": pem_of(BELOW.revoked(*([revoked] if revoked else [])))}
        self.clock = FakeClock(wall_s=NOW)
        self.ports = ports(files, self.clock)
        self.shared: dict[tuple[str, ...], Any] = {}
        api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s.yaml"}}}
        identities = {name: {"mtls": config} for name, config in IDENTITIES.items()}
        self.configuration = Configuration.model_validate(
            {
                "listeners": {"public": {"bind": "127.0.0.1:0"}},
                "identities": identities,
                "plans": {"gold": {}},
                "roles": DOCUMENT["roles"],
                "apis": {"shop": api},
            }
        )

    def run(self, accept: list[str], certificate: PeerCertificate | None) -> Exchange:
        nothing: Any = None
        context = OperationContext(
            configuration=self.configuration,
            api_name="shop",
            api=self.configuration.apis["shop"],
            version="v1",
            settings=OperationSettings.model_validate({"authenticate": accept}),
            document=nothing,
            operation=nothing,
            ports=self.ports,
            where=("apis", "shop"),
            shared=self.shared,
        )
        request = RequestView("GET", "/", (), {}, certificate=certificate)
        request.operation = Operation("shop", "v1", "GET /", compile_phase(context), (), 0, "shop", str)
        exchange = Exchange(request, "r-1", "t-1", 0, NOW)
        exchange.decide_head()
        return exchange


def certificate_of(case: dict[str, Any], issued: Issued | None) -> PeerCertificate | None:
    if "bytes" in case.get("certificate", {}):
        return PeerCertificate(case["certificate"]["bytes"].encode())
    return None if issued is None else PeerCertificate(issued.der, lambda: issued.chain_der)


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    wanted = case.get("certificate", {"bytes": ""})
    issued = None if "bytes" in wanted else issue(wanted)
    exchange = Site(issued if wanted.get("revoked") else None).run(case["accept"], certificate_of(case, issued))
    if "refused" not in case:
        assert exchange.refusal is None, exchange.facts.verdicts
        check_identity(exchange, case["identity"], case["accept"])
        return
    refusal, told = exchange.refusal, case["refused"]
    assert refusal is not None
    assert refusal.code.name == told["code"]
    assert refusal.code.visible.name == told.get("visible", "authenticate.failed")
    assert refusal.finding is not None
    assert told.get("found", "") in refusal.finding.found
    assert refusal.finding.source == told.get("source", refusal.finding.source)
    if refusal.status == 401:
        assert [value for _, value in refusal.fields] == [
            f'ClientCertificate realm="{name}"'.encode() for name in case["accept"]
        ]


def check_identity(exchange: Exchange, wanted: dict[str, Any], accept: list[str]) -> None:
    identity = exchange.facts.identity
    assert (identity.method, identity.subject) == ("mtls", wanted["subject"])
    assert identity.name in ([wanted["name"]] if "name" in wanted else accept)
    assert identity.consumer is not None
    assert identity.consumer.name == f"{identity.name}:{wanted['subject']}"
    assert identity.consumer.plan == wanted.get("plan", "")
    assert identity.roles == set(wanted.get("roles", ()))
    assert identity.issuer in ("CN=below", "CN=root")
    assert identity.claims["x5t#S256"] == identity.credential
    assert identity.expires is not None
    assert identity.expires > NOW


def test_a_kept_connection_does_not_outlive_its_certificate() -> None:
    site = Site()
    issued = issue({**LEAF, "ends": 100})
    certificate = PeerCertificate(issued.der)
    assert site.run(["everyone"], certificate).refusal is None
    site.clock.advance(101)
    refusal = site.run(["everyone"], certificate).refusal
    assert refusal is not None
    assert refusal.code.name == "authenticate.certificate_expired"


def test_a_list_that_runs_out_meanwhile_lets_nobody_pass() -> None:
    site = Site()
    issued = issue({**LEAF, "ends": 9000})
    certificate = PeerCertificate(issued.der, lambda: issued.chain_der)
    assert site.run(["revoking"], certificate).refusal is None
    site.clock.advance(8000)
    refusal = site.run(["revoking"], certificate).refusal
    assert refusal is not None
    assert (refusal.code.name, refusal.status) == ("authenticate.unavailable", 503)


def test_a_certificate_is_judged_once_for_each_identity_and_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    from portcullis.engine.authentication.authorities import Authorities

    asked: list[object] = []
    vouch = Authorities.vouch_for
    monkeypatch.setattr(Authorities, "vouch_for", lambda *of: asked.append(of[1]) or vouch(*of))
    site, issued = Site(), issue(LEAF)
    for _ in range(2):
        certificate = PeerCertificate(issued.der, lambda: issued.chain_der)
        for _ in range(5):
            assert site.run(["own"], certificate).refusal is None
    assert len(asked) == 2


@rows(
    ("config", "why"),
    [
        ({}, "say who is accepted"),
        ({"ca": "a.pem"}, "say who is accepted"),
        ({"spiffe": ["/a"], "dns": ["a.example"]}, "add trust_domain"),
        ({"trust_domain": "Example"}, "lower-case letters"),
        ({"trust_domain": "a", "spiffe": ["a"]}, "a path such as"),
        ({"trust_domain": "a", "spiffe": []}, "at least 1 item"),
        ({"dns": ["*"]}, "a host name in lower case"),
        ({"emails": ["a"]}, "an address"),
        ({"uris": ["spiffe://a/b"]}, "SPIFFE names are accepted by trust_domain"),
        ({"subjects": ["nobody"]}, "RFC 4514"),
        ({"dns": ["a.example"], "roles": {"/a": ["x"]}}, "is a path of a trust domain"),
        ({"dns": ["a.example"], "roles": {"b.example": ["x"]}}, "is nothing that is accepted here"),
        ({"trust_domain": "a", "roles": {"/**/a": ["x"]}}, "a path such as"),
    ],
)
def test_settings_that_accept_nobody_or_anybody_are_refused(config: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        MtlsConfig.model_validate(config)


def test_the_kind_gives_an_authenticator_that_withholds_nothing() -> None:
    made: Callable[..., Authenticator] = compile_mtls
    authenticator = made("mesh", MtlsConfig.model_validate({"trust_domain": "a"}), ports({}))
    assert authenticator.policy == POLICY.name
    assert (authenticator.fields, authenticator.query, authenticator.cookie) == ((), None, None)
