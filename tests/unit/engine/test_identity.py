"""Who calls."""

from __future__ import annotations

import pytest

from portcullis.engine.identity import ANONYMOUS, Consumer, Identity


def test_nobody_in_particular_has_no_rights() -> None:
    assert (ANONYMOUS.method, ANONYMOUS.subject, ANONYMOUS.credential) == ("none", "", "")
    assert ANONYMOUS.scopes == frozenset()
    assert ANONYMOUS.consumer is None


def test_an_identity_can_not_be_changed_after_it_was_proven() -> None:
    identity = Identity("api_key", "acme", "k1", frozenset({"orders:read"}), Consumer("acme"))
    with pytest.raises(AttributeError):
        identity.subject = "root"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        identity.consumer.plan = "gold"  # type: ignore[misc, union-attr]


def test_a_consumer_has_no_plan_and_no_roles_unless_granted() -> None:
    assert Consumer("acme") == Consumer("acme", "", frozenset())
