from __future__ import annotations

import pytest

from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.http2.windows import ReceiveWindow, WindowError, moved, opened


def test_a_window_opens_by_what_the_peer_says():
    assert opened(-5, 10) == 5
    assert moved(10, -30) == -20
    assert moved(0, 2**31 - 1) == 2**31 - 1


def test_nothing_and_too_much_are_errors():
    with pytest.raises(WindowError) as caught:
        opened(10, 0)
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR
    with pytest.raises(WindowError) as caught:
        opened(1, 2**31 - 1)
    assert caught.value.code is ErrorCode.FLOW_CONTROL_ERROR


def test_credit_is_given_in_steps_of_half_the_window():
    window = ReceiveWindow(100)
    window.receive(100)
    assert window.credit(49) == 0
    assert window.credit(1) == 50
    window.receive(50)
    with pytest.raises(WindowError):
        window.receive(1)
