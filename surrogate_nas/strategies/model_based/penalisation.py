"""Picks that keep away from each other: what is near a pick promises less while that pick's score is unknown.

References:
    [gonzalez2016] Gonzalez, Dai, Hennig, Lawrence: Batch Bayesian Optimization via Local Penalization. AISTATS 2016.
    https://arxiv.org/abs/1505.08052
"""

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.model_based.acquisition import Beliefs

Floats = npt.NDArray[np.float64]

#: Candidates among which each pick is made, the most promising ones: penalties only take away.
SHORTLIST = 256


def penalised_order(
    space: SearchSpace, rows: Rows, merits: Floats, beliefs: Beliefs, pending: Rows, n: int
) -> npt.NDArray[np.int64]:
    """Order candidates by merit, the first ``n`` by local penalisation [gonzalez2016].

    Where scores change by at most L per edit, a pick of belief (mean, std) keeps others out of the ball in which the
    best score cannot be: a row at distance r is outside with probability Phi((L r - best + mean) / std). The merit's
    exponential is multiplied by these probabilities. L is the steepest change of the mean, seen from the first row.

    Args:
        space: Where distances (numbers of edits) come from.
        rows: Candidates, shape (m, d).
        merits: Logarithms of merits that are not negative, or any merits whose order counts, shape (m,).
        beliefs: About the candidates.
        pending: Rows whose scores are still to come, shape (p, d).
        n: How many picks are made with this model.

    Returns:
        Positions of all candidates, the first pick first, shape (m,).
    """
    order = np.argsort(-merits, kind="stable")
    short = order[:SHORTLIST]
    near, mean, std = rows[short], beliefs.mean[short], np.maximum(beliefs.std[short], 1e-12)
    top = max(beliefs.best, float(mean.max()))
    distance = space.distance(near[0], near)
    steepest = float((np.abs(mean - mean[0])[1:] / np.maximum(distance[1:], 1)).max(initial=0.0))
    value = merits[short] - merits[short[0]]
    for x in pending:  # believed to score like the candidate nearest to it
        i = int(space.distance(x, near).argmin())
        value = value + _log_outside(space.distance(x, near), mean[i], std[i], top, steepest)
    picks: list[int] = []
    for _ in range(min(n, len(short))):
        i = int(value.argmax())
        picks.append(i)
        value = value + _log_outside(space.distance(near[i], near), mean[i], std[i], top, steepest)
        value[i] = -np.inf
    return np.concatenate([short[picks], order[~np.isin(order, short[picks])]])


def _log_outside(distance: npt.NDArray[np.int64], mean: float, std: float, top: float, steepest: float) -> Floats:
    """Logarithm of the probability that rows at a distance are outside a pick's ball."""
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr((steepest * distance - top + mean) / std), dtype=np.float64)
