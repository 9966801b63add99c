"""What each ingredient of AutoPredictor is worth: Kendall's tau with one of them left out or exchanged.

Splits as in ``03_predictor_from_scratch.py``, of which this script takes the seeds from ``--first`` on. Each row is
paired with the full predictor split by split: the difference of the taus, its mean and standard error, in thousandths.
Negative = worse without. NAS-Bench-201 is read from the folder that SURROGATE_NAS_DATA names.

    python analysis/12_auto_ablation.py --seeds 5
    python analysis/12_auto_ablation.py --seeds 5 --rows networks   # also what neural members would add (slow)
"""

import argparse
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from surrogate_nas import get_space
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.encodings import DepthFeatures, GraphFeatures
from surrogate_nas.predictors import AutoPredictor, BoostedTrees, GaussianProcess, GraphNetwork, MLPEnsemble, auto
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.spaces import SearchSpace

scratch = importlib.import_module("03_predictor_from_scratch")

#: Share of a neural member in the mean, where one is added.
ADDED = 0.2


def only(*kept: bool) -> Callable[[Any], Any]:
    """Weights with some kinds of members left out: processes, trees, trees on side features; normal / own scale."""
    use_processes, use_trees, use_side, use_normal, use_own = kept

    def weights(p: AutoPredictor) -> Any:
        width = len(p.center_)
        process = np.array([isinstance(m.model, GaussianProcess) for m in p.members_])
        side = np.array([m.width > width for m in p.members_]) & ~process
        first = np.zeros(len(process), dtype=bool)  # of each kind, the one that is closer to normal scores
        for k in range(len(process)):
            first[k] = k in (0, len(auto.PROCESSES), len(auto.PROCESSES) + len(auto.TREES))
        keep = np.where(process, use_processes, np.where(side, use_side, use_trees))
        keep = keep * np.where(first, use_normal, use_own)
        out = p.weights_ * keep
        for kind in (process, ~process):  # what is left of a kind has all of its half
            if out[kind].sum() > 0 and use_processes and (use_trees or use_side):
                out[kind] *= 0.5 / out[kind].sum()
        return out / out.sum()

    return weights


def prior(p: AutoPredictor) -> Any:
    """The weights that members have before anything is left out."""
    process = np.array([isinstance(m.model, GaussianProcess) for m in p.members_])
    out = np.array([m.prior for m in p.members_])
    return np.where(process, out / out[process].sum(), out / out[~process].sum()) / 2


#: Rows that need no other fit, only other weights.
REWEIGHTED: dict[str, Callable[[Any], Any]] = {
    "no processes": only(False, True, True, True, True),
    "no trees": only(True, False, False, True, True),
    "normal scores' end alone": only(True, True, True, True, False),
    "the score's own end alone": only(True, True, True, False, True),
    "no weighing by left-out rows": prior,
    "no trees on side features": only(True, True, False, True, True),
    "no trees without side features": only(True, False, True, True, True),
}

#: Rows that are fitted anew with another constant of ``predictors/auto.py``.
REFITTED: dict[str, dict[str, Any]] = {
    "no depth features": {"DEPTH_WEIGHT": 1e-9, "DepthFeatures": partial(GraphFeatures, pairs=False)},
    "no graph features": {"GraphFeatures": lambda space, pairs: DepthFeatures(space), "DEPTH_WEIGHT": 1e-9},
    "depth features at full weight": {"DEPTH_WEIGHT": 1.0},
    "no linear part": {"GaussianProcess": partial(GaussianProcess, linear=False)},
    "no normal scores at all": {"PROCESSES": ((1.0, 1.0),), "TREES": ((1.0, 1.0),)},
    "normal scores only": {"PROCESSES": ((0.0, 1.0),), "TREES": ((0.0, 1.0),)},
    "two models in place of five": {"BoostedTrees": lambda **k: BoostedTrees(**{**k, "n_models": 2})},
    "ten models in place of five": {"BoostedTrees": lambda **k: BoostedTrees(**{**k, "n_models": 10})},
    "trees that learn order": {"BoostedTrees": partial(BoostedTrees, objective="pairwise")},
}


