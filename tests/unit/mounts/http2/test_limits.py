from __future__ import annotations

from portcullis.mounts.http2.limits import Limits


def test_a_block_is_looked_at_up_to_twice_what_a_head_may_have():
    assert Limits(head_bytes=1024).block_bytes == 64 * 1024
    assert Limits(head_bytes=100_000).block_bytes == 200_000
