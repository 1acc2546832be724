"""Who may call what, as other programs read it."""

from __future__ import annotations

import msgspec

from portcullis.control.access_answers import ConsumerAccess, Holder, OperationAccess, Reach


def test_only_what_there_is_is_said() -> None:
    access = OperationAccess("GET /a", "shop", "v1", "/a", "s.yaml:1", consumers=[ConsumerAccess("ann", password=True)])
    said = msgspec.to_builtins(access)
    assert said["consumers"] == [{"name": "ann", "password": True}]
    assert not said.keys() & {"anyone", "services", "refused", "roles"}


def test_what_is_said_can_be_read_again() -> None:
    holder = Holder("ann", "service", [], [], {}, [Reach("GET /a", "shop", "v1", "/a", ["k"])], 3)
    assert msgspec.json.decode(msgspec.json.encode(holder), type=Holder) == holder
