from __future__ import annotations

from pathlib import Path

import pytest

from portcullis.control.certificates import client
from portcullis.control.certificates.client import TIMEOUT_S, ask_gateway
from portcullis.control.certificates.orders import Renewed
from portcullis.control.control_client import ControlClient, NoControlProcess
from portcullis.control.gateway_access import UnusableFile


def test_a_gateway_that_does_not_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("listeners: {}")
    with pytest.raises(NoControlProcess):
        ask_gateway(tmp_path / "p.yaml", "shop", "renew")
    with pytest.raises(UnusableFile):
        ask_gateway(tmp_path / "none.yaml", "shop", "renew")


def test_orders_have_time_and_names_are_no_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Control(ControlClient):
        def ask(self, *given: object, **options: object) -> Renewed:  # type: ignore[override]
            asked.extend([*given, options])
            return Renewed("shop", "ab", 1.0)

    monkeypatch.setattr(client, "ControlClient", Control)
    monkeypatch.setattr(client, "listens", lambda _: True)
    (tmp_path / "p.yaml").write_text("listeners: {}")
    assert ask_gateway(tmp_path / "p.yaml", "../x", "revoke", "superseded").serial == "ab"
    assert asked == [
        "POST", "/v1/certificates/..%2Fx/revoke", Renewed, {"reason": "superseded"}, {"timeout": TIMEOUT_S}
    ]  # fmt: skip
