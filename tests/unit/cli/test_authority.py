from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from portcullis.cli.certs import app
from portcullis.control.certificates.authority_files import domains_before

INIT = ["authority", "init", "mesh", "--root", "offline", "--out", "ca", "--domain", "shop.internal"]


def run(folder: Path, *argv: str) -> tuple[int, str]:
    import os

    before = Path.cwd()
    os.chdir(folder)
    try:
        done = CliRunner().invoke(app, list(argv))
    finally:
        os.chdir(before)
    return done.exit_code, done.output


def test_an_authority_is_made_and_renewed(tmp_path: Path) -> None:
    code, said = run(tmp_path, *INIT)
    assert code == 0
    assert said.startswith("root: offline/root.pem, ends 20")
    assert "Take offline/root.key offline" in said
    assert run(tmp_path, "authority", "renew", "mesh", "--root", "offline", "--out", "ca")[0] == 0
    assert domains_before("mesh", tmp_path / "ca") == ["shop.internal"], "unless others are said"
    argv = ["authority", "renew", "mesh", "--root", "offline", "--out", "ca", "--domain", "pay.internal"]
    assert run(tmp_path, *argv)[0] == 0
    assert domains_before("mesh", tmp_path / "ca") == ["pay.internal"]


def test_what_is_in_the_way_is_told(tmp_path: Path) -> None:
    run(tmp_path, *INIT)
    code, said = run(tmp_path, *INIT)
    assert (code, "is there already" in said) == (1, True)
    code, said = run(tmp_path, "authority", "renew", "mesh", "--root", "nowhere", "--out", "ca")
    assert (code, "nowhere/root.pem: No such file" in said) == (1, True)
    argv = ["issue", "no.csr", "--certificate", "ca/mesh.pem", "--key", "ca/mesh.key", "--name", "a"]
    code, said = run(tmp_path, *argv)
    assert (code, "no.csr: No such file" in said) == (1, True)
