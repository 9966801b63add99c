"""What other methods of learning across tasks would add to MetaPredictor.

Of the deep kernel MetaPredictor has taken over one network, as one more part of its prior; the row here says what four
networks with a process of their own would still add.

Leave one task out on NAS-Bench-Graph (embedded), as in ``04_meta_predictor.py``: each method learns from the other
tasks with all their rows, adapts with n rows of the target drawn by ``default_rng(s)``, and is compared on random
other rows. Beside Kendall's tau of each method alone stands that of its plain average with MetaPredictor (both as
normal scores), and with a quarter of it: a method that errs differently helps there even if it is worse alone. A
method that is told the descriptors of data sets (nodes, edges, features, classes), as PyTorch Geometric and OGB state
them, says so. The settings were chosen on seeds from 100 on. Seconds are of CPU, one thread.

    python analysis/13_across_task_methods.py --seeds 3
    python analysis/13_across_task_methods.py --tasks cora,cs --methods "deep kernel" --first 100
"""

import argparse
import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from across_tasks.boosting import MultiTaskBoosting
from across_tasks.deep_kernel import FourKernels
from across_tasks.ensembles import EvidenceWeighted, RankWeighted
from across_tasks.in_context import InContext
from across_tasks.reptile import Reptile
from across_tasks.sources import Method, Sources
from scipy.special import ndtri
from scipy.stats import rankdata

from surrogate_nas import load_table
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.predictors import MetaPredictor
from surrogate_nas.predictors.transfer.scores import latent, standardised

across = importlib.import_module("04_meta_predictor")

SIZES = (0, 10, 30, 100)
OURS = "MetaPredictor"

#: Shares of a method beside MetaPredictor.
SHARES = {"alone": 1.0, "averaged": 0.5, "with a quarter": 0.25}

#: Groups of MetaPredictor's features that the methods read: path statistics, and operations by place in the wiring.
GROUPS = ("flow", "wiring", "shape")

#: Columns with a smaller deviation are left out.
RARE = 0.02

METHODS: dict[str, Callable[[], Method]] = {
    "ensemble, weights by rank": RankWeighted,
    "ensemble, weights by evidence": EvidenceWeighted,
    "multi-task boosting": MultiTaskBoosting,
    "multi-task boosting, descriptors": lambda: MultiTaskBoosting(described=True),
    "deep kernel transfer": FourKernels,
    "network with task embedding, Reptile": Reptile,
    "transformer in context": InContext,
}


def normal(scores: Any) -> Any:
    """Normal scores of ranks."""
    return ndtri((rankdata(scores) - 0.5) / len(scores))


def described(name: str) -> Any:
    """Logarithms of nodes, degree, features, classes, rows to learn from per class."""
    nodes, edges, features, classes = across.DATA_SETS[name]
    return np.log([nodes, edges / nodes, features, classes, nodes / classes])


def learn(space: Any, tasks: dict[str, Any], left_out: str) -> tuple[MetaPredictor, Sources, float]:
    """Learn from all tasks but one; what the methods may see of them; CPU seconds of MetaPredictor."""
    others = {name: task for name, task in tasks.items() if name != left_out}
    started = time.process_time()
    meta = MetaPredictor(space, random_state=0).fit(others)
    seconds = time.process_time() - started
    X = tasks[left_out][0]
    view = meta.prior_.look_at(X)
    seen = np.concatenate(
        [view.features[:, g.columns] for g in meta.prior_.features.groups if g.name in GROUPS], axis=1
    )
    seen = seen[:, seen.std(axis=0) > RARE]
    scores = np.full(view.sources.shape, np.nan, dtype=np.float32)
    order = np.argsort(space.codes(X))
    for t, (rows, y) in enumerate(others.values()):
        at = order[np.searchsorted(space.codes(X), space.codes(rows), sorter=order)]
        scores[at, t] = standardised(y)
    told = np.stack([described(name) for name in others])
    return meta, Sources(seen / seen.std(axis=0), scores, view.sources, told, described(left_out)), seconds


def splits(n_rows: int, seeds: range, tested: int) -> Iterator[tuple[int, int, Any, Any]]:
    """Size, seed, support rows and test rows."""
    for n in SIZES:
        for seed in seeds:
            rng = np.random.default_rng(seed)
            support = rng.choice(n_rows, n, replace=False)
            yield n, seed, support, rng.permutation(np.setdiff1d(np.arange(n_rows), support))[:tested]