@contextmanager
def changed(**constants: Any) -> Iterator[None]:
    """Other constants in ``predictors/auto.py`` for a while."""
    before = {name: getattr(auto, name) for name in constants}
    for name, value in constants.items():
        setattr(auto, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(auto, name, value)


def rows_of(space: SearchSpace, case: Any, side: bool, wanted: str) -> Iterator[tuple[str, float]]:
    """Tau of the full predictor and of each variant on one split."""
    extra = case.extra if side else None
    X, y = case.X[case.train], case.y[case.train]
    test = np.random.default_rng(0).permutation(case.test)[:3000]
    measured, new = scratch._rows(extra, case.train), scratch._rows(extra, test)

    def tau(p: Any) -> float:
        return kendall_tau(p.predict(case.X[test], extra=new), case.y[test])

    full = AutoPredictor(space).fit(X, y, extra=measured)
    yield "full", tau(full)
    weights = full.weights_
    for name, choose in REWEIGHTED.items():
        if side or "side" not in name:
            full.weights_ = choose(full)
            yield name, tau(full)
            full.weights_ = weights
    for name, constants in REFITTED.items():
        with changed(**constants):
            yield name, tau(AutoPredictor(space).fit(X, y, extra=measured))
    if wanted == "networks":
        scores = NormalScores.of(y)
        own = scores.transform(full.predict(case.X[test], extra=new))
        network = GraphNetwork(space).fit(X, y, extra=measured).predict(case.X[test], extra=new)
        features = GraphFeatures(space, pairs=False).fit()
        perceptron = MLPEnsemble().fit(features.transform(X), scores.transform(y))
        added = {"a graph network": scores.transform(network)}
        added["perceptrons"] = perceptron.predict(features.transform(case.X[test]))
        for name, other in added.items():
            yield f"{name} as a fifth", kendall_tau((1 - ADDED) * own + ADDED * other, case.y[test])


def with_early_score(folder: Path, cases: Iterator[Any]) -> Iterator[Any]:
    """The accuracy after 12 epochs as one more side feature: one that tells more than most of the architecture."""
    proxies = pd.read_parquet(folder / scratch.PROXIES)
    early = pd.read_parquet(folder / "nas-bench-201.parquet").loc[proxies.index, "cifar10-val-12ep"].to_numpy(float)
    for case in cases:
        yield case._replace(extra=np.column_stack([case.extra, early]))


def report(title: str, found: pd.DataFrame) -> None:
    """Print the full predictor's tau, and what each row loses."""
    print(f"\n## {title}\n")
    wide = found.pivot_table(index=["n", "task", "seed"], columns="row", values="tau", sort=False)
    full = wide["full"].groupby("n").agg(["mean", "std"])
    print("full: " + ", ".join(f"n={n} {m:.3f} ± {s:.3f}" for n, m, s in full.itertuples()))
    loss = 1000 * wide.drop(columns="full").sub(wide["full"], axis=0)
    groups = loss.groupby("n")
    table = groups.mean().round(1).astype(str) + " ± " + groups.sem().round(1).astype(str)
    print(table.T.to_string())


def run(space: SearchSpace, cases: Iterator[Any], first: int, side: bool, wanted: str) -> pd.DataFrame:
    """All rows on all splits from seed ``first`` on."""
    out = []
    for case in cases:
        if case.seed >= first:
            for name, tau in rows_of(space, case, side, wanted):
                out.append({"row": name, "n": case.n, "task": case.task, "seed": case.seed, "tau": tau})
    return pd.DataFrame(out)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=100, help="first seed; 0 to 9 are those of the protocol")
    parser.add_argument("--sizes", default="32,100,256,1024")
    parser.add_argument("--tasks", default="cora,arxiv,physics", help="tasks of NAS-Bench-Graph")
    parser.add_argument("--only", choices=["nas-bench-201", "nas-bench-graph"])
    parser.add_argument("--rows", choices=["own", "networks"], default="own")
    options = parser.parse_args()
    sizes = [int(n) for n in options.sizes.split(",")]
    seeds, folder = options.first + options.seeds, os.environ.get("SURROGATE_NAS_DATA")
    if folder and options.only != "nas-bench-graph":
        for side in ("", " with proxies", " with proxies and the accuracy after 12 epochs"):
            cases = scratch.nas_bench_201(Path(folder), sizes, seeds)
            if "12" in side:
                cases = with_early_score(Path(folder), cases)
            found = run(get_space("nas-bench-201"), cases, options.first, bool(side), options.rows)
            report(f"NAS-Bench-201{side}, {options.seeds} seeds", found)
    if options.only != "nas-bench-201":
        cases = scratch.nas_bench_graph(options.tasks.split(","), [n for n in sizes if n < 1000], seeds)
        found = run(get_space("nas-bench-graph"), cases, options.first, False, options.rows)
        report(f"NAS-Bench-Graph, {options.tasks}, {options.seeds} seeds", found)


if __name__ == "__main__":
    main()
