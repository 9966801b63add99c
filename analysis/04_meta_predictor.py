"""How well a predictor does on a task it has hardly seen, having learned from other tasks.

Leave one task out on NAS-Bench-Graph (embedded): for each of the eight tasks with all 26,206 rows, learn from the
other seven and proteins with all their rows, adapt with n rows of the target drawn by ``default_rng(s)``, and compare
with the validation scores of 5,000 random other rows. Kendall's tau-b, mean over the eight tasks; ± is the standard
deviation of that mean over the seeds. Everything is learned again for each task left out. Beside it, in the same run:

    XGBoost from scratch            on the target's rows alone: one-hot genes, graph features
    mean of the sources             mean of the sources' normal scores, looked up
    ridge on source predictions     ridge regression on the predictions of one boosted model per source
    GP on features and predictions  Gaussian process on graph features and the same predictions
    MetaPredictor with descriptors  what it makes of the data sets' size, degree, features and classes

``--transfer`` checks for negative transfer instead: per task and n, the paired loss in tau against the best predictor
from scratch (XGBoost, and AutoPredictor) over the seeds, with its upper 95% bound. ``--second`` runs the check on
NAS-Bench-201: sources are the 12-epoch columns of CIFAR-100 and ImageNet16-120, target ``cifar10-val-200ep`` (the
tables are read from the folder that SURROGATE_NAS_DATA names). Seconds are of CPU.

    python analysis/04_meta_predictor.py
    python analysis/04_meta_predictor.py --transfer --seeds 30
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.linear_model import RidgeCV

from surrogate_nas import get_space, load_table
from surrogate_nas.core import TaskData
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.encodings import GraphFeatures, OneHotEncoder
from surrogate_nas.predictors import AutoPredictor, BoostedTrees, GaussianProcess, MetaPredictor
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.spaces import SearchSpace

TARGET = "cifar10-val-200ep"
SOURCES_201 = {"cifar100": "cifar100-val-12ep", "imagenet16-120": "imagenet16-120-val-12ep"}
LEVELS = (0.5, 0.8, 0.95)
TESTED = 5000
OURS, DESCRIBED = "MetaPredictor", "MetaPredictor with descriptors"

#: Nodes, edges (both ways), features and classes of the data sets, as PyTorch Geometric and the Open Graph Benchmark
#: state them; proteins has 112 labels of its own each.
DATA_SETS = {
    "cora": (2_708, 10_556, 1_433, 7),
    "citeseer": (3_327, 9_104, 3_703, 6),
    "pubmed": (19_717, 88_648, 500, 3),
    "cs": (18_333, 163_788, 6_805, 15),
    "physics": (34_493, 495_924, 8_415, 5),
    "photo": (7_650, 238_162, 745, 8),
    "computers": (13_752, 491_722, 767, 10),
    "arxiv": (169_343, 1_166_243, 128, 40),
    "proteins": (132_534, 79_122_504, 8, 112),
}


class Task(NamedTuple):
    """All measured rows of one task."""

    X: Any
    y: Any


class Setting(NamedTuple):
    """One task left out: what the methods may use, row by row of the target."""

    space: SearchSpace
    features: Any
    one_hot: Any
    scores: Any
    predictions: Any
    meta: MetaPredictor
    target: Task


def descriptors(task: str) -> dict[str, float] | None:
    """What describes a data set, where it is known: as ``GraphDataset.descriptors`` of the package gives it."""
    if task not in DATA_SETS:
        return None
    nodes, edges, features, classes = (float(number) for number in DATA_SETS[task])
    return {"nodes": nodes, "mean_degree": edges / nodes, "features": features, "classes": classes}


def normal_scores(y: Any) -> Any:
    """Scores as normal scores: the baselines need no unit."""
    return NormalScores.of(y).transform(y)


def xgboost_alone(case: Setting, rows: Any, y: Any, test: Any) -> Any:
    """XGBoost on the target's rows."""
    if not len(rows):
        return None
    floats = np.concatenate([case.one_hot, case.features], axis=1)
    return BoostedTrees(n_models=1).fit(floats[rows], normal_scores(y)).predict(floats[test])


def mean_of_sources(case: Setting, rows: Any, y: Any, test: Any) -> Any:
    """The sources' normal scores, averaged where they are known."""
    return np.nanmean(case.scores[test], axis=1)


def ridge_on_sources(case: Setting, rows: Any, y: Any, test: Any) -> Any:
    """Ridge regression on source predictions; the mean of the sources where there are no rows."""
    if not len(rows):
        return None
    model = RidgeCV(alphas=10.0 ** np.arange(-2, 4)).fit(case.predictions[rows], normal_scores(y))
    return model.predict(case.predictions[test])


