"""Pareto fronts and what they are worth, as pure functions on arrays.

Everything here is about costs: lower is better in every column, so scores that are maximised are passed with
their sign flipped. A row with a NaN is a failed evaluation: it is on no front, dominates nothing and adds nothing.

References:
    [deb2002] Deb, Pratap, Agarwal, Meyarivan: A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II. IEEE
    Transactions on Evolutionary Computation 6(2), 2002.
    [while2006] While, Hingston, Barone, Huband: A Faster Algorithm for Calculating Hypervolume. IEEE Transactions on
    Evolutionary Computation 10(1), 2006.
"""

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.errors import InvalidInputError

Floats = npt.NDArray[np.float64]


def pareto_mask(costs: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Mark the rows that no other row dominates.

    Args:
        costs: Shape (n, m); lower is better in every column.

    Returns:
        bool of shape (n,). Equal rows do not dominate each other.
    """
    values = _table(costs)
    front = np.asarray(~np.isnan(values).any(axis=1))
    distinct, which = np.unique(values[front], axis=0, return_inverse=True)
    front[front] = _undominated(distinct)[which.ravel()]
    return front


def non_dominated_sort(costs: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Rank rows by fronts [deb2002]: 0 is the front, 1 the front of what is left without it, and so on.

    Args:
        costs: Shape (n, m); lower is better in every column.

    Returns:
        Shape (n,); -1 for failed rows.
    """
    values = _table(costs)
    ranks = np.full(len(values), -1)
    left = np.flatnonzero(~np.isnan(values).any(axis=1))
    rank = 0
    while len(left):
        front = pareto_mask(values[left])
        ranks[left[front]] = rank
        left, rank = left[~front], rank + 1
    return ranks


def crowding(costs: npt.ArrayLike) -> Floats:
    """How much room each row of one front has [deb2002]: the side lengths of the box up to its neighbours, summed.

    Each column is divided by its range; the ends of a column have infinite room.

    Args:
        costs: Shape (n, m), rows of one front, none of them failed.

    Returns:
        Shape (n,).
    """
    values = _table(costs)
    room = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        spread = np.ptp(column) if len(column) else 0.0
        if spread > 0:  # a column that is the same everywhere says nothing
            room[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / spread
        room[order[[0, -1]] if len(order) else order] = np.inf
    return room


def hypervolume(costs: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Volume of what the rows dominate, up to a reference; exact, for any number of columns.

    The volume is cut into slices along the last column, each of them as high as the gap between two rows and as
    wide as what the rows below it dominate in the other columns [while2006]. Two columns take n log n
    operations, each further one a factor of n: hundreds of rows in three, dozens in four.

    Args:
        costs: Shape (n, m); lower is better in every column.
        reference: Shape (m,), what is just not worth anything; rows that are not below it in every column add nothing.

    Returns:
        The volume, in the product of the columns' units; 0 without rows.

    Raises:
        InvalidInputError: The reference does not have one number per column.
    """
    values, limit = _below(costs, reference)
    return _volume(limit - values)


def free_boxes(costs: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Cut the region below a reference that no row dominates into disjoint boxes.

    Costs that fall into this region enlarge the hypervolume, and the boxes turn the expected gain into a sum of
    products.

    Args:
        costs: Shape (n, m); lower is better in every column.
        reference: Shape (m,).

    Returns:
        Lower corners, -inf where a box has no end, and upper corners, each of shape (b, m). For n rows on the front,
        b is n + 1 for two columns, of the order of n^2 for three.

    Raises:
        InvalidInputError: The reference does not have one number per column.
    """
    values, limit = _below(costs, reference)
    return _boxes(values, limit)


def _undominated(distinct: Floats) -> npt.NDArray[np.bool_]:
    """Which of different rows, in lexicographic order, are on the front.

    In that order a row is only dominated by earlier ones, so the first one left is always on the front.
    """
    front = np.zeros(len(distinct), dtype=bool)
    if not distinct.size:
        return front
    if distinct.shape[1] == 2:
        best = np.minimum.accumulate(distinct[:, 1])
        front[0], front[1:] = True, distinct[1:, 1] < best[:-1]
        return front
    left = np.arange(len(distinct))
    while len(left):
        first = distinct[left[0]]
        front[left[0]] = True
        left = left[(distinct[left] < first).any(axis=1)]
    return front


def _volume(gains: Floats) -> float:
    """Volume of the union of boxes from 0 to each row, (n, m)."""
    if gains.shape[1] == 1:
        return float(gains.max(initial=0.0))
    if gains.shape[1] > 2:  # with two columns, dominated rows cost less than finding them
        gains = gains[pareto_mask(-gains)]
    gains = gains[np.argsort(-gains[:, -1], kind="stable")]
    heights = -np.diff(gains[:, -1], append=0.0)
    base = gains[:, :-1]
    if base.shape[1] == 1:
        return float(heights @ np.maximum.accumulate(base[:, 0]))
    return float(sum(heights[i] * _volume(base[: i + 1]) for i in np.flatnonzero(heights).tolist()))


def _boxes(front: Floats, limit: Floats) -> tuple[Floats, Floats]:
    """Boxes of :func:`free_boxes`, slice by slice along the last column; rows lie below the limit."""
    if front.shape[1] == 1:
        return np.full((1, 1), -np.inf), np.minimum(limit, front.min(initial=np.inf))[None]
    front = front[pareto_mask(front)]
    front = front[np.argsort(front[:, -1], kind="stable")]
    edges = np.concatenate([[-np.inf], front[:, -1], limit[-1:]])
    slices = np.flatnonzero(edges[1:] > edges[:-1])  # slice i lies above the first i rows
    if front.shape[1] == 2:  # as below, without a call per slice
        width = np.minimum.accumulate(np.concatenate([limit[:1], front[:, 0]]))
        low, high = np.column_stack([np.full(len(width), -np.inf), edges[:-1]]), np.column_stack([width, edges[1:]])
        return low[slices], high[slices]
    parts = [_boxes(front[:i, :-1], limit[:-1]) for i in slices.tolist()]
    slices = np.repeat(slices, [len(low) for low, _ in parts])
    low, high = (np.concatenate(corners) for corners in zip(*parts, strict=True))
    return np.column_stack([low, edges[slices]]), np.column_stack([high, edges[slices + 1]])


def _table(costs: npt.ArrayLike) -> Floats:
    values = np.asarray(costs, dtype=np.float64)
    if values.ndim != 2:
        raise InvalidInputError(f"costs: expected shape (n, m), one column per objective, got {values.shape}")
    return values


def _below(costs: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Rows below the reference in every column, and the reference."""
    values, limit = _table(costs), np.asarray(reference, dtype=np.float64)
    if limit.shape != values.shape[1:] or not np.isfinite(limit).all():
        raise InvalidInputError(
            f"reference: expected {values.shape[1]} finite numbers, one per column of costs, got {reference!r}"
        )
    return values[(values < limit).all(axis=1)], limit
