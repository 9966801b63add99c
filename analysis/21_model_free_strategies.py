r"""What strategies find on published tables after 25 to 300 evaluations, how many they need, and what they cost.

Protocol. NAS-Bench-201: all 15,625 rows (twins are rows of their own), validation accuracy on CIFAR-10 after 200
epochs. NAS-Bench-Graph: validation score of each of the nine tasks. Nothing is known beforehand, no architecture is
evaluated twice, evaluations come one by one; seeds 0 to 99. Regret: best there is - best found, mean over seeds with
its 95% bootstrap interval; in percentage points, on NAS-Bench-Graph averaged over tasks first. Evaluations to the best
0.1% and to the best: mean over seeds; a run that has not found them within the budget counts as the budget, and ">"
says that there were such. CPU: time of the process per evaluation in runs of 150, everything included, the least of
three, on the worst task.
NAS-Bench-201 needs the published table in the folder named by SURROGATE_NAS_DATA.

    python analysis/21_model_free_strategies.py
    python analysis/21_model_free_strategies.py --strategies random bananas genetic-algorithm:population_size=20 \
        --on nas-bench-201 --budget 300 --seeds 10 --figure regret.svg
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

import surrogate_nas as sn
from surrogate_nas.core.statistics import bootstrap_mean
from surrogate_nas.experiments import TableObjective, search
from surrogate_nas.experiments.catalogue import list_strategies, make_strategy

STRATEGIES = (
    "random",
    "local-search",
    "local-search:move=best",
    "regularized-evolution",
    "steady-state-evolution",
    "genetic-algorithm",
    "genetic-algorithm:population_size=20",
    "simulated-annealing",
)
STEPS = (25, 50, 100, 150, 300)
BUDGET, TIMED = 1500, 150

#: NASLib's own code on the same column of NAS-Bench-201, 10 seeds; about 50 ms of CPU per evaluation.
PEERS = {
    "NASLib: random": (1.43, 0.97, 0.78, 0.75, 0.58),
    "NASLib: regularized evolution": (1.43, 0.80, 0.42, 0.24, 0.08),
    "NASLib: local search": (0.99, 0.59, 0.33, 0.24, 0.24),
    "NASLib: BANANAS (xgb)": (1.32, 0.68, 0.31, 0.30, 0.19),
    "NASLib: NPENAS (xgb)": (1.26, 0.49, 0.33, 0.31, 0.16),
}
CITED = "published evaluations to the best: random 7,782, regularized evolution 563, LaNAS 247, WeakNAS 182"
Floats = npt.NDArray[np.float64]


class Runs(NamedTuple):
    """Runs of one strategy on one task.

    Attributes:
        regret: After each evaluation, shape (seeds, budget).
        needed: Evaluations to the best 0.1% and to the best, shape (seeds, 2); infinite where not found.
    """

    regret: Floats
    needed: Floats


def named(text: str, objective: TableObjective, seed: int) -> sn.strategies.Strategy:
    """A strategy from its name and options, as in "genetic-algorithm:population_size=20,mutation=0.5"."""
    name, _, options = text.partition(":")
    return make_strategy(
        name, objective.space, random_state=seed, **dict(map(option, filter(None, options.split(","))))
    )


def option(text: str) -> tuple[str, Any]:
    """Name and value of one option; what is no number is a word."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def objectives(folder: str | None) -> Iterator[tuple[str, TableObjective]]:
    """Name of the table, and an objective for each task."""
    if folder is None:
        print("SURROGATE_NAS_DATA is not set: no published NAS-Bench-201 table to search on")
    else:
        frame = pd.read_parquet(Path(folder) / "nas-bench-201.parquet")
        columns = {"cifar10-val-200ep": sn.Column("cifar10", "accuracy", "val", 200, unit="%")}
        space = sn.get_space("nas-bench-201")
        table = sn.Table.from_frame(frame, space=space, arch_column="arch_str", columns=columns)
        yield "nas-bench-201", TableObjective(table, task="cifar10")
    graphs = sn.load_table("nas-bench-graph")
    for task in graphs.tasks:
        yield graphs.name, TableObjective(graphs, task=task)