def process_on_both(case: Setting, rows: Any, y: Any, test: Any) -> Any:
    """Gaussian process on graph features and source predictions, one length scale each."""
    if not len(rows):
        return None
    scale = case.features.std(axis=0)
    floats = np.concatenate([case.features / np.where(scale > 0, scale, 1.0), case.predictions], axis=1)
    groups = np.repeat([0, 1], [case.features.shape[1], case.predictions.shape[1]])
    process = GaussianProcess(groups=groups, standardize=False).fit(floats[rows], normal_scores(y))
    return process.predict(floats[test])


BASELINES: dict[str, Callable[[Setting, Any, Any, Any], Any]] = {
    "XGBoost from scratch": xgboost_alone,
    "mean of the sources": mean_of_sources,
    "ridge on source predictions": ridge_on_sources,
    "GP on features and predictions": process_on_both,
}


def source_predictions(space: SearchSpace, tasks: dict[str, Task], floats: Any) -> dict[str, Any]:
    """One boosted model per task, trained on all its rows; predictions for the whole space."""
    trees = {"n_models": 1, "n_estimators": 300, "max_depth": 7, "learning_rate": 0.1}
    made = {}
    for name, task in tasks.items():
        at = position(space, task.X)
        made[name] = BoostedTrees(**trees).fit(floats[at], normal_scores(task.y)).predict(floats)
    return made


def position(space: SearchSpace, X: Any) -> Any:
    """Positions of rows in the space's order."""
    codes = space.codes(space.enumerate())
    order = np.argsort(codes)
    return order[np.searchsorted(codes, space.codes(X), sorter=order)]


def settings(space: SearchSpace, tasks: dict[str, Task], left_out: list[str]) -> Any:
    """Leave each task out in turn and learn again; yields its name, the setting and the seconds of learning."""
    everything = space.enumerate()
    one_hot = OneHotEncoder(space).fit().transform(everything)
    features = GraphFeatures(space).fit().transform(everything)
    predictions = source_predictions(space, tasks, np.concatenate([one_hot, features], axis=1))
    scores = {name: np.full(len(everything), np.nan) for name in tasks}
    for name, task in tasks.items():
        scores[name][position(space, task.X)] = normal_scores(task.y)
    for name in left_out:
        sources = {
            other: TaskData(*task, descriptors=descriptors(other)) for other, task in tasks.items() if other != name
        }
        at = position(space, tasks[name].X)
        started = time.process_time()
        meta = MetaPredictor(space, random_state=0).fit(sources)
        seconds = time.process_time() - started
        case = Setting(
            space,
            features[at],
            one_hot[at],
            np.stack([scores[other][at] for other in sources], axis=1),
            np.stack([predictions[other][at] for other in sources], axis=1),
            meta,
            tasks[name],
        )
        yield name, case, seconds


def draw(n_rows: int, n: int, seed: int) -> tuple[Any, Any]:
    """Support and test rows of one seed."""
    rng = np.random.default_rng(seed)
    support = rng.choice(n_rows, n, replace=False)
    return support, rng.permutation(np.setdiff1d(np.arange(n_rows), support))[:TESTED]


def ours(case: Setting, support: Any, test: Any, known: dict[str, float] | None, *, timed: bool) -> dict[str, float]:
    """Adapt, predict, compare; scoring the whole space is timed once per task."""
    X, y = case.target
    started = time.process_time()
    scores = (X[support], y[support]) if len(support) else (None, None)
    predictor = case.meta.adapt(*scores, descriptors=known)
    adapted = time.process_time()
    mean = predictor.predict(X[test])
    before = time.process_time()
    if timed:
        predictor.predict(X)
    ends = {level: predictor.predict_interval(X[test], level=level) for level in LEVELS}
    inside = {f"in {level:.0%}": np.mean((end.low <= y[test]) & (y[test] <= end.high)) for level, end in ends.items()}
    scored = time.process_time() - before if timed else np.nan
    return {"KT": kendall_tau(mean, y[test]), "adapt s": adapted - started, "score all s": scored, **inside}


def leave_one_out(space: SearchSpace, tasks: dict[str, Task], left_out: list[str], sizes: list[int], seeds: int) -> Any:
    """Every method on every split."""
    rows = []
    for name, case, seconds in settings(space, tasks, left_out):
        y = case.target.y
        for n in sizes:
            for seed in range(seeds):
                support, test = draw(len(y), n, seed)
                key = {"task": name, "n": n, "seed": seed}
                found = ours(case, support, test, None, timed=seed == 0)
                rows.append({"method": OURS, **key, **found, "fit s": seconds})
                if descriptors(name):
                    found = ours(case, support, test, descriptors(name), timed=False)
                    rows.append({"method": DESCRIBED, **key, **found, "fit s": seconds})
                for method, predict in BASELINES.items():
                    predicted = predict(case, support, y[support], test)
                    tau = np.nan if predicted is None else kendall_tau(predicted, y[test])
                    rows.append({"method": method, **key, "KT": tau})
    return pd.DataFrame(rows)


