from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcullis.control.token_service.keys import MARGIN_SECONDS, SigningKeys, plan_keys
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.stores.database.connection import Database
from portcullis.stores.database.signing_keys import SigningKeyStore, StoredKey
from portcullis.testing import FakeClock

ROTATING = TokenServiceSettings(issuer="https://i", rotate_every=100.0, publish_before=20.0, token_lifetime=30.0)


def key(signs_from: float, lifetime: float = 30.0) -> StoredKey:
    return StoredKey(f"k{signs_from}", "access", "ES256", b"", signs_from, lifetime)


def test_the_first_key_signs_at_once() -> None:
    assert plan_keys([], 30.0, ROTATING, 1000.0).make == 1000.0


def test_the_next_key_is_published_before_it_signs() -> None:
    assert plan_keys([key(1000)], 30.0, ROTATING, 1079.0).make is None
    assert plan_keys([key(1000)], 30.0, ROTATING, 1079.0).next == 1080.0
    assert plan_keys([key(1000)], 30.0, ROTATING, 1080.0).make == 1100.0
    assert plan_keys([key(1000), key(1100)], 30.0, ROTATING, 1080.0).next == 1100.0


def test_a_key_that_should_have_been_made_while_nothing_ran_is_still_published_before_it_signs() -> None:
    assert plan_keys([key(1000)], 30.0, ROTATING, 99_000.0).make == 99_020.0


def test_a_key_is_kept_until_what_it_signed_has_ended() -> None:
    keys = [key(1000), key(1100)]
    gone = 1100 + 30 + MARGIN_SECONDS
    assert len(plan_keys(keys, 30.0, ROTATING, gone - 1).keep) == 2
    assert [each.signs_from for each in plan_keys(keys, 30.0, ROTATING, gone).keep] == [1100]


def test_tokens_that_hold_longer_from_now_on_keep_their_keys_longer() -> None:
    kept = plan_keys([key(1000), key(1100)], 60.0, ROTATING, 1110.0).keep
    assert [each.lifetime for each in kept] == [30.0, 60.0]
    assert plan_keys([key(1000, 90.0)], 60.0, ROTATING, 1010.0).keep[0].lifetime == 90.0


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.1, 400.0), min_size=1, max_size=40))
def test_whenever_it_is_looked_at_who_signs_was_published_before_and_is_kept(steps: list[float]) -> None:
    now, keys, published = 1000.0, [], {}
    for step in steps:
        plan = plan_keys(keys, 30.0, ROTATING, now)
        keys = [*plan.keep, *([key(plan.make)] if plan.make is not None else [])]
        for each in keys:
            published.setdefault(each.kid, now)
        signing = [each for each in keys if each.signs_from <= now]
        assert signing
        assert len(keys) <= 3
        assert plan.next > now or plan.make is not None
        for each in keys[1:]:
            assert each.signs_from - published[each.kid] >= 20.0 - 1e-6 or published[each.kid] == 1000.0
        now += step


def keys_of(database: Database, clock: FakeClock, **options: Any) -> SigningKeys:
    return SigningKeys(SigningKeyStore(database), clock.wall_s, **options)


def published_kids(keys: SigningKeys) -> list[str]:
    published = keys.published()
    assert published is not None
    return [each["kid"] for each in json.loads(published.access)["keys"]]


def test_it_rotates_and_goes_on_after_a_restart(database: Database) -> None:
    clock = FakeClock(wall_s=1000.0)
    keys = keys_of(database, clock)
    assert keys.signer() is None
    assert keys.advance(ROTATING) == 1080.0
    first = keys.signer()
    assert first is not None
    clock.advance(80)
    keys.advance(ROTATING)
    assert keys.signer() is first
    assert published_kids(keys)[0] == first.kid
    assert len(published_kids(keys)) == 2
    clock.advance(20)
    again = keys_of(database, clock)
    again.advance(ROTATING)
    second = again.signer()
    assert second is not None
    assert second.kid == published_kids(keys)[1]
    clock.advance(30 + MARGIN_SECONDS)
    again.advance(ROTATING)
    assert published_kids(again) == [second.kid]


def test_identity_tokens_have_keys_of_their_own(database: Database) -> None:
    keys = keys_of(database, FakeClock(wall_s=1000.0))
    keys.advance(ROTATING)
    published, identity = keys.published(), keys.identity_key()
    assert published is not None
    assert identity is not None
    assert [each["kid"] for each in json.loads(published.identity)["keys"]] == [identity.kid]
    assert identity.kid not in published_kids(keys)


def test_nothing_is_published_without_a_token_service(database: Database) -> None:
    keys = keys_of(database, FakeClock(wall_s=1000.0))
    keys.advance(ROTATING)
    keys.advance(msgspec.structs.replace(ROTATING, issuer=""))
    assert keys.published() is None
    assert keys.identity_key() is None


def test_a_command_beside_it_makes_no_keys(database: Database) -> None:
    keys = keys_of(database, FakeClock(wall_s=1000.0), may_make=False)
    keys.advance(ROTATING)
    assert keys.signer() is None
    assert SigningKeyStore(database).all() == []


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
def test_another_algorithm_signs_after_the_next_rotation(database: Database, algorithm: Any) -> None:
    clock = FakeClock(wall_s=1000.0)
    keys = keys_of(database, clock)
    keys.advance(ROTATING)
    other = msgspec.structs.replace(ROTATING, algorithm=algorithm)
    for _ in range(2):
        clock.advance(80)
        keys.advance(other)
    signer = keys.signer()
    assert signer is not None
    assert signer.jwk["alg"] == algorithm
