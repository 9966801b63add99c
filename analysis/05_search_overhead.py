"""What a search costs and finds, for the strategies that need no predictor.

Protocol. (1) Overhead: NAS-Bench-Graph, validation score of each task, 150 evaluations in batches of one, 20 seeds;
CPU time (`time.process_time`) of the whole search, table look-ups included, and of `ask` and `tell` alone. Each run is
timed five times and the least counts, since other work on the machine only adds. Goal: under 60 us per evaluation.
(2) Regret: NAS-Bench-201, all 15,625 rows (twins are rows of their own), validation accuracy on CIFAR-10 after 200
epochs, 100 seeds, nothing known beforehand, no row twice; mean and 95% bootstrap interval of (best there is - best
found) after n evaluations, in percentage points. Beside it the mean number of evaluations until one of the best 0.1%
(16 rows) and until the best is found; for random search without repeats that is (15,625 + 1) / (k + 1) for k such
rows. Part (2) needs the published table in the folder named by SURROGATE_NAS_DATA.

    python analysis/05_search_overhead.py
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import surrogate_nas as sn
from surrogate_nas.core.statistics import bootstrap_mean
from surrogate_nas.experiments.objectives import TableObjective
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.strategies import Exhaustive, RandomSearch, RegularizedEvolution, Strategy

Factory = Callable[..., Strategy]

STRATEGIES: dict[str, Factory] = {
    "exhaustive": Exhaustive,
    "random": RandomSearch,
    "regularized evolution": RegularizedEvolution,
}
GOAL_US = 60.0
BUDGET = 150
STEPS = np.array([25, 50, 100, 150, 300])
SEEDS = 100

#: NASLib's own code on this table, 10 seeds, about 50 ms of CPU per evaluation.
PEERS = {
    "NASLib: random": (1.43, 0.97, 0.78, 0.75, 0.58),
    "NASLib: regularized evolution": (1.43, 0.80, 0.42, 0.24, 0.08),
    "NASLib: local search": (0.99, 0.59, 0.33, 0.24, 0.24),
    "NASLib: BANANAS (xgb)": (1.32, 0.68, 0.31, 0.30, 0.19),
    "NASLib: NPENAS (xgb)": (1.26, 0.49, 0.33, 0.31, 0.16),
}


def cpu_per_evaluation(run: Callable[[int], object]) -> float:
    """CPU time in us per evaluation: least of five repetitions per seed, mean over seeds."""
    run(0)
    return float(np.mean([min(cpu_seconds(run, seed) for _ in range(5)) for seed in range(20)])) / BUDGET * 1e6


def cpu_seconds(run: Callable[[int], object], seed: int) -> float:
    """CPU time of one run."""
    begin = time.process_time()
    run(seed)
    return time.process_time() - begin


def whole_search(make: Factory, objective: TableObjective, seed: int) -> None:
    """One search on a table."""
    search(objective, make(objective.space, random_state=seed), budget=BUDGET)


def ask_and_tell(make: Factory, space: sn.SearchSpace, scores: np.ndarray, seed: int) -> None:
    """The same without an objective: scores by position in the space."""
    strategy = make(space, random_state=seed)
    for _ in range(BUDGET):
        x = strategy.ask(1).X
        strategy.tell(x, scores[space.index(x)])


def overhead() -> None:
    """Print part (1)."""
    table = sn.load_table("nas-bench-graph")
    scores = np.random.default_rng(0).normal(size=table.space.size)
    print(f"CPU per evaluation on {table.name}, {BUDGET} evaluations in batches of 1, 20 seeds per task, in us")
    for name, make in STRATEGIES.items():
        whole = {
            task: cpu_per_evaluation(partial(whole_search, make, TableObjective(table, task=task)))
            for task in table.tasks
        }
        worst = max(whole, key=lambda task: whole[task])
        alone = cpu_per_evaluation(partial(ask_and_tell, make, table.space, scores))
        mean = float(np.mean(list(whole.values())))
        print(
            f"  {name:<22} whole search {mean:5.1f} (worst task {worst}: {whole[worst]:.1f})   "
            f"ask and tell alone {alone:5.1f}   "
            f"goal under {GOAL_US:.0f}: {'reached' if whole[worst] < GOAL_US else 'missed'}"
        )


def nas_bench_201(folder: Path) -> TableObjective:
    """The published validation accuracies as an objective."""
    frame = pd.read_parquet(folder / "nas-bench-201.parquet")
    columns = {"cifar10-val-200ep": sn.Column("cifar10", "accuracy", "val", 200, unit="%")}
    space = sn.get_space("nas-bench-201")
    return TableObjective(
        sn.Table.from_frame(frame, space=space, arch_column="arch_str", columns=columns), task="cifar10"
    )


def evaluations_until(objective: TableObjective, strategy: Strategy, targets: list[float]) -> list[int]:
    """How many evaluations it takes until a score reaches each target; targets ascending."""
    strategy.restrict(allowed=objective.measured, key=objective.key)
    found: list[int] = []
    n = 0
    while len(found) < len(targets):
        X = strategy.ask(1).X
        scores = objective.evaluate(X).scores
        strategy.tell(X, scores)
        n += 1
        while len(found) < len(targets) and scores[0] >= targets[len(found)]:
            found.append(n)
    return found


def regrets(objective: TableObjective) -> None:
    """Print part (2)."""
    values = np.sort(objective.evaluate(objective.space.enumerate()).scores)
    n_best = int(np.ceil(len(values) / 1000))
    targets = [float(values[-n_best]), float(values[-1])]
    print(f"\nMean regret on NAS-Bench-201, CIFAR-10 validation accuracy after 200 epochs, in % points, {SEEDS} seeds")
    print(f"  {'evaluations':<30}" + "".join(f"{n:>18}" for n in STEPS) + f"   to best {n_best}   to the best")
    for name, make in STRATEGIES.items():
        if make is Exhaustive:
            continue
        curves = np.array(
            [search(objective, make(objective.space, random_state=s), budget=STEPS[-1]).regret() for s in range(SEEDS)]
        )[:, STEPS - 1]
        cells = [bootstrap_mean(c, np.random.default_rng(0)) for c in curves.T]
        if make is RandomSearch:
            needed = [(len(values) + 1) / (k + 1) for k in (n_best, 1)]
        else:
            runs = [evaluations_until(objective, make(objective.space, random_state=s), targets) for s in range(SEEDS)]
            needed = list(np.mean(runs, axis=0))
        print(
            f"  {'here: ' + name:<30}"
            + "".join(f"{c.mean:>6.2f} ({c.low:.2f}-{c.high:.2f})" for c in cells)
            + f"{needed[0]:>12.0f}{needed[1]:>14.0f}"
        )
    for name, row in PEERS.items():
        print(f"  {name:<30}" + "".join(f"{r:>6.2f}{'':12}" for r in row))
    print("  cited evaluations to the best: random 7,782, regularized evolution 563, LaNAS 247, WeakNAS 182")


def main() -> None:
    """Measure and print."""
    overhead()
    if folder := os.environ.get("SURROGATE_NAS_DATA"):
        regrets(nas_bench_201(Path(folder)))
    else:
        print("\nSURROGATE_NAS_DATA is not set: no published NAS-Bench-201 table to measure regret on")


if __name__ == "__main__":
    main()
