"""Kill a sweep of real trainings at random moments, continue it, and compare with the one that nobody killed.

    python analysis/30_kill_and_continue.py runs/kill-and-continue                    # both executors, 24 kills each
    python analysis/30_kill_and_continue.py runs/kill-and-continue --executors ray --kills 30 --seed 1

Protocol: 40 architectures drawn by default_rng(0) from nas-bench-graph, trained on wine for 10 epochs with seed 0, two
workers. The sweep is a process of its own. Kills are SIGKILL, drawn by the seed. In every life of it up to three
workers are hit in the middle of a training, and the sweep goes on; then the sweep itself is hit, once it has finished
none to three trainings more and up to a second later, or while it starts, and is begun again on the same folder. Every
begin and end of a training is noted beside the log, so that they can be counted:

- lost: trainings that were in the log at a kill and are not at the end
- repeated: trainings begun although they were in the log already
- twice: keys that the log holds more than once
- failed: trainings that are recorded as failed (a worker killed once is not one)
- different: values of the final table that differ from the unbroken sweep's, seconds left aside
- orphans: the longest that a process of a killed sweep lived on, in seconds
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import surrogate_nas as sn
from surrogate_nas.experiments import collect
from surrogate_nas.experiments.trainings import LOG_NAME

TASK, SAMPLE, EPOCHS, JOBS = "wine", 40, 10, 2
#: A process that begins when its sweep is killed first loads what it needs, on a busy machine for minutes.
PATIENCE_S = 600
#: Marks the processes of a sweep, whoever their parent is.
MARK = "SURROGATE_NAS_KILL_SWEEP"


class Noted:
    """A trainer that notes when a training begins and ends, in whichever process."""

    def __init__(self, trainer, notes):
        self.trainer, self.notes = trainer, notes

    def __getattr__(self, name):
        if name in ("trainer", "notes"):  # asked for while it is unpickled
            raise AttributeError(name)
        return getattr(self.trainer, name)

    def train_job(self, job, **options):
        """Train, with a line before and a line after."""
        self._note("begin", job)
        result = self.trainer.train_job(job, **options)
        self._note("end", job)
        return result

    def _note(self, what, job):
        line = f"{what} {os.getpid()} {self.trainer.space.format(job[0])[0]}\n"
        file = os.open(self.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(file, line.encode())
        os.close(file)


def sweep(folder, executor, notes):
    """The work itself."""
    space = sn.get_space("nas-bench-graph")
    rows = space.sample(SAMPLE, np.random.default_rng(0), unique=True)
    trainer = Noted(sn.Trainer(space=space, dataset=TASK, epochs=EPOCHS, device="cpu"), notes)
    return collect(trainer, rows, [0], run_dir=folder, jobs=JOBS, executor=executor)


def logged(folder):
    """Architectures in the log, and their records, in order."""
    path = folder / LOG_NAME
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []  # what a kill cut short has no end
    return [(record["architecture"], record) for record in map(json.loads, lines[1:])]


def noted(notes):
    """(what, process, architecture) of every line."""
    return [tuple(line.split(" ", 2)) for line in notes.read_text().splitlines()] if notes.exists() else []


def marked(mark):
    """Living processes with a mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            dead = (path / "stat").read_text().rpartition(")")[2].split()[0] in "XZ"
            if not dead and f"{MARK}={mark}".encode() in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
        except OSError:
            continue
    return found


def kill_worker(notes, spared):
    """Kill a worker that is training; returns what it trained."""
    begun = {}
    for what, process, architecture in noted(notes):
        if what == "begin":
            begun[process] = architecture
        else:
            begun.pop(process, None)
    for process, architecture in begun.items():
        if architecture not in spared and Path("/proc", process).exists():
            os.kill(int(process), signal.SIGKILL)
            return architecture
    return None


