"""How much a model's belief about an architecture speaks for trying it; all of it maximises.

References:
    [jones1998] Jones, Schonlau, Welch: Efficient Global Optimization of Expensive Black-Box Functions. J. Global
    Optimization 13, 1998.
    [srinivas2010] Srinivas, Krause, Kakade, Seeger: Gaussian Process Optimization in the Bandit Setting. ICML 2010.
    [white2021] White, Neiswanger, Savani: BANANAS. AAAI 2021. https://arxiv.org/abs/1910.11858
    [wu2021] Wu, Dai, Chen, Chen, Liu, Yu, Wang, Liu, Chen, Yuan: Stronger NAS with Weaker Predictors. NeurIPS 2021.
    https://arxiv.org/abs/2102.10490
    [ament2023] Ament, Daulton, Eriksson, Balandat, Bakshy: Unexpected Improvements to Expected Improvement.
    NeurIPS 2023. https://arxiv.org/abs/2310.20708
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import choose

Floats = npt.NDArray[np.float64]

#: Deviations are at least this, relative to the largest: a model that is sure of a row does not divide by zero.
SURE = 1e-9


class Beliefs(NamedTuple):
    """What a model expects of m candidates.

    Attributes:
        mean: Expected scores, shape (m,); higher is better.
        std: Standard deviations, shape (m,); zeros where they were not asked for.
        best: The best score so far, on the same scale; -inf before the first.
        n_told: Scores that the model has learned from.
    """

    mean: Floats
    std: Floats
    best: float
    n_told: int


class Acquisition(ABC):
    """Says what to try.

    Attributes:
        needs_std: Whether standard deviations are looked at; where not, models need not give any.
    """

    needs_std: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, beliefs: Beliefs, n: int, rng: np.random.Generator) -> Floats:
        """Merit of each candidate, higher is better.

        Args:
            beliefs: About m candidates.
            n: How many will be picked with this model.
            rng: Random stream.

        Returns:
            Shape (1, m), or (n, m) where each pick has merits of its own.
        """


@final
@dataclass(frozen=True)
class ExpectedImprovement(Acquisition):
    """Expected improvement over the best score [jones1998]; as a logarithm it keeps its order far below [ament2023]."""

    def __call__(self, beliefs: Beliefs, n: int, rng: np.random.Generator) -> Floats:
        """Logarithm of E[max(score - best, 0)], shape (1, m)."""
        from scipy.special import erfcx, ndtr

        if beliefs.best == -np.inf:  # nothing to improve on yet
            return beliefs.mean[None, :]
        std = _positive(beliefs.std)
        z = (beliefs.mean - beliefs.best) / std
        # E / std = pdf(z) + z cdf(z). Below -1 the two terms nearly cancel; cdf(z) = pdf(z) c erfcx(-z / sqrt(2)) with
        # c = sqrt(pi / 2) takes pdf(z) out, and what is left tends to 1 / z^2.
        near, far = np.maximum(z, -1.0), np.minimum(z, -1.0)
        left = 1.0 + far * np.sqrt(np.pi / 2) * erfcx(-far / np.sqrt(2))
        log_far = _log_pdf(far) + np.log(np.where(far > -1e4, np.maximum(left, 1e-12), far**-2.0))
        log_near = np.log(np.exp(_log_pdf(near)) + near * ndtr(near))
        return (np.log(std) + np.where(z > -1.0, log_near, log_far))[None, :]


@final
@dataclass(frozen=True)
class ProbabilityOfImprovement(Acquisition):
    """Probability of a score better than the best one."""

    def __call__(self, beliefs: Beliefs, n: int, rng: np.random.Generator) -> Floats:
        """How many deviations the mean is above the best, which has the probability's order; shape (1, m)."""
        if beliefs.best == -np.inf:
            return beliefs.mean[None, :]
        return ((beliefs.mean - beliefs.best) / _positive(beliefs.std))[None, :]


@final
@dataclass(frozen=True)
class UpperConfidenceBound(Acquisition):
    """Mean plus some deviations [srinivas2010].

    Attributes:
        beta: How many deviations.
    """

    beta: float = 1.0

    def __call__(self, beliefs: Beliefs, n: int, rng: np.random.Generator) -> Floats:
        """The bound, shape (1, m)."""
        return (beliefs.mean + self.beta * beliefs.std)[None, :]


@final
@dataclass(frozen=True)
class ThompsonSampling(Acquisition):
    """One draw per pick and candidate, candidates taken as independent ([white2021] calls it independent Thompson)."""

    def __call__(self, beliefs: Beliefs, n: int, rng: np.random.Generator) -> Floats:
        """Draws, shape (n, m)."""
        return beliefs.mean + beliefs.std * rng.standard_normal((n, len(beliefs.mean)))


@final
@dataclass(frozen=True)
class Greedy(Acquisition):
    """The expected score, nothing else."""

    needs_std: ClassVar[bool] = False

    def __call__(self, beliefs: Beliefs, n: int, rng: np.random.Generator) -> Floats:
        """The mean, shape (1, m)."""
        return beliefs.mean[None, :]


@final
@dataclass(frozen=True)
class Narrowing(Acquisition):
    """Random ones of the best expected, of fewer and fewer of them [wu2021].

    Attributes:
        share: Share of the candidates to choose from at first.
        halving: Scores after which the share has halved.
    """

    needs_std: ClassVar[bool] = False
    share: float = 0.05
    halving: float = 30.0

    def __call__(self, beliefs: Beliefs, n: int, rng: np.random.Generator) -> Floats:
        """Random values for the best expected, below them the others by their mean; shape (1, m)."""
        size = len(beliefs.mean)
        among = max(n, round(size * self.share * 2.0 ** (-beliefs.n_told / self.halving)))
        rank = np.empty(size)
        rank[np.argsort(-beliefs.mean, kind="stable")] = np.arange(size)
        return np.where(rank < among, rng.random(size), -rank)[None, :]


#: Names that strategies take in place of an object.
ACQUISITIONS: dict[str, Acquisition] = {
    "ei": ExpectedImprovement(),
    "pi": ProbabilityOfImprovement(),
    "ucb": UpperConfidenceBound(),
    "thompson": ThompsonSampling(),
    "greedy": Greedy(),
}


def get_acquisition(acquisition: str | Acquisition) -> Acquisition:
    """An acquisition by its name, or as it is.

    Raises:
        UnknownNameError: There is none of that name.
    """
    return choose("acquisition", acquisition, ACQUISITIONS) if isinstance(acquisition, str) else acquisition


def _positive(std: Floats) -> Floats:
    return np.maximum(std, max(SURE * float(std.max(initial=0.0)), 1e-100))


def _log_pdf(z: Floats) -> Floats:
    return -0.5 * z * z - 0.5 * np.log(2 * np.pi)
