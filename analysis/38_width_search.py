"""The first example of everyone: how wide should the hidden layer be? By real training, found in three ways.

Perceptrons of one hidden layer, 32 to 128 units in steps of 4 (25 architectures), on scikit-learn's digits as 64
columns. (1) A scan: every width with ``--seeds`` seeds, the truth to compare with. (2) Evolution and (3) gradient
ascent on a predictor that is relaxed over widths, each a search of ``--budget`` evaluations, repeated; one evaluation
is the mean validation accuracy of three trainings whose seeds the scan does not use. Printed: mean validation and
test accuracy of the scan by width, which widths are not worse than the best one by more than chance (paired over
seeds, two standard errors), what each search chose, and what that width scores in the scan against the scan's best.

    python analysis/38_width_search.py
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

import surrogate_nas as sn
from surrogate_nas.experiments.trainings import LoggedTrainings, training_log

SPACE = {
    "family": "choices",
    "name": "one-hidden-layer",
    "skeleton": {"input_kind": "tabular"},
    "choices": [
        {
            "name": "width",
            "options": list(range(32, 129, 4)),
            "operations": {"name": "linear", "kind": "linear", "has_weights": True, "cost": 1.0},
            "sets": "width",
        }
    ],
}

#: Trainings of one evaluation of a search.
REPEATS = 3


def widths_of(space: sn.SearchSpace, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Units of the hidden layer of each row."""
    return np.array([int(text) for text in space.format(X)])


def main() -> None:
    """Train, search and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--budget", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--run-dir", type=Path, default=Path("runs/width-search"))
    options = parser.parse_args()
    space = sn.define_space(SPACE)
    trainer = sn.Trainer(space=space, dataset="digits", device="cpu")
    X = space.enumerate()
    with training_log(options.run_dir, trainer) as log:
        trainings = LoggedTrainings(trainer, log=log, jobs=options.jobs)
        scan = trainings.train(X, range(options.seeds))
        names = ("regularized-evolution", "gradient-ascent")
        first = options.seeds  # seeds that the scan does not use
        # All that any search can ask for, once: the searches themselves then cost nothing.
        means = {
            run: trainings.train(X, range(first + REPEATS * run, first + REPEATS * (run + 1))).val.mean(axis=1)
            for run in range(options.runs)
        }
    val, test = 100 * scan.val, 100 * scan.test
    best = int(val.mean(axis=1).argmax())
    loss = val[best] - val  # paired: the same seed draws the same order of samples
    error = loss.std(axis=1, ddof=1) / np.sqrt(options.seeds)
    fine = loss.mean(axis=1) <= 2 * error
    frame = pd.DataFrame(
        {
            "width": widths_of(space, X),
            "validation": val.mean(axis=1),
            "standard error": val.std(axis=1, ddof=1) / np.sqrt(options.seeds),
            "test": test.mean(axis=1),
            "as good as the best": fine,
        }
    )
    print(frame.round(2).to_string(index=False))
    print(f"\nscan: best width {frame.width[best]}, {val[best].mean():.2f} % on validation, "
          f"{test[best].mean():.2f} % on test; {trainer.data.name}, {options.seeds} seeds")  # fmt: skip
    for name in names:
        chosen = []
        for run in range(options.runs):
            score = dict(zip(space.format(X), means[run], strict=True))
            objective = sn.CallableObjective(lambda x, score=score: score[space.format(x)[0]], space)
            options_of = (
                {"population_size": 6, "sample_size": 3} if name == names[0] else {"n_initial": 6, "refit_every": 2}
            )
            strategy = sn.make_strategy(name, space, random_state=run, **options_of)
            chosen.append(int(space.index(sn.search(objective, strategy, budget=options.budget).best)[0]))
        at, runs = np.array(chosen), options.runs
        gap, spread = loss[at].mean(), loss[at].mean(axis=1).std(ddof=1) / np.sqrt(runs)
        print(f"{name}: {options.budget} of {len(X)} widths per search, {runs} searches; chose "
              f"{', '.join(map(str, sorted(frame.width[at])))}; these score {gap:.2f} ± {spread:.2f} points below the "
              f"scan's best; {fine[at].sum()} of {runs} are as good as the best within noise; test "
              f"{test[at].mean():.2f} %")  # fmt: skip


if __name__ == "__main__":
    main()
