"""The small frozen values that cross the borders between packages."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.errors import InvalidInputError

Direction = Literal["max", "min"]

#: Metrics that are costs: less is better unless a column says otherwise.
COST_METRICS = frozenset({"latency", "params", "flops", "energy", "loss", "seconds", "train_time", "rmse"})


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """What a number means.

    Attributes:
        name: "accuracy", "roc_auc", "latency", ...
        unit: "%", "1" (a fraction), "s", "ms", "million", ...
        direction: "max" if higher is better, "min" if lower is.
        split: "val", "test", "train", or "" where a split has no meaning (latency, parameters).
    """

    name: str
    unit: str
    direction: Direction
    split: str

    def __post_init__(self) -> None:
        if self.direction not in ("max", "min"):
            raise InvalidInputError(
                f"direction of metric {self.name!r}: expected 'max' or 'min', got {self.direction!r}"
            )


@dataclass(frozen=True, slots=True)
class Column:
    """One measured column of a table: which task, which metric, trained for how long, which seed.

    Attributes:
        task: Data set or device the value was measured on.
        metric: Name of the metric.
        split: "val", "test", "train" or "".
        epochs: Length of the training schedule; None where the source does not say or it has no meaning.
        seed: The training seed, "mean" for a mean over seeds, None where it has no meaning.
        unit: Unit of the values.
        direction: "max" or "min"; None takes "min" for costs (latency, params, ...), else "max".
    """

    task: str
    metric: str
    split: str = ""
    epochs: int | None = None
    seed: int | str | None = None
    unit: str = ""
    direction: Direction | None = None

    @property
    def spec(self) -> MetricSpec:
        """The metric with its unit, direction and split."""
        direction = self.direction or ("min" if self.metric in COST_METRICS else "max")
        return MetricSpec(self.metric, self.unit, direction, self.split)


class Prediction(NamedTuple):
    """A predictor's answer for n architectures, in the target's own unit and sign.

    Attributes:
        mean: Expected score, float64 of shape (n,).
        std: Standard deviation of the prediction, float64 of shape (n,), never negative.
    """

    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]


class PredictedInterval(NamedTuple):
    """Ends of the intervals of n architectures, in the target's own unit and sign.

    Attributes:
        low: Lower ends, float64 of shape (n,).
        high: Upper ends, float64 of shape (n,).
    """

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


class Proposal(NamedTuple):
    """What a strategy wants evaluated next.

    Attributes:
        X: Rows, int16 of shape (m, d); m may be smaller than what was asked for.
        epochs: Training length per row, int of shape (m,), or None for the objective's own.
    """

    X: npt.NDArray[np.int16]
    epochs: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value to compare by
class TaskData:
    """Measured architectures of one task, as a MetaPredictor learns from them.

    Attributes:
        X: Rows, int16 of shape (n, d).
        y: Scores, float of shape (n,), in any unit.
        extra: Side features per architecture (zero-cost proxies ...), float of shape (n, e), or None.
        descriptors: Numbers that describe the data set (size, classes, ...), or None.
        unit: Unit of ``y``.
        direction: "max" if higher is better, "min" if lower is.
        space: The search space of the rows, where it is another one than that of the predictor.
    """

    X: npt.NDArray[np.int16]
    y: npt.NDArray[np.float64]
    extra: npt.NDArray[np.float64] | None = None
    descriptors: dict[str, float] | None = None
    unit: str = ""
    direction: Direction = "max"
    space: Any = None

    def __post_init__(self) -> None:
        if self.direction not in ("max", "min"):
            raise InvalidInputError(f"direction of a task: expected 'max' or 'min', got {self.direction!r}")

    @classmethod
    def of(cls, value: Any) -> "TaskData":
        """Accept a TaskData or a plain pair ``(X, y)``.

        Raises:
            InvalidInputError: Anything else.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise InvalidInputError(
                f"a task: expected a pair (X, y) or TaskData(X, y, ...), got {type(value).__name__}"
            )
        X, y = value
        try:
            scores = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError):
            raise InvalidInputError(f"a task: expected numbers as scores y, got {y!r:.80}") from None
        return cls(np.asarray(X), scores)
