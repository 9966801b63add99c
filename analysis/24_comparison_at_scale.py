"""A whole comparison: what it costs, what it says, and that it survives being killed (GOALS D 3).

Protocol. NAS-Bench-Graph, all nine tasks, validation score, 150 evaluations in batches of one, seeds 0 to 99, twelve
strategies; two processes of one thread each. CPU time is that of each run as `compare` records it (`time.process_time`
around making the strategy and searching, plus its share of putting runs into tables; what a strategy learns across
tasks counts to the run that needs it first, hence the median), so other work on the machine
counts only as far as it slows the processor down. Goals: model-free strategies under 60 us of CPU per evaluation,
model-based ones under 1.5 s of CPU per run of 150, everything within 90 minutes. Statistics: blocks are the tasks,
seeds are averaged first; intervals resample tasks, then seeds.

With --kill N the comparison is done twice: unbroken, and killed (SIGKILL to the whole process group) at N moments drawn
at random, continued each time. Both must leave the same comparison.parquet, byte for byte. The moments are drawn from
the length of the unbroken run, so that they fall anywhere in it.

    python analysis/24_comparison_at_scale.py                                    # the whole grid: up to 90 minutes
    python analysis/24_comparison_at_scale.py --seeds 5 --strategies random,regularized-evolution --kill 2
"""

import argparse
import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import surrogate_nas as sn
from surrogate_nas.experiments import statistics
from surrogate_nas.experiments.catalogue import list_strategies
from surrogate_nas.experiments.comparing.comparison import FILE_NAME

BUDGET, SEEDS, JOBS = 150, 100, 2
GOAL_US, GOAL_S, GOAL_MINUTES = 60.0, 1.5, 90.0

#: Without a model: judged by CPU per evaluation.
MODEL_FREE = (
    "random", "regularized-evolution", "local-search", "steady-state-evolution", "genetic-algorithm",
    "simulated-annealing", "reinforce", "monte-carlo-tree-search", "hybrid",
)  # fmt: skip

#: With one: judged by CPU per run. What learns across tasks is not here: it hardly depends on the seed and costs
#: twenty seconds per run; analysis/26 is its place.
MODEL_BASED = ("bayesian-optimization", "bananas", "npenas")

#: Columns of the summary that are printed.
SHOWN = ["rank", "regret", "regret_low", "regret_high", "median", "area", "reached", "evaluations"]


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [name for name in MODEL_FREE + MODEL_BASED if name in list_strategies()]
    parser.add_argument("--strategies", default=",".join(known), help="names, with commas between")
    parser.add_argument("--tasks", default="", help="names, with commas between; default: all")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--run-dir", type=Path, help="folder to keep runs in; default: a temporary one")
    parser.add_argument("--kill", type=int, default=0, metavar="N", help="kill it N times and compare the outcome")
    parser.add_argument("--quiet", action="store_true", help="only do the runs, print nothing")
    return parser.parse_args()


def run(arguments: argparse.Namespace, folder: Path) -> sn.Comparison:
    """The comparison, continued where the folder has some of it."""
    table = sn.load_table("nas-bench-graph")
    tasks = arguments.tasks.split(",") if arguments.tasks else table.tasks
    return sn.compare(
        arguments.strategies.split(","),
        {task: sn.TableObjective(table, task=task) for task in tasks},
        budget=arguments.budget,
        seeds=arguments.seeds,
        n_jobs=arguments.jobs,
        run_dir=folder,
    )


def tell_costs(comparison: sn.Comparison, budget: int) -> None:
    """CPU by strategy against the goals."""
    print(f"\nCPU by strategy, runs of {budget} evaluations; the goals are per evaluation or, with a model, per run")
    head = f"{'us per evaluation':>19}{'worst task':>12}{'s per run':>12}{'median':>9}{'longest':>9}"
    print(f"  {'strategy':<26}{head}  goal")
    for strategy, runs in comparison.timings.groupby("strategy", sort=False):
        mean, worst = runs["cpu_s"].mean(), runs.groupby("task")["cpu_s"].mean().max()
        if strategy in MODEL_FREE:
            goal = f"{GOAL_US:.0f} us: {'reached' if worst / budget * 1e6 < GOAL_US else 'missed'}"
        else:
            goal = f"{GOAL_S} s: {'reached' if worst < GOAL_S else 'missed'}"
        each = (mean / budget * 1e6, worst / budget * 1e6, mean, runs["cpu_s"].median(), runs["cpu_s"].max())
        print(f"  {strategy:<26}{each[0]:>19.1f}{each[1]:>12.1f}{each[2]:>12.3f}{each[3]:>9.3f}{each[4]:>9.3f}  {goal}")


