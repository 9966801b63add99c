import numpy as np
import pytest
from scipy.stats import chisquare

from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import RandomSearch

#: A correct strategy fails one of these tests with this probability, and not at all with a fixed seed that passed.
FALSE_ALARM = 1e-6


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-graph-proteins"])
def test_every_row_is_equally_likely(name):
    space = get_space(name)
    some = space.enumerate()[:: space.size // 20]
    counts = np.zeros(len(some))
    for seed in range(150):
        strategy = RandomSearch(
            space, random_state=seed, key="row", allowed=lambda X: (X[:, None] == some).all(2).any(1)
        )
        counts += (strategy.ask(3).X[:, None] == some).all(2).sum(axis=0)
    assert counts.sum() == 3 * 150
    assert chisquare(counts).pvalue > FALSE_ALARM


def test_the_whole_space_in_a_different_order_for_every_seed():
    space = get_space("nas-bench-graph-proteins")
    first, second = (RandomSearch(space, random_state=seed).ask(space.size).X for seed in (0, 1))
    assert len(first) == len(second) == space.size
    assert (first != second).any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(np.unique(first, axis=0), np.unique(second, axis=0))
