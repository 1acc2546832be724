from __future__ import annotations

import pytest

from portcullis.control.relations.orders import InvalidTuples, read_tuples


def test_tuples_are_read_and_the_first_that_is_none_is_quoted() -> None:
    assert [str(each) for each in read_tuples(["order:1#owner@user:a"])] == ["order:1#owner@user:a"]
    with pytest.raises(InvalidTuples, match="'order:1': a tuple is written"):
        list(read_tuples(["order:1#owner@user:a", "order:1"]))
    with pytest.raises(InvalidTuples) as error:
        list(read_tuples(["x" * 5000]))
    assert len(error.value.detail) < 400
