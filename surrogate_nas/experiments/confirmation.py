"""Confirm a ranking: train the best predicted for real, with several seeds, and put both side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.execution import Executor
from surrogate_nas.experiments.answers import BEST, write_answers
from surrogate_nas.experiments.trainings import LoggedTrainings, SeedScores, training_log
from surrogate_nas.predictors import BasePredictor
from surrogate_nas.spaces.base import Rows
from surrogate_nas.training import Trainer

if TYPE_CHECKING:
    import pandas as pd


def confirm(
    predictor: BasePredictor,
    trainer: Trainer,
    top: int = 5,
    seeds: int = 3,
    *,
    X: npt.ArrayLike | None = None,
    jobs: int = 1,
    executor: Executor | str | None = None,
    run_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> "pd.DataFrame":
    """Train the best predicted architectures for real.

    With a run folder the best validated one is trained once more for its weights, and its folder ``best`` says what it
    gets right class by class (see :mod:`surrogate_nas.experiments.answers`).

    Args:
        predictor: Fitted predictor of the trainer's space.
        trainer: Trains on the task in question.
        top: How many of the best predicted.
        seeds: Trainings of each, with the seeds 0 to ``seeds`` - 1.
        X: Rows to choose among, shape (n, d); None is the whole space.
        jobs: Workers at once.
        executor: Where they work: "local" (this process), "processes", "ray", or an object such as
            ``RayCluster(address)``; None is this process for one job, else processes.
        run_dir: Folder of the log; trainings that are in it are not done again.
        progress: Told after every training.

    Returns:
        One row per architecture, the best mean validation score first, as :func:`confirmed_frame` writes it.
    """
    ranking = predictor.rank(X, top=top)
    with training_log(run_dir, trainer) as log:
        trainings = LoggedTrainings(trainer, log=log, jobs=jobs, executor=executor, progress=progress)
        scores = trainings.train(ranking.rows, range(seeds), "confirming")
    frame = confirmed_frame(predictor, ranking.rows, scores)
    if run_dir is not None and frame["val"].notna().any():
        (progress or Silent()).say("Training the best once more, with seed 0, for its weights and answers ...")
        write_answers(trainer, ranking.rows[int(frame["val"].argmax())], 0, Path(run_dir) / BEST)
    return frame.sort_values("val", ascending=False, ignore_index=True)


def confirmed_frame(predictor: BasePredictor, rows: Rows, scores: SeedScores) -> "pd.DataFrame":
    """Predicted beside confirmed, one row per architecture.

    Columns: architecture; predicted, predicted_std; val, val_std, test, test_std (mean and standard
    deviation over the seeds that did not fail; the latter NaN for one seed); failed (trainings); cost_s.
    """
    import pandas as pd

    mean, std = predictor.predict(rows, return_std=True)
    space = predictor.space
    values = {
        "architecture": [str(list(x)) for x in rows] if space is None else space.format(rows),
        "predicted": mean,
        "predicted_std": std,
    }
    for split, per_seed in (("val", scores.val), ("test", scores.test)):
        series = pd.DataFrame(per_seed)  # pandas skips NaN, and a standard deviation of one value is NaN
        values |= {split: series.mean(axis=1), f"{split}_std": series.std(axis=1)}
    values |= {"failed": np.isnan(scores.val).sum(axis=1), "cost_s": np.nansum(scores.seconds, axis=1)}
    return pd.DataFrame(values)
