from __future__ import annotations

import pytest

from portcullis.stores.topics import TopicSubscriptions


def test_everybody_who_wants_to_know_of_a_topic_is_told() -> None:
    topics = TopicSubscriptions()
    one: list[bytes] = []
    other: list[bytes] = []
    topics.subscribe("keys", one.append)
    topics.subscribe("keys", other.append)
    topics.subscribe("users", other.append)
    topics.tell("keys", b"k")
    topics.tell("users", b"u")
    topics.tell("nobody's", b"n")
    assert (one, other) == ([b"k"], [b"k", b"u"])
    assert repr(topics) == "TopicSubscriptions(keys, users)"


def test_what_can_not_be_read_is_told_to_who_told_it() -> None:
    def apply(_known: bytes) -> None:
        raise ValueError("no keys")

    topics = TopicSubscriptions()
    topics.subscribe("keys", apply)
    with pytest.raises(ValueError, match="no keys"):
        topics.tell("keys", b"?")
