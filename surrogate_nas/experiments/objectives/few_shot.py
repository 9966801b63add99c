"""How well an architecture learns new classes from a few samples, as objective."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.objectives.base import Epochs, Evaluation, Objective
from surrogate_nas.spaces.base import Rows

if TYPE_CHECKING:
    from surrogate_nas.training.meta_learning import MetaTrainer


@final
class FewShotObjective(Objective):
    """Meta-trains each architecture and reads its accuracy on tasks of the validation classes.

    The tasks are the same ones for every architecture. The best epoch is chosen on them, so that scores are a little
    above what other tasks would give; accuracies to report are of the test classes (``MetaLearned.accuracy``).

    Args:
        trainer: Meta-trains one architecture; a short training will do to tell good from bad.
        seed: Seed of every meta-training.
    """

    modules = ("surrogate_nas.training.meta_learning.trainer",)
    at_once = False
    metrics = ("accuracy",)
    direction = "max"
    key = "canonical"

    def __init__(self, trainer: "MetaTrainer", *, seed: int = 0) -> None:
        if not callable(getattr(trainer, "from_scratch", None)):
            raise InvalidInputError(
                f"trainer: expected one of few-shot tasks, such as MetaTrainer(space=space, tasks=tasks), got "
                f"{trainer!r:.80}"
            )
        self.trainer = trainer
        self.space = trainer.space
        self.seed = seed

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Meta-train rows one after the other, each for its own number of epochs; the cost is the wall time of each."""
        scores, cost_s = np.empty((2, len(X)))
        for i, x in enumerate(X):
            trainer = self.trainer
            if epochs is not None:
                trainer = replace(trainer, recipe=replace(trainer.settings, epochs=int(epochs[i])))
            result = trainer.train(x, self.seed).result
            scores[i], cost_s[i] = result.score("accuracy", "val"), result.seconds
        return Evaluation(scores, cost_s)

    def describe(self) -> dict[str, Any]:
        """Tasks, method and recipe of the meta-training, and the seed."""
        return {"trainer": self.trainer.describe(), "metric": "few-shot accuracy", "seed": self.seed}
