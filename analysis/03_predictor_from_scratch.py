"""How well a predictor learns one task from n measured architectures and nothing else.

NAS-Bench-201 (target: CIFAR-10 validation accuracy after 200 epochs): the 9,445 architectures without dead
edges, in file order; for each seed s, ``default_rng(s).choice(9445, n, replace=False)`` are measured, all
others are the test. The tables are read from the folder that SURROGATE_NAS_DATA names.

NAS-Bench-Graph (embedded): for each task with all 26,206 rows, n rows drawn by ``default_rng(s)`` are measured,
5,000 random others are the test; validation scores; the mean over the tasks is printed.

Coverage is that of ``predict_interval``, whose widths come from left-out rows; "one sd" is that of 95% intervals
made of the standard deviation alone. CPU seconds: of one thread, if OMP_NUM_THREADS is 1.

    python analysis/03_predictor_from_scratch.py --seeds 10 --out scratch.csv
    python analysis/03_predictor_from_scratch.py --seeds 10 --models AutoPredictor
    python analysis/03_predictor_from_scratch.py --only nas-bench-graph --seeds 3 --tasks cora,arxiv
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from surrogate_nas import get_space, load_table
from surrogate_nas.core.statistics import kendall_tau, spearman
from surrogate_nas.encodings import Encoder, GraphFeatures, OneHotEncoder, PathEncoder, WeisfeilerLehman
from surrogate_nas.predictors import (
    AutoPredictor,
    BasePredictor,
    BoostedTrees,
    Forest,
    GaussianProcess,
    GraphNetwork,
    MLPEnsemble,
    Predictor,
    Ridge,
)
from surrogate_nas.spaces import SearchSpace

TARGET = "cifar10-val-200ep"
PROXIES = "nas-bench-201-zero-cost-cifar10.parquet"
LEVELS = (0.5, 0.8, 0.95)

#: Goal of Kendall's tau by n on NAS-Bench-201, of the architecture alone and with side features.
GOALS = {"goal": (0.62, 0.74, 0.82, 0.86, 0.89), "goal with proxies": (0.72, 0.79, 0.83, 0.87, 0.90)}
GOAL_SIZES = [16, 32, 100, 256, 1024]

Make = Callable[[SearchSpace], BasePredictor]


def on(encoder: Callable[[SearchSpace], Encoder], regressor: Callable[[], Any]) -> Make:
    """A regressor on an encoding."""
    return lambda space: Predictor(space, encoder(space), regressor())


#: Name, how it is made, whether it gets the zero-cost proxies as side features.
MODELS: list[tuple[str, Make, bool]] = [
    ("XGBoost on one-hot (trivial)", on(OneHotEncoder, lambda: BoostedTrees(n_models=1)), False),
    ("Gaussian process on one-hot", on(OneHotEncoder, GaussianProcess), False),
    ("Forest on one-hot", on(OneHotEncoder, Forest), False),
    ("Ridge on one-hot", on(OneHotEncoder, Ridge), False),
    ("XGBoost on graph features", on(GraphFeatures, lambda: BoostedTrees(n_models=1)), False),
    ("BoostedTrees on graph features", on(GraphFeatures, BoostedTrees), False),
    ("BoostedTrees, pairwise", on(GraphFeatures, lambda: BoostedTrees(objective="pairwise")), False),
    ("Forest on graph features", on(GraphFeatures, Forest), False),
    ("Ridge on graph features", on(GraphFeatures, Ridge), False),
    ("Gaussian process on graph features", on(GraphFeatures, GaussianProcess), False),
    ("Gaussian process on WL features", on(WeisfeilerLehman, GaussianProcess), False),
    ("Gaussian process on paths", on(PathEncoder, GaussianProcess), False),
    ("MLPEnsemble on graph features", on(GraphFeatures, MLPEnsemble), False),
    ("GraphNetwork", GraphNetwork, False),
    ("AutoPredictor", AutoPredictor, False),
    ("XGBoost on graph features with proxies", on(GraphFeatures, lambda: BoostedTrees(n_models=1)), True),
    ("GraphNetwork with proxies", GraphNetwork, True),
    ("AutoPredictor with proxies", AutoPredictor, True),
]


class Case(NamedTuple):
    """One split of one task."""

    task: str
    n: int
    seed: int
    X: Any
    y: Any
    extra: Any
    train: Any
    test: Any


def nas_bench_201(folder: Path, sizes: list[int], seeds: int) -> Iterator[Case]:
    """Splits of the rows with proxies, in file order."""
    scores = pd.read_parquet(folder / "nas-bench-201.parquet")[TARGET]
    proxies = pd.read_parquet(folder / PROXIES).select_dtypes("number")
    space = get_space("nas-bench-201")
    X, y = space.parse(list(proxies.index)), scores.loc[proxies.index].to_numpy(dtype=float)
    extra = proxies.to_numpy(dtype=float)
    for n in sizes:
        for seed in range(seeds):
            train = np.random.default_rng(seed).choice(len(y), n, replace=False)
            yield Case(TARGET, n, seed, X, y, extra, train, np.setdiff1d(np.arange(len(y)), train))


def nas_bench_graph(tasks: list[str], sizes: list[int], seeds: int) -> Iterator[Case]:
    """Splits of the tasks measured on every architecture."""
    table = load_table("nas-bench-graph")
    for task in tasks or table.tasks:
        X, y = table.data(task=task, metric=table.default_metric(task), split="val")
        if len(y) < len(table):
            continue
        for n in sizes:
            for seed in range(seeds):
                order = np.random.default_rng(seed).permutation(len(y))
                yield Case(task, n, seed, X, y, None, order[:n], order[n : n + 5000])


def measure(make: Make, space: SearchSpace, case: Case, proxies: bool) -> dict[str, Any]:
    """Fit on one split and compare with the truth."""
    extra = case.extra if proxies else None
    started = time.process_time()
    predictor = make(space).fit(case.X[case.train], case.y[case.train], extra=_rows(extra, case.train))
    fitted = time.process_time()
    test, side, true = case.X[case.test], _rows(extra, case.test), case.y[case.test]
    mean, std = predictor.predict(test, extra=side, return_std=True)
    inside = {}
    for level in LEVELS:
        low, high = predictor.predict_interval(test, level=level, extra=side)
        inside[f"in {level:.0%}"] = np.mean((low <= true) & (true <= high))
    everything = space.enumerate()
    before = time.process_time()
    if extra is None:
        predictor.predict(everything)
    scored = time.process_time() - before
    return {
        **agreement(mean, true),
        **inside,
        "one sd": np.mean(np.abs(true - mean) <= 1.96 * std),
        "fit s": fitted - started,
        "score all s": scored if extra is None else np.nan,
    }


def agreement(mean: Any, true: Any) -> dict[str, float]:
    """Rank statistics of predictions: Kendall, Spearman, precision among the best, best rank among ten."""
    rank = rankdata(-true, method="min")
    predicted = np.argsort(-mean, kind="stable")
    best = {share: max(1, round(share * len(true))) for share in (0.01, 0.05)}
    return {
        "KT": kendall_tau(mean, true),
        "Spearman": spearman(mean, true),
        **{f"best {share:.0%}": np.mean(rank[predicted[:k]] <= k) for share, k in best.items()},
        "N@10": float(rank[predicted[:10]].min()),
    }


def _rows(extra: Any, rows: Any) -> Any:
    return None if extra is None else extra[rows]


def report(title: str, results: pd.DataFrame) -> None:
    """Print Kendall's tau by model and n, then everything else."""
    print(f"\n## {title}\n")
    print("Kendall's tau, mean ± standard deviation over seeds (of the mean over tasks)")
    by_seed = results.groupby(["model", "n", "seed"], sort=False)["KT"].mean().reset_index()
    table = by_seed.pivot_table(
        index="model", columns="n", values="KT", aggfunc=lambda v: f"{v.mean():.3f} ± {v.std(ddof=0):.3f}", sort=False
    )
    print(table.to_string())
    if set(table.columns) <= set(GOAL_SIZES) and results["task"].iloc[0] == TARGET:
        for name, goals in GOALS.items():
            wanted = dict(zip(GOAL_SIZES, goals, strict=True))
            print(f"{name}: " + ", ".join(f"{wanted[n]:.2f} at {n}" for n in table.columns))
    print("\nAll figures, means")
    columns = [c for c in results.columns if c not in ("model", "n", "seed", "task")]
    print(results.groupby(["n", "model"], sort=False)[columns].mean().round(3).to_string())
    tasks = results["task"].unique()
    if len(tasks) > 1:
        print("\nAutoPredictor by task, Kendall's tau")
        own = results[results["model"] == "AutoPredictor"]
        print(own.pivot_table(index="task", columns="n", values="KT", sort=False).round(3).to_string())


