from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Final

import pytest
from rows import rows

from portcullis.engine.authentication.certificate_judge import judge_of
from portcullis.engine.authentication.proof import NotMine
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.identity import Identity
from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.engine.policies.authenticate.mtls import MtlsConfig
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys
from portcullis.testing.certificates import Authority, pem_of

NOW: Final = time.time()
ROOT: Final = Authority("root")
EXPIRED: Final = ROOT.revoked(starts=timedelta(days=-2), ends=timedelta(days=-1))
FILES: Final = {
    "root.pem": ROOT.pem,
    "leaf.pem": ROOT.issue("CN=leaf").pem,
    "empty": b"",
    "root.crl": pem_of(ROOT.revoked()),
    "expired.crl": pem_of(EXPIRED),
    "forged.crl": pem_of(ROOT.revoked(key=Authority("x").key)),
}


def ports() -> Ports:
    return Ports(FakeClock(wall_s=NOW), FakeCounters(), FakeKeys(), files=FakeFiles(FILES))


def config(**more: Any) -> MtlsConfig:
    return MtlsConfig.model_validate({"trust_domain": "example.internal", **more})


@rows(
    ("settings", "pointer", "message"),
    [
        ({"ca": "none.pem"}, "identities.mesh.mtls.ca", "none.pem can't be read: "),
        ({"ca": "empty"}, "identities.mesh.mtls.ca", "empty can't be used: there is no certificate in it"),
        ({"ca": "leaf.pem"}, "identities.mesh.mtls.ca", "leaf.pem can't be used: CN=leaf is no certificate authority"),
        ({"crl": ["none.crl"]}, "identities.mesh.mtls.crl[0]", "none.crl can't be read: "),
        (
            {"crl": ["root.crl", "empty"]},
            "identities.mesh.mtls.crl[1]",
            "empty can't be used: it is no revocation list",
        ),
        ({"crl": ["expired.crl"]}, "identities.mesh.mtls.crl[0]", "the list of CN=root has expired at"),
        ({"ca": "root.pem", "crl": ["forged.crl"]}, "identities.mesh.mtls.crl[0]", "is not signed by it"),
    ],
)
def test_a_file_that_can_not_be_used_is_told(settings: dict[str, Any], pointer: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        judge_of("mesh", config(**settings), ports())
    (told,) = raised.value.diagnostics
    assert told.pointer == pointer
    assert message in told.message
    assert told.hint


def test_what_was_found_out_is_kept_with_the_certificate_by_identity() -> None:
    certificate = PeerCertificate(ROOT.issue(uris=["spiffe://example.internal/a"]).der)
    one = judge_of("one", config(ca="root.pem", crl=["root.crl"]), ports())
    other = judge_of("other", config(spiffe=["/b"]), ports())
    proven, refused = one.judge(certificate), other.judge(certificate)
    assert isinstance(proven, Identity)
    assert isinstance(refused, NotMine)
    assert one.judge(certificate) is proven
    assert other.judge(certificate) is refused
    assert certificate.proven.keys() == {"one", "other"}


def test_what_a_certificate_says_is_shortened_for_the_record() -> None:
    certificate = PeerCertificate(ROOT.issue(dns=["a" * 500, "\x1b[2J"]).der)
    refused = judge_of("mesh", config(), ports()).judge(certificate)
    assert isinstance(refused, NotMine)
    assert refused.refusal.finding is not None
    assert len(refused.refusal.finding.found) <= 120
    assert refused.refusal.finding.found.isprintable()
