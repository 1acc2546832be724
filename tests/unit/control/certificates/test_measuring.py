from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from portcullis.control.certificates.looking import CertificateStatus
from portcullis.control.certificates.measuring import CertificateCollector
from portcullis.engine.certificates.judging import Problem
from portcullis.engine.certificates.messages import CertificateId
from portcullis.engine.certificates.reading import CertificateFacts
from portcullis.engine.certificates.revocation import Finding

ID = CertificateId("a.pem", "a.key")


def exposition(*statuses: CertificateStatus) -> str:
    registry = CollectorRegistry()
    registry.register(CertificateCollector(lambda: statuses, lambda: 86_400.0))
    return generate_latest(registry).decode()


def test_days_left_are_counted_to_now_and_problems_by_kind() -> None:
    facts = CertificateFacts("", "", "", [], 0.0, 3 * 86_400.0, "EC 256", "sha256", "", "")
    problems = [Problem("weak_key", ""), Problem("weak_key", ""), Problem("expires_soon", "")]
    text = exposition(CertificateStatus(ID, "a.pem", "a.key", (), 3.0, facts, [], problems))
    assert 'portcullis_certificate_days_left{certificate="a.pem"} 2.0' in text
    assert 'portcullis_certificate_problems{certificate="a.pem",problem="weak_key"} 2.0' in text
    assert 'portcullis_certificate_problems{certificate="a.pem",problem="expires_soon"} 1.0' in text


def test_when_somebody_has_last_answered_is_shown() -> None:
    def shown(finding: Finding | None) -> str:
        return exposition(CertificateStatus(ID, "a.pem", "a.key", (), 3.0, None, [], [], revocation=finding))

    name = 'portcullis_certificate_revocation_answered_seconds{certificate="a.pem"}'
    assert f"{name} 8.0" in shown(Finding("unknown", 9.0, 8.0))
    assert name not in shown(Finding("unknown", 9.0))
    assert name not in shown(None)


def test_what_can_not_be_read_has_no_days() -> None:
    problems = [Problem("unreadable", "")]
    text = exposition(CertificateStatus(ID, "a.pem", "a.key", (), 0.0, None, [], problems))
    assert "days_left{" not in text
    assert 'problem="unreadable"} 1.0' in text