def run(space: SearchSpace, cases: Iterator[Case], wanted: str) -> pd.DataFrame:
    """Measure every model whose name holds ``wanted`` on every split."""
    rows = []
    for case in cases:
        for name, make, proxies in MODELS:
            if wanted in name and (not proxies or case.extra is not None):
                found = measure(make, space, case, proxies)
                rows.append({"model": name, "n": case.n, "seed": case.seed, "task": case.task, **found})
    return pd.DataFrame(rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", choices=["nas-bench-201", "nas-bench-graph"])
    parser.add_argument("--tasks", default="", help="NAS-Bench-Graph tasks, separated by commas; all by default")
    parser.add_argument("--sizes", default="", help="numbers of measured architectures, separated by commas")
    parser.add_argument("--models", default="", help="only models whose name holds this")
    parser.add_argument("--out", type=Path, help="also write every figure of every split, as CSV")
    options = parser.parse_args()
    tables = []
    sizes = [int(n) for n in options.sizes.split(",") if n]
    folder = os.environ.get("SURROGATE_NAS_DATA")
    if options.only != "nas-bench-graph":
        if folder:
            cases = nas_bench_201(Path(folder), sizes or GOAL_SIZES, options.seeds)
            results = run(get_space("nas-bench-201"), cases, options.models)
            tables.append(results)
            report(f"NAS-Bench-201, {TARGET}, {options.seeds} seeds", results)
        else:
            print("SURROGATE_NAS_DATA is not set: NAS-Bench-201 left out")
    if options.only != "nas-bench-201":
        tasks = [t for t in options.tasks.split(",") if t]
        cases = nas_bench_graph(tasks, sizes or [10, 30, 100, 300], options.seeds)
        results = run(get_space("nas-bench-graph"), cases, options.models)
        tables.append(results)
        report(f"NAS-Bench-Graph from scratch, {options.seeds} seeds", results)
    if options.out:
        pd.concat(tables).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
