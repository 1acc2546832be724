from __future__ import annotations

import pytest

from portcullis.mounts.reverse_proxy.target import is_address


@pytest.mark.parametrize(
    ("protocols", "url", "shares"),
    [
        (["http/1.1"], "https://shop.internal", False),
        (["h2"], "https://shop.internal", True),
        (["h2", "http/1.1"], "https://shop.internal", None),
    ],
)
async def test_what_it_speaks_is_known_unless_it_may_choose(play, protocols, url, shares):
    target = play({"protocols": protocols, "targets": [url]}).gateway.pools["shop"].targets[0]
    assert target.shares is shares
    assert target.free() is None


async def test_a_port_is_the_schemes_unless_it_is_named(play):
    targets = play({"targets": ["https://a.internal", "http://127.0.0.1", "http://127.0.0.1:81"]}).gateway.pools
    assert [target.port for target in targets["shop"].targets] == [443, 80, 81]


def test_names_are_no_addresses():
    assert (is_address("2001:db8::1"), is_address("shop.internal")) == (True, False)
