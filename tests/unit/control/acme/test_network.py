from __future__ import annotations

import pytest
import requests
from acme import errors, messages
from acme_authority import Reply, Scripted, problem
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwk import JWKEC

from portcullis.control.acme.messages import Authority
from portcullis.control.acme.network import LONGEST_WAIT, MAX_ANSWER, NONCES, BoundedNetwork

URL = "https://authority.example/dir"


def network(reply: Reply, **settings: str) -> tuple[BoundedNetwork, Scripted]:
    key = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
    made = BoundedNetwork(key, Authority("a", URL, "/x", **settings))
    scripted = Scripted(lambda method, url: reply)
    made.session.mount("https://", scripted)
    return made, scripted


def test_answers_are_read_and_calls_have_a_time() -> None:
    made, scripted = network((200, {}, b'{"a": 1}'), ca="/ca.pem")
    assert made.get(URL).json() == {"a": 1}
    assert scripted.verified == ["/ca.pem"]
    assert scripted.timeouts == [30]
    assert not made.session.trust_env


def test_an_answer_without_end_is_given_up() -> None:
    made, _ = network((200, {}, b" " * (MAX_ANSWER + 1)))
    with pytest.raises(requests.RequestException, match="more than"):
        made.get(URL)


def test_redirects_are_not_followed() -> None:
    made, scripted = network((302, {"Location": "http://10.0.0.1/"}, b""))
    with pytest.raises(errors.ClientError, match="redirects are not followed"):
        made.get(URL)
    assert len(scripted.asked) == 1


@pytest.mark.parametrize(("said", "wait"), [("120", 120.0), ("x", 0.0), ("99999999", LONGEST_WAIT), ("-1", 0.0)])
def test_what_the_authority_asks_to_wait_is_remembered_within_bounds(said: str, wait: float) -> None:
    made, _ = network(problem(429, "rateLimited", "slowly", **{"Retry-After": said}))
    with pytest.raises(messages.Error):
        made.get(URL)
    assert made.wait == wait


def test_nonces_that_are_refused_are_replaced_but_not_for_ever() -> None:
    made, scripted = network(problem(400, "badNonce", "another one"))
    made._nonces = {b"%d" % number for number in range(20)}  # type: ignore[misc]
    with pytest.raises(messages.Error):
        made.post(URL, messages.NewRegistration())
    assert len(scripted.asked) == NONCES + 1
