"""A trained supernet as objective: how good is it with the weights that it inherits."""

import time
from typing import TYPE_CHECKING, Any, final

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.values import COST_METRICS
from surrogate_nas.experiments.objectives.base import Epochs, Evaluation, Objective
from surrogate_nas.spaces.base import Rows

if TYPE_CHECKING:
    from surrogate_nas.training.supernet import Supernet


@final
class SupernetObjective(Objective):
    """Evaluates architectures on the validation data with inherited weights; nothing is trained.

        objective = SupernetObjective(Supernet(space, "digits").train(seed=0))
        sn.search(objective, RegularizedEvolution(space, random_state=0), budget=500)

    Rows that mean the same network may inherit different weights; each network is asked for once.

    Args:
        supernet: A trained one.
        metric: A field of ``Scores``; None takes accuracy, or R2 of a regression.
    """

    modules = ("surrogate_nas.training.supernet",)
    at_once = False

    def __init__(self, supernet: "Supernet", *, metric: str | None = None) -> None:
        if not callable(getattr(supernet, "evaluate", None)) or not hasattr(supernet, "trainer"):
            raise InvalidInputError(
                f"supernet: expected a trained one, such as Supernet(space, 'digits').train(), got {supernet!r:.80}"
            )
        if supernet.seed is None:
            raise InvalidInputError("supernet: expected one that is trained, got one without weights; call train()")
        self.supernet = supernet
        self.space = supernet.space
        self.metric = metric or supernet.trainer.metric
        self.metrics = (self.metric,)
        self.direction = "min" if self.metric in COST_METRICS else "max"
        self.key = "canonical"

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Score rows one after the other; the cost is the wall time of each. Lengths of training mean nothing here."""
        scores, cost_s = np.empty((2, len(X)))
        for i in range(len(X)):
            begin = time.perf_counter()
            scores[i] = self.supernet.evaluate(X[i : i + 1], metric=self.metric)[0]
            cost_s[i] = time.perf_counter() - begin
        return Evaluation(scores, cost_s)

    def describe(self) -> dict[str, Any]:
        """Data, recipe, sampling and seed of the supernet, and the metric."""
        return {"supernet": self.supernet.describe(), "metric": self.metric}
