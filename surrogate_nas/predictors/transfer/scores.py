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

#: Distances from the centre are not read as lower than this many (bent) spreads: the tail grows like an exponential.
LOWEST = -6.0

#: Shares of a task's scores at which latent and bent scores are compared.
SHARES = (np.arange(33) + 0.5) / 33

#: Fewest scores that show the shape of a task's own distribution.
OWN_SHAPE = 20


@dataclass(frozen=True)
class ScoreScale:
    """Centre, spread and shape of one task's scores, larger being better.

    Attributes:
        centre: Median, in the task's unit and sign.
        spread: Robust standard deviation, in the task's unit; 0 where all scores are equal.
        latents: Latent scores at ``SHARES``, ascending; with ``bent`` the way back from latent scores.
        bent: Bent distances from the centre at the same shares.
        doubt: Standard deviation of the centre itself, where it was not seen but guessed from other tasks.
    """

    centre: float
    spread: float
    latents: Floats
    bent: Floats
    doubt: float = 0.0

    @classmethod
    def of(cls, y: Floats) -> "ScoreScale":
        """Measure scores of shape (n,), at least one."""
        centre, spread = _centre_and_spread(y)
        bent = np.quantile(_bend(y, centre, spread), SHARES)
        return cls(centre, spread, 0.5 * ndtri(SHARES) + 0.5 * bent, bent)

    @classmethod
    def among(cls, scales: "list[ScoreScale]") -> "ScoreScale":
        """What to expect of a task whose scores nobody has seen, given other tasks'."""
        centres = [s.centre for s in scales]
        scales = [s for s in scales if s.spread] or scales  # equal scores have no shape
        return cls(
            float(np.mean(centres)),
            float(np.mean([s.spread for s in scales])),
            np.mean([s.latents for s in scales], axis=0),
            np.mean([s.bent for s in scales], axis=0),
            float(np.std(centres)),
        )

    def seen(self, y: Floats) -> "ScoreScale":
        """The same after the task has shown scores of shape (n,): what they cannot show is kept from here."""
        if not len(y):
            return self
        own = ScoreScale.of(y)
        # Two scores say less about the spread than other tasks do; equal scores say nothing about it.
        spread = own.spread if len(y) > 2 and own.spread > 0 else (self.spread or 1.0)
        shape = own if own.spread > 0 and (len(y) >= OWN_SHAPE or not self.spread) else self
        return ScoreScale(own.centre, spread, shape.latents, shape.bent)

    def restore(self, t: Floats) -> Floats:
        """Latent scores (n,) in the task's unit; increasing, strictly down to ``LOWEST``."""
        inner = np.interp(t, self.latents, self.bent)
        u = inner + np.minimum(t - self.latents[0], 0.0) + np.maximum(t - self.latents[-1], 0.0)
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
    return 0.5 * normal + 0.5 * _bend(y, *_centre_and_spread(y))


def standardised(y: Floats) -> Floats:
    """Latent scores with mean zero and variance one, as the models of full sources are fitted to."""
    t = latent(y)
    t = t - t.mean()
    return t / (t.std() or 1.0)


def _centre_and_spread(y: Floats) -> tuple[float, float]:
    centre = float(np.median(y))
    spread = float(np.median(np.abs(y - centre))) / NORMAL_MAD
    return centre, spread or float(np.std(y))


def _bend(y: Floats, centre: float, spread: float) -> Floats:
    """Distances from the centre in spreads, the tail below -1 bent to a logarithm (smoothly at -1)."""
    u = (y - centre) / spread if spread else np.zeros(len(y))
    return np.where(u < -1, -1 - np.log(-np.minimum(u, -1.0)), u)
