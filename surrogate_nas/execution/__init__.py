"""Where evaluations run: in this process, or in a pool of local processes."""

from surrogate_nas.execution.processes import WorkerDied, WorkerPool, default_jobs, run_all

__all__ = ["WorkerDied", "WorkerPool", "default_jobs", "run_all"]
