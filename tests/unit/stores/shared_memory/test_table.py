from __future__ import annotations

import pytest

from portcullis.stores.shared_memory.table import MAX_KEY, WAYS, SlotTable

SECRET = b"s" * 16


def test_a_table_has_at_least_the_slots_asked_for_in_whole_buckets() -> None:
    assert SlotTable(1, SECRET, "q").slots == WAYS
    assert SlotTable(WAYS + 1, SECRET, "q").slots == 2 * WAYS


def test_the_same_key_has_the_same_place_in_every_table_of_the_same_secret() -> None:
    first, second, other = SlotTable(1024, SECRET, "q"), SlotTable(1024, SECRET, "q"), SlotTable(1024, b"t" * 16, "q")
    assert first.place(b"alice")[:2] == second.place(b"alice")[:2]
    assert first.place(b"alice")[0] != other.place(b"alice")[0]
    assert first.place(b"alice")[0] != first.place(b"bob")[0]


def test_keys_spread_over_all_buckets() -> None:
    table = SlotTable(16 * WAYS, SECRET, "q")
    assert {table.place(b"%d" % number)[1] for number in range(500)} == set(range(0, 16 * WAYS, WAYS))


def test_a_tag_is_found_wherever_it_is_in_its_bucket_and_nowhere_else() -> None:
    table = SlotTable(4 * WAYS, SECRET, "q")
    tag, first, _ = table.place(b"alice")
    assert table.find(tag) is None
    for way in (0, 1, WAYS - 1):
        table.tags[first + way] = tag
        assert table.find(tag) == first + way
        table.tags[first + way] = 0
    table.tags[(first + WAYS) % table.slots] = tag
    assert table.find(tag) is None


def test_all_slots_with_a_tag_are_found() -> None:
    table = SlotTable(WAYS, SECRET, "q")
    for slot in (3, 4, 60):
        table.tags[slot] = 77
    assert list(table.find_all(77)) == [3, 4, 60]


def test_a_tag_that_only_shows_across_two_slots_is_not_there() -> None:
    table = SlotTable(WAYS, SECRET, "q")
    wanted = 0x1122334455667788
    straddling = wanted.to_bytes(8, "little")
    table.tags[5] = int.from_bytes(b"\0\0\0" + straddling[:5], "little")
    table.tags[6] = int.from_bytes(straddling[5:] + b"\0" * 5, "little")
    assert table.find(wanted) is None
    table.tags[9] = wanted
    assert list(table.find_all(wanted)) == [9]


def test_what_a_process_remembers_stays_small() -> None:
    table = SlotTable(WAYS, SECRET, "q")
    for number in range(20_000):
        table.place(b"%d" % number)
    assert len(table.places) <= 8192


def test_a_key_too_long_to_be_kept_is_refused() -> None:
    table = SlotTable(WAYS, SECRET, "q")
    table.place(b"k" * MAX_KEY)
    with pytest.raises(ValueError, match="512 bytes"):
        table.place(b"k" * (MAX_KEY + 1))
