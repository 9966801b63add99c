"""Scores of different tasks on one scale, and back into the unit of the one at hand.

Accuracies of a search space have a heavy lower tail (trainings that diverge) and a crowded top. A task's *latent*
score is the mean of two views: the normal score of the rank, which no unit and no tail can disturb, and the distance
from the median in robust standard deviations, which keeps gaps, with the lower tail bent to a logarithm.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]

#: Median absolute deviation of a normal distribution with standard deviation one.
NORMAL_MAD = 0.6744897501960817

#: Latent scores below this are read as this when they are turned back: the tail grows like an exponential.
LOWEST = -6.0


@dataclass(frozen=True)
class ScoreScale:
    """Centre and spread of one task's scores, larger being better.

    Attributes:
        centre: Median, in the task's unit and sign.
        spread: Robust standard deviation, in the task's unit; 0 where all scores are equal.
    """

    centre: float
    spread: float

    @classmethod
    def of(cls, y: Floats) -> "ScoreScale":
        """Measure scores of shape (n,); none at all give centre and spread 0."""
        if not len(y):
            return cls(0.0, 0.0)
        centre = float(np.median(y))
        spread = float(np.median(np.abs(y - centre))) / NORMAL_MAD
        return cls(centre, spread or float(np.std(y)))

    def bend(self, y: Floats) -> Floats:
        """Distances from the centre in spreads, the tail below -1 bent to a logarithm (smoothly at -1)."""
        u = (y - self.centre) / self.spread if self.spread else np.zeros(len(y))
        return np.where(u < -1, -1 - np.log(-np.minimum(u, -1.0)), u)

    def unbend(self, u: Floats) -> Floats:
        """Inverse of :meth:`bend`: latent scores in the task's unit; strictly increasing down to ``LOWEST``."""
        low = np.exp(-1 - np.clip(u, LOWEST, -1.0))
        return self.centre + self.spread * np.where(u < -1, -low, u)


def latent(y: Floats) -> Floats:
    """Scores of one task, larger being better, on the common scale; equal scores stay equal.

    Args:
        y: Scores of shape (n,), finite.
    """
    if not len(y) or np.ptp(y) == 0:
        return np.zeros(len(y))
    normal = ndtri((rankdata(y) - 0.5) / len(y))
    return 0.5 * normal + 0.5 * ScoreScale.of(y).bend(y)


def standardised(y: Floats) -> Floats:
    """Latent scores with mean zero and variance one, as the models of full sources are fitted to."""
    t = latent(y)
    t = t - t.mean()
    return t / (t.std() or 1.0)