def leave_one_out(
    space: Any, tasks: dict[str, Any], left_out: list[str], methods: list[str], seeds: range, tested: int
) -> Any:
    """Every method on every split."""
    rows = []
    for name in left_out:
        X, y = tasks[name]
        meta, sources, seconds = learn(space, tasks, name)
        ours: dict[tuple[int, int], Any] = {}
        for n, seed, support, test in splits(len(y), seeds, tested):
            started = time.process_time()
            predictor = meta.adapt(X[support], y[support]) if n else meta.adapt()
            ours[n, seed] = normal(predictor.predict(X[test]))
            spent = time.process_time() - started
            tau = kendall_tau(ours[n, seed], y[test])
            rows.append((OURS, name, n, seed, tau, tau, tau, 1.0, seconds, spent))
        for label in methods:
            started = time.process_time()
            method = METHODS[label]().fit(sources)
            seconds = time.process_time() - started
            for n, seed, support, test in splits(len(y), seeds, tested):
                started = time.process_time()
                found = normal(method.predict(support, latent(y[support]), test))
                spent = time.process_time() - started
                taus = [kendall_tau(share * found + (1 - share) * ours[n, seed], y[test]) for share in SHARES.values()]
                alike = float(np.corrcoef(found, ours[n, seed])[0, 1])
                rows.append((label, name, n, seed, *taus, alike, seconds, spent))
    columns = ["method", "task", "n", "seed", *SHARES, "correlation", "fit s", "adapt s"]
    return pd.DataFrame(rows, columns=columns)


def report(results: pd.DataFrame) -> None:
    """Print tau alone, tau averaged, gain over MetaPredictor by task, and seconds."""
    by_seed = results.groupby(["method", "n", "seed"], sort=False)[list(SHARES)].mean().reset_index()
    for column in ("alone", "averaged"):
        print(f"\n## Kendall's tau {column}: mean over tasks ± standard deviation over seeds\n")
        print(_cells(by_seed, column))
    own = results[results["method"] == OURS].set_index(["task", "n", "seed"])["alone"]
    results = results.join(own.rename("ours"), on=["task", "n", "seed"])
    rivals = results[results["method"] != OURS]
    for column in ("averaged", "with a quarter"):
        print(f"\n## What it adds to MetaPredictor, {column}: mean ± standard error over tasks\n")
        gain = rivals.assign(gain=rivals[column] - rivals["ours"])
        by_task = gain.groupby(["method", "n", "task"], sort=False)["gain"].mean().reset_index()
        print(_cells(by_task, "gain", "{:+.4f} ± {:.4f}", error=True))
    print("\n## Correlation with MetaPredictor, CPU seconds\n")
    means = results.groupby("method", sort=False)[["correlation", "fit s", "adapt s"]].mean()
    print(means.round({"correlation": 2, "fit s": 1, "adapt s": 3}).to_string())


def _cells(frame: pd.DataFrame, column: str, text: str = "{:.3f} ± {:.3f}", *, error: bool = False) -> str:
    def cell(v: pd.Series) -> str:
        return text.format(v.mean(), v.std(ddof=0) / (np.sqrt(len(v)) if error else 1.0))

    table = frame.pivot_table(index="method", columns="n", values=column, aggfunc=cell, sort=False)
    return table.to_string()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--tested", type=int, default=5000, help="test rows of each split")
    parser.add_argument("--tasks", default="", help="tasks to leave out, separated by commas; all by default")
    parser.add_argument("--methods", default="", help="parts of names, separated by commas; all methods by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = load_table("nas-bench-graph")
    tasks = {name: table.data(task=name, metric=table.default_metric(name), split="val") for name in table.tasks}
    tasks = {name: (task[0], task[1]) for name, task in tasks.items()}
    full = [name for name, (_, y) in tasks.items() if len(y) == len(table)]
    left_out = [name for name in options.tasks.split(",") if name] or full
    asked = options.methods.split(",")
    methods = [name for name in METHODS if any(part in name for part in asked)]
    seeds = range(options.first, options.first + options.seeds)
    results = leave_one_out(table.space, tasks, left_out, methods, seeds, options.tested)
    print(f"NAS-Bench-Graph, left out: {', '.join(left_out)}; seeds {seeds.start} to {seeds.stop - 1}")
    report(results)


if __name__ == "__main__":
    main()
