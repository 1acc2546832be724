from __future__ import annotations

from portcullis.engine.cel.types import BOOL, DYN, INT, STRING, TIMESTAMP, list_of, map_of
from portcullis.engine.cel.values import Timestamp


def test_a_type_says_which_python_type_its_values_have() -> None:
    assert [each.kind for each in (BOOL, INT, STRING, TIMESTAMP, DYN)] == [bool, int, str, Timestamp, None]
    assert (list_of(STRING).kind, list_of(STRING).item) == (list, str)
    assert (map_of(STRING, DYN).kind, map_of(STRING, DYN).item) == (dict, None)
    assert STRING.item is None


def test_a_type_is_written_as_cel_does() -> None:
    assert str(map_of(STRING, list_of(INT))) == "map(string, list(int))"
    assert str(DYN) == "dyn"