def tell_statistics(comparison: sn.Comparison) -> None:
    """Ranks, regret, evaluations to the best 0.1%, and tests."""
    with pd.option_context("display.width", 200, "display.max_columns", 30, "display.float_format", "{:.3f}".format):
        print("\nMean regret over tasks, 1 = one random architecture, 0 = best known; evaluations to the best 0.1%")
        print(comparison.summary()[SHOWN])
        test = statistics.average_ranks(comparison.frame)
        print(
            f"Friedman over {test.blocks} tasks: p = {test.p_value:.2g}; mean ranks that differ by less than "
            f"{test.critical_difference:.2f} are not told apart (Nemenyi)"
        )
        print("\nEvaluations until one of the best 0.1%, by task (a run that found none counts as budget + 1)")
        hits = statistics.evaluations_to_target(comparison.frame, comparison.tasks)
        print(hits.pivot_table(index="strategy", columns="task", values="mean", observed=True, sort=False))
    if not comparison.failures.empty:
        print(f"\nFailed runs:\n{comparison.failures.groupby(['strategy', 'message']).size()}")


def report(arguments: argparse.Namespace, folder: Path) -> None:
    """Do the comparison and print what it cost and what it says."""
    begin = time.perf_counter()
    comparison = run(arguments, folder)
    wall = time.perf_counter() - begin
    begin = time.perf_counter()
    loaded = sn.Comparison.load(folder)
    reading = time.perf_counter() - begin
    total = comparison.timings["cpu_s"].sum()
    print(
        f"{loaded.frame['strategy'].nunique()} strategies x {loaded.frame['task'].nunique()} tasks x {arguments.seeds} "
        f"seeds x {arguments.budget} evaluations = {len(loaded.frame):,} rows, {arguments.jobs} processes"
    )
    size = (folder / FILE_NAME).stat().st_size / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    reached = "reached" if wall < 60 * GOAL_MINUTES else "missed"
    print(f"wall time {wall / 60:.1f} min (goal {GOAL_MINUTES:.0f}: {reached}), CPU of all runs {total / 60:.1f} min")
    print(f"comparison.parquet: {size:.1f} MB, read in {reading:.2f} s; peak memory of this process {memory:.2f} GB")
    tell_costs(comparison, arguments.budget)
    tell_statistics(comparison)


def survive(arguments: argparse.Namespace, folder: Path) -> None:
    """Kill it again and again, continue, and compare with the unbroken one."""
    names = ("strategies", "tasks", "seeds", "budget", "jobs")
    given = [f"--{name}={getattr(arguments, name)}" for name in names]

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, __file__, *given, "--quiet", f"--run-dir={folder / name}"]
        return subprocess.Popen(command, start_new_session=True)

    begin = time.perf_counter()
    if start("unbroken").wait():
        raise SystemExit("the unbroken run failed")
    whole = time.perf_counter() - begin
    print(f"unbroken: {whole:.1f} s")
    moments = np.sort(np.random.default_rng(0).uniform(0, whole, arguments.kill))
    for n, moment in enumerate(np.diff(moments, prepend=0.0), 1):
        process = start("killed")
        try:
            process.wait(timeout=moment)
            said = "had ended before"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            said = "killed"
        parts = len(list((folder / "killed").glob("parts/*/*/[0-9]*.parquet")))
        print(f"kill {n}: {said} after {moment:.1f} s more, {parts} cells were finished")
    if start("killed").wait():
        raise SystemExit("the continued run failed")
    sums = [hashlib.sha256((folder / name / FILE_NAME).read_bytes()).hexdigest() for name in ("unbroken", "killed")]
    print(f"comparison.parquet: {'the same, byte for byte' if sums[0] == sums[1] else 'DIFFERENT'} ({sums[0][:16]})")
    if sums[0] != sums[1]:
        raise SystemExit(1)


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.run_dir or Path(temporary)
        if arguments.quiet:
            run(arguments, folder)
        elif arguments.kill:
            survive(arguments, folder)
        else:
            report(arguments, folder)


if __name__ == "__main__":
    main()
