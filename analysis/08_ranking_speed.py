"""How long it takes to learn across tasks, to adapt, and to rank a whole space.

    python analysis/08_ranking_speed.py

Protocol: learn from eight tasks of NAS-Bench-Graph (all but the first), adapt to 32 architectures of the
first, rank all 26,206; each step repeated, wall seconds as median and range, threads as the libraries set
them. Goal: ranking within 0.5 s on two cores.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

import surrogate_nas as sn
from surrogate_nas.experiments import sources_of

SUPPORT = 32


def seconds(function: Callable[[], object], repeats: int) -> str:
    """Median and range of the wall time."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return f"median {np.median(times):7.3f} s   range {min(times):.3f} to {max(times):.3f} s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    table = sn.load_table("nas-bench-graph")
    space, target = table.space, table.tasks[0]
    sources = sources_of(table, leave_out=target)
    X, y = table.data(task=target, split="val")
    some = np.random.default_rng(0).choice(len(X), SUPPORT, replace=False)
    meta = sn.MetaPredictor(space, random_state=0)
    print(f"learn across {len(sources)} tasks      {seconds(lambda: meta.fit(sources), 3)}")
    print(f"adapt to {SUPPORT} trainings        {seconds(lambda: meta.adapt(X[some], y[some]), options.repeats)}")
    learned = meta.adapt(X[some], y[some])
    print(f"rank {space.size:,}, across tasks  {seconds(lambda: learned.rank(top=10), options.repeats)}")
    scratch = sn.AutoPredictor(space, random_state=0)
    print(f"fit from scratch to {SUPPORT}       {seconds(lambda: scratch.fit(X[some], y[some]), options.repeats)}")
    print(f"rank {space.size:,}, from scratch  {seconds(lambda: scratch.rank(top=10), options.repeats)}")


if __name__ == "__main__":
    main()
