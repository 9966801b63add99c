"""Fronts and hypervolumes against counting by hand, against all pairs, and against the boxes that are left."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.pareto import crowding, free_boxes, hypervolume, non_dominated_sort, pareto_mask

#: Few different values, so that equal rows and ties are the rule.
tables = hnp.arrays(np.float64, st.tuples(st.integers(0, 30), st.integers(1, 4)), elements=st.integers(0, 4).map(float))


def naive_pareto(costs):
    """A row is kept unless some row is nowhere worse and somewhere better."""
    return [not any((other <= row).all() and (other < row).any() for other in costs) for row in costs]


def counted_volume(costs, reference):
    """Whole numbers: count the unit cubes below the reference that some row dominates."""
    cubes = np.array(list(itertools.product(*(range(int(r)) for r in reference))))
    return int((costs[:, None] <= cubes).all(axis=2).any(axis=0).sum())


@given(tables)
def test_the_front_equals_comparing_all_pairs(costs):
    assert pareto_mask(costs).tolist() == naive_pareto(costs)


def test_the_front_of_a_staircase_and_of_a_line(rng):
    n = np.arange(100.0)
    assert pareto_mask(np.column_stack([n, -n])).all()
    assert pareto_mask(np.column_stack([n, n])).sum() == 1
    shuffled = rng.permutation(100)
    assert np.flatnonzero(pareto_mask(np.column_stack([n, n])[shuffled])).tolist() == [int(np.argmin(shuffled))]


def test_equal_rows_do_not_dominate_each_other():
    assert pareto_mask([[1, 1], [1, 1], [2, 0], [1, 2]]).tolist() == [True, True, True, False]
    assert pareto_mask([[0.0, 1], [-0.0, 1]]).all()


@given(tables)
def test_ranks_are_one_more_than_the_worst_that_dominates(costs):
    ranks = non_dominated_sort(costs)
    for row, rank in zip(costs, ranks, strict=True):
        dominating = (costs <= row).all(axis=1) & (costs < row).any(axis=1)
        assert rank == ranks[dominating].max(initial=-1) + 1


def test_failed_rows_are_on_no_front():
    costs = [[1, 2], [np.nan, 0], [2, 3], [0, np.nan]]
    assert pareto_mask(costs).tolist() == [True, False, False, False]
    assert non_dominated_sort(costs).tolist() == [0, -1, 1, -1]
    assert hypervolume(costs, [3, 3]) == 2
    assert not pareto_mask(np.full((3, 2), np.nan)).any()


def test_crowding_by_hand():
    # ranges 4 and 4; the middle rows' boxes reach from their left to their right neighbour
    costs = [[0, 4], [1, 2], [3, 1], [4, 0]]
    np.testing.assert_allclose(crowding(costs), [np.inf, 3 / 4 + 3 / 4, 3 / 4 + 2 / 4, np.inf])
    assert crowding(np.empty((0, 2))).shape == (0,)
    assert crowding([[1, 2]]).tolist() == [np.inf]
    np.testing.assert_allclose(crowding([[1, 7], [2, 7], [3, 7]])[1], 1.0)  # a constant column says nothing


def test_ranks_and_crowding_are_those_of_pymoo(rng):
    sorting = pytest.importorskip("pymoo.util.nds.non_dominated_sorting")
    metrics = pytest.importorskip("pymoo.operators.survival.rank_and_crowding.metrics")
    for m in (2, 3):
        costs = rng.integers(0, 12, size=(60, m)).astype(float)
        _, ranks = sorting.NonDominatedSorting().do(costs, return_rank=True)
        np.testing.assert_array_equal(non_dominated_sort(costs), ranks)
        front = rng.normal(size=(20, m))
        np.testing.assert_allclose(crowding(front), m * metrics.calc_crowding_distance(front))  # theirs is the mean


def test_the_hypervolume_by_hand():
    assert hypervolume([[3.0]], [5]) == 2
    # 2-D, reference (4, 4): 1 x 3 columns of height 1, 2, 3
    assert hypervolume([[1, 3], [2, 2], [3, 1]], [4, 4]) == 1 + 2 + 3
    assert hypervolume([[1, 3], [2, 2], [3, 1], [3, 3], [2, 2]], [4, 4]) == 6  # dominated and equal ones add nothing
    # 3-D, reference (2, 2, 2): two boxes of 4 that share 2, inclusion-exclusion
    assert hypervolume([[0, 0, 1], [0, 1, 0]], [2, 2, 2]) == 4 + 4 - 2
    # three boxes of 4, pairs share 2, all share 1
    assert hypervolume([[0, 0, 1], [0, 1, 0], [1, 0, 0]], [2, 2, 2]) == 12 - 6 + 1


def test_what_is_not_below_the_reference_adds_nothing():
    assert hypervolume([[4, 0], [0, 4], [5, 5]], [4, 4]) == 0
    assert hypervolume(np.empty((0, 3)), [1, 1, 1]) == 0


def test_a_staircase_in_closed_form():
    # n rows (i, n - 1 - i), reference (n, n): n^2 cells without the n (n - 1) / 2 below the staircase
    for n in (1, 2, 10, 137):
        i = np.arange(n)
        assert hypervolume(np.column_stack([i, n - 1 - i]), [n, n]) == n * n - n * (n - 1) / 2


@given(st.integers(1, 4).flatmap(lambda m: hnp.arrays(np.float64, (12, m), elements=st.integers(0, 4).map(float))))
def test_the_hypervolume_equals_counting_cubes(costs):
    reference = np.full(costs.shape[1], 4.0)
    assert hypervolume(costs, reference) == counted_volume(costs, reference)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_hypervolume_is_the_share_of_random_points(rng, m):
    costs, points = rng.random((12, m)), rng.random((40_000, m))
    share = (costs[:, None] <= points).all(axis=2).any(axis=0).mean()
    error = np.sqrt(share * (1 - share) / len(points))
    assert hypervolume(costs, np.ones(m)) == pytest.approx(share, abs=6 * error)  # false alarm about 2e-9


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_hypervolume_is_that_of_moocore(rng, m):
    moocore = pytest.importorskip("moocore")
    costs = rng.random((40, m))
    assert hypervolume(costs, np.ones(m)) == pytest.approx(moocore.hypervolume(costs, ref=np.ones(m)))


@given(st.integers(1, 4).flatmap(lambda m: hnp.arrays(np.float64, (9, m), elements=st.integers(0, 4).map(float))))
def test_free_boxes_and_dominated_volume_make_the_whole(costs):
    m = costs.shape[1]
    lower, upper = free_boxes(costs, np.full(m, 4.0))
    assert (upper > lower).all()
    free = np.maximum(upper - np.maximum(lower, 0.0), 0.0).prod(axis=1).sum()
    assert free + hypervolume(costs, np.full(m, 4.0)) == 4.0**m
    points = np.random.default_rng(0).uniform(-1, 4, size=(200, m))
    inside = ((points[:, None] > lower) & (points[:, None] < upper)).all(axis=2).sum(axis=1)
    dominated = (costs[:, None] <= points).all(axis=2).any(axis=0)
    np.testing.assert_array_equal(inside, ~dominated)  # each point that is not dominated lies in one box


def test_free_boxes_by_hand():
    lower, upper = free_boxes([[1, 3], [2, 2]], [4, 4])
    inf = np.inf
    assert sorted(zip(lower.tolist(), upper.tolist(), strict=True)) == sorted(
        [([-inf, -inf], [4, 2]), ([-inf, 2], [2, 3]), ([-inf, 3], [1, 4])]
    )
    lower, upper = free_boxes(np.empty((0, 3)), [4, 4, 4])
    assert lower.tolist() == [[-inf] * 3]
    assert upper.tolist() == [[4, 4, 4]]


def test_wrong_shapes_are_refused():
    with pytest.raises(InvalidInputError, match=r"costs: expected shape \(n, m\)"):
        pareto_mask([1.0, 2.0])
    with pytest.raises(InvalidInputError, match="reference: expected 2 finite numbers"):
        hypervolume([[1, 2]], [3])
    with pytest.raises(InvalidInputError, match="reference"):
        free_boxes([[1, 2]], [3, np.inf])
