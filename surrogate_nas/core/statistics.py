"""Rank statistics and bootstrap intervals, as pure functions on arrays."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.pareto import pareto_mask as pareto_mask  # its home until fronts had a module of their own

Floats = npt.NDArray[np.float64]


def kendall_tau(predicted: npt.ArrayLike, true: npt.ArrayLike) -> float:
    """Kendall's tau-b, in [-1, 1]; 0 where one side is constant (no order was predicted).

    Args:
        predicted: Scores of shape (n,).
        true: Reference values of shape (n,).
    """
    from scipy.stats import kendalltau

    tau = float(kendalltau(predicted, true).statistic) if _has_order(predicted) and _has_order(true) else 0.0
    return tau if np.isfinite(tau) else 0.0


def spearman(predicted: npt.ArrayLike, true: npt.ArrayLike) -> float:
    """Spearman's rank correlation, in [-1, 1]; 0 where one side is constant.

    Args:
        predicted: Scores of shape (n,).
        true: Reference values of shape (n,).
    """
    from scipy.stats import spearmanr

    rho = float(spearmanr(predicted, true).statistic) if _has_order(predicted) and _has_order(true) else 0.0
    return rho if np.isfinite(rho) else 0.0


def normal_scores(values: npt.ArrayLike) -> Floats:
    """Normal quantiles of the ranks of ``values``, shape (n,); equal values get equal scores.

    Args:
        values: Shape (n,), finite.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    sample = np.asarray(values, dtype=np.float64)
    return np.asarray(ndtri((rankdata(sample) - 0.5) / max(1, len(sample))), dtype=np.float64)


def _has_order(values: npt.ArrayLike) -> bool:
    array = np.asarray(values)
    return bool(array.size > 1 and array.min() != array.max())


class Interval(NamedTuple):
    """A mean with its bootstrap interval."""

    mean: float
    low: float
    high: float


def bootstrap_mean(
    values: npt.ArrayLike, rng: np.random.Generator, *, level: float = 0.95, resamples: int = 10_000
) -> Interval:
    """Mean of ``values`` with a percentile bootstrap interval.

    Args:
        values: Shape (n,), independent repetitions.
        rng: Random stream for the resamples.
        level: Coverage of the interval.
        resamples: Number of bootstrap resamples.
    """
    sample = np.asarray(values, dtype=np.float64)
    means = sample[rng.integers(0, len(sample), size=(resamples, len(sample)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(sample.mean()), float(low), float(high))
