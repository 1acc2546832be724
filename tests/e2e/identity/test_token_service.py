"""The token service of a whole gateway: tokens are issued, used, refreshed, exchanged and revoked; keys rotate."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commands import portcullis
from gateway import children, wait_for
from token_site import CONFIGURATION, QUIET, Site, claims_of, token_site
from upstream import Upstream

from portcullis.control.token_service.orders import RevocationById, SecretRotation, TokenText


def statuses(site: Site, token: str, count: int = 20) -> set[int]:
    """The answers to calls that spread over the workers."""
    return {site.call(token).status_code for _ in range(count)}


def test_a_client_gets_a_token_and_calls_with_it(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        checkout = site.add(roles=("clerk",))
        answer = site.post("token", checkout, grant_type="client_credentials", scope="orders:read")
        assert answer.headers["cache-control"] == "no-store"
        given = answer.json()
        assert (given["token_type"], given["expires_in"], given["scope"]) == ("Bearer", 300, "orders:read")
        claims = claims_of(given["access_token"])
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("http://127.0.0.1", "checkout", "shop")
        assert (claims["client_id"], claims["scope"], claims["roles"]) == ("checkout", "orders:read", ["clerk"])
        assert statuses(site, given["access_token"]) == {200}
        assert service.seen[-1].field("authorization") is None
        record = site.gateway.record_of(site.call(given["access_token"]).headers["x-request-id"])
        assert (record["consumer"], record["credential"]) == ("apps:checkout", claims["jti"])


def test_whoever_is_not_the_client_gets_nothing(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        name, secret = site.add()
        for client in ((name, "pcs_" + "x" * 43), ("nobody", secret), (name, ""), None):
            answer = site.post("token", client, grant_type="client_credentials")
            assert answer.status_code == 401, client
            assert answer.json()["error"] == "invalid_client"
            assert answer.headers["www-authenticate"].startswith("Basic realm=")
        in_body = site.post("token", None, grant_type="client_credentials", client_id=name, client_secret=secret)
        assert in_body.status_code == 401
        record = site.gateway.record_of(in_body.headers["x-request-id"])
        assert record["verdicts"][0]["code"] == "authenticate.client_failed"
        assert secret not in (site.gateway.directory / "access.jsonl").read_text()


def test_what_the_client_may_not_ask_for_is_refused(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        checkout = site.add()
        for parameters, error in (
            ({"grant_type": "client_credentials", "scope": "orders:delete"}, "invalid_scope"),
            ({"grant_type": "client_credentials", "audience": "payments"}, "invalid_target"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
            ({"grant_type": "refresh_token", "refresh_token": "x"}, "unauthorized_client"),
            ({"scope": "orders:read"}, "invalid_request"),
        ):
            answer = site.post("token", checkout, **parameters)
            assert (answer.status_code, answer.json()["error"]) == (400, error), parameters


def test_a_token_for_another_audience_does_not_pass(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        payer = site.add("payer", audiences=("payments",))
        answer = site.call(site.token(payer))
        assert answer.status_code == 401
        assert site.gateway.record_of(answer.headers["x-request-id"])["code"] == "authenticate.foreign_audience"


def test_a_revoked_token_is_refused_by_every_worker_within_a_second(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        checkout = site.add()
        revoked, other = site.token(checkout), site.token(checkout)
        assert statuses(site, revoked) == statuses(site, other) == {200}
        began = time.monotonic()
        assert site.post("revoke", checkout, token=revoked).status_code == 200
        wait_for(lambda: statuses(site, revoked, 8) == {401}, "the token to be refused", 1.0)
        assert time.monotonic() - began < 1.5
        assert statuses(site, revoked) == {401}
        assert statuses(site, other) == {200}
        answer = site.call(revoked)
        assert site.gateway.record_of(answer.headers["x-request-id"])["code"] == "authenticate.revoked_token"
        assert site.post("introspect", checkout, token=revoked).json() == {"active": False}
        assert site.post("introspect", checkout, token=other).json()["active"] is True


def test_revocations_outlive_a_restart(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        checkout = site.add()
        revoked, other = site.token(checkout), site.token(checkout)
        site.tokens.revoke(TokenText(revoked))
    with token_site(tmp_path, service, workers=2) as site:
        assert statuses(site, revoked) == {401}
        assert statuses(site, other) == {200}


def test_what_is_revoked_while_nothing_runs_is_refused_afterwards(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        token = site.token(site.add())
        jti = claims_of(token)["jti"]
    assert portcullis(tmp_path, "tokens", "revoke", "--id", jti).returncode == 0
    with token_site(tmp_path, service) as site:
        assert site.call(token).status_code == 401


def test_a_removed_client_and_all_its_tokens_are_refused(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        checkout = site.add(grants=("client_credentials", "refresh_token"))
        tokens = [site.token(checkout), site.issue("checkout", subject="alice", refresh=True).access_token]
        assert [statuses(site, token) for token in tokens] == [{200}, {200}]
        site.tokens.remove_client("checkout")
        for token in tokens:
            wait_for(lambda token=token: statuses(site, token, 8) == {401}, "its tokens to be refused", 1.0)
        assert site.post("token", checkout, grant_type="client_credentials").status_code == 401


def test_both_secrets_work_during_the_overlap(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        name, old = site.add()
        new = site.tokens.rotate_secret(name, SecretRotation(1.0)).secret
        assert site.token((name, old))
        assert site.token((name, new))
        ended = wait_for(
            lambda: site.post("token", (name, old), grant_type="client_credentials").status_code == 401,
            "the overlap",
            3,
        )
        assert ended
        assert site.token((name, new))


class Traffic:
    """Clients that get tokens and call with them all the time. ``refused``: what was refused of them."""

    def __init__(self, site: Site, client: tuple[str, str], threads: int = 3) -> None:
        self.refused: list[str] = []
        self.calls = 0
        self.kids: set[str] = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(site, client)) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, site: Site, client: tuple[str, str]) -> None:
        token, until = "", 0.0
        while not self._stop.is_set():
            if time.time() >= until:
                answer = site.post("token", client, grant_type="client_credentials")
                if answer.status_code != 200:
                    self.refused.append(f"token: {answer.status_code} {answer.text}")
                    continue
                token = answer.json()["access_token"]
                until = claims_of(token)["exp"] - 1
                self.kids.add(token.partition(".")[0])
            answer = site.call(token)
            self.calls += 1
            if answer.status_code != 200:
                self.refused.append(f"call: {answer.status_code} {answer.text}")

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.slow
def test_keys_rotate_under_traffic_and_no_call_is_refused(tmp_path: Path, service: Upstream) -> None:
    settings = f"{QUIET}, token_lifetime: 3s, signing: {{rotate_every: 2s, publish_before: 1s}}"
    with token_site(tmp_path, service, settings, workers=2) as site:
        traffic = Traffic(site, site.add())
        seen: set[str] = set()
        for _ in range(40):
            time.sleep(0.25)
            published = site.get("/oauth2/jwks").json()["keys"]
            seen |= {key["kid"] for key in published}
            assert 1 <= len(published) <= 12
        traffic.end()
        assert traffic.refused == []
        assert traffic.calls > 100
        assert len(traffic.kids) >= 4
        assert len(seen) >= 5


@pytest.mark.slow
def test_a_killed_control_process_costs_no_valid_token(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        client = site.add()
        kept, revoked = site.token(client), site.token(client)
        site.post("revoke", client, token=revoked)
        control = _control_process(site)
        issuing = threading.Event()
        outcomes: Counter[int] = Counter()

        def issue() -> None:
            while not issuing.is_set():
                outcomes[site.post("token", client, grant_type="client_credentials").status_code] += 1

        threads = [threading.Thread(target=issue) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        subprocess.run(["kill", "-9", str(control)], check=True)
        assert {site.call(kept).status_code for _ in range(20)} == {200}
        assert {site.call(revoked).status_code for _ in range(20)} == {401}
        wait_for(lambda: _control_process(site) not in (0, control), "another control process", 30)
        wait_for(lambda: all(_is_issued(site, client) for _ in range(8)), "tokens again, of both workers", 30)
        issuing.set()
        for thread in threads:
            thread.join()
        assert set(outcomes) <= {200, 503}
        assert outcomes[200] > 0
        assert statuses(site, kept) == statuses(site, site.token(client)) == {200}
        assert statuses(site, revoked) == {401}


def _is_issued(site: Site, client: tuple[str, str]) -> bool:
    return site.post("token", client, grant_type="client_credentials").is_success


def _control_process(site: Site) -> int:
    """The child of the supervisor that has no children of its own."""
    alone = [child for child in children(site.gateway.process.pid) if not children(child)]
    return alone[0] if len(alone) == 1 else 0


def test_a_refresh_token_is_used_once_and_a_second_use_ends_its_family(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        site.add("app", public=True, grants=("refresh_token",))
        begun = site.issue("app", subject="alice", refresh=True, roles=("clerk",))
        assert site.call(begun.access_token).status_code == 200
        first = site.refresh("app", begun.refresh_token)
        assert first.status_code == 200, first.text
        claims = claims_of(first.json()["access_token"])
        assert (claims["sub"], claims["client_id"], claims["roles"]) == ("alice", "app", ["clerk"])
        second = site.refresh("app", first.json()["refresh_token"]).json()
        assert statuses(site, second["access_token"]) == {200}
        stolen = site.refresh("app", begun.refresh_token)
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
        assert site.refresh("app", second["refresh_token"]).status_code == 400
        wait_for(lambda: statuses(site, second["access_token"], 8) == {401}, "the family to be refused", 1.0)


def test_a_refresh_token_is_no_other_clients(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        for name in ("app", "other"):
            site.add(name, public=True, grants=("refresh_token",))
        begun = site.issue("app", subject="alice", refresh=True)
        assert site.refresh("other", begun.refresh_token).json()["error"] == "invalid_grant"
        assert site.refresh("app", begun.refresh_token).status_code == 200


def test_of_two_uses_at_the_same_time_one_wins(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        site.add("app", public=True, grants=("refresh_token",))
        with ThreadPoolExecutor(8) as pool:
            for _ in range(10):
                begun = site.issue("app", subject="alice", refresh=True)
                answers = list(pool.map(lambda _, token=begun.refresh_token: site.refresh("app", token), range(8)))
                given = [answer for answer in answers if answer.status_code == 200]
                assert len(given) == 1
                assert site.refresh("app", given[0].json()["refresh_token"]).status_code == 400


def test_within_a_stated_grace_a_lost_answer_can_be_had_again(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, f"{QUIET}, refresh: {{grace: 2s}}") as site:
        site.add("app", public=True, grants=("refresh_token",))
        begun = site.issue("app", subject="alice", refresh=True)
        lost = site.refresh("app", begun.refresh_token).json()
        again = site.refresh("app", begun.refresh_token)
        assert again.status_code == 200
        assert site.refresh("app", again.json()["refresh_token"]).status_code == 200
        assert site.refresh("app", lost["refresh_token"]).status_code == 400


@pytest.mark.slow
def test_two_thousand_concurrent_refreshes_all_rotate(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        site.add("app", public=True, grants=("refresh_token",))
        families = [site.issue("app", subject=f"user-{number}", refresh=True) for number in range(500)]

        def live(number: int) -> list[str]:
            token, access = families[number].refresh_token, ""
            wrong = []
            for _ in range(4):
                answer = site.refresh("app", token)
                if answer.status_code != 200:
                    return [f"{answer.status_code} {answer.text}"]
                token, access = answer.json()["refresh_token"], answer.json()["access_token"]
            if site.call(access).status_code != 200:
                wrong.append("a valid token was refused")
            return wrong

        with ThreadPoolExecutor(64) as pool:
            assert [wrong for found in pool.map(live, range(500)) for wrong in found] == []


def test_a_service_calls_on_for_its_caller(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, workers=2) as site:
        web = site.add("web", roles=("clerk",))
        shop = site.add("shop", audiences=("payments",), scopes=("orders:read",), **_exchanging("shop"))
        token = site.token(web)
        answer = site.exchange(shop, token, "payments")
        assert answer.status_code == 200, answer.text
        claims = claims_of(answer.json()["access_token"])
        assert (claims["sub"], claims["aud"], claims["act"]) == ("web", "payments", {"sub": "shop"})
        assert (claims["scope"], claims["roles"]) == ("orders:read", ["clerk"])
        assert claims["exp"] <= claims_of(token)["exp"]
        assert site.exchange(shop, token, "payments", scope="orders:write").json()["error"] == "invalid_scope"
        site.post("revoke", web, token=token)
        introspected = site.post("introspect", shop, token=answer.json()["access_token"]).json()
        assert introspected == {"active": False}
        assert site.exchange(shop, token, "payments").json()["error"] == "invalid_request"


def _exchanging(serves: str) -> dict[str, tuple[str, ...]]:
    return {"grants": ("client_credentials", "token_exchange"), "serves": (serves,)}


def test_nobody_exchanges_a_token_that_was_not_made_out_for_him(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        web = site.add("web")
        ledger = site.add("ledger", audiences=("payments", "shop"), **_exchanging("ledger"))
        answer = site.exchange(ledger, site.token(web), "payments")
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        own = site.post("token", web, grant_type="urn:ietf:params:oauth:grant-type:token-exchange")
        assert own.json()["error"] == "unauthorized_client"


def test_the_chain_of_actors_is_bounded(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, f"{QUIET}, exchange: {{max_actors: 3}}") as site:
        web = site.add("web")
        audiences = ("shop", "payments", "ledger")
        clients = {
            name: site.add(name, audiences=audiences, **_exchanging(name)) for name in ("shop", "payments", "ledger")
        }
        token = site.token(web)
        for name, onward in (("shop", "payments"), ("payments", "ledger"), ("ledger", "shop")):
            answer = site.exchange(clients[name], token, onward)
            assert answer.status_code == 200, answer.text
            token = answer.json()["access_token"]
        act = claims_of(token)["act"]
        assert act == {"sub": "ledger", "act": {"sub": "payments", "act": {"sub": "shop"}}}
        assert site.call(token).status_code == 200
        refused = site.exchange(clients["shop"], token, "payments")
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


def test_too_many_requests_are_refused_before_anything_is_computed(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service, "calls_per_client: 3") as site:
        client = site.add()
        answers = [site.post("token", client, grant_type="client_credentials").status_code for _ in range(5)]
        assert answers == [200, 200, 200, 429, 429]


def test_its_metadata_says_where_everything_is(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        metadata = site.get("/.well-known/oauth-authorization-server").json()
        assert metadata["issuer"] == "http://127.0.0.1"
        for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri"):
            path = metadata[name].removeprefix("http://127.0.0.1")
            answer = site.get(path)
            assert answer.status_code == (200 if name == "jwks_uri" else 405), name
        assert site.get("/.well-known/openid-configuration").status_code == 404


def test_the_command_line_shows_secrets_once_and_takes_tokens_on_standard_input(
    tmp_path: Path, service: Upstream
) -> None:
    with token_site(tmp_path, service) as site:

        def tokens(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
            return portcullis(tmp_path, "tokens", *arguments, say=given)

        secret = tokens("clients", "add", "checkout", "--audience", "shop", "--scope", "orders:read").stdout.strip()
        token = site.token(("checkout", secret))
        listed = tokens("clients", "list", "--format", "json").stdout
        assert json.loads(listed)[0]["id"] == "checkout"
        assert secret not in listed
        assert tokens("inspect", given=token).returncode == 0
        assert tokens("revoke", given=token).stdout == "It is revoked.\n"
        inspected = tokens("inspect", given=token)
        assert (inspected.returncode, inspected.stdout.splitlines()[0]) == (1, "It does not hold. It was revoked.")
        refused = tokens("revoke", "--id", token)
        assert refused.returncode == 2
        assert token not in refused.stderr
        assert site.call(tokens("issue", "checkout", "--subject", "alice").stdout.strip()).status_code == 200


def test_a_family_is_revoked_by_its_id(tmp_path: Path, service: Upstream) -> None:
    with token_site(tmp_path, service) as site:
        site.add("app", public=True, grants=("refresh_token",))
        begun = site.issue("app", subject="alice", refresh=True)
        assert site.tokens.revoke_by_id(RevocationById(begun.claims["sid"])).revoked
        assert site.refresh("app", begun.refresh_token).status_code == 400
        assert site.call(begun.access_token).status_code == 401


def test_a_token_service_can_be_added_and_taken_away_by_a_reload(tmp_path: Path, service: Upstream) -> None:
    def without(text: str) -> str:
        lines = [line for line in text.splitlines() if "token_service" not in line and "transform" not in line]
        return "\n".join(lines).replace("token: {audience: shop}", "api_key: {header: X-Key}")

    with token_site(tmp_path, service, workers=2, change=without) as site:
        assert site.post("token", ("a", "b"), grant_type="client_credentials").status_code == 404
        with_it = CONFIGURATION.replace("UPSTREAM", service.url).replace("SERVICE", QUIET)
        file = tmp_path / "portcullis.yaml"
        before = file.read_text()
        file.write_text(with_it)
        site.gateway.reload()
        wait_for(lambda: site.get("/oauth2/jwks").status_code == 200, "the endpoints", 15)
        wait_for(lambda: all(site.get("/oauth2/jwks").status_code == 200 for _ in range(10)), "all workers", 15)
        client = site.add()
        token = site.token(client)
        assert statuses(site, token) == {200}
        site.post("revoke", client, token=token)
        wait_for(lambda: statuses(site, token, 8) == {401}, "the token to be refused", 1.0)
        file.write_text(before)
        site.gateway.reload()
        wait_for(lambda: site.get("/oauth2/jwks").status_code == 404, "the endpoints to be gone", 15)
