from __future__ import annotations

from portcullis.engine.token_service.random_ids import new_id


def test_no_two_are_the_same_and_all_can_be_written_anywhere() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(len(each) == 22 and each.replace("-", "").replace("_", "").isalnum() for each in made)
