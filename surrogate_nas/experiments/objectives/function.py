"""Any Python function as objective."""

import time
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError
from surrogate_nas.experiments.objectives.base import Epochs, Evaluation, Objective, check_directions, check_space
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies import Key


@final
class CallableObjective(Objective):
    """Calls a function for one architecture at a time.

    Args:
        function: Takes one row, int16 of shape (d,), and returns its score, or one score per metric; NaN = failed.
            ``space.format`` and ``build_network`` turn a row into text or a network. With ``epochs=True`` it is
            called as ``function(row, epochs)``, where None stands for its own number of epochs.
        space: Space of the rows.
        direction: "max" if a higher score is better; one for each metric where there are several.
        metrics: What the scores are; needed where there are several.
        key: What counts as the same architecture.
        catch: Exceptions that mean a failed evaluation; all others end the search, with all that was
            finished before in its log.
        epochs: Whether the function takes the number of epochs as its second argument.
    """

    at_once = False

    def __init__(
        self,
        function: Callable[..., float | Sequence[float]],
        space: SearchSpace,
        *,
        direction: Direction | Sequence[Direction] = "max",
        metrics: Sequence[str] = ("score",),
        key: Key = "canonical",
        catch: tuple[type[Exception], ...] = (),
        epochs: bool = False,
    ) -> None:
        _check(function, metrics, key, catch)
        check_space(space)
        directions = _several(direction)
        check_directions(directions)
        if len(directions) != len(metrics):
            raise InvalidInputError(
                f"direction: expected one for each of the metrics {', '.join(metrics)}, got {len(directions)}"
            )
        self.function = function
        self.space = space
        self.direction = directions[0]
        self.metrics = tuple(metrics)
        self.key = key
        self.catch = _kinds(catch)
        self.epochs = epochs
        self._directions: tuple[Direction, ...] = directions

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The direction of each metric."""
        return self._directions

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Call the function for each row; the cost is the time each call took."""
        scores = np.empty((len(X), len(self.metrics)))
        cost_s = np.empty(len(X))
        for i, x in enumerate(X):
            begin = time.perf_counter()
            scores[i] = self._call(x.copy(), None if epochs is None else int(epochs[i]))
            cost_s[i] = time.perf_counter() - begin
        return Evaluation(scores if len(self.metrics) > 1 else scores[:, 0], cost_s)

    def describe(self) -> dict[str, Any]:
        """The function's name; what it does is not looked at."""
        name = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        several = {"metrics": list(self.metrics)} if len(self.metrics) > 1 else {}
        return {"function": name, "direction": self.direction, **several}

    def _call(self, x: npt.NDArray[np.int16], epochs: int | None) -> npt.NDArray[np.float64]:
        if epochs is not None and not self.epochs:
            raise InvalidInputError(
                "objective: expected a function of (row, epochs), as the strategy chooses how long to train; "
                "make it with CallableObjective(function, space, epochs=True)"
            )
        try:
            result = self.function(x, epochs) if self.epochs else self.function(x)
        except self.catch:
            return np.full(len(self.metrics), np.nan)
        try:
            if result is None:  # a forgotten "return"; a failure is NaN
                raise TypeError
            scores = np.asarray(result, dtype=np.float64).reshape(-1)
        except (TypeError, ValueError):
            raise InvalidInputError(
                f"objective: expected the function to return {len(self.metrics)} number(s) "
                f"({', '.join(self.metrics)}), got {result!r:.80}"
            ) from None
        if len(scores) != len(self.metrics):
            raise InvalidInputError(
                f"objective: expected the function to return {len(self.metrics)} score(s) "
                f"({', '.join(self.metrics)}), got {len(scores)}"
            )
        return scores


def _check(function: Any, metrics: Any, key: Any, catch: Any) -> None:
    if not callable(function):
        raise InvalidInputError(f"function: expected a function of one row, got {function!r:.80}")
    if not isinstance(metrics, list | tuple) or not all(isinstance(name, str) for name in metrics):
        raise InvalidInputError(f"metrics: expected a list of names, such as ('accuracy',), got {metrics!r:.80}")
    if len(set(metrics)) < len(metrics):
        raise InvalidInputError(f"metrics: expected different names, got {', '.join(metrics)}")
    if key not in ("row", "canonical", "nothing"):
        raise InvalidInputError(f"key: expected 'row', 'canonical' or 'nothing', got {key!r:.80}")
    for kind in _kinds(catch):
        if not isinstance(kind, type) or not issubclass(kind, Exception):
            raise InvalidInputError(f"catch: expected exceptions, such as (RuntimeError,), got {catch!r:.80}")


def _several(direction: Any) -> tuple[Any, ...]:
    return tuple(direction) if isinstance(direction, list | tuple) else (direction,)


def _kinds(catch: Any) -> tuple[Any, ...]:
    return catch if isinstance(catch, tuple) else (catch,)
