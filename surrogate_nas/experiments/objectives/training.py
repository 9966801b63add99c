"""Real training as objective."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.core.values import COST_METRICS
from surrogate_nas.experiments.objectives.base import Epochs, Evaluation, Objective
from surrogate_nas.spaces.base import Rows
from surrogate_nas.training.result import CLASSIFICATION_UNITS, REGRESSION_UNITS

if TYPE_CHECKING:
    from surrogate_nas.training import Trainer


@final
class TrainingObjective(Objective):
    """Trains each architecture for real and reads its validation score.

    A training that diverged, ran out of memory or lost its process is a result without a score. The same
    architecture, seed and recipe give the same score, so each distinct network is trained once.

    Args:
        trainer: Trains one architecture; ``Trainer(space=..., dataset=...)``.
        metric: One of the metrics in :class:`~surrogate_nas.training.Scores`, on the validation data; None takes the
            trainer's own: "accuracy", or "r2" for a regression.
        seed: Seed of every training.
    """

    modules = ("surrogate_nas.training.trainer",)
    at_once = False

    def __init__(self, trainer: "Trainer", *, metric: str | None = None, seed: int = 0) -> None:
        if not callable(getattr(trainer, "train", None)):
            raise InvalidInputError(
                f"trainer: expected one, such as Trainer(space=space, dataset='digits'), got {trainer!r:.80}"
            )
        self.trainer = trainer
        self.space = trainer.space
        self.device = getattr(trainer, "device", "cpu")
        own = getattr(trainer, "metric", "accuracy")
        self.metric = own if metric is None else metric
        choose("metric", self.metric, REGRESSION_UNITS if own in REGRESSION_UNITS else CLASSIFICATION_UNITS)
        self.metrics = (self.metric,)
        self.seed = seed
        self.direction = "min" if self.metric in COST_METRICS else "max"
        self.key = "canonical"

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Train rows one after the other, each for its own number of epochs; the cost is the wall time of each."""
        scores, cost_s = np.empty((2, len(X)))
        for i, x in enumerate(X):
            trainer = self.trainer if epochs is None else replace(self.trainer, epochs=int(epochs[i]))
            result = trainer.train(x, self.seed)
            scores[i], cost_s[i] = result.score(self.metric, "val"), result.seconds
        return Evaluation(scores, cost_s)

    def describe(self) -> dict[str, Any]:
        """The recipe of the training, metric and seed."""
        from surrogate_nas.experiments.trainings import recipe

        return {"trainer": recipe(self.trainer), "metric": self.metric, "seed": self.seed}
