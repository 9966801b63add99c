"""GPUs go to workers in turn; no GPU is needed to know which."""

import pytest

from surrogate_nas.execution import LocalProcesses, in_order
from surrogate_nas.execution.gpus import VISIBLE, gpu_of, gpu_share, shared_gpus, visible_gpus


def test_all_gpus_are_shared_unless_fewer_are_visible() -> None:
    assert visible_gpus({}, 2) == ("0", "1")
    assert visible_gpus({VISIBLE: "3, GPU-5a"}, 2) == ("3", "GPU-5a")
    assert visible_gpus({VISIBLE: "3,7"}, 1) == ("3",)  # CUDA stops at the first that is not there
    assert visible_gpus({VISIBLE: ""}, 0) == visible_gpus({}, 0) == ()


def test_workers_take_turns() -> None:
    assert [gpu_of(worker, ("0", "1")) for worker in range(5)] == ["0", "1", "0", "1", "0"]
    assert gpu_of(3, ()) is None


@pytest.mark.parametrize("device", ["cpu", "cuda:0", "cuda:1"])
def test_a_device_that_is_named_is_left_alone(device) -> None:
    assert shared_gpus(device) == ()


@pytest.mark.parametrize("jobs", [*range(1, 40), 97])
@pytest.mark.parametrize("gpus", [1, 2, 3, 8])
def test_all_of_rays_workers_have_a_place(jobs, gpus) -> None:
    share = gpu_share(jobs, gpus)
    assert 0 < share <= 1
    steps = round(share * 10_000)
    assert steps == pytest.approx(share * 10_000)
    assert gpus * (10_000 // steps) >= jobs
    assert (10_000 // steps - 1) * gpus < jobs  # no GPU is left out


def test_no_gpu_no_share() -> None:
    assert gpu_share(4, 0.0) == 0.0


def seen(_: int) -> str | None:
    import os
    import time

    time.sleep(0.2)  # long enough for the other worker to take one too
    return os.environ.get(VISIBLE)


def test_a_worker_sees_its_own_gpu_only(monkeypatch) -> None:
    monkeypatch.setattr("surrogate_nas.execution.processes.shared_gpus", lambda device: ("4", "6"))
    with LocalProcesses().pool(seen, 2, device="auto") as pool:
        assert {answer for _, answer in in_order(pool, range(4))} == {"4", "6"}
