"""A fitted predictor as objective: what would it choose."""

import time
from typing import Any, Protocol, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError
from surrogate_nas.experiments.objectives.base import Epochs, Evaluation, Objective
from surrogate_nas.spaces.base import Rows, SearchSpace


class Scorer(Protocol):
    """What is needed of a predictor to search on it.

    Attributes:
        space: The space of the rows.
        direction: "max" if a higher prediction is better, "min" if a lower one is.
    """

    space: SearchSpace | None
    direction: Direction

    def predict(self, X: npt.ArrayLike) -> Any:
        """Expected scores of rows (n, d), shape (n,)."""


@final
class PredictorObjective(Objective):
    """Asks a fitted predictor; equal networks are expected to score alike, so each is asked for once.

    Args:
        predictor: A fitted predictor of a search space.
    """

    def __init__(self, predictor: Scorer) -> None:
        if not callable(getattr(predictor, "predict", None)) or not hasattr(predictor, "space"):
            raise InvalidInputError(
                f"predictor: expected a fitted predictor, such as AutoPredictor(space).fit(X, y), got {predictor!r:.80}"
            )
        if predictor.space is None:
            raise InvalidInputError(
                "predictor: expected one of a search space's architectures, got one of plain floats"
            )
        self.predictor = predictor
        self.space = predictor.space
        self.direction = predictor.direction
        self.key = "canonical"

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Predict rows; the cost is the time it took, in equal shares."""
        begin = time.perf_counter()
        scores = np.asarray(self.predictor.predict(X), dtype=np.float64)
        return Evaluation(scores, np.full(len(X), (time.perf_counter() - begin) / max(1, len(X))))

    def describe(self) -> dict[str, Any]:
        """The kind of predictor. What it learned from is not looked at."""
        return {"predictor": type(self.predictor).__qualname__, "direction": self.direction}
