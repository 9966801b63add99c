"""How GPUs are shared out among workers. A worker sees the ones it was given and no others."""

import math
import os
from collections.abc import Mapping

#: Which GPUs a process sees, by position or by name, with commas between; CUDA reads it when it is first used.
VISIBLE = "CUDA_VISIBLE_DEVICES"

#: Devices that mean "a GPU, whichever": a worker is given one. Any other name means what it says.
_SHARED = ("auto", "cuda")

#: Ray counts shares of a GPU in steps of this.
_STEPS_PER_GPU = 10_000


def shared_gpus(device: str) -> tuple[str, ...]:
    """The GPUs that workers on this machine share, as this process would name them to CUDA.

    Args:
        device: What the work asks for: "auto" and "cuda" share all there are, any other device shares none.
    """
    if device not in _SHARED:
        return ()
    import torch

    return visible_gpus(os.environ, torch.cuda.device_count())


def visible_gpus(environment: Mapping[str, str], count: int) -> tuple[str, ...]:
    """Names of the GPUs that a process sees.

    Args:
        environment: Its environment.
        count: How many CUDA finds there.
    """
    listed = [name.strip() for name in environment.get(VISIBLE, "").split(",") if name.strip()]
    return tuple((listed or [str(i) for i in range(count)])[:count])


def gpu_of(worker: int, gpus: tuple[str, ...]) -> str | None:
    """The GPU of a worker: in turn, so that they are shared evenly; None where there are none.

    Args:
        worker: Position of the worker, from 0.
        gpus: All GPUs.
    """
    return gpus[worker % len(gpus)] if gpus else None


def gpu_share(jobs: int, gpus: float) -> float:
    """Which share of a GPU each of so many workers can have so that all of them run at once, at most one.

    Args:
        jobs: Number of workers.
        gpus: Number of GPUs.
    """
    if gpus < 1:
        return 0.0
    # Rounded down: a share that Ray rounds up would leave the last worker without a place.
    return (_STEPS_PER_GPU // math.ceil(jobs / int(gpus))) / _STEPS_PER_GPU
