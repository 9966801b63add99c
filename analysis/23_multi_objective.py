"""How much of a real Pareto front strategies find, and the best accuracy that they find under a latency limit.

Protocol. Accuracy x latency x parameters of published tables: NAS-Bench-201 (validation accuracy on CIFAR-10 after 200
epochs, latency on an edge GPU, parameters, which the published file has for 9,445 architectures) and NAS-Bench-Graph
(one of its tasks, 26,206 architectures). Nothing is known beforehand, all three are measured by an evaluation, no
architecture comes twice. Hypervolume of what was evaluated, divided by that of the table's own front; the reference
lies a tenth of the front's range beyond its worst, metric by metric. Constrained: accuracy and latency only, the limit
is the median latency and known only by measuring; regret = best accuracy under it - best found under it. Batches of 5
for strategies that fit models, else of one; mean over seeds from 0 with its 95% bootstrap interval, CPU of the whole
run. NAS-Bench-201 needs the published tables in the folder named by SURROGATE_NAS_DATA.

    python analysis/23_multi_objective.py --seeds 20 --figures analysis/figures
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

import surrogate_nas as sn
from surrogate_nas.core.pareto import hypervolume, pareto_mask
from surrogate_nas.core.statistics import bootstrap_mean
from surrogate_nas.experiments import TableObjective, search
from surrogate_nas.experiments.catalogue import make_strategy
from surrogate_nas.experiments.objectives import MultiObjective, Objective
from surrogate_nas.strategies.multi_objective.hypervolume import reference_of

Floats = npt.NDArray[np.float64]

STEPS = np.array([50, 100, 150, 300])
STRATEGIES = {  # what is asked for at once
    "random": 1,
    "nsga2": 1,
    "scalarized-evolution": 1,
    "parego": 5,
    "ehvi": 5,
}
CONSTRAINED = ("random", "constrained-evolution", "ehvi")
DRAWN_AFTER = 100

#: Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = dict(zip(STRATEGIES, ("#999999", "#E69F00", "#56B4E9", "#009E73", "#D55E00"), strict=True))


def published() -> sn.Table | None:
    """NAS-Bench-201 with a latency and with parameters, where the variable says where it is."""
    if not os.environ.get("SURROGATE_NAS_DATA"):
        return None
    folder = Path(os.environ["SURROGATE_NAS_DATA"])
    frame = pd.read_parquet(folder / "nas-bench-201.parquet")
    proxies = pd.read_parquet(folder / "nas-bench-201-zero-cost-cifar10.parquet")
    columns = {
        "cifar10-val-200ep": sn.Column("cifar10", "accuracy", "val", 200, unit="%"),
        "cifar10-edgegpu_latency": sn.Column("cifar10", "latency", unit="ms"),
        "params": sn.Column("cifar10", "params", unit="million"),
    }
    space = sn.get_space("nas-bench-201")
    return sn.Table.from_frame(frame.join(proxies["params"]), space=space, arch_column="arch_str", columns=columns)


#: How each table is loaded, and which of its tasks is searched in.
TABLES: dict[str, tuple[Callable[[], sn.Table | None], str]] = {
    "nas-bench-graph": (lambda: sn.load_table("nas-bench-graph"), "cora"),
    "nas-bench-201": (published, "cifar10"),
}


def objective_of(table: sn.Table, task: str, metrics: tuple[str, ...]) -> MultiObjective:
    """Several metrics of one task."""
    return MultiObjective([TableObjective(table, task=task, metric=metric) for metric in metrics])


def everything(objective: Objective) -> Floats:
    """Costs of all that was measured, lower is better."""
    X = objective.space.enumerate()
    return -objective.signs * objective.evaluate(X[objective.measured(X)]).scores


def run(objective: Objective, name: str, seed: int, **options: Any) -> tuple[Floats, float]:
    """Costs in the order of evaluation, and CPU seconds."""
    begin = time.process_time()
    strategy = make_strategy(name, objective.space, random_state=seed, **options)
    batch = STRATEGIES.get(name, 1)
    result = search(objective, strategy, budget=int(STEPS[-1]), batch_size=batch)
    return -objective.signs * result.scores, time.process_time() - begin


def table_of(curves: dict[str, Floats], cpu: dict[str, float], digits: int) -> None:
    """Print curves of shape (seeds, steps), a line per strategy."""
    print(f"  {'evaluations':<24}" + "".join(f"{n:>26}" for n in STEPS) + "   CPU per run")
    for name, values in curves.items():
        cells = [bootstrap_mean(column, np.random.default_rng(0)) for column in values.T]
        text = (f"{c.mean:.{digits}f} ({c.low:.{digits}f} to {c.high:.{digits}f})" for c in cells)
        print(f"  {name:<24}" + "".join(f"{t:>26}" for t in text) + f"{cpu[name]:>11.2f} s", flush=True)


def repeated(
    objective: Objective, names: tuple[str, ...], seeds: int, value: Callable[[Floats], float], **options: Any
) -> tuple[dict[str, Floats], dict[str, float], dict[str, Floats]]:
    """A value of the first n evaluations for each step, (seeds, steps), mean CPU, and seed 0's costs, by strategy."""
    curves, cpu, first = {}, {}, {}
    for name in names:
        runs = [run(objective, name, seed, **({} if name == "random" else options)) for seed in range(seeds)]
        curves[name] = np.array([[value(costs[:n]) for n in STEPS] for costs, _ in runs])
        cpu[name] = float(np.mean([seconds for _, seconds in runs]))
        first[name] = runs[0][0]
    return curves, cpu, first


