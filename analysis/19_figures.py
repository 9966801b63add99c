"""Draw Kendall's tau against the number of measured architectures, and how many scores lie inside the intervals.

Reads what the two scripts on predictors wrote and writes two SVG files:

    python analysis/03_predictor_from_scratch.py --only nas-bench-201 --out scratch.csv
    python analysis/04_meta_predictor.py --out meta.csv
    python analysis/19_figures.py scratch.csv meta.csv --out analysis/figures
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("svg")

from matplotlib import pyplot as plt  # noqa: E402 - after the backend is chosen

#: Reported to this project for the same rows and splits, from the methods' own code, architecture alone; no script here
#: measures them again.
PEERS = {
    "FLAN": {16: 0.55, 32: 0.67, 100: 0.76, 256: 0.825, 1024: 0.866},
    "GRAF (forest)": {16: 0.52, 32: 0.66, 100: 0.72, 256: 0.78, 1024: 0.83},
}
OURS = ("AutoPredictor", "MetaPredictor")

#: Models from scratch that are drawn: all of them would hide each other.
DRAWN = (
    "XGBoost on one-hot (trivial)",
    "XGBoost on graph features",
    "Gaussian process on graph features",
    "MLPEnsemble on graph features",
    "GraphNetwork",
    "AutoPredictor",
)
LEVELS = (0.5, 0.8, 0.95)
COLOURS = plt.get_cmap("tab10").colors


def curves(axes: Any, results: pd.DataFrame, who: str, title: str) -> None:
    """One line per method: mean over tasks, then mean and standard deviation over seeds; n = 0 stands at 1."""
    by_seed = results.dropna(subset="KT").groupby([who, "n", "seed"], sort=False)["KT"].mean()
    spread = by_seed.groupby([who, "n"], sort=False).agg(["mean", "std"]).fillna(0.0)
    names = list(dict.fromkeys(results[who]))
    for i, name in enumerate(names):
        line = spread.loc[name].sort_index()
        ours = name.startswith(OURS)
        style = {"lw": 2.4 if ours else 1.2, "ls": "-" if ours else "--", "marker": "o" if ours else ".", "ms": 4}
        x = np.maximum(line.index.to_numpy(dtype=float), 1.0)
        axes.errorbar(x, line["mean"], line["std"], color=COLOURS[i % 10], capsize=2, label=name, **style)
    axes.set(xscale="log", xlabel="measured architectures n", ylabel="Kendall's tau on all others", title=title)
    ticks = sorted(results["n"].unique())
    axes.set_xticks([max(n, 1) for n in ticks], [str(n) for n in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)


def accuracy(scratch: pd.DataFrame, meta: pd.DataFrame) -> Any:
    """Tau against n, from scratch and across tasks."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5))
    curves(left, scratch, "model", "One task, from scratch: NAS-Bench-201")
    for name, known in PEERS.items():
        left.plot(list(known), list(known.values()), ":", color="0.4", lw=1.5, marker="x", ms=4, label=name)
    curves(right, meta, "method", "A task never seen: NAS-Bench-Graph, one left out")
    for axes in (left, right):
        axes.legend(fontsize=7, loc="lower right")
    return figure


def calibration(scratch: pd.DataFrame, meta: pd.DataFrame) -> Any:
    """Share of scores inside intervals against their level."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True)
    for axes, results, who in zip(panels, (scratch, meta), ("model", "method"), strict=True):
        own = results[results[who] == next(name for name in OURS if name in set(results[who]))]
        for i, (n, part) in enumerate(own.groupby("n")):
            inside = [part[f"in {level:.0%}"].mean() for level in LEVELS]
            axes.plot(LEVELS, inside, marker="o", ms=4, color=COLOURS[i % 10], label=f"n = {n}")
        axes.plot([0.4, 1], [0.4, 1], color="0.6", lw=1, ls="--")
        axes.set(xlabel="level of the interval", title=own[who].iloc[0])
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    panels[0].set_ylabel("share of scores inside")
    return figure


def main() -> None:
    """Write both figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scratch", type=Path, help="what analysis/03 wrote with --out")
    parser.add_argument("meta", type=Path, help="what analysis/04 wrote with --out")
    parser.add_argument("--out", type=Path, default=Path("analysis/figures"))
    options = parser.parse_args()
    scratch, meta = pd.read_csv(options.scratch), pd.read_csv(options.meta)
    scratch = scratch[scratch["model"].isin(DRAWN)]
    options.out.mkdir(parents=True, exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "surrogate_nas"  # the same figures give the same files
    for name, draw in (("tau_against_n", accuracy), ("calibration", calibration)):
        figure = draw(scratch, meta)
        figure.tight_layout()
        figure.savefig(options.out / f"{name}.svg", metadata={"Date": None})
        print(options.out / f"{name}.svg")


if __name__ == "__main__":
    main()
