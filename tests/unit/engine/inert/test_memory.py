"""Which key bounds a single body."""

from __future__ import annotations

import pytest

from portcullis.engine.config.load import load_configuration
from portcullis.engine.inert.memory import room_for_one

FILE = """\
listeners: {public: {bind: "127.0.0.1:1"}, behind: {bind: "127.0.0.1:2"PROXIES}}
process: {buffer_memory: 4000BSHARE}
apis: {shop: {hosts: ["*"], upstream: {targets: ["http://127.0.0.1:1"]}, versions: {v1: {spec: a.yaml}}, public: true}}
"""


@pytest.mark.parametrize(
    ("proxies", "share", "expected"),
    [
        ("", "", ("buffer_memory_per_address", 1000)),
        ("", ", buffer_memory_per_address: 3000B", ("buffer_memory_per_address", 3000)),
        (", trusted_proxies: [10.0.0.1]", "", ("buffer_memory", 4000)),
    ],
)
def test_a_client_has_a_share_and_a_trusted_proxy_all(proxies: str, share: str, expected: tuple[str, int]) -> None:
    text = FILE.replace("PROXIES", proxies).replace("SHARE", share)
    assert room_for_one(load_configuration(text, "p.yaml").configuration) == expected