def fronts(title: str, table: sn.Table, task: str, seeds: int) -> tuple[Floats, dict[str, Floats], dict[str, Floats]]:
    """Print shares of the hypervolume; returns all costs, the shares and seed 0's evaluations, by strategy."""
    objective = objective_of(table, task, ("accuracy", "latency", "params"))
    costs = everything(objective)
    front = costs[pareto_mask(costs)]
    reference = reference_of(front)
    whole = hypervolume(front, reference)
    print(f"\n{title}: share of the hypervolume of {len(front)} of {len(costs):,}; {seeds} seeds")
    names = tuple(STRATEGIES)
    curves, cpu, first = repeated(objective, names, seeds, lambda found: hypervolume(found, reference) / whole)
    table_of(curves, cpu, 3)
    return costs, curves, first


def constrained(title: str, table: sn.Table, task: str, seeds: int) -> None:
    """Print regrets under the median latency."""
    objective = objective_of(table, task, ("accuracy", "latency"))
    costs = everything(objective)
    limit = float(np.median(costs[:, 1]))
    best = costs[costs[:, 1] <= limit, 0].min()
    unit = objective.objectives[0].column.spec.unit
    print(f"\n{title}: best accuracy at a latency of at most {limit:.3g}, regret in {unit}; {seeds} seeds")

    def regret(found: Floats) -> float:
        return float(found[found[:, 1] <= limit, 0].min(initial=0.0) - best)

    curves, cpu, _ = repeated(objective, CONSTRAINED, seeds, regret, limits=(None, limit))
    table_of(curves, cpu, 4 if unit == "1" else 3)


def staircase(costs: Floats) -> Floats:
    """The front of accuracy and latency, cheapest first."""
    front = costs[pareto_mask(costs[:, :2])][:, :2]
    return np.asarray(np.unique(front, axis=0)[::-1, ::-1] * [1, -1])


def draw(title: str, costs: Floats, curves: dict[str, Floats], first: dict[str, Floats], path: Path) -> None:
    """Fronts that one seed has found, and shares of the hypervolume over evaluations."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "surrogate_nas"  # the same figures give the same file
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    true = staircase(costs)
    left.step(*true.T, where="post", color="black", lw=3, alpha=0.35, label="the table's front")
    for name in ("random", "nsga2", "ehvi"):
        found = staircase(first[name][:DRAWN_AFTER])
        left.step(*found.T, where="post", color=COLOURS[name], marker="o", ms=3, lw=1.2, label=name)
    lowest = np.quantile(true[:, 1], 0.25)  # the cheapest are hardly better than chance
    left.set(xlabel="latency", ylabel="accuracy", ylim=(lowest, true[-1, 1] + 0.05 * (true[-1, 1] - lowest)))
    left.set_title(f"{title}: accuracy and latency after {DRAWN_AFTER}, seed 0", fontsize=10)
    for name, values in curves.items():
        cells = [bootstrap_mean(column, np.random.default_rng(0)) for column in values.T]
        right.plot(STEPS, [c.mean for c in cells], color=COLOURS[name], marker="o", ms=4, label=name)
        right.fill_between(STEPS, [c.low for c in cells], [c.high for c in cells], color=COLOURS[name], alpha=0.2)
    right.set(xlabel="evaluations", ylabel="share of the hypervolume")
    right.set_title(f"{title}: with parameters, mean of {len(curves['random'])} seeds", fontsize=10)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    print(path)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--on", choices=list(TABLES), nargs="+", default=list(TABLES))
    parser.add_argument("--figures", type=Path, help="folder for the figures, as SVG")
    options = parser.parse_args()
    for name in options.on:
        load, task = TABLES[name]
        if (table := load()) is None:
            print(f"SURROGATE_NAS_DATA is not set: no published table of {name} to search in")
            continue
        drawn = fronts(f"{name}, {task}", table, task, options.seeds)
        constrained(f"{name}, {task}", table, task, options.seeds)
        if options.figures:
            draw(f"{name}, {task}", *drawn, options.figures / f"pareto_{name}.svg")


if __name__ == "__main__":
    main()
