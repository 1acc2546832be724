from __future__ import annotations

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.serve.announcer import Announcer


def test_it_keeps_everything_to_itself(capfd) -> None:
    announcer = Announcer()
    announcer.ready({"public": "http://127.0.0.1:8080"})
    announcer.reloaded(2)
    announcer.failed([Diagnostic("p.yaml", 1, 1, "", "wrong")], kept=True)
    announcer.progress("shop.yaml", 1, 2)
    announcer.note("something")
    assert capfd.readouterr() == ("", "")
