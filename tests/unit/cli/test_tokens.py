from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from portcullis.cli.tokens import app
from portcullis.control.token_service.keys import SigningKeys
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.stores.database.connection import locate, open_database
from portcullis.stores.database.migrate import bring_up_to_date
from portcullis.stores.database.signing_keys import SigningKeyStore
from portcullis.testing.tokens import Signer, key_set_of

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs ``portcullis tokens`` beside a gateway that has run before; the exit code is checked."""
    path = tmp_path / "portcullis.yaml"
    path.write_text('token_service: {issuer: "https://i", audiences: [shop, payments]}\nroles: {clerk: [a]}\n')
    (tmp_path / ".portcullis").mkdir()
    with closing(open_database(locate(None, tmp_path / ".portcullis", tmp_path))) as database:
        bring_up_to_date(database)
        settings = TokenServiceSettings("https://i", ("shop", "payments"))
        SigningKeys(SigningKeyStore(database), time.time).advance(settings)

    def run(*arguments: str, code: int = 0, say: str = "") -> Result:
        result = CliRunner().invoke(app, [*arguments, "-c", str(path)], input=say)
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    return run


def test_a_secret_stands_alone_on_standard_output(run: Run) -> None:
    made = run("clients", "add", "checkout", "--audience", "shop", "--scope", "orders:read", "--role", "clerk")
    secret = made.stdout.strip()
    assert secret.startswith("pcs_")
    assert secret not in made.stderr
    rotated = run("clients", "rotate", "checkout", "--overlap", "1h").stdout.strip()
    assert rotated not in (secret, "")
    listed = run("clients", "list")
    assert "checkout" in listed.stdout
    assert secret not in listed.stdout
    assert rotated not in run("clients", "list", "--format", "json").stdout


@pytest.mark.slow
def test_a_public_client_has_none(run: Run) -> None:
    made = run("clients", "add", "app", "--audience", "shop", "--public")
    assert "has no secret" in made.stdout
    issued = json.loads(run("issue", "app", "--subject", "alice", "--refresh", "--format", "json").stdout)
    assert issued["refresh_token"].startswith("pcr_")
    assert "none (public)" in run("clients", "list").stdout
    assert len(run("issue", "app", "--refresh").stdout.split()) == 2


def test_a_client_with_a_key_has_no_secret(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "signer.json"
    file.write_text(json.dumps(key_set_of(Signer("ES256"))))
    made = run("clients", "add", "signer", "--audience", "shop", "--key", str(file))
    assert made.stdout == "Client signer signs with its key: it has no secret.\n"
    assert "key of" in run("clients", "list").stdout
    assert json.loads(run("clients", "list", "--format", "json").stdout)[0]["proof"] == "key"
    file.write_text(json.dumps(key_set_of(Signer("EdDSA"))))
    assert "no secret" in run("clients", "rotate", "signer", "--key", str(file)).stdout
    assert "--key" in run("clients", "rotate", "signer", code=1).stderr


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file"), (b"", "empty"), (b"\xff\xfe", "neither"), (b"ssh-ed25519 AAAA", "neither")],
)
def test_keys_that_can_not_be_used_are_told(run: Run, tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "signer.json"
    if content is not None:
        file.write_bytes(content)
    assert why in run("clients", "add", "signer", "--audience", "shop", "--key", str(file), code=2).stderr


def test_a_token_is_issued_inspected_and_revoked(run: Run) -> None:
    run("clients", "add", "checkout", "--audience", "shop", "--scope", "a", "--scope", "b")
    token = run("issue", "checkout", "--subject", "alice", "--scope", "a", "--role", "clerk").stdout.strip()
    inspected = run("inspect", say=token)
    assert "It holds." in inspected.stdout
    assert "alice" in inspected.stdout
    claims = json.loads(run("inspect", "--format", "json", say=token + "\n").stdout)["claims"]
    assert (claims["scope"], claims["roles"]) == ("a", ["clerk"])
    assert run("revoke", say=token).stdout == "It is revoked.\n"
    assert "It was revoked" in run("inspect", say=token, code=1).stdout
    assert "nothing to revoke" in run("revoke", say="nonsense").stdout
    assert run("revoke", "--id", claims["jti"], "--format", "json").stdout.split() == ["{", '"revoked":', "true", "}"]


@pytest.mark.slow
def test_a_removed_client_is_gone(run: Run) -> None:
    run("clients", "add", "checkout", "--audience", "shop")
    assert "is removed" in run("clients", "remove", "checkout").stdout
    assert "no client" in run("clients", "remove", "checkout", code=1).stderr
    assert json.loads(run("clients", "list", "--format", "json").stdout) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("clients", "add", "checkout", "--audience", "ledger"),
        ("clients", "add", "two words", "--audience", "shop"),
        ("clients", "add", "checkout", "--audience", "shop", "--role", "nobody"),
        ("clients", "rotate", "checkout", "--overlap", "soon"),
        ("revoke", "--id", "a.b.c"),
        ("revoke",),
        ("inspect",),
    ],
)
def test_what_makes_no_sense_is_told(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments, code=2).stderr.startswith("portcullis tokens: ")


def test_a_token_is_no_argument(run: Run) -> None:
    assert "a.b.c" not in run("revoke", "--id", "a.b.c", code=2).output
