"""How far off a prediction may be: intervals calibrated on left-out rows, and the probability of being the best."""

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtri, stdtrit

from surrogate_nas.core import Direction, InvalidInputError

Floats = npt.NDArray[np.float64]

#: Fewest left-out errors that say more about the width of intervals than the normal distribution does.
FEWEST = 10

#: Points at which the score of the best is integrated over, and rows handled at once.
GRID, BLOCK = 256, 8192

#: Beyond this many standard deviations a normal distribution has nothing left.
FAR = 6.0


@runtime_checkable
class LeavesOut(Protocol):
    """A fitted regressor that knows how far off it was on rows it had not seen."""

    def left_out_errors(self) -> Floats:
        """Errors of left-out training rows in standard deviations, without sign, shape (k,); k may be 0."""
        ...


def reach(errors: Floats, level: float) -> float:
    """Standard deviations to go to either side of a prediction so that a share ``level`` of new scores is inside.

    Split-conformal on left-out rows: whatever the distribution of the errors, a new one is among the smallest
    ``level`` of them with that probability. Further out than the errors reach, the normal distribution goes on from
    the largest; with fewer than ten errors Student's distribution stands alone, with none the normal one.

    Args:
        errors: Left-out errors in standard deviations, without sign, shape (k,).
        level: Between 0 and 1.

    References:
        J. Lei et al., Distribution-free predictive inference for regression, JASA 2018, arXiv:1604.04173.
    """
    if not 0 < level < 1:
        raise InvalidInputError(f"level: expected a share between 0 and 1, got {level}; 0.9 stands for 90%")
    normal = float(ndtri(0.5 + level / 2))
    k = len(errors)
    if k < FEWEST:  # the deviation itself was learned from as few
        return float(stdtrit(max(k - 1, 1), 0.5 + level / 2)) if k else normal
    place = int(np.ceil((k + 1) * level))
    if place <= k:
        return float(np.partition(errors, place - 1)[place - 1])
    return float(errors.max() * normal / ndtri(0.5 + k / (k + 1) / 2))


def probability_best(mean: Floats, std: Floats, direction: Direction = "max") -> Floats:
    """Probability of each row to have the best score among the rows, predictions taken as independent and normal.

    Args:
        mean: Predicted scores, shape (n,).
        std: Their standard deviations, shape (n,).
        direction: "max" if a higher score is better.

    Returns:
        Shape (n,), adds up to one; without any deviation the best share it.
    """
    high = np.asarray(mean if direction == "max" else -mean, dtype=np.float64)
    if not len(high):
        return np.empty(0)
    if not std.any():
        best = high == high.max()
        return best / best.sum()
    # The best score lies above every row's own lower end, and below the highest upper end.
    low, top = float((high - FAR * std).max()), float((high + FAR * std).max())
    points = np.linspace(low, top, GRID)
    spread = np.maximum(std, (top - low) / GRID)  # a peak between two points would be missed
    below = np.zeros(GRID)  # logarithm of the probability that all rows are below each point
    for start in range(0, len(high), BLOCK):
        part = slice(start, start + BLOCK)
        below += log_ndtr((points - high[part, None]) / spread[part, None]).sum(axis=0)
    out = np.empty(len(high))
    for start in range(0, len(high), BLOCK):
        part = slice(start, start + BLOCK)
        z = (points - high[part, None]) / spread[part, None]
        density = np.exp(-0.5 * z**2 + below - log_ndtr(z)) / spread[part, None]
        out[part] = density.sum(axis=1)
    total = out.sum()
    return out / total if total > 0 else np.full(len(high), 1 / len(high))
