"""A monotone map from scores to normal scores: what matters is the order, not how far a failure fell."""

from typing import Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.statistics import normal_scores
from surrogate_nas.predictors.state import State

Floats = npt.NDArray[np.float64]

#: Share of the points at either end that set the slope beyond it.
END = 0.1


@final
class NormalScores:
    """Maps values to the normal quantiles of their ranks, linearly in between and beyond the ends.

    Accuracies crowd at the top and have a long tail of failures; their normal scores have neither, so a
    model with one noise level and one length scale fits them. Strictly increasing both ways.

    Attributes:
        values: Distinct values, ascending, shape (k,).
        scores: Their normal scores, ascending, shape (k,).
    """

    def __init__(self, values: Floats, scores: Floats) -> None:
        self.values = values
        self.scores = scores

    @classmethod
    def of(cls, y: npt.ArrayLike) -> Self:
        """Learn the map from a sample; equal values get equal scores.

        Args:
            y: Sample, shape (n,), finite.
        """
        sample = np.asarray(y, dtype=np.float64)
        values, first = np.unique(sample, return_index=True)
        return cls(values, normal_scores(sample)[first])

    def transform(self, y: npt.ArrayLike) -> Floats:
        """Normal scores of values, shape as ``y``."""
        return _through(np.asarray(y, dtype=np.float64), self.values, self.scores)

    def inverse(self, z: npt.ArrayLike) -> Floats:
        """Values of normal scores, shape as ``z``."""
        return _through(np.asarray(z, dtype=np.float64), self.scores, self.values)

    def get_state(self) -> State:
        """What has to be written down to map the same way again."""
        return State(arrays={"values": self.values, "scores": self.scores})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        return cls(state.arrays["values"], state.arrays["scores"])


def _through(x: Floats, knots: Floats, levels: Floats) -> Floats:
    """Linear interpolation; beyond the ends, the slope between the end and the point :data:`END` inside."""
    if len(knots) == 1:  # a constant sample: keep distances, whatever the unit
        return x - knots[0] + levels[0]
    inside = max(1, round(END * (len(knots) - 1)))
    low = (levels[inside] - levels[0]) / (knots[inside] - knots[0])
    high = (levels[-1] - levels[-1 - inside]) / (knots[-1] - knots[-1 - inside])
    out = np.interp(x, knots, levels)
    out = np.where(x < knots[0], levels[0] + (x - knots[0]) * low, out)
    return np.where(x > knots[-1], levels[-1] + (x - knots[-1]) * high, out)
