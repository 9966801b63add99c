"""What short trainings are worth to a search: regret against the epochs spent, on real trainings.

    SURROGATE_NAS_DATA=folder python analysis/22_multi_fidelity.py [--seeds 100] [--out figure.svg]

Protocol. (1) NAS-Bench-201, all 15,625 rows, no exact row twice, CIFAR-10 validation accuracy after 12 and after 200
epochs (``nas-bench-201.parquet`` in the folder that SURROGATE_NAS_DATA names). The two schedules are separate
trainings, so whoever is promoted costs 12 + 200 epochs. A strategy is charged for epochs; one that knows one schedule
only trains for 200. Regret is (best there is - incumbent's) after 200 epochs, in points of accuracy; the incumbent is
the best of those trained for 200 epochs, before there is one the best of those trained for 12. Mean and 95% bootstrap
interval over seeds 0, 1, ... after as many epochs as so many full trainings take. "Top 0.1%": share of the searches
whose incumbent is one of the best 16 rows at the end. All strategies have their default parameters.

(2) Many levels: 240 of the graph networks of ``graph-tasks``, each trained here for 40 epochs on "digits" with its
whole learning curve kept (about two minutes). The score after e epochs is the validation accuracy at the best of
them, which is what a training of e epochs reports: the script trains one for 10 epochs to see that. (2a) Spearman's
rho between what the first e epochs say and the score after 40: the score itself, the extrapolated curve, and the
regression on 20 other architectures that were finished (mean over 20 draws). (2b) Searches among the 240: a
promotion pays for the longer training from its first epoch, as no state is kept. Two ladders of levels; the second
was chosen after (2a) had shown what two epochs are worth here.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

import surrogate_nas as sn
from surrogate_nas.core.statistics import bootstrap_mean, spearman
from surrogate_nas.experiments.catalogue import make_strategy
from surrogate_nas.experiments.objectives import TableObjective
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.reports.palette import series
from surrogate_nas.strategies.multi_fidelity.curves import MIN_POINTS, extrapolate, regress

Floats = npt.NDArray[np.float64]
Curves = dict[str, Floats]

PLAIN = ("random", "regularized-evolution")
LEVELLED = ("successive-halving", "hyperband", "asha", "bohb", "learning-curve")
WORTH = np.array([5, 10, 25, 50, 100, 150])
#: Where the curves of the figure are drawn, in full trainings: from the first one on.
GRID = np.geomspace(1, 150, 120)

N_NETWORKS, FULL = 240, 40
#: Shortest trainings that say hardly anything, and that say something.
LADDERS = ((2, 4, 7, 13, 22, 40), (10, 20, 40))
FEW = np.array([3, 5, 10, 20, 30])
FINISHED, DRAWS = 20, 20


def nas_bench_201(folder: Path) -> TableObjective:
    """CIFAR-10 after 12 and 200 epochs; a second of search is an epoch."""
    frame = pd.read_parquet(folder / "nas-bench-201.parquet")
    columns = {f"cifar10-val-{e}ep": sn.Column("cifar10", "accuracy", "val", e, unit="%") for e in (12, 200)}
    table = sn.Table.from_frame(frame, space=sn.get_space("nas-bench-201"), arch_column="arch_str", columns=columns)
    return TableObjective(table, task="cifar10", epochs=200, cost=1.0)


def known_scores(objective: TableObjective) -> Floats:
    """All full-length scores of the table, ascending."""
    c = objective.column
    values = objective.table.values(task=c.task, metric=c.metric, split=c.split, epochs=c.epochs, seed=c.seed)
    return np.sort(values[~np.isnan(values)])


def compare(objective: TableObjective, levels: tuple[int, ...], worth: npt.NDArray[np.int64], seeds: int) -> Curves:
    """Print regret at equal epochs for every strategy; returns mean regret after the numbers in ``GRID``."""
    curves: Curves = {}
    scores = known_scores(objective)
    share_of_best = scores[-1] - scores[-int(np.ceil(len(scores) / 1000))]
    print(f"  {'epochs of ... full trainings':<28}" + "".join(f"{n:>22}" for n in worth) + "   top .1%  trained  CPU s")
    for name in PLAIN + LEVELLED:
        begin = time.process_time()
        options = {"levels": levels} if name in LEVELLED else {}
        regrets, drawn, trained = np.empty((seeds, len(worth))), np.empty((seeds, len(GRID))), []
        for seed in range(seeds):
            strategy = make_strategy(name, objective.space, random_state=seed, **options)
            result = search(objective, strategy, budget_s=float(worth[-1] * levels[-1]))
            regret, spent = result.regret(), result.elapsed_s / levels[-1]
            regrets[seed] = regret[np.searchsorted(spent, worth, side="right") - 1]
            drawn[seed] = regret[np.searchsorted(spent, GRID, side="right") - 1]
            trained.append(len(np.unique(objective.space.keys(result.X))))
        cpu_s = (time.process_time() - begin) / seeds
        cells = [bootstrap_mean(column, np.random.default_rng(0)) for column in regrets.T]
        print(
            f"  {name:<28}"
            + "".join(f"{c.mean:>8.3f} ({c.low:.3f}-{c.high:.3f})" for c in cells)
            + f"{np.mean(regrets[:, -1] <= share_of_best + 1e-9):>10.0%}{np.mean(trained):>9.0f}{cpu_s:>7.2f}",
            flush=True,
        )
        curves[name] = drawn.mean(axis=0)
    return curves


def draw(curves: Curves, path: Path) -> None:
    """Write the figure: mean regret against epochs, both on logarithmic axes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "surrogate_nas"  # the same figures give the same file
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5))
    for i, (name, regret) in enumerate(curves.items()):
        axes.plot(GRID, regret, label=name, color=series(i).light, ls="--" if name in PLAIN else "-", lw=1.8)
    axes.set(
        xscale="log", yscale="log", xlabel="epochs spent, in full trainings of 200", ylabel="mean regret in points"
    )
    axes.set_xticks(WORTH, [str(n) for n in WORTH])
    axes.set_yticks([0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"])
    axes.minorticks_off()
    axes.set_title("NAS-Bench-201, CIFAR-10: what 12-epoch trainings are worth")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    print(f"  {path}")


def trained_curves() -> TableObjective:
    """Scores after 1, 2, ... 40 epochs of 240 networks, from one training each; a second of search is an epoch."""
    table = sn.load_table("graph-tasks")
    X = table.X[np.random.default_rng(0).permutation(len(table.X))[:N_NETWORKS]]
    trainer = sn.Trainer(space=table.space, dataset="digits", epochs=FULL, recipe={"evaluate_every": 1}, device="cpu")
    curves = np.array([[point.val_score for point in trainer.train(x).curve] for x in X])
    best_so_far = np.maximum.accumulate(curves, axis=1)
    shorter = sn.Trainer(space=table.space, dataset="digits", epochs=10, recipe={"evaluate_every": 1}, device="cpu")
    alone = shorter.train(X[0]).val.accuracy
    print(f"  the first network trained for 10 epochs: {alone:.4f}, its curve of 40 says {best_so_far[0, 9]:.4f}")
    columns = {sn.Column("digits", "accuracy", "val", e + 1, unit="1"): best_so_far[:, e] for e in range(FULL)}
    return TableObjective(sn.Table(table.space, X, columns), task="digits", epochs=FULL, cost=1.0)


def forecasts(objective: TableObjective) -> None:
    """Print how well the first epochs rank the last one."""
    table = objective.table
    curves = np.stack(
        [table.values(task="digits", metric="accuracy", split="val", epochs=e + 1) for e in range(FULL)], 1
    )
    final = curves[:, -1]
    print(f"  {'epochs seen':<34}" + "".join(f"{e:>8}" for e in FEW))
    rows: dict[str, list[float]] = {"score so far": [], "extrapolated curve": [], "regression on 20 finished": []}
    for e in FEW:
        seen, t = curves[:, :e], np.arange(1, e + 1)
        rows["score so far"].append(spearman(seen[:, -1], final))
        shape = extrapolate(t, seen, FULL).mean if e >= MIN_POINTS else np.full(len(seen), np.nan)
        rows["extrapolated curve"].append(spearman(shape, final) if e >= MIN_POINTS else np.nan)
        rows["regression on 20 finished"].append(np.mean([regressed(t, seen, final, draw) for draw in range(DRAWS)]))
    for name, values in rows.items():
        print(f"  {name:<34}" + "".join(f"{v:>8.3f}" for v in values))


def regressed(t: npt.NDArray[np.int64], seen: Floats, final: Floats, draw: int) -> float:
    """Spearman's rho of the regression on one draw of finished architectures, on all others."""
    order = np.random.default_rng(draw).permutation(len(seen))
    known, asked = order[:FINISHED], order[FINISHED:]
    guessed = [regress(t, seen[known], final[known], seen[i], FULL).mean[0] for i in asked]
    return spearman(guessed, final[asked])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("analysis/figures/multi_fidelity.svg"))
    options = parser.parse_args()
    seeds = options.seeds
    if folder := os.environ.get("SURROGATE_NAS_DATA"):
        objective = nas_bench_201(Path(folder))
        print(f"(1) NAS-Bench-201, CIFAR-10, 12 and 200 epochs: mean regret in points, {seeds} seeds")
        draw(compare(objective, objective.schedules, WORTH, seeds), options.out)
    else:
        print("(1) SURROGATE_NAS_DATA is not set: no published table with two schedules")
    print(f"(2) {N_NETWORKS} graph networks trained on digits for {FULL} epochs")
    objective = trained_curves()
    print("(2a) Spearman's rho with the score after all epochs")
    forecasts(objective)
    for levels in LADDERS:
        print(f"(2b) mean regret in accuracy (a fraction) with levels {levels}, {seeds} seeds")
        compare(objective, levels, np.array([5, 10, 20, 40]), seeds)


if __name__ == "__main__":
    main()
