"""An operation as its settings find it."""

from __future__ import annotations

from portcullis.engine.config.model import OperationSettings
from portcullis.engine.inert.governed import Governed


def test_of_an_operation_that_is_not_there_yet_everything_is_open() -> None:
    governed = Governed(OperationSettings(), ())
    assert (governed.operation, governed.context) == (None, None)
    assert governed.has_body
    assert governed.has_scopes
