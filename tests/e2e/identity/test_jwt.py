"""JSON web tokens through a whole gateway: an issuer that rotates its keys, is slow, is away, and says nonsense."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple

import httpx
import pytest
from calling import Connection, call, write_configuration
from commands import portcullis
from gateway import Gateway, children, end, kill, start, wait_for
from issuer import DISCOVERY, KEYS, Issuer, dripping, huge, saying, silent
from token_mutations import Mutations
from upstream import Upstream

from portcullis.testing.tokens import Signer, key_set_of, rsa_key

Start = Callable[..., Gateway]
SLOW = "jwks: auto, keys: {refresh: 1h, refetch: 200ms, keep: 1h}"


class Steady(NamedTuple):
    """An issuer that does nothing but what it should, a service, and a gateway between them."""

    gateway: Gateway
    issuer: Issuer
    service: Upstream


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steady]:
    """For all tests that change nothing: what they find does not depend on what was called before."""
    directory, issuer, service = tmp_path_factory.mktemp("steady"), Issuer(), Upstream()
    write_configuration(directory, issuer, service)
    gateway = start(directory)
    yield Steady(gateway, issuer, service)
    end(gateway)
    issuer.stop()
    service.stop()


def test_a_token_of_the_issuer_passes_and_the_service_does_not_see_it(steady: Steady) -> None:
    gateway, issuer, service = steady
    answer = call(gateway, issuer.token("alice", jti="t-1", scope="orders:read"))
    assert answer.status_code == 200, answer.text
    assert service.seen[-1].field("authorization") is None
    record = gateway.record_of(answer.headers["x-request-id"])
    assert (record["consumer"], record["identity"], record["credential"]) == ("staff:alice", "alice", "t-1")
    assert issuer.asked[:2] == [DISCOVERY, KEYS]


def test_whoever_has_none_is_told_so_and_nothing_else(steady: Steady) -> None:
    gateway, issuer, _ = steady
    stranger = Signer("ES256", "first")
    answers = [
        call(gateway),
        call(gateway, "nonsense"),
        call(gateway, issuer.token(signer=stranger)),
        call(gateway, issuer.token(exp=1)),
        call(gateway, issuer.token(aud="other")),
        call(gateway, issuer.token(signer=Signer("ES256", "unknown"))),
    ]
    told = {(a.status_code, a.headers["www-authenticate"], a.json()["code"], a.json()["title"]) for a in answers}
    assert told == {
        (401, 'Bearer realm="staff"', "authenticate.failed", "The caller could not be authenticated"),
    }
    codes = [gateway.record_of(answer.headers["x-request-id"])["code"].partition(".")[2] for answer in answers]
    assert codes == [
        *("missing", "malformed_token", "bad_signature", "expired_token", "foreign_audience", "unknown_signer"),
    ]


def test_every_mutation_is_refused_over_the_wire(steady: Steady) -> None:
    gateway, issuer, service = steady
    before = len(service.seen)
    mutations = Mutations(issuer.signers[0], issuer.url, "shop", time.time())
    made = mutations.all()
    assert len(made) > 500
    with closing(Connection(gateway)) as connection:
        assert connection.status([("authorization", b"Bearer " + mutations.good.encode())]) == 200
        passed = [(each.name, status) for each in made if not 400 <= (status := connection.status(each.fields)) < 500]
    assert passed == []
    assert len(service.seen) == before + 1
    assert call(gateway, mutations.good).status_code == 200


class Traffic:
    """Calls with tokens of whatever key the issuer signs with, all the time. ``refused``: the answers that are none."""

    def __init__(self, gateway: Gateway, issuer: Issuer, clients: int = 4) -> None:
        self.gateway = gateway
        self.issuer = issuer
        self.refused: list[str] = []
        self.calls = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        with httpx.Client(timeout=10) as client:
            while not self._stop.is_set():
                token = self.issuer.token(f"client-{number}", jti=f"{number}-{self.calls}")
                answer = client.get(f"{self.gateway.url}/shop/orders", headers={"authorization": f"Bearer {token}"})
                self.calls += 1
                if answer.status_code != 200:
                    self.refused.append(f"{answer.status_code} {answer.text}")

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def traffic() -> Iterator[Callable[[Gateway, Issuer], Traffic]]:
    made: list[Traffic] = []

    def begin(gateway: Gateway, issuer: Issuer) -> Traffic:
        made.append(Traffic(gateway, issuer))
        return made[-1]

    yield begin
    for each in made:
        each.stop()


def test_keys_are_rotated_while_traffic_runs(
    start_gateway: Start, issuer: Issuer, traffic: Callable[[Gateway, Issuer], Traffic]
) -> None:
    gateway = start_gateway(workers=2)
    first = issuer.signers[0]
    running = traffic(gateway, issuer)
    old = [issuer.token(f"old-{number}") for number in range(20)]
    assert {call(gateway, token).status_code for token in old} == {200}  # and so they are known as verified
    for algorithm, kid in (("EdDSA", "second"), ("RS256", "third")):
        signer = Signer(algorithm, kid)
        issuer.signers = [*issuer.signers, signer]  # published
        asked = issuer.times_asked()
        wait_for(lambda asked=asked: issuer.times_asked() >= asked + 2, "the keys to be fetched again")  # type: ignore[misc]
        issuer.signers = [signer, *issuer.signers[:-1]]  # and used
        time.sleep(0.5)
        assert {call(gateway, token).status_code for token in old} == {200}
    issuer.signers = [signer for signer in issuer.signers if signer is not first]
    asked = issuer.times_asked()
    wait_for(lambda: issuer.times_asked() > asked, "the keys to be fetched again")
    time.sleep(1)  # by then every worker knows
    for _ in range(3):
        assert {call(gateway, token).status_code for token in old} == {401}
    running.stop()
    assert running.refused == []
    assert running.calls > 50


def test_a_key_that_was_not_published_ahead_is_fetched_for_the_first_call(start_gateway: Start, issuer: Issuer) -> None:
    gateway = start_gateway(SLOW, workers=2)
    assert call(gateway, issuer.token()).status_code == 200
    issuer.signers = [Signer("ES256", "new"), *issuer.signers]
    time.sleep(0.3)  # refetch
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: call(gateway, issuer.token(f"c{number}")), range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8


def test_unknown_keys_do_not_make_it_flood_the_issuer(start_gateway: Start, issuer: Issuer) -> None:
    gateway = start_gateway("jwks: auto, keys: {refresh: 1h, refetch: 1h, keep: 1h}", workers=2)
    assert call(gateway, issuer.token()).status_code == 200
    asked = issuer.times_asked()
    statuses = {
        call(gateway, issuer.token(signer=Signer("ES256", f"unknown-{number}"))).status_code for number in range(50)
    }
    assert statuses == {401}
    assert issuer.times_asked() - asked <= 1


def test_an_issuer_that_is_down_at_the_start_means_refusal_until_it_is_up(start_gateway: Start, issuer: Issuer) -> None:
    token = issuer.token()
    issuer.stop()
    gateway = start_gateway()
    answer = call(gateway, token)
    assert (answer.status_code, answer.json()["code"]) == (503, "authenticate.unavailable")
    assert "www-authenticate" not in answer.headers
    assert call(gateway).status_code == 401  # without a token there is nothing to find out
    assert call(gateway, path="/shop/open").status_code == 200
    wait_for(
        lambda: "there are no keys yet, so tokens of this issuer are refused" in gateway.errors(), "a word in the log"
    )
    issuer.start()
    wait_for(lambda: call(gateway, token).status_code == 200, "the issuer to be found", 20)
    wait_for(lambda: "all is well again" in gateway.errors(), "a word in the log that it is found")
    assert gateway.errors().count("there are no keys yet") == 1
    assert gateway.errors().count("all is well again") == 1


def test_an_issuer_that_goes_down_later_takes_nobody_with_it(start_gateway: Start, issuer: Issuer) -> None:
    gateway = start_gateway()
    assert call(gateway, issuer.token()).status_code == 200
    issuer.stop()
    wait_for(
        lambda: "Connection refused" in gateway.errors() or "attempts failed" in gateway.errors(), "a failed fetch"
    )
    for number in range(20):
        assert call(gateway, issuer.token(f"c{number}")).status_code == 200
    # Whether a key that nobody knows is a new one can't be found out now.
    answer = call(gateway, issuer.token(signer=Signer("ES256", "unknown")))
    assert answer.status_code == 503
    issuer.start()
    wait_for(
        lambda: call(gateway, issuer.token(signer=Signer("ES256", "unknown"))).status_code == 401, "it to be back", 40
    )


def test_keys_that_nobody_renews_end(start_gateway: Start, issuer: Issuer) -> None:
    gateway = start_gateway("jwks: auto, keys: {refresh: 500ms, refetch: 200ms, keep: 2s}")
    assert call(gateway, issuer.token()).status_code == 200
    issuer.stop()
    wait_for(lambda: call(gateway, issuer.token()).status_code == 503, "the keys to become too old", 10)
    assert "the keys have become too old, so tokens of this issuer are refused" in gateway.errors()
    issuer.start()
    wait_for(lambda: call(gateway, issuer.token()).status_code == 200, "newer keys", 20)


def test_a_restart_while_the_issuer_is_away_serves(start_gateway: Start, issuer: Issuer) -> None:
    gateway = start_gateway(SLOW)
    assert call(gateway, issuer.token()).status_code == 200
    assert gateway.stop() == 0
    issuer.stop()
    again = start_gateway(SLOW)
    assert call(again, issuer.token()).status_code == 200
    assert call(again, issuer.token(signer=Signer("ES256", "first"))).status_code == 401


OTHER_ISSUER = b'{"issuer": "https://attacker.example", "jwks_uri": "https://attacker.example/keys"}'
NONSENSE = {
    "silent": (KEYS, silent),
    "a byte at a time": (KEYS, dripping),
    "10 MiB": (KEYS, huge),
    "nothing": (KEYS, saying(b"")),
    "a page": (KEYS, saying(b"<html>not here</html>")),
    "no keys": (KEYS, saying(b"{}")),
    "keys that are none": (KEYS, saying(b'{"keys": "first"}')),
    "nested": (KEYS, saying(b"[" * 100_000)),
    "an error": (KEYS, saying(b'{"keys": []}', 500)),
    "a redirect": (KEYS, saying(b'{"keys": []}', 302)),
    "silent discovery": (DISCOVERY, silent),
    "discovery of nothing": (DISCOVERY, saying(b"{}")),
    "no discovery": (DISCOVERY, saying(b"", 404)),
    "discovery of another issuer": (DISCOVERY, saying(OTHER_ISSUER)),
}


@pytest.mark.parametrize("what", ["silent", "10 MiB", "keys that are none", "discovery of another issuer"])
def test_an_issuer_that_says_nonsense_from_the_start_means_refusal(
    start_gateway: Start, issuer: Issuer, what: str
) -> None:
    path, behaviour = NONSENSE[what]
    issuer.behaviours[path] = behaviour
    gateway = start_gateway()
    answer = call(gateway, issuer.token())
    assert (answer.status_code, answer.json()["code"]) == (503, "authenticate.unavailable")
    del issuer.behaviours[path]
    wait_for(lambda: call(gateway, issuer.token()).status_code == 200, "good keys", 20)


def test_an_issuer_that_says_nonsense_later_takes_nobody_with_it(start_gateway: Start, issuer: Issuer) -> None:
    """What was known before goes on, and what it says is told in the log once."""
    gateway = start_gateway()
    for what, (path, behaviour) in NONSENSE.items():
        wait_for(lambda: call(gateway, issuer.token()).status_code == 200, f"good keys before {what}", 20)
        said, asked = gateway.errors().count("\n"), issuer.times_asked(path)
        issuer.behaviours[path] = behaviour
        wait_for(lambda: issuer.times_asked(path) >= asked + 2, f"{what} to be met", 20)  # noqa: B023
        assert call(gateway, issuer.token()).status_code == 200, what
        assert gateway.errors().count("\n") == said + 1, what
        del issuer.behaviours[path]
        wait_for(lambda: gateway.errors().count("\n") == said + 2, f"all to be well after {what}", 20)  # noqa: B023
    assert gateway.errors().count("all is well again") == len(NONSENSE)
    assert "Traceback" not in gateway.errors()


def test_keys_that_are_not_to_be_used_are_not(start_gateway: Start, issuer: Issuer) -> None:
    weak, encryption, leaked = (
        Signer("RS256", "weak", rsa_key("small", 1024)),
        Signer("RS256", "enc"),
        Signer("ES256", "leak"),
    )
    twins = [Signer("ES256", "twin"), Signer("ES256", "twin")]
    document = key_set_of(issuer.signers[0], weak, *twins)
    document["keys"] += [{**encryption.jwk, "use": "enc"}, {**leaked.jwk, "d": "AQAB"}]
    issuer.behaviours[KEYS] = saying(json.dumps(document).encode())
    gateway = start_gateway()
    assert call(gateway, issuer.token()).status_code == 200
    for signer in (weak, encryption, leaked, *twins):
        assert call(gateway, issuer.token(signer=signer)).status_code == 401, signer.kid
    for said in (
        'key 2 ("weak") is not used: it has 1024 bits, and RSA keys have at least 2048',
        'key 6 ("leak") is not used: its secret part (d) was published with it',
        'the keys "twin" are not used: several have this kid',
    ):
        assert gateway.errors().count(said) == 1
    assert '"enc"' not in gateway.errors()


def test_a_set_without_keys_is_the_issuers_word(start_gateway: Start, issuer: Issuer) -> None:
    gateway = start_gateway()
    token = issuer.token()
    assert call(gateway, token).status_code == 200
    signers, issuer.signers = issuer.signers, []
    wait_for(lambda: call(gateway, token).status_code == 401, "the keys to be gone", 5)
    assert "no key in the set can be used: tokens of this issuer are refused" in gateway.errors()
    issuer.signers = signers
    wait_for(lambda: call(gateway, token).status_code == 200, "the keys to be back", 5)


def test_a_reload_that_changes_the_issuer_refuses_nobody(
    start_gateway: Start, issuer: Issuer, service: Upstream
) -> None:
    gateway = start_gateway(workers=2)
    assert call(gateway, issuer.token()).status_code == 200
    other = Issuer([Signer("EdDSA", "other")])
    try:
        write_configuration(gateway.directory, other, service)
        gateway.reload()
        wait_for(lambda: call(gateway, other.token()).status_code == 200, "the new issuer", 20)
        for number in range(20):
            assert call(gateway, other.token(f"c{number}")).status_code == 200
            assert call(gateway, issuer.token(f"c{number}")).status_code == 401
    finally:
        other.stop()


def test_a_token_for_one_use_is_used_once_whichever_worker_sees_it(start_gateway: Start, issuer: Issuer) -> None:
    gateway = start_gateway("jwks: auto, jti: once", workers=3)
    for number in range(10):
        token = issuer.token(jti=f"t-{number}")
        with ThreadPoolExecutor(8) as pool:
            statuses = [answer.status_code for answer in pool.map(lambda _: call(gateway, token), range(8))]  # noqa: B023
        assert sorted(statuses) == [200] + [401] * 7


def test_a_key_file_and_a_shared_secret_need_nobody(start_gateway: Start, issuer: Issuer, monkeypatch: Any) -> None:
    issuer.stop()
    secret = "a secret that is long enough for HMAC with SHA-256"
    monkeypatch.setenv("JWT_SECRET", secret)
    gateway = start_gateway('secret: "env:JWT_SECRET"')
    assert call(gateway, issuer.token(signer=Signer("HS256", None, secret.encode()))).status_code == 200
    assert call(gateway, issuer.token()).status_code == 401
    end(gateway)
    (gateway.directory / "keys.json").write_text(json.dumps(key_set_of(issuer.signers[0])))
    gateway = start_gateway("jwks: {file: keys.json}")
    assert call(gateway, issuer.token()).status_code == 200
    assert call(gateway, issuer.token(signer=Signer("HS256", None, secret.encode()))).status_code == 401


def test_an_issuer_is_reached_through_the_proxy_of_the_file(start_gateway: Start, issuer: Issuer) -> None:
    """What is not reached through the proxy is not reached: there is none at that port."""
    gateway = start_gateway(
        change=lambda text: text.replace("{timeout: 1s}", '{timeout: 1s, proxy: "http://127.0.0.1:9"}')
    )
    assert call(gateway, issuer.token()).status_code == 503
    assert issuer.asked == []


def test_explain_knows_the_keys_that_were_fetched(steady: Steady) -> None:
    gateway, issuer, _ = steady
    assert call(gateway, issuer.token()).status_code == 200

    def explained(token: str) -> dict[str, Any]:
        field = f"Authorization: Bearer {token}"
        done = portcullis(gateway.directory, "explain", "GET /shop/orders", "-H", field, "--format", "json")
        return dict(json.loads(done.stdout))

    assert explained(issuer.token("alice"))["consumer"] == "staff:alice"
    refused = explained(issuer.token(signer=Signer("ES256", "first")))
    assert (refused["code"], refused["answer"]["code"]) == ("authenticate.bad_signature", "authenticate.failed")


def test_the_control_process_may_die(start_gateway: Start, issuer: Issuer) -> None:
    gateway = start_gateway(SLOW)
    token = issuer.token()
    assert call(gateway, token).status_code == 200
    [control] = [pid for pid in children(gateway.process.pid) if not children(pid)]
    kill(control)
    for number in range(10):
        assert call(gateway, issuer.token(f"c{number}")).status_code == 200
    issuer.signers = [Signer("ES256", "after"), *issuer.signers]
    wait_for(
        lambda: call(gateway, issuer.token()).status_code == 200, "the new control process to fetch the new key", 20
    )


def test_a_token_is_known_until_it_ends(start_gateway: Start, issuer: Issuer) -> None:
    gateway = start_gateway("jwks: auto, leeway: 0s")
    token = issuer.token(exp=time.time() + 1.5)
    assert call(gateway, token).status_code == 200
    assert call(gateway, token).status_code == 200
    wait_for(lambda: call(gateway, token).status_code == 401, "its end", 5)


def test_broken_heads_are_refused_before_any_token_is_read(steady: Steady) -> None:
    gateway, issuer, _ = steady
    good = issuer.token().encode()
    for value in (b"Bearer " + good + b"\0", b"Bearer " + good + b"\r x", b"Bearer \x7f", b"Bearer " + b"a" * 20_000):
        answer = gateway.exchange(b"GET /shop/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: %b\r\n\r\n" % value)
        assert answer.split(b" ")[1] in (b"400", b"431"), value[:20]


def test_nothing_of_a_token_is_in_logs(steady: Steady) -> None:
    gateway, issuer, _ = steady
    tokens = [issuer.token(), issuer.token(signer=Signer("ES256", "first")), issuer.token(exp=1)]
    answers = [call(gateway, token) for token in tokens]
    for answer in answers:
        gateway.record_of(answer.headers["x-request-id"])
    written = (gateway.directory / "access.jsonl").read_text() + gateway.errors()
    for token in tokens:
        assert not any(part in written for part in token.split("."))
