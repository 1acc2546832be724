"""What a worker knows of revoked certificates."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.authentication import live_revocation
from portcullis.engine.authentication.live_revocation import LiveRevocation, told
from portcullis.engine.authentication.revocation import RevocationList
from portcullis.engine.authentication.status_messages import CertificateStatus

ROOT, ISSUING, OTHER = b"root", b"issuing", b"other"
LARGEST = 2 ** (8 * 20) - 1
LISTS = [
    RevocationList(ROOT, "root", frozenset({7}), 1000.0),
    RevocationList(ISSUING, "issuing", frozenset({1, 2, 300, LARGEST, LARGEST + 1, -5}), 500.0),
]


def known(on_unknown: str = "refuse") -> LiveRevocation:
    made = LiveRevocation(on_unknown)  # type: ignore[arg-type]
    made.apply(told(LISTS))
    return made


@rows(
    ("path", "now", "status"),
    [
        ([(ISSUING, 3), (ROOT, 1)], 100.0, "good"),
        ([(ISSUING, 0), (ROOT, 1)], 100.0, "good"),
        ([(ISSUING, LARGEST - 1)], 100.0, "good"),
        ([(ISSUING, 1), (ROOT, 1)], 100.0, "revoked"),
        ([(ISSUING, 300), (ROOT, 1)], 100.0, "revoked"),
        ([(ISSUING, LARGEST), (ROOT, 1)], 100.0, "revoked"),
        ([(ISSUING, 3), (ROOT, 7)], 100.0, "revoked"),
        ([(OTHER, 1), (ROOT, 7)], 100.0, "revoked"),
        ([(OTHER, 1)], 100.0, "unknown"),
        ([(ISSUING, 3), (ROOT, 1)], 500.0, "unknown"),
        ([(ISSUING, 1), (ROOT, 1)], 5000.0, "revoked"),
        ([(ISSUING, LARGEST + 1)], 100.0, "good"),
        ([(ISSUING, -5)], 100.0, "good"),
    ],
)
def test_one_of_a_chain_is_enough(path: list[tuple[bytes, int]], now: float, status: str) -> None:
    assert known().status(path, now) == status


def test_the_file_says_what_becomes_of_those_no_list_decides_about() -> None:
    strict, lenient = known(), known("allow")
    assert (strict.refusal([(OTHER, 1)], 1.0), lenient.refusal([(OTHER, 1)], 1.0)) == ("no list holds now", "")
    assert {each.refusal([(ROOT, 7)], 1.0) for each in (strict, lenient)} == {"it has been revoked"}
    assert strict.refusal([(ROOT, 8)], 1.0) == ""


def test_news_replace_what_was_known_and_are_told_of() -> None:
    live = known()
    heard: list[str] = []
    live.changed = lambda: heard.append(live.status([(ROOT, 7)], 1.0))
    live.apply(told(LISTS[1:]))
    assert heard == ["unknown"]
    with pytest.raises(ValueError, match="MessagePack"):
        live.apply(b"\xc1")
    assert live.status([(ISSUING, 1)], 1.0) == "revoked"
    assert "lists=1" in repr(live)


def test_before_anything_is_told_nobody_is_known() -> None:
    assert LiveRevocation("refuse").refusal([(ROOT, 1)], 1.0) == "no list holds now"


def answered(serial: int, status: str, until: float = 1000.0) -> CertificateStatus:
    return CertificateStatus(OTHER, serial.to_bytes(2), status, until)  # type: ignore[arg-type]


def test_what_an_authority_answers_decides_too() -> None:
    live = known()
    live.learn([answered(1, "good"), answered(2, "revoked", 0.0), answered(3, "unknown")])
    assert [live.status([(OTHER, serial)], 100.0) for serial in (1, 2, 3, 4)] == [
        "good",
        "revoked",
        "unknown",
        "unknown",
    ]
    assert live.status([(OTHER, 1)], 1000.0) == "unknown"
    assert live.status([(OTHER, 1), (ROOT, 7)], 100.0) == "revoked"


def test_a_revocation_is_told_of_and_what_runs_out_is_seen() -> None:
    live = known()
    heard: list[int] = []
    live.changed = lambda: heard.append(1)
    live.learn([answered(1, "good")])
    assert heard == []
    live.learn([answered(1, "revoked")])
    assert heard == [1]
    assert not live.runs_out([(OTHER, 1)], 900.0)
    assert live.runs_out([(OTHER, 1)], 980.0)
    assert live.runs_out([(OTHER, 5)], 1.0)
    assert not live.runs_out([(ROOT, 5)], 1.0)


def test_only_so_many_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_revocation, "MAX_ANSWERS", 2)
    live = known()
    for serial in (1, 2, 3):
        live.learn([answered(serial, "good")])
    assert [live.status([(OTHER, serial)], 1.0) for serial in (1, 2, 3)] == ["unknown", "good", "good"]


def test_who_asks_says_that_nobody_knew() -> None:
    live = LiveRevocation("refuse", asks=True)
    assert live.refusal([(OTHER, 1)], 1.0) == "nothing holds now that says that it is good"