def runs(strategy: str, objective: TableObjective, seeds: int, budget: int) -> Runs:
    """Search with every seed, each until the best is found or the budget is spent."""
    column = objective.column
    values = objective.table.values(
        task=column.task, metric=column.metric, split=column.split, epochs=column.epochs, seed=column.seed
    )
    values = np.sort(values[~np.isnan(values)])[::-1]
    targets = values[[int(np.ceil(len(values) / 1000)) - 1, 0]]
    percent = 1.0 if column.spec.unit == "%" else 100.0
    regret, needed = np.zeros((seeds, budget)), np.full((seeds, 2), np.inf)
    for seed in range(seeds):
        result = search(objective, named(strategy, objective, seed), budget=budget, target=float(targets[1]))
        curve = percent * result.regret()
        regret[seed, : len(curve)], regret[seed, len(curve) :] = curve, curve[-1]
        for i, target in enumerate(targets):
            hits = np.flatnonzero(result.scores >= target)
            needed[seed, i] = hits[0] + 1 if len(hits) else np.inf
    return Runs(regret, needed)


def cpu(strategy: str, objective: TableObjective) -> float:
    """CPU time per evaluation, in microseconds."""

    def seconds(seed: int) -> float:
        begin = time.process_time()
        search(objective, named(strategy, objective, seed), budget=TIMED)
        return time.process_time() - begin

    seconds(0)
    return float(np.mean([min(seconds(seed) for _ in range(3)) for seed in range(5)])) / TIMED * 1e6


def until(needed: Floats, budget: int) -> str:
    """Mean number of evaluations."""
    return f"{'>' if np.isinf(needed).any() else ''}{np.minimum(needed, budget).mean():,.0f}"


def line(strategy: str, by_task: list[Runs], budget: int, us: float) -> str:
    """One row of the table."""
    rng = np.random.default_rng(0)
    curves = np.mean([r.regret for r in by_task], axis=0)
    cells = [bootstrap_mean(curves[:, n - 1], rng) for n in STEPS if n <= budget]
    needed = np.concatenate([r.needed for r in by_task])
    return (
        f"  {strategy:<38}"
        + "".join(f"{c.mean:>6.2f} ({c.low:.2f}-{c.high:.2f})" for c in cells)
        + f"{until(needed[:, 0], budget):>14}{until(needed[:, 1], budget):>14}{us:>12.0f}"
    )


def draw(curves: dict[tuple[str, str], Floats], path: Path) -> None:
    """Mean regret against evaluations, one panel per table."""
    from matplotlib.figure import Figure

    from surrogate_nas.reports.palette import series

    tables = list(dict.fromkeys(table for table, _ in curves))
    figure = Figure(figsize=(5.5 * len(tables), 4.2), layout="constrained")
    for axes, shown in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True):
        for i, (strategy, curve) in enumerate((s, c) for (table, s), c in curves.items() if table == shown):
            look = series(i)
            axes.plot(np.arange(1, len(curve) + 1), curve, color=look.light, dashes=look.dash, lw=1.6, label=strategy)
        axes.set(xlabel="evaluations", ylabel="mean regret, percentage points", title=shown, xlim=(10, len(curve)))
        axes.set(xscale="log", yscale="log")
        axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.savefig(path)


def main() -> None:
    """Search, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES, help=", ".join(list_strategies()))
    parser.add_argument("--on", help="one of the two tables; default: both")
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--figure", type=Path, help="where to draw the curves, such as regret.svg")
    options = parser.parse_args()
    tables: dict[str, list[TableObjective]] = {}
    for name, objective in objectives(os.environ.get("SURROGATE_NAS_DATA")):
        tables.setdefault(name, []).append(objective)
    curves = {}
    for table in tables if options.on is None else [options.on]:
        print(f"\nMean regret on {table}, {len(tables[table])} task(s), {options.seeds} seeds, in percentage points")
        steps = "".join(f"{n:>18}" for n in STEPS if n <= options.budget)
        print(f"  {'evaluations':<38}{steps}{'to best 0.1%':>14}{'to the best':>14}{'CPU, us':>12}", flush=True)
        for strategy in options.strategies:
            by_task = [runs(strategy, o, options.seeds, options.budget) for o in tables[table]]
            us = max(cpu(strategy, o) for o in tables[table])
            print(line(strategy, by_task, options.budget, us), flush=True)
            curves[table, strategy] = np.mean([r.regret.mean(axis=0) for r in by_task], axis=0)
        if len(tables[table]) == 1:  # the others were not measured on several tasks
            for peer, row in PEERS.items():
                print(f"  {peer:<38}" + "".join(f"{r:>6.2f}{'':12}" for r in row))
            print(f"  {CITED}")
    if options.figure:
        draw(curves, options.figure)


if __name__ == "__main__":
    main()
