"""What each part of MetaPredictor is worth: one left out at a time; and what other search spaces are worth.

NAS-Bench-Graph, one task left out as in ``04_meta_predictor.py``, and, with ``--latency``, devices of NAS-Bench-201 as
in ``18_latency_few_shot.py`` (Spearman there). Printed is the difference in tau (rho) to the whole, mean ± standard
error over tasks; negative = worse without. Seeds from 100 on: those of the other scripts are not touched.
``--spaces`` instead learns on NAS-Bench-Graph and adapts on NAS-Bench-201, and the other way round, beside
AutoPredictor. The last two read the tables from the folder that SURROGATE_NAS_DATA names.

    python analysis/20_meta_ablation.py --tasks cora,cs,photo,arxiv --seeds 2
    python analysis/20_meta_ablation.py --latency --seeds 10
    python analysis/20_meta_ablation.py --spaces --seeds 3
"""

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from surrogate_nas import get_space, load_table
from surrogate_nas.core import TaskData
from surrogate_nas.core.statistics import kendall_tau, spearman
from surrogate_nas.predictors import AutoPredictor, MetaPredictor
from surrogate_nas.predictors.transfer import predictor
from surrogate_nas.predictors.transfer.prior import FIXED, TransferPrior
from surrogate_nas.predictors.transfer.sources import Leftovers

TESTED, FIRST_SEED, NEVER = 2000, 100, 10**9
WHOLE = "whole"
LEARNED = [i for i, name in enumerate(FIXED) if name.startswith("learned")]


def without_kernel(prior: TransferPrior) -> TransferPrior:
    """No kernel that sources teach."""

    def less(amplitudes: Any) -> Any:
        left = amplitudes.copy()
        left[LEARNED] = 0.0
        return left

    return replace(prior, hypotheses=tuple(replace(h, amplitudes=less(h.amplitudes)) for h in prior.hypotheses))


def without_followers(prior: TransferPrior) -> TransferPrior:
    """No hypothesis that one source alone is followed; their probability goes to all together."""
    together, *rest = prior.hypotheses
    belief = together.belief + sum(h.belief for h in rest if h.beta)
    return replace(prior, hypotheses=(replace(together, belief=belief), *(h for h in rest if not h.beta)))


def without_scratch(prior: TransferPrior) -> TransferPrior:
    """No hypothesis that the task is unlike all sources."""
    return replace(prior, hypotheses=tuple(h for h in prior.hypotheses if h.beta))


def without_leftovers(prior: TransferPrior) -> TransferPrior:
    """Smooth models of the sources alone."""
    return replace(prior, leftovers=Leftovers(prior.leftovers.codes, 0 * prior.leftovers.values))


def as_it_is(prior: TransferPrior) -> TransferPrior:
    """Nothing left out of the prior."""
    return prior


#: What is left out: of the prior, and by which constant of the predictor.
PARTS: dict[str, tuple[Callable[[TransferPrior], TransferPrior], dict[str, int]]] = {
    WHOLE: (as_it_is, {}),
    "no learned kernel": (without_kernel, {}),
    "no single source": (without_followers, {}),
    "no hypothesis from scratch": (without_scratch, {}),
    "no left-overs of sources": (without_leftovers, {}),
    "no trees": (as_it_is, {"TREES_FROM": NEVER}),
    "no share for AutoPredictor": (as_it_is, {"SCRATCH_FROM": NEVER}),
}


def ablation(
    meta: MetaPredictor, task: str, data: TaskData, sizes: list[int], seeds: int, agree: Callable[..., float]
) -> Iterator[dict[str, Any]]:
    """Agreement of every variant on every split of one task."""
    prior = meta.prior_
    for n in sizes:
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            order = np.random.default_rng(seed).permutation(len(data.y))
            seen, test = order[:n], order[n : n + TESTED]
            for name, (change, constants) in PARTS.items():
                meta.prior_ = change(prior)
                with patch.dict(vars(predictor), constants):
                    found = meta.adapt(data.X[seen], data.y[seen], direction=data.direction)
                score = agree(found.predict(data.X[test]), data.y[test])
                yield {"without": name, "task": task, "n": n, "seed": seed, "found": score}
    meta.prior_ = prior


