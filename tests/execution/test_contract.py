"""The same work is done in the same way by every executor: order, exceptions, deaths, stopping."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.execution import EXECUTORS, Executor, RayCluster, WorkerDied, in_order, run_all


def square(x: int) -> int:
    return x * x


def first_waits(item: tuple[int, str]) -> int:
    """The first item is finished once another one is, however long that takes to start."""
    i, folder = item
    if i:
        Path(folder, str(i)).touch()
    else:
        while not any(Path(folder).iterdir()):
            time.sleep(0.01)
    return i


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


def unpicklable(x: int) -> Iterator[int]:
    return (x for _ in range(1))


class OddError(Exception):
    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


def raise_odd(x: int) -> int:
    raise OddError("this", "does not unpickle")


def threads(_: int) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def report_and_sleep(item: tuple[int, str]) -> int:
    i, folder = item
    Path(folder, str(os.getpid())).touch()
    time.sleep(0 if i == 0 else 600)
    return i


class Once:
    """Counts how often it is unpickled, in files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__dict__ = state
        (self.folder / f"{os.getpid()}-{time.monotonic_ns()}").touch()

    def __call__(self, x: int) -> int:
        return x


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Executor]:
    """Set up once for all tests."""
    cluster = RayCluster()
    with cluster.connected(2):
        yield cluster


SLOW_RAY = pytest.param("ray", marks=pytest.mark.slow)


def named(request) -> Executor:
    return request.getfixturevalue("ray_cluster") if request.param == "ray" else EXECUTORS[request.param]()


@pytest.fixture(params=["local", "processes", SLOW_RAY])
def executor(request) -> Executor:
    return named(request)


@pytest.fixture
def jobs(executor) -> int:
    return 2 if executor.parallel else 1


@pytest.fixture(params=["processes", SLOW_RAY])
def parallel(request) -> Executor:
    return named(request)


def running(pid: str) -> bool:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except OSError:
        return False


def test_results_come_in_the_order_of_the_items(executor, jobs) -> None:
    assert list(run_all(square, range(7), executor=executor, jobs=jobs)) == [(i, i * i) for i in range(7)]
    assert list(run_all(square, [], executor=executor, jobs=jobs)) == []


def test_results_are_reported_as_they_finish_and_yielded_in_order(parallel, tmp_path) -> None:
    seen: list[int] = []
    items = [(i, str(tmp_path)) for i in range(4)]
    results = run_all(first_waits, items, executor=parallel, jobs=2, on_result=lambda i, _: seen.append(i))
    assert [i for i, _ in results] == [0, 1, 2, 3]
    assert sorted(seen) == [0, 1, 2, 3]
    assert seen[0] != 0


def test_an_exception_of_the_function_is_raised_and_finished_results_are_kept(executor, jobs) -> None:
    kept: list[int] = []
    with pytest.raises(ValueError, match="^two is not to be had$"):
        list(run_all(fail_at_two, range(50), executor=executor, jobs=jobs, on_result=lambda i, _: kept.append(i)))
    # Item 2 is only given out once 0 or 1 is done; with two workers, which of them is a matter of who starts first.
    assert {0, 1} & set(kept)
    assert 2 not in kept
    assert len(kept) < 50


def test_an_item_that_kills_its_worker_twice_is_recorded_and_the_others_go_on(parallel) -> None:
    results = dict(run_all(die_at_two, range(5), executor=parallel, jobs=2))
    died = results.pop(2)
    assert isinstance(died, WorkerDied)
    assert died.reason.count("\n") == 0
    assert results == {0: 0, 1: 1, 3: 3, 4: 4}


def test_an_item_whose_worker_died_once_is_done_again(parallel, tmp_path) -> None:
    items = [str(tmp_path / "a"), str(tmp_path / "b.once"), str(tmp_path / "c")]
    assert [r for _, r in run_all(die_once, items, executor=parallel, jobs=2)] == ["a", "b.once", "c"]


def test_a_pool_is_used_again_and_counts_deaths_anew(parallel, tmp_path) -> None:
    with parallel.pool(die_once, 2) as pool:
        for i in range(3):
            assert [r for _, r in in_order(pool, [str(tmp_path / f"{i}.once")])] == [f"{i}.once"]


def test_a_pool_that_was_closed_begins_anew(executor, jobs) -> None:
    with executor.pool(fail_at_two, jobs) as pool:
        with pytest.raises(ValueError, match="two"):
            list(in_order(pool, [2, 2, 2]))
        assert list(in_order(pool, [3, 4])) == [(0, 3), (1, 4)]


@pytest.mark.parametrize("stop", [StopIteration, KeyboardInterrupt])
def test_stopping_ends_the_workers_at_once_and_keeps_what_was_told(parallel, tmp_path, stop) -> None:
    kept: list[int] = []

    def interrupt(i: int, _: object) -> None:
        kept.append(i)
        if stop is KeyboardInterrupt:
            raise stop

    start = time.monotonic()
    items = [(i, str(tmp_path)) for i in range(3)]
    results = run_all(report_and_sleep, items, executor=parallel, jobs=2, on_result=interrupt)
    if stop is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            list(results)
    else:
        next(results)
        results.close()
    assert kept == [0]
    workers = [path.name for path in tmp_path.iterdir()]
    while any(running(pid) for pid in workers):
        assert time.monotonic() - start < 60
        time.sleep(0.05)


def test_results_that_cannot_travel_say_so(parallel) -> None:
    with pytest.raises(RuntimeError, match="cannot be sent between processes"):
        list(run_all(unpicklable, range(2), executor=parallel, jobs=2))
    with pytest.raises(RuntimeError, match="cannot be sent between processes"):
        list(run_all(raise_odd, range(2), executor=parallel, jobs=2))


def test_work_that_cannot_travel_is_refused_in_one_line(parallel) -> None:
    generator = (x for x in range(3))
    with pytest.raises(InvalidInputError, match="expected items that can be sent to another process, got TypeError"):
        list(run_all(square, [generator], executor=parallel, jobs=2))
    with pytest.raises(InvalidInputError, match="expected a function that can be sent to another process"):
        list(run_all(generator.send, [1], executor=parallel, jobs=2))


def test_the_function_reaches_each_worker_once(parallel, tmp_path) -> None:
    assert [r for _, r in run_all(Once(tmp_path), range(20), executor=parallel, jobs=2)] == list(range(20))
    arrived = [path.name.split("-")[0] for path in tmp_path.iterdir()]
    assert len(arrived) == len(set(arrived)) <= 2


def test_workers_have_one_thread_and_the_environment_stays(parallel, monkeypatch) -> None:
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert [r for _, r in run_all(threads, range(2), executor=parallel, jobs=2)] == ["1", "1"]
    assert {"MKL_NUM_THREADS", "OMP_NUM_THREADS"}.isdisjoint(os.environ)
