from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.token_service.messages import Revocations, Revoked, encode, of_client
from portcullis.engine.token_service.revocations import RevokedTokens

CLAIMS = {"jti": "t1", "sid": "f1", "client_id": "checkout", "iat": 100}


def knowing(*revoked: Revoked, now: float = 50.0) -> RevokedTokens:
    known = RevokedTokens(lambda: now)
    known.apply(encode(Revocations(True, list(revoked))))
    return known


@rows(
    ("revoked", "covered"),
    [
        (Revoked("t1", 200.0), True),
        (Revoked("f1", 200.0), True),
        (Revoked("t2", 200.0), False),
        (Revoked("checkout", 200.0), False),
        (Revoked(of_client("checkout"), 200.0), True),
        (Revoked(of_client("checkout"), 200.0, 100.0), True),
        (Revoked(of_client("checkout"), 200.0, 99.0), False),
        (Revoked(of_client("other"), 200.0), False),
    ],
)
def test_a_token_is_known_by_itself_its_family_and_its_client(revoked: Revoked, covered: bool) -> None:
    assert knowing(revoked).covers(CLAIMS) is covered


@rows(
    ("revoked", "covered"),
    [
        (Revoked("o1", 200.0), True),
        (Revoked("o2", 200.0), True),
        (Revoked("o3", 200.0), False),
        (Revoked(of_client("web"), 200.0), True),
        (Revoked(of_client("web"), 200.0, 100.0), True),
        (Revoked(of_client("web"), 200.0, 99.0), False),
    ],
)
def test_a_token_is_known_by_all_that_were_exchanged_for_it(revoked: Revoked, covered: bool) -> None:
    origins = [{"jti": "o1", "client_id": "gate"}, {"jti": "o2", "client_id": "web"}]
    assert knowing(revoked).covers({**CLAIMS, "origins": origins}) is covered


def test_changes_add_and_the_whole_replaces() -> None:
    known = knowing(Revoked("a", 200.0))
    known.apply(encode(Revocations(False, [Revoked("t1", 200.0)])))
    assert len(known) == 2
    assert known.covers(CLAIMS)
    known.apply(encode(Revocations(True, [])))
    assert not known.covers(CLAIMS)


def test_nothing_is_known_before_it_was_told() -> None:
    known = RevokedTokens(lambda: 0.0)
    assert not known.told
    with pytest.raises(ValueError, match=r"."):
        known.apply(b"\xc1")
    assert not known.told


def test_what_has_ended_is_forgotten() -> None:
    now = 50.0
    known = RevokedTokens(lambda: now)
    known.apply(encode(Revocations(True, [])))
    for number in range(5000):
        now = 50.0 + number
        known.apply(encode(Revocations(False, [Revoked(f"t{number}", now + 10)])))
    assert len(known) < 2500
    assert known.covers({"jti": "t4999"})