def report(title: str, results: pd.DataFrame) -> None:
    """Print tau by method and n, then ours by task, then seconds and coverage."""
    print(f"\n## {title}\n")
    print("Kendall's tau, mean over tasks ± standard deviation over seeds")
    by_seed = results.groupby(["method", "n", "seed"], sort=False)["KT"].mean().reset_index().dropna()
    table = by_seed.pivot_table(
        index="method", columns="n", values="KT", aggfunc=lambda v: f"{v.mean():.3f} ± {v.std(ddof=0):.3f}"
    )
    print(table.reindex([*BASELINES, OURS, DESCRIBED]).dropna(how="all").fillna("–").to_string())
    own = results[results["method"] == OURS]
    print(f"\n{OURS} by task")
    print(own.pivot_table(index="task", columns="n", values="KT", sort=False).round(3).to_string())
    print("\nSeconds of CPU, and share of scores inside the interval")
    columns = ["fit s", "adapt s", "score all s", *(f"in {level:.0%}" for level in LEVELS)]
    print(own.groupby("n")[columns].mean().round(3).to_string())


def negative_transfer(
    space: SearchSpace, tasks: dict[str, Task], left_out: list[str], sizes: list[int], seeds: int
) -> Any:
    """Paired loss in tau against learning from scratch, per task and n."""
    rows = []
    for name, case, _ in settings(space, tasks, left_out):
        X, y = case.target
        for n in sizes:
            for seed in range(seeds):
                support, test = draw(len(y), n, seed)
                own = kendall_tau(case.meta.adapt(X[support], y[support]).predict(X[test]), y[test])
                trees = kendall_tau(xgboost_alone(case, support, y[support], test), y[test])
                auto = AutoPredictor(space).fit(X[support], y[support]).predict(X[test])
                rows.append((name, n, trees - own, kendall_tau(auto, y[test]) - own))
    return pd.DataFrame(rows, columns=["task", "n", "XGBoost", "AutoPredictor"])


def report_transfer(losses: pd.DataFrame, seeds: int) -> None:
    """Print mean loss and upper 95% bound; negative = learning across tasks helped."""
    factor = float(t.ppf(0.975, seeds - 1)) / np.sqrt(seeds) if seeds > 1 else np.nan
    for rival in ("XGBoost", "AutoPredictor"):
        groups = losses.groupby(["task", "n"], sort=False)[rival]
        bound = groups.mean() + factor * groups.std()
        print(f"\n## Loss in tau against {rival} from scratch, {seeds} seeds: mean (upper 95% bound)\n")
        cells = groups.mean().map("{:+.3f}".format) + " (" + bound.map("{:+.3f}".format) + ")"
        table = cells.rename("loss").reset_index()
        print(table.pivot_table(index="task", columns="n", values="loss", aggfunc="first", sort=False).to_string())
        print(f"largest upper bound {bound.max():+.3f}; goal: below +.010")


def second_check(folder: Path, seeds: int) -> None:
    """NAS-Bench-201: other data sets after 12 epochs teach CIFAR-10 after 200."""
    space = get_space("nas-bench-201")
    frame = pd.read_parquet(folder / "nas-bench-201.parquet")
    X = space.parse(list(frame.index))
    columns = {**SOURCES_201, "target": TARGET}
    tasks = {name: Task(X, frame[column].to_numpy(dtype=float)) for name, column in columns.items()}
    report(f"NAS-Bench-201, {TARGET}", leave_one_out(space, tasks, ["target"], [0, 10, 20, 50], seeds))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tasks", default="", help="tasks to leave out, separated by commas; all by default")
    parser.add_argument("--transfer", action="store_true", help="check for negative transfer instead")
    parser.add_argument("--second", action="store_true", help="the check on NAS-Bench-201 instead")
    parser.add_argument("--out", type=Path, help="also write every figure to this CSV file")
    options = parser.parse_args()
    if options.second:
        folder = os.environ.get("SURROGATE_NAS_DATA")
        if not folder:
            parser.error("SURROGATE_NAS_DATA is not set: expected the folder of nas-bench-201.parquet")
        second_check(Path(folder), options.seeds)
        return
    table = load_table("nas-bench-graph")
    tasks = {name: Task(*table.data(task=name, metric=table.default_metric(name), split="val")) for name in table.tasks}
    full = [name for name, task in tasks.items() if len(task.y) == len(table)]
    left_out = [name for name in options.tasks.split(",") if name] or full
    if options.transfer:
        losses = negative_transfer(table.space, tasks, left_out, [10, 30, 100, 300], options.seeds)
        report_transfer(losses, options.seeds)
    else:
        results = leave_one_out(table.space, tasks, left_out, [0, 10, 30, 100], options.seeds)
        report(f"NAS-Bench-Graph, one task left out, {options.seeds} seeds", results)
        if options.out:
            results.to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
