from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from portcullis.serve.generations import GENERATIONS_AT_A_TIME, MAX_WORKERS, Generation, Generations, indices_of
from portcullis.serve.link import Link, Message
from portcullis.stores.shared_memory.connections import MAX_WORKERS as MOST_INDICES

LOADED: Any = object()


class Made:
    def __init__(self) -> None:
        self.links: list[Link] = []

    def __call__(self, number: int, slot: int = 0, workers: int = 2) -> Generation:
        one, other = Link.pair()
        self.links += (one, other)
        return Generation(number, 1000 + number, one, workers, slot, LOADED, 0.0)


@pytest.fixture
def make() -> Iterator[Made]:
    made = Made()
    yield made
    for link in made.links:
        link.close()


def test_a_generation_serves_when_all_its_workers_do(make: Made) -> None:
    generation = make(1)
    assert not generation.serves
    generation.take(Message("ready", worker=0), 1.0)
    generation.take(Message("ready", worker=1), 1.0)
    assert generation.serves
    generation.take(Message("worker_lost", worker=1), 1.0)
    assert not generation.serves
    assert generation.lost == 1


def test_a_generation_accepts_until_each_of_its_workers_has_retired(make: Made) -> None:
    generation = make(1)
    generation.take(Message("retired", worker=0), 1.0)
    generation.take(Message("retired", worker=0), 1.0)
    assert generation.accepts
    generation.take(Message("retired", worker=1), 1.0)
    assert not generation.accepts


def test_the_coming_generation_takes_over_and_the_one_before_it_drains(make: Made) -> None:
    generations = Generations()
    first, second = make(1), make(2, slot=1)
    generations.coming = first
    assert generations.take_over() is None
    generations.coming = second
    assert list(generations) == [first, second]
    assert generations.take_over() is first
    assert (generations.current, generations.coming, generations.draining) == (second, None, [first])
    assert repr(generations) == "<Generations current=2 coming=None draining=[1]>"


def test_a_generation_that_is_given_up_drains(make: Made) -> None:
    generations = Generations()
    generations.current, generations.coming = make(1), make(2, slot=1)
    given_up = generations.coming
    assert generations.give_up() is given_up
    assert generations.coming is None
    assert generations.draining == [given_up]
    assert generations.give_up() is None


def test_generations_are_found_by_process_and_by_line(make: Made) -> None:
    generations = Generations()
    generations.current, generations.coming = make(1), make(2)
    generations.draining = [make(3)]
    for generation in generations:
        assert generations.of_process(generation.process) is generation
        assert generations.of_descriptor(generation.link.fileno()) is generation
    assert generations.of_process(1) is None
    assert generations.of_descriptor(0) is None


def test_one_that_is_gone_is_removed_whatever_it_was(make: Made) -> None:
    generations = Generations()
    every = [make(1), make(2), make(3)]
    generations.current, generations.coming = every[0], every[1]
    generations.draining = [every[2]]
    for generation in every:
        generations.remove(generation)
    assert list(generations) == []


def test_no_two_workers_that_live_have_the_same_index() -> None:
    indices = [index for slot in range(GENERATIONS_AT_A_TIME) for index in indices_of(slot, MAX_WORKERS)]
    assert len(set(indices)) == len(indices) == GENERATIONS_AT_A_TIME * MAX_WORKERS
    assert max(indices) < MOST_INDICES


def test_a_slot_is_free_when_its_generation_has_ended(make: Made) -> None:
    generations = Generations()
    for slot in range(GENERATIONS_AT_A_TIME):
        assert generations.free_slot(0.0) == slot
        generations.draining.append(make(slot, slot=slot))
    assert generations.free_slot(0.0) is None
    assert generations.next_free(0.0) is None
    generations.remove(generations.draining[3])
    assert generations.free_slot(0.0) == 3


def test_a_slot_whose_workers_may_still_live_rests(make: Made) -> None:
    generations = Generations()
    generations.current = make(1, slot=0)
    generations.remove(generations.current, rest_until=35.0)
    assert generations.free_slot(10.0) == 1
    assert generations.next_free(10.0) == 35.0
    assert generations.free_slot(35.0) == 0
    assert generations.next_free(35.0) is None
    generations.current = make(2, slot=0)
    generations.remove(generations.current)
    assert generations.free_slot(10.0) == 0
