"""How much a candidate is expected to enlarge the volume that a Pareto front dominates, in closed form.

References:
    [emmerich2006] Emmerich, Giannakoglou, Naujoks: Single- and Multiobjective Evolutionary Optimization Assisted by
    Gaussian Random Field Metamodels. IEEE Transactions on Evolutionary Computation 10(4), 2006.
    [couckuyt2014] Couckuyt, Deschrijver, Dhaene: Fast Calculation of Multiobjective Probability of Improvement and
    Expected Improvement Criteria for Pareto Optimization. J. Global Optimization 60, 2014.
    [ishibuchi2018] Ishibuchi, Imada, Setoguchi, Nojima: How to Specify a Reference Point in Hypervolume Calculation for
    Fair Performance Comparison. Evolutionary Computation 26(3), 2018.
"""

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.pareto import free_boxes

Floats = npt.NDArray[np.float64]

#: The reference lies beyond the worst of the front by this share of its range: the ends of the front are worth
#: something, and what is worse than both is not [ishibuchi2018].
MARGIN = 0.1

#: Numbers that are multiplied at once; more would not fit into the cache.
CHUNK = 1_000_000


def expected_improvement(mean: Floats, std: Floats, front: Floats, reference: Floats) -> Floats:
    """Expected gain of hypervolume over a front, exact for independent normal costs [emmerich2006, couckuyt2014].

    The region that the front leaves free is cut into boxes. What a point y gains in one of them is the product over
    costs of (u - y)+ - (l - y)+ for the box's corners l and u, and the expectation of (t - y)+ is the textbook expected
    improvement below t.

    Args:
        mean: Expected costs, shape (n, m); lower is better.
        std: Standard deviations, shape (n, m); 0 where a cost is known.
        front: Costs that were reached, shape (k, m).
        reference: Costs that are just not worth anything, shape (m,).

    Returns:
        Shape (n,), in the product of the costs' units, not negative. With one cost, the expected improvement.
    """
    lower, upper = free_boxes(front, reference)
    gain = np.empty(len(mean))
    step = max(1, CHUNK // len(lower))
    for begin in range(0, len(mean), step):
        part = slice(begin, begin + step)
        product = np.ones((len(mean[part]), len(lower)))
        for j in range(len(reference)):
            edges, corners = np.unique(np.concatenate([lower[:, j], upper[:, j]]), return_inverse=True)
            below = _expected_below(edges, mean[part, j, None], std[part, j, None])
            product *= below[:, corners[len(lower) :]] - below[:, corners[: len(lower)]]
        gain[part] = product.sum(axis=1)
    return gain


def _expected_below(t: Floats, mean: Floats, std: Floats) -> Floats:
    """E[max(t - y, 0)] for normal y; 0 at t = -inf."""
    from scipy.special import ndtr

    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        z = (t - mean) / std
        expected = (t - mean) * ndtr(z) + std * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return np.where(np.isneginf(t), 0.0, np.where(std > 0, np.maximum(expected, 0.0), np.maximum(t - mean, 0.0)))


def reference_of(front: Floats) -> Floats:
    """Costs that are just not worth anything: a tenth of the front's range beyond its worst, in each column.

    Args:
        front: Costs that were reached, shape (k, m) with at least one row.

    Returns:
        Shape (m,); where the front has no range in a column, beyond it by a tenth of its size or of 1.
    """
    worst, spread = front.max(axis=0), np.ptp(front, axis=0)
    return np.asarray(worst + MARGIN * np.where(spread > 0, spread, np.maximum(np.abs(worst), 1.0)))
