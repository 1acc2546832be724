from __future__ import annotations

import pytest
from http2_faults import setting

from portcullis.mounts.http2.errors import ConnectionFaultError
from portcullis.mounts.http2.settings import read_settings


def test_the_last_of_a_setting_counts_and_unknown_ones_are_harmless():
    assert read_settings(setting(4, 1) + setting(4, 2) + setting(999, 3)) == {4: 2, 999: 3}
    assert read_settings(b"") == {}


def test_each_of_them_is_checked():
    with pytest.raises(ConnectionFaultError, match="ENABLE_PUSH is 0 or 1"):
        read_settings(setting(2, 7) + setting(2, 0))
