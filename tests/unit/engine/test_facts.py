"""The append-only facts of an exchange."""

from __future__ import annotations

from secrets import randbelow

import pytest

from portcullis.engine.api_key_format import mint
from portcullis.engine.codes import UNKNOWN_PATH
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts, Verdict, allowed
from portcullis.engine.identity import ANONYMOUS, Identity


def test_a_caller_is_anonymous_until_identified() -> None:
    facts = Facts()
    assert facts.identity is ANONYMOUS
    somebody = Identity("api_key", "acme")
    facts.identify(somebody)
    assert facts.identity is somebody


def test_an_identity_is_established_once() -> None:
    facts = Facts()
    facts.identify(Identity("api_key", "acme"))
    with pytest.raises(RuntimeError):
        facts.identify(Identity("api_key", "root"))
    assert facts.identity.subject == "acme"


def test_a_refusal_becomes_a_verdict_with_everything_the_record_needs() -> None:
    facts = Facts()
    finding = Finding("/path", "/x", "a path of the document")
    facts.refused("guard", Refuse(UNKNOWN_PATH, "Nothing there.", finding), "would_refuse")
    assert facts.verdicts == [Verdict("guard", "would_refuse", "guard.unknown_path", "Nothing there.", finding)]


def test_facts_of_two_exchanges_are_two() -> None:
    one, other = Facts(), Facts()
    one.verdicts.append(allowed("a.b"))
    one.response_fields.append((b"x", b"y"))
    assert (other.verdicts, other.response_fields) == ([], [])


def test_a_verdict_that_allows_says_nothing_more() -> None:
    assert allowed("limit.rate") == Verdict("limit.rate", "allow")


def test_nothing_else_can_be_hung_on_facts() -> None:
    with pytest.raises(AttributeError):
        Facts().anything = 1  # type: ignore[attr-defined]


def test_a_key_that_a_client_put_in_a_name_is_masked_in_the_verdict() -> None:
    key = mint(randbelow).reveal()
    facts = Facts()
    facts.refused("x.y", Refuse(UNKNOWN_PATH, f"{key} is not declared.", Finding(f"/body/{key}", key, "a")), "refuse")
    assert key not in repr(facts.verdicts)
    assert facts.verdicts[0].finding.allowed == "a"
