"""Neural regressors beside the recommended default: one task, n measured architectures, nothing else.

NAS-Bench-201 by the protocol of ``analysis/03_predictor_from_scratch.py`` (target: CIFAR-10 validation accuracy after
200 epochs; 9,445 architectures, ``default_rng(s).choice(9445, n, replace=False)`` are measured, all others are the
test). GraphNetwork and what it loses without its parts, MLPEnsemble on graph features, AutoPredictor, and averages of
AutoPredictor and GraphNetwork in normal scores of the measured rows. CPU seconds are those of one thread.
With ``--tasks`` the same on tasks of the embedded NAS-Bench-Graph (5,000 random other rows are the test).

    python analysis/15_neural_regressors.py --seeds 5
    python analysis/15_neural_regressors.py --seeds 3 --tasks cora,arxiv --sizes 30,100,300
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from surrogate_nas import get_space, load_table
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.encodings import GraphFeatures
from surrogate_nas.predictors import AutoPredictor, BasePredictor, GraphNetwork, MLPEnsemble, Predictor
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.spaces import SearchSpace

TARGET = "cifar10-val-200ep"
PROXIES = "nas-bench-201-zero-cost-cifar10.parquet"

DEFAULT, NETWORK = "AutoPredictor", "GraphNetwork"

MODELS: dict[str, Callable[[SearchSpace], BasePredictor]] = {
    DEFAULT: AutoPredictor,
    NETWORK: GraphNetwork,
    "- without attention": lambda space: GraphNetwork(space, attention=False),
    "- without the sweep back": lambda space: GraphNetwork(space, backward=False),
    "- squared loss": lambda space: GraphNetwork(space, ranking=False),
    "- one network": lambda space: GraphNetwork(space, n_models=1),
    "MLPEnsemble on graph features": lambda space: Predictor(space, GraphFeatures(space, pairs=False), MLPEnsemble()),
}

#: Shares of the graph network in its average with the default.
SHARES = (1 / 4, 1 / 2)


class Case(NamedTuple):
    """One split of one task."""

    task: str
    space: SearchSpace
    X: Any
    y: Any
    n: int
    seed: int
    train: Any
    test: Any


def nas_bench_201(folder: Path, sizes: list[int], seeds: list[int]) -> Iterator[Case]:
    """Splits of the rows with proxies, in file order; the proxies themselves are not read."""
    texts = pd.read_parquet(folder / PROXIES).index
    y = pd.read_parquet(folder / "nas-bench-201.parquet")[TARGET].loc[texts].to_numpy(dtype=float)
    space = get_space("nas-bench-201")
    X = space.parse(list(texts))
    for n in sizes:
        for seed in seeds:
            train = np.random.default_rng(seed).choice(len(y), n, replace=False)
            yield Case(TARGET, space, X, y, n, seed, train, np.setdiff1d(np.arange(len(y)), train))


def nas_bench_graph(tasks: list[str], sizes: list[int], seeds: list[int]) -> Iterator[Case]:
    """Splits of embedded tasks."""
    table = load_table("nas-bench-graph")
    for task in tasks:
        X, y = table.data(task=task, metric=table.default_metric(task), split="val")
        for n in sizes:
            for seed in seeds:
                order = np.random.default_rng(seed).permutation(len(y))
                yield Case(task, table.space, X, y, n, seed, order[:n], order[n : n + 5000])


def measure(case: Case) -> list[dict[str, Any]]:
    """Kendall's tau and CPU seconds of every model on one split."""
    about = {"task": case.task, "n": case.n, "seed": case.seed}
    known, true = case.y[case.train], case.y[case.test]
    found, predicted = [], {}
    for name, make in MODELS.items():
        started = time.process_time()
        predictor = make(case.space).fit(case.X[case.train], known)
        fitted = time.process_time()
        predicted[name] = predictor.predict(case.X[case.test])
        scored = time.process_time() - fitted
        found.append(about | {"model": name, "fit s": fitted - started, "score s": scored})
    scores = NormalScores.of(known)
    own, other = (_standardised(scores.transform(predicted[name])) for name in (DEFAULT, NETWORK))
    for share in SHARES:
        name = f"{1 - share:.0%} {DEFAULT} + {share:.0%} {NETWORK}"
        predicted[name] = (1 - share) * own + share * other
        spent = [row["fit s"] for row in found if row["model"] in (DEFAULT, NETWORK)]
        found.append(about | {"model": name, "fit s": sum(spent)})
    return [row | {"KT": kendall_tau(predicted[row["model"]], true)} for row in found]


def _standardised(scores: Any) -> Any:
    return (scores - scores.mean()) / scores.std()


def _with_spread(values: Any) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=0):.3f}"


def report(results: pd.DataFrame) -> None:
    """Print one table per task: tau with its spread over seeds, and CPU seconds."""
    for task, rows in results.groupby("task", sort=False):
        print(f"\n## {task}, {rows['seed'].nunique()} seeds\n\nKendall's tau, mean ± standard deviation over seeds")
        print(rows.pivot_table(index="model", columns="n", values="KT", aggfunc=_with_spread, sort=False).to_string())
        print("\nCPU seconds of fit")
        print(rows.pivot_table(index="model", columns="n", values="fit s", sort=False).round(2).to_string())
        print(f"\nCPU seconds to score {9_445 if task == TARGET else 5_000:,} rows")
        print(rows.pivot_table(index="model", columns="n", values="score s", sort=False).round(2).to_string())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--sizes", default="32,100,256", help="numbers of measured architectures, separated by commas")
    parser.add_argument("--tasks", default="", help="NAS-Bench-Graph tasks, separated by commas, in place of the other")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [int(n) for n in options.sizes.split(",")]
    seeds = list(range(options.first_seed, options.first_seed + options.seeds))
    folder = os.environ.get("SURROGATE_NAS_DATA")
    if options.tasks:
        cases = nas_bench_graph(options.tasks.split(","), sizes, seeds)
    elif folder:
        cases = nas_bench_201(Path(folder), sizes, seeds)
    else:
        print("SURROGATE_NAS_DATA is not set: NAS-Bench-201 left out; --tasks measures on embedded tasks")
        return
    report(pd.DataFrame([row for case in cases for row in measure(case)]))


if __name__ == "__main__":
    main()
