"""What earlier tasks save a search: NAS-Bench-Graph, leave one task out.

Each of the eight tasks with all 26,206 rows is searched by its validation score; what a strategy may know beforehand
are all rows of the other tasks (proteins among them), never the target. Counted are evaluations until one of the best
0.1% (26 rows) is hit, every evaluation included; a run ends there, or after ``--limit`` evaluations, which then are
its count, and the share of such runs is printed. Mean over seeds by task, mean over tasks, the geometric mean over
tasks, and the share of the evaluations that regularized evolution takes, with a 95% interval (tasks resampled, then
seeds). Random search without repeats needs (26,206 + 1) / (26 + 1) = 971 on average. Seconds are of CPU per run.

    python analysis/26_transfer_search.py                          # 100 seeds: the table of the README
    python analysis/26_transfer_search.py --seeds 20 --first 100 --strategies library-search,source-ensemble
"""

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

import surrogate_nas as sn
from surrogate_nas.core.statistics import normal_scores
from surrogate_nas.encodings import StandardFeatures
from surrogate_nas.experiments.catalogue import list_strategies, make_strategy
from surrogate_nas.experiments.comparing.sources import sources_for
from surrogate_nas.experiments.objectives import TableObjective
from surrogate_nas.predictors import BoostedTrees

STRATEGIES = (
    "random",
    "regularized-evolution",
    "local-search",
    "bayesian-optimization",
    "warm-evolution",
    "library-search",
    "source-ensemble",
    "default",
)
#: Its evaluations are the measure of all others.
REFERENCE = "regularized-evolution"
TOP = 0.001


def evaluations_to_top(
    name: str, objective: TableObjective, top: Any, sources: Mapping[str, Any] | None, seed: int, limit: int
) -> tuple[int, bool]:
    """Evaluations until a row of ``top`` (by position in the space) is proposed, and whether that happened."""
    space = objective.space
    strategy = make_strategy(name, space, random_state=seed, sources=sources)
    strategy.restrict(allowed=objective.measured, key=objective.key, among=objective.measured_rows())
    for n in range(1, limit + 1):
        X = strategy.ask(1).X
        if top[space.index(X)[0]]:
            return n, True
        strategy.tell(X, objective.evaluate(X).scores)
    return limit, False


def best_rows(table: sn.Table, task: str) -> Any:
    """Which positions of the space are among the task's best 0.1%."""
    X, y = table.data(task=task, split="val")
    top = np.zeros(table.space.size, dtype=bool)
    top[table.space.index(X[np.argsort(-y, kind="stable")[: int(TOP * len(y))]])] = True
    return top


def run(table: sn.Table, tasks: list[str], names: list[str], seeds: range, limit: int) -> pd.DataFrame:
    """One row per strategy, task and seed."""
    objectives = {task: TableObjective(table, task=task) for task in table.tasks}
    rows = []
    for task in tasks:
        top, sources = best_rows(table, task), sources_for(task, objectives)
        for name in names:
            begin = time.process_time()
            found = [evaluations_to_top(name, objectives[task], top, sources, seed, limit) for seed in seeds]
            seconds = (time.process_time() - begin) / len(seeds)
            rows += [(name, task, seed, *f, seconds) for seed, f in zip(seeds, found, strict=True)]
            counts = np.array([n for n, _ in found])
            print(f"{task:10s} {name:24s} {counts.mean():8.1f} ± {counts.std():6.1f}  {seconds:7.2f} s", flush=True)
    return pd.DataFrame(rows, columns=["strategy", "task", "seed", "n", "hit", "cpu s"])


def interval(counts: Any, reference: Any, rng: np.random.Generator, resamples: int = 2000) -> tuple[float, float]:
    """95% interval of the ratio of means over tasks; both (tasks, seeds), tasks resampled, then seeds."""
    n_tasks, n_seeds = counts.shape
    ratios = []
    for _ in range(resamples):
        task = rng.integers(n_tasks, size=(n_tasks, 1))
        ours, theirs = (x[task, rng.integers(n_seeds, size=(n_tasks, n_seeds))].mean() for x in (counts, reference))
        ratios.append(ours / theirs)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def report(results: pd.DataFrame) -> None:
    """Print the table."""
    names, tasks = results["strategy"].unique(), results["task"].unique()
    n_seeds = results["seed"].nunique()
    cells = {name: part["n"].to_numpy().reshape(len(tasks), n_seeds) for name, part in results.groupby("strategy")}
    by_task = pd.DataFrame([cells[name].mean(axis=1) for name in names], index=names, columns=tasks)
    table = by_task.round(0).astype(int)
    table["mean"] = by_task.mean(axis=1).round(1)
    table["geometric"] = np.exp(np.log(by_task).mean(axis=1)).round(1)
    if REFERENCE in cells:
        table["of evolution's"] = (by_task.mean(axis=1) / by_task.mean(axis=1)[REFERENCE]).round(3)
        ends = {n: interval(c, cells[REFERENCE], np.random.default_rng(0)) for n, c in cells.items()}
        table["95%"] = [f"{ends[n][0]:.2f}-{ends[n][1]:.2f}" for n in table.index]
    means = results.groupby("strategy", sort=False)[["hit", "cpu s"]].mean()
    table["missed"] = (1 - means["hit"]).map("{:.1%}".format)
    table["cpu s"] = means["cpu s"].round(2)
    print("\n" + table.to_string())


def ceiling(table: sn.Table, tasks: list[str]) -> None:
    """How early a ranking hits that knows far more than a search: boosted trees, cross-fitted in four folds.

    They learn from three quarters of the target's own 26,206 scores, with graph features and the scores of all other
    tasks; what is left is mostly luck of the validation set.
    """
    features = StandardFeatures(table.space).fit().transform(table.X)
    scores = {task: normal_scores(table.values(task=task, metric="accuracy", split="val")) for task in tasks}
    fold = np.random.default_rng(0).integers(4, size=len(table))
    first = {}
    for task in tasks:
        known = np.column_stack([features, *(scores[other] for other in tasks if other != task)])
        predicted = np.empty(len(table))
        for k in range(4):
            model = BoostedTrees(n_estimators=150, learning_rate=0.1, n_models=1)
            predicted[fold == k] = model.fit(known[fold != k], scores[task][fold != k]).predict(known[fold == k])
        order = np.argsort(-predicted, kind="stable")
        first[task] = int(np.argmax(best_rows(table, task)[table.space.index(table.X[order])])) + 1
        print(f"{task:10s} first of the best 0.1% at place {first[task]}", flush=True)
    print(f"mean {np.mean(list(first.values())):.1f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--tasks", default="", help="tasks to search, separated by commas; all eight by default")
    parser.add_argument("--strategies", default="", help="names, separated by commas")
    parser.add_argument("--limit", type=int, default=26_206, help="evaluations after which a run is given up")
    parser.add_argument("--ceiling", action="store_true", help="how early a ranking that knows 20,000 scores hits")
    options = parser.parse_args()
    table = sn.load_table("nas-bench-graph")
    full = [task for task in table.tasks if len(table.data(task=task, split="val")[1]) == len(table)]
    tasks = options.tasks.split(",") if options.tasks else full
    names = options.strategies.split(",") if options.strategies else [n for n in STRATEGIES if n in list_strategies()]
    seeds = range(options.first, options.first + options.seeds)
    if options.ceiling:
        ceiling(table, tasks)
    else:
        print(f"NAS-Bench-Graph, searched: {', '.join(tasks)}; seeds {seeds.start} to {seeds.stop - 1}")
        report(run(table, tasks, names, seeds, options.limit))


if __name__ == "__main__":
    main()
