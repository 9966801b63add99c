"""Worker processes end with the process that they work for."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from surrogate_nas.execution import WorkerDied, WorkerPool

PARENT = """
import os, sys, time
from pathlib import Path
from surrogate_nas.execution import run_all

def work(folder):
    Path(folder, str(os.getpid())).touch()
    while True:
        time.sleep(0.05)

if __name__ == "__main__":
    list(run_all(work, sys.argv[1:] * 2, jobs=2))
"""


def kill_self(_: int) -> None:
    signal.raise_signal(signal.SIGKILL)


def leave(code: int) -> None:
    sys.exit(code)


def running(pid: str) -> bool:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except OSError:
        return False


def reason(function, item: int) -> str:
    with WorkerPool(function, 1) as pool:
        pool.submit(7, item)
        answers = [*pool.finished(), *pool.finished()]
    ((ticket, died),) = answers
    assert ticket == 7
    assert isinstance(died, WorkerDied)
    return died.reason


def test_how_a_worker_died_is_told() -> None:
    assert reason(kill_self, 0) == "the worker process was killed by SIGKILL"
    assert reason(leave, 3) == "the worker process ended by itself with exit code 3"


def test_workers_do_not_outlive_a_killed_parent(tmp_path) -> None:
    script, folder = tmp_path / "parent.py", tmp_path / "workers"
    script.write_text(PARENT, encoding="utf-8")
    folder.mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(folder)])
    deadline = time.monotonic() + 60
    while len(workers := [path.name for path in folder.iterdir()]) < 2:
        assert time.monotonic() < deadline
        assert parent.poll() is None
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    while any(running(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.02)
