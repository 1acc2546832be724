from __future__ import annotations

from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode, StreamFaultError


def test_the_codes_are_those_of_the_registry():
    assert [code.value for code in ErrorCode] == list(range(14))
    assert ErrorCode(0xB).name == "ENHANCE_YOUR_CALM"


def test_faults_say_what_the_peer_is_told():
    fault = StreamFaultError(5, ErrorCode.CANCEL, "why")
    assert (fault.stream_id, fault.code, str(fault)) == (5, ErrorCode.CANCEL, "why")
    assert str(ConnectionFaultError(ErrorCode.NO_ERROR, "why")) == "why"
