"""Which executor is meant, and the errors for those that cannot be."""

import pytest

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.execution import (
    LocalProcesses,
    RayCluster,
    ThisProcess,
    as_executor,
    default_jobs,
    executor_named,
    run_all,
)


def test_by_default_several_jobs_are_processes() -> None:
    assert as_executor(None, 1) == ThisProcess()
    assert as_executor(None, 2) == LocalProcesses()
    assert as_executor("ray", 2) == RayCluster()
    assert as_executor(RayCluster("auto"), 2) == RayCluster("auto")


@pytest.mark.parametrize(
    ("name", "address", "jobs", "expected"),
    [
        (None, None, 1, (ThisProcess(), 1)),
        (None, None, 3, (LocalProcesses(), 3)),
        ("local", None, None, (ThisProcess(), 1)),
        ("processes", None, 1, (LocalProcesses(), 1)),
        ("processes", None, None, (LocalProcesses(), default_jobs())),
        ("ray", None, None, (RayCluster(), default_jobs())),
        ("ray", "head:6379", 8, (RayCluster("head:6379"), 8)),
        (None, "head:6379", 8, (RayCluster("head:6379"), 8)),
    ],
)
def test_options_of_the_command_line(name, address, jobs, expected) -> None:
    assert executor_named(name, address, jobs) == expected


def test_wrong_choices_are_refused_in_one_line() -> None:
    with pytest.raises(InvalidInputError, match="jobs: expected a number of processes of at least 1, got 0"):
        run_all(abs, [1], jobs=0)
    with pytest.raises(InvalidInputError, match="--jobs: expected a number of processes of at least 1, got -1"):
        executor_named("ray", None, -1)
    with pytest.raises(InvalidInputError, match="jobs: expected 1 in this process, got 2; take the executor processes"):
        run_all(abs, [1], jobs=2, executor="local")
    with pytest.raises(UnknownNameError, match="unknown executor 'rays': expected one of local, processes, ray; did"):
        run_all(abs, [1], executor="rays")
    with pytest.raises(InvalidInputError, match="expected one of local, processes, ray, or an executor, got 3"):
        as_executor(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="--address: expected none with --executor processes, got 'a:1'"):
        executor_named("processes", "a:1", 2)
