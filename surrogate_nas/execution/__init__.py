"""Where evaluations run: in this process, in processes of this machine, or on a Ray cluster."""

from surrogate_nas.execution.executor import EXECUTORS, Executor, as_executor, executor_named, run_all, with_jobs
from surrogate_nas.execution.pool import Pool, WorkerDied, in_order
from surrogate_nas.execution.processes import LocalProcesses, WorkerPool, default_jobs
from surrogate_nas.execution.ray_pool import RayCluster
from surrogate_nas.execution.this_process import ThisProcess

__all__ = [
    "EXECUTORS",
    "Executor",
    "LocalProcesses",
    "Pool",
    "RayCluster",
    "ThisProcess",
    "WorkerDied",
    "WorkerPool",
    "as_executor",
    "default_jobs",
    "executor_named",
    "in_order",
    "run_all",
    "with_jobs",
]
