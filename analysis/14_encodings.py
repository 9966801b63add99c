"""What each encoding is worth to one and the same regressor, and what it costs.

NAS-Bench-201 (CIFAR-10 validation accuracy after 200 epochs; rows and training rows as in
``03_predictor_from_scratch.py``, tables from the folder that SURROGATE_NAS_DATA names) and two tasks of the embedded
NAS-Bench-Graph, validation scores. For each seed s, n rows are measured and Kendall's tau is taken over other rows, a
random 3,000 by default: mean ± standard deviation over the seeds.

    python analysis/14_encodings.py
    python analysis/14_encodings.py --seeds 2 --only paths,Laplacian
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import FeatureUnion

from surrogate_nas import SearchSpace, get_space, load_table
from surrogate_nas import encodings as e
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.predictors import BoostedTrees, GaussianProcess

TARGET = "cifar10-val-200ep"
PROXIES = "nas-bench-201-zero-cost-cifar10.parquet"
SIZES = (32, 100, 256)
TASKS = ("cora", "arxiv")

#: Rows of DARTS cells that the last column is measured on.
LARGE = 10_000

ENCODINGS: dict[str, Callable[[SearchSpace], Any]] = {
    "one-hot": e.OneHotEncoder,
    "adjacency": e.AdjacencyEncoder,
    "paths": e.PathEncoder,
    "Weisfeiler-Lehman": e.WeisfeilerLehman,
    "Laplacian": e.LaplacianEncoder,
    "learned embedding": e.LearnedEmbedding,
    "depths and edges": e.DepthFeatures,
    "graph features": e.GraphFeatures,
    "shared by all spaces": e.SharedFeatures,
    "graph + shared": lambda s: FeatureUnion([("graph", e.GraphFeatures(s)), ("shared", e.SharedFeatures(s))]),
    "graph + Laplacian": lambda s: FeatureUnion([("graph", e.GraphFeatures(s)), ("laplacian", e.LaplacianEncoder(s))]),
}  # fmt: skip

REGRESSORS: dict[str, Callable[[], Any]] = {
    "trees": lambda: BoostedTrees(n_models=1),
    "GP": GaussianProcess,
    "GP raw": lambda: GaussianProcess(standardize=False),  # counts as they are: a kernel of what graphs have in common
}


class Data(NamedTuple):
    """Architectures of one space, their scores, and their zero-cost proxies where those are known."""

    name: str
    space: SearchSpace
    X: Any
    y: Any
    proxies: Any = None


def data(folder: str | None) -> list[Data]:
    """The tables there are."""
    found = []
    if folder:
        space = get_space("nas-bench-201")
        proxies = pd.read_parquet(Path(folder) / PROXIES).select_dtypes("number")
        scores = pd.read_parquet(Path(folder) / "nas-bench-201.parquet")[TARGET].loc[proxies.index]
        X = space.parse(list(proxies.index))
        found.append(Data(TARGET, space, X, scores.to_numpy(dtype=float), proxies))
    else:
        print("SURROGATE_NAS_DATA is not set: NAS-Bench-201 left out")
    table = load_table("nas-bench-graph")
    for task in TASKS:
        X, y = table.data(task=task, metric=table.default_metric(task), split="val")
        found.append(Data(task, table.space, X, y))
    return found


def agreement(features: Any, y: Any, n: int, seeds: int, test_rows: int) -> dict[str, str]:
    """Kendall's tau of each regressor, as text."""
    taus: dict[str, list[float]] = {name: [] for name in REGRESSORS}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        train = rng.choice(len(y), n, replace=False)
        test = rng.permutation(np.setdiff1d(np.arange(len(y)), train))[:test_rows]
        for name, make in REGRESSORS.items():
            model = make().fit(features[train], y[train])
            taus[name].append(kendall_tau(model.predict(features[test]), y[test]))
    return {name: f"{np.mean(t):.3f} ± {np.std(t):.3f}" for name, t in taus.items()}


def seconds(encoder: Any, rows: Any) -> float:
    """CPU seconds of encoding rows, in chunks as predictors do it."""
    encoder.transform(rows[:1])  # tables of the space are made on first use
    started = time.process_time()
    for start in range(0, len(rows), 4096):
        encoder.transform(rows[start : start + 4096])
    return time.process_time() - started


def measure(make: Callable[[SearchSpace], Any], one: Data, options: argparse.Namespace) -> dict[str, Any]:
    """One row of a table."""
    started = time.process_time()
    encoder = make(one.space).fit(one.X)
    fitted = time.process_time() - started
    features = encoder.transform(one.X)
    row: dict[str, Any] = {"columns": features.shape[1], "fit s": round(fitted, 2)}
    row["ms per 1,000"] = round(seconds(encoder, one.X[:8000]) * 1e6 / min(len(one.X), 8000), 1)
    for n in SIZES:
        for regressor, text in agreement(features, one.y, n, options.seeds, options.test_rows).items():
            row[f"{regressor} {n}"] = text
    return row


def with_proxies(one: Data) -> FeatureUnion:
    """Graph features, and beside them what was computed on untrained networks."""
    side = e.SideFeatures(one.space, one.X, one.proxies, list(one.proxies.columns), exact=True)
    return FeatureUnion([("graph", e.GraphFeatures(one.space)), ("side", side)])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--test-rows", type=int, default=3000)
    parser.add_argument("--only", default="", help="encodings, separated by commas; all by default")
    options = parser.parse_args()
    chosen = {k: v for k, v in ENCODINGS.items() if not options.only or k in options.only.split(",")}
    for one in data(os.environ.get("SURROGATE_NAS_DATA")):
        rows = {name: measure(make, one, options) for name, make in chosen.items()}
        if one.proxies is not None and not options.only:
            rows["graph + proxies"] = measure(lambda _, one=one: with_proxies(one), one, options)
        print(f"\n## {one.space.name}, {one.name}: Kendall's tau over {options.seeds} seeds\n")
        print(pd.DataFrame(rows).T.to_string(), flush=True)
    large = get_space("nas-bench-301")
    cells = large.sample(LARGE, np.random.default_rng(0))
    print(f"\n## CPU seconds for {LARGE:,} DARTS cells\n")
    for name, make in chosen.items():
        print(f"{name:24s}{seconds(make(large).fit(cells), cells):.2f}", flush=True)


if __name__ == "__main__":
    main()