def session(folder, executor, number, plan):
    """One life of the sweep; ``plan`` says when who is killed. Returns what happened."""
    notes, mark = folder / f"notes-{number}.txt", f"{folder.name}-{number}-{os.getpid()}"
    before = {architecture for architecture, _ in logged(folder)}
    command = [sys.executable, __file__, str(folder), "--sweep", executor, str(notes)]
    with (folder / "errors.txt").open("ab") as errors:
        process = subprocess.Popen(command, env=os.environ | {MARK: mark}, stderr=errors)
    killed, main_killed, start, due = [], False, time.monotonic(), None
    while process.poll() is None:
        time.sleep(0.01)
        done = len(logged(folder)) - len(before)
        if not plan:
            continue
        who, after, delay = plan[0]
        if due is None and done >= after and (who == "sweep" or len(noted(notes)) > len(killed)):
            due = time.monotonic() + delay
        if after < 0:  # while it starts
            due = start + delay
        if due is None or time.monotonic() < due:
            continue
        if who == "sweep":
            process.kill()
            main_killed = True
        elif (architecture := kill_worker(notes, killed)) is None:
            continue
        else:
            killed.append(architecture)
        plan, due = plan[1:], None
    if process.wait() and not main_killed:
        raise SystemExit(f"the sweep ended by itself, see {folder / 'errors.txt'}")
    ended = time.monotonic()
    while marked(mark):
        time.sleep(0.02)
        if time.monotonic() - ended > PATIENCE_S:
            raise SystemExit(f"processes {marked(mark)} outlive their sweep")
    begun = [architecture for what, _, architecture in noted(notes) if what == "begin"]
    return {
        "main": main_killed,
        "workers": len(killed),
        "before": before,
        "begun": begun,
        "orphans_s": time.monotonic() - ended if main_killed else 0.0,
    }


def plan_of(rng):
    """Who is killed when in the next life: up to three workers, then the sweep."""
    if rng.random() < 0.15:
        return [("sweep", -1, float(rng.uniform(0, 4)))]
    after = np.sort(rng.integers(0, 4, size=rng.integers(1, 5)))
    workers = [("worker", int(n), float(rng.uniform(0, 0.3))) for n in after[:-1]]
    return [*workers, ("sweep", int(after[-1]), float(rng.uniform(0, 1)))]


def show(executor, folder, kills, seed):
    """Kill so many times, go on to the end, and print what was found."""
    rng, lives, counted = np.random.default_rng(seed), [], 0
    whole, broken = folder / f"{executor}-whole", folder / f"{executor}-broken"
    shutil.rmtree(broken, ignore_errors=True)
    for path in (whole, broken):
        path.mkdir(parents=True, exist_ok=True)
    if len(logged(whole)) < SAMPLE:
        session(whole, executor, 0, [])
    while counted < kills and len(logged(broken)) < SAMPLE:
        lives.append(session(broken, executor, len(lives), plan_of(rng)))
        counted += lives[-1]["main"] + lives[-1]["workers"]
    lives.append(session(broken, executor, len(lives), []))
    a, b = logged(whole), logged(broken)
    final = {architecture for architecture, _ in b}
    tables = [sweep(path, executor, path / "again.txt") for path in (whole, broken)]
    frames = [t.to_pandas().set_index("architecture").sort_index() for t in tables]
    compared = [c for c in frames[0].columns if "seconds" not in c]
    different = int((~np.isclose(frames[0][compared], frames[1][compared], rtol=0, atol=0, equal_nan=True)).sum())
    before = set().union(*(life["before"] for life in lives))
    figures = {
        "kills of the sweep": sum(life["main"] for life in lives),
        "of a worker": sum(life["workers"] for life in lives),
        "trainings": f"{len(b)} of {SAMPLE}",
        "begun": sum(len(life["begun"]) for life in lives),
        "lost": len(before - final),
        "repeated": sum(len(life["before"] & set(life["begun"])) for life in lives),
        "twice": len(b) - len(final),
        "failed": sum(record["status"] != "ok" for _, record in b),
        "different": f"{different} of {len(a) * len(compared)}",
        "orphans": f"{max(life['orphans_s'] for life in lives):.1f} s",
    }
    print(f"{executor}: " + ", ".join(f"{name} {value}" for name, value in figures.items()), flush=True)


def main():
    """Be the sweep, or kill it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--executors", nargs="+", default=["processes", "ray"])
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sweep", nargs=2, metavar=("EXECUTOR", "NOTES"), help="be the sweep that is killed")
    options = parser.parse_args()
    if options.sweep:
        executor, notes = options.sweep
        sweep(options.folder, executor, notes)
        return
    for executor in options.executors:
        show(executor, options.folder, options.kills, options.seed)


if __name__ == "__main__":
    main()