def report(title: str, rows: list[dict[str, Any]]) -> None:
    """Print the whole, then what is lost without each part."""
    by_task = pd.DataFrame(rows).pivot_table(index=["without", "n"], columns="task", values="found", sort=False)
    print(f"\n## {title}\n")
    print("whole:", by_task.loc[WHOLE].mean(axis=1).round(4).to_dict())
    apart = by_task.drop(WHOLE) - by_task.loc[WHOLE].reindex(by_task.drop(WHOLE).index, level="n")
    error = apart.std(axis=1) / np.sqrt(apart.shape[1])
    cells = apart.mean(axis=1).map("{:+.4f}".format) + " ± " + error.map("{:.4f}".format)
    table = cells.rename("lost").reset_index()
    print(table.pivot_table(index="without", columns="n", values="lost", aggfunc="first", sort=False).to_string())


def graphs(tasks: list[str], seeds: int) -> None:
    """Tasks of NAS-Bench-Graph left out in turn."""
    table = load_table("nas-bench-graph")
    data = {name: TaskData(*table.data(task=name, split="val")) for name in table.tasks}
    rows: list[dict[str, Any]] = []
    for name in tasks or [name for name, task in data.items() if len(task.y) == len(table)]:
        others = {other: task for other, task in data.items() if other != name}
        meta = MetaPredictor(table.space, random_state=0).fit(others)
        rows += ablation(meta, name, data[name], [10, 30, 100], seeds, kendall_tau)
    report(f"NAS-Bench-Graph, one task left out, {seeds} seeds, tau", rows)


def latencies(folder: Path, seeds: int) -> None:
    """Four devices, learned from nine."""
    frame = pd.read_parquet(folder / "nas-bench-201-latency.parquet")
    space = get_space("nas-bench-201")
    X = space.parse(list(frame.index))
    known = np.random.default_rng(0).choice(len(X), 900, replace=False)
    data = {name: TaskData(X, frame[name].to_numpy(dtype=float), direction="min") for name in frame}
    sources = {name: replace(data[name], X=X[known], y=data[name].y[known]) for name in list(frame)[:9]}
    meta = MetaPredictor(space, random_state=0).fit(sources)
    rows: list[dict[str, Any]] = []
    for name in list(frame)[9:]:
        rows += ablation(meta, name, data[name], [10, 30], seeds, spearman)
    report(f"Latency on a new device, {seeds} seeds, rho", rows)


def spaces(folder: Path, seeds: int) -> None:
    """Learn in one space, adapt in another."""
    frame = pd.read_parquet(folder / "nas-bench-201.parquet")
    cells, table = get_space("nas-bench-201"), load_table("nas-bench-graph")
    X = cells.parse(list(frame.index))
    columns = ("cifar10-val-200ep", "cifar100-val-12ep", "imagenet16-120-val-12ep")
    images = {name: TaskData(X, frame[name].to_numpy(dtype=float), space=cells) for name in columns}
    graphs = {name: TaskData(*table.data(task=name, split="val"), space=table.space) for name in table.tasks}
    del graphs["proteins"]  # measured on a part of the space
    rows = []
    for sources, targets in (
        (graphs, {columns[0]: images[columns[0]]}),
        (images, {k: graphs[k] for k in ("cora", "arxiv")}),
    ):
        space = next(iter(targets.values())).space
        meta = MetaPredictor(space, random_state=0).fit(sources)
        for name, task in targets.items():
            for n in (0, 8, 16, 32):
                for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                    order = np.random.default_rng(seed).permutation(len(task.y))
                    seen, test = order[:n], order[n : n + TESTED]
                    support = (task.X[seen], task.y[seen]) if n else (None, None)
                    tau = kendall_tau(meta.adapt(*support).predict(task.X[test]), task.y[test])
                    alone = AutoPredictor(space).fit(*support).predict(task.X[test]) if n else np.zeros(len(test))
                    rows.append({"target": name, "n": n, "across": tau, "alone": kendall_tau(alone, task.y[test])})
    print(f"\n## Sources from another search space only, {seeds} seeds, tau\n")
    print(pd.DataFrame(rows).pivot_table(index=["target", "n"], sort=False).round(3).to_string())


def main() -> None:
    """Print the table asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tasks", default="", help="tasks to leave out, separated by commas; all by default")
    parser.add_argument("--latency", action="store_true", help="devices instead")
    parser.add_argument("--spaces", action="store_true", help="other search spaces instead")
    options = parser.parse_args()
    folder = os.environ.get("SURROGATE_NAS_DATA")
    if (options.latency or options.spaces) and not folder:
        parser.error("SURROGATE_NAS_DATA is not set: expected the folder of the tables of NAS-Bench-201")
    if options.latency:
        latencies(Path(folder or ""), options.seeds)
    elif options.spaces:
        spaces(Path(folder or ""), options.seeds)
    else:
        graphs([task for task in options.tasks.split(",") if task], options.seeds)


if __name__ == "__main__":
    main()
