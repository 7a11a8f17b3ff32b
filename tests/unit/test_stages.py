"""Bounded stages: fixed cuts, order, bounds, errors, ends."""

import itertools
import random
import threading
import time

import pytest

from hornet.stages import run_staged


def staged(items, prepare=lambda item: item, run=None, **counts):
    """Run stages whose answers are the batches themselves."""
    return run_staged(
        items,
        prepare,
        run or (lambda batch: [batch]),
        **{"batch_size": 3, "workers": 2, "runs": 2, **counts},
    )


@pytest.fixture
def started():
    """Return what tells the stages' threads that a test has started and that are still there.

    Not those of other tests: a generator that one left half-read keeps its threads until it is collected.
    """
    before = set(threading.enumerate())
    return lambda: [
        thread for thread in set(threading.enumerate()) - before if thread.name.startswith("hornet-")
    ]


@pytest.mark.parametrize(("workers", "runs"), [(1, 1), (1, 4), (4, 1), (3, 2), (8, 8)])
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_batches_are_cut_by_place(workers, runs, count):
    """Whatever takes how long, and however many threads there are: the same batches, in order."""
    draw = random.Random(f"{workers} {runs} {count}")
    waits = [draw.choice((0, 0, 0.003)) for _ in range(count)]

    def prepare(item):
        time.sleep(waits[item])
        return -item

    def run(batch):
        time.sleep(draw.choice((0, 0.003)))
        return [batch]

    whole = [(item, -item) for item in range(count)]
    assert [whole[at : at + 3] for at in range(0, count, 3)] == [
        batch for (batch,) in staged(range(count), prepare, run, workers=workers, runs=runs)
    ]


def test_bounded():
    """Of an endless input only two batches for each run are read, though nobody takes answers."""
    read = []

    def endless():
        for number in itertools.count():
            read.append(number)
            yield number

    answers = staged(endless(), runs=2, batch_size=5)
    for taken in range(1, 6):
        next(answers)
        assert len(read) <= 5 * (2 * 2 + taken - 1)
    answers.close()


def test_as_many_runs_at_once_as_asked_for():
    """Two batches are run at the same time: each waits for the other."""
    both = threading.Barrier(2, timeout=30)

    def run(batch):
        both.wait()
        return batch

    assert 4 == len(list(staged(range(12), run=run, runs=2)))


def test_answers_do_not_wait_for_slow_items():
    """While further items come slowly, an answer that is there is handed over, not held back until a bound."""
    read = []

    def slow():
        for number in range(100):
            if number:
                time.sleep(0.1)
            read.append(number)
            yield number

    answers = staged(slow(), batch_size=1, runs=50)

    assert [[(0, 0)]] == next(answers)
    assert len(read) < 100
    answers.close()


@pytest.mark.parametrize("stage", ["read", "prepare", "run"])
def test_errors_come_at_their_place(stage, started):
    """What a stage raises ends the whole, after the answers of the batches before, and no thread stays."""

    def failing(item):
        if item == 7:
            raise ValueError("the seventh")
        return item

    items = range(100)
    answers = staged(
        map(failing, items) if stage == "read" else items,
        failing if stage == "prepare" else lambda item: item,
        (lambda batch: [failing(item) for item, _ in batch]) if stage == "run" else None,
        runs=1,
    )
    with pytest.raises(ValueError, match="the seventh"):
        list(answers)

    assert not started()


def test_closing_early(started):
    """Whoever has seen enough closes it: nothing further is prepared, and no thread stays."""
    prepared: list[int] = []
    answers = staged(itertools.count(), prepared.append)
    next(answers)
    answers.close()
    count = len(prepared)

    assert not started()
    assert count == len(prepared) < 30
