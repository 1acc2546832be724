from __future__ import annotations

from rows import rows

from portcullis.engine.grpc.answers import REPLACED, passed, shows_its_inside, status_in
from portcullis.engine.grpc.statuses import message_field

TRACE = message_field('Traceback (most recent call last):\n  File "a.py", line 1, in x\n')


@rows(("value", "status"), [(b"0", 0), (b"16", 16), (b"17", -1), (b"-1", -1), (b"x", -1), (b"007", -1), (b"", -1)])
def test_a_status_is_a_number_up_to_16(value, status):
    assert status_in([(b"x", b"1"), (b"grpc-status", value)]) == status
    assert status_in([]) == -1


def test_what_is_no_trace_passes_untouched():
    trailers = [(b"grpc-status", b"5"), (b"grpc-message", b"no such order")]
    assert passed(trailers) is trailers
    assert not shows_its_inside(trailers)


def test_a_trace_goes_and_its_details_with_it():
    trailers = [(b"grpc-status", b"13"), (b"grpc-message", TRACE), (b"grpc-status-details-bin", b"AA"), (b"x", b"1")]
    assert passed(trailers) == [(b"grpc-status", b"13"), (b"x", b"1"), (b"grpc-message", REPLACED)]
