"""A pool that keeps order, survives dead workers and ends at once when stopped."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.execution import WorkerDied, run_all


def square(x: int) -> int:
    return x * x


def slow_first(x: int) -> int:
    time.sleep(0.3 if x == 0 else 0.0)
    return x


def fail_at_two(x: int) -> int:
    if x == 2:
        raise ValueError("two is not to be had")
    return x


def die_at_two(x: int) -> int:
    if x == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def die_once(marker: str) -> str:
    path = Path(marker)
    if path.suffix and not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def unpicklable(x: int) -> object:
    return lambda: x


class OddError(Exception):
    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


def raise_odd(x: int) -> int:
    raise OddError("this", "does not unpickle")


def threads(_: int) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def sleep_long(x: int) -> int:
    time.sleep(0 if x == 0 else 600)
    return x


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(jobs: int) -> None:
    assert list(run_all(square, range(7), jobs=jobs)) == [(i, i * i) for i in range(7)]
    assert list(run_all(square, [], jobs=jobs)) == []


def test_results_are_reported_as_they_finish_and_yielded_in_order() -> None:
    seen: list[int] = []
    order = [i for i, _ in run_all(slow_first, range(4), jobs=2, on_result=lambda i, _: seen.append(i))]
    assert order == [0, 1, 2, 3]
    assert sorted(seen) == order
    assert seen[0] != 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_exception_of_the_function_is_raised_and_finished_results_are_kept(jobs: int) -> None:
    kept: list[int] = []
    with pytest.raises(ValueError, match="two is not to be had"):
        list(run_all(fail_at_two, range(50), jobs=jobs, on_result=lambda i, _: kept.append(i)))
    # Item 2 is only given out once 0 or 1 is done; with two workers, which of them is a matter of who starts first.
    assert {0, 1} & set(kept)
    assert 2 not in kept
    assert len(kept) < 50


def test_an_item_that_kills_its_worker_twice_is_recorded_and_the_others_go_on() -> None:
    results = dict(run_all(die_at_two, range(5), jobs=2))
    assert results.pop(2) == WorkerDied("the worker process was killed by SIGKILL")
    assert results == {0: 0, 1: 1, 3: 3, 4: 4}


def test_an_item_whose_worker_died_once_is_done_again(tmp_path: Path) -> None:
    items = [str(tmp_path / "a"), str(tmp_path / "b.once"), str(tmp_path / "c")]
    assert [r for _, r in run_all(die_once, items, jobs=2)] == ["a", "b.once", "c"]


def test_stopping_early_ends_the_workers_at_once() -> None:
    start = time.monotonic()
    for _ in run_all(sleep_long, range(3), jobs=2):
        break
    assert time.monotonic() - start < 60
    assert not multiprocessing.active_children()


def test_ctrl_c_ends_the_workers_and_keeps_what_was_told() -> None:
    kept: list[int] = []

    def interrupt(i: int, _: object) -> None:
        kept.append(i)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_all(sleep_long, range(3), jobs=2, on_result=interrupt))
    assert kept == [0]
    assert not multiprocessing.active_children()


def test_results_that_cannot_travel_say_so() -> None:
    with pytest.raises(RuntimeError, match="cannot be sent between processes"):
        list(run_all(unpicklable, range(2), jobs=2))
    with pytest.raises(RuntimeError, match="cannot be sent between processes"):
        list(run_all(raise_odd, range(2), jobs=2))


def test_workers_have_one_thread_and_the_environment_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert [r for _, r in run_all(threads, range(2), jobs=2)] == ["1", "1"]
    assert "MKL_NUM_THREADS" not in os.environ


def test_fewer_than_one_job_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least 1, got 0"):
        run_all(square, [1], jobs=0)
