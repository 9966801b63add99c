"""Hyperband's brackets as published."""

import numpy as np
import pytest

from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import Hyperband, hyperband_brackets
from surrogate_nas.testing.strategy import Landscape

#: Table 1 of Li et al. 2018 (R = 81, eta = 3): n_i and r_i of the brackets s = 4 ... 0.
TABLE = [
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    [(27, 3), (9, 9), (3, 27), (1, 81)],
    [(9, 9), (3, 27), (1, 81)],
    [(6, 27), (2, 81)],
    [(5, 81)],
]
LEVELS = (1, 3, 9, 27, 81)


def test_brackets_are_those_of_the_paper():
    assert [[tuple(rung) for rung in bracket] for bracket in hyperband_brackets(LEVELS)] == TABLE
    assert hyperband_brackets(LEVELS, eta=3) == hyperband_brackets(LEVELS)


@pytest.mark.parametrize("n_levels", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("eta", [2, 3, 4])
def test_no_bracket_costs_more_than_the_paper_allows(n_levels, eta):
    """B = (s_max + 1) R epochs, which the first and the last bracket spend to the last one."""
    levels = [eta**i for i in range(n_levels)]
    spent = [sum(n * epochs for n, epochs in bracket) for bracket in hyperband_brackets(levels)]
    allowed = n_levels * levels[-1]
    assert spent[0] == spent[-1] == allowed
    assert max(spent) == allowed
    assert all(  # within a bracket all rungs cost the same, but for rounding down by less than one training
        bracket[0].n * bracket[0].epochs - rung.epochs < rung.n * rung.epochs <= bracket[0].n * bracket[0].epochs
        for bracket in hyperband_brackets(levels)
        for rung in bracket
    )


def test_two_schedules_that_are_far_apart_share_the_budget():
    """12 and 200 epochs: 17 short trainings and one long one cost what two long ones do."""
    assert hyperband_brackets((12, 200)) == [((17, 12), (1, 200)), ((2, 200),)]


def test_the_search_goes_through_the_brackets_again_and_again():
    space = get_space("nas-bench-201")
    strategy, landscape = Hyperband(space, levels=LEVELS, random_state=0), Landscape(space)
    expected = [epochs for bracket in TABLE for n, epochs in bracket for _ in range(n)]
    told, rows = [], set()
    for _ in range(2 * len(expected)):
        X, epochs = strategy.ask(1)
        strategy.tell(X, landscape(X), epochs=epochs)
        told += epochs.tolist()
        rows.add(X.tobytes())
    assert told == 2 * expected
    assert len(rows) == 2 * (81 + 27 + 9 + 6 + 5), "no bracket begins with what another one began with"


def test_in_parallel_the_same_is_trained():
    space = get_space("nas-bench-201")
    landscape = Landscape(space)
    strategy = Hyperband(space, levels=LEVELS, random_state=0)
    rng, waiting, told = np.random.default_rng(0), [], []
    while len(told) < 2000:
        X, epochs = strategy.ask(20 - len(waiting))
        waiting += list(zip(X, epochs.tolist(), strict=True))
        x, length = waiting.pop(rng.integers(len(waiting)))
        strategy.tell(x[None], landscape(x[None]), epochs=[length])
        told.append(length)
    share = np.bincount(told, minlength=82)[[1, 3, 9, 27, 81]] / len(told)
    exact = np.array([81, 54, 27, 15, 10]) / 187  # sums over the columns of the table
    # Ten rounds; only the brackets that are under way at the end differ, fewer than 20 + 81 trainings.
    np.testing.assert_allclose(share, exact, atol=101 / 2000)
