"""Limits that are known after an evaluation: feasible first, then better, then less broken."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import NSGA2, Constrained, RandomSearch, RegularizedEvolution
from surrogate_nas.strategies.multi_objective.limits import Limits


@pytest.fixture
def space():
    return get_space("nas-bench-201")


def test_the_order_of_deb(space, rng):
    """Deb 2000: a feasible one wins over any other, two feasible ones by score, two others by what they break."""
    inner = RegularizedEvolution(space, population_size=6, random_state=0)
    strategy = Constrained(inner, limits=(None, 5.0, 0.5), directions=("max", "min", "max"))
    X = space.sample(6, rng, unique=True)
    # accuracy, latency in ms (told negated, since less is better) of at most 5, robustness of at least 0.5
    strategy.tell(
        X, [[80, -5.0, 0.5], [90, -4.0, 0.9], [99, -6.0, 0.9], [95, -10.0, 0.9], [97, -6.0, 0.4], [10, -4.9, 0.6]]
    )
    told = [member.score for member in inner.population]
    assert told[0] == 80, "exactly at the limits"
    assert told[1] == 90
    assert told[5] == 10
    np.testing.assert_allclose(told[2:5], [-1e6 * 1.2, -1e6 * 2.0, -1e6 * 1.4])
    assert np.argsort(told)[::-1].tolist() == [1, 0, 5, 2, 4, 3]


def test_what_is_spare():
    wanted, spare = Limits((4.0, None, 0.0)).split(np.array([[-3.0, 7.0, 0.5], [-5.0, 8.0, -0.5]]))
    assert wanted.tolist() == [[7.0], [8.0]]
    assert spare.tolist() == [[0.25, 0.5], [-0.25, -0.5]]
    split = Limits((4.0, None)).split(np.array([[-6.0, 1.0], [np.nan, 1.0], [-3.0, np.nan], [-3.0, 2.0]]))
    np.testing.assert_array_equal(split.broken, [0.5, np.nan, np.nan, 0.0])
    np.testing.assert_array_equal(split.wanted[:, 0], [1.0, np.nan, np.nan, 2.0])


def test_several_wanted_ones_go_to_a_strategy_for_several(space, rng):
    pytest.importorskip("pymoo")
    inner = NSGA2(space, population_size=3, random_state=0)
    strategy = Constrained(inner, limits=(None, None, 5.0))
    X = space.sample(4, rng, unique=True)
    strategy.tell(X, [[1.0, 2, -4], [2.0, 1, -4], [9.0, 9, -6], [9.0, 9, -9]])
    assert sorted(inner.scores[:, 0].tolist()) == [-1.2e6, 1.0, 2.0], "the one that breaks most is out"


def test_failed_ones_stay_failed(space, rng):
    inner = RegularizedEvolution(space, random_state=0)
    strategy = Constrained(inner, limits=(None, 5.0))
    strategy.tell(space.sample(3, rng, unique=True), [[np.nan, -1], [90, np.nan], [91.0, -1]])
    assert [member.score for member in inner.population] == [91.0]


def test_it_finds_better_ones_within_a_limit_than_random_search():
    import surrogate_nas as sn

    table = sn.load_table("nas-bench-graph")
    space = table.space
    accuracy = table.values(task="arxiv", metric="accuracy", split="val")
    latency = table.values(task="arxiv", metric="latency", split="")
    limit = float(np.quantile(latency, 0.02))

    def best(strategy):
        found = -np.inf
        for _ in range(30):
            X = strategy.ask(5).X
            i = space.index(X)
            strategy.tell(X, np.column_stack([accuracy[i], -latency[i]]))
            found = max(found, accuracy[i][latency[i] <= limit].max(initial=-np.inf))
        return found

    wins = [
        best(Constrained(RegularizedEvolution(space, random_state=s), limits=(None, limit)))
        > best(RandomSearch(space, random_state=s))
        for s in range(16)
    ]
    assert sum(wins) >= 14  # by chance with a probability of 0.002


def test_wrong_limits(space):
    inner = RandomSearch(space, random_state=0)
    for limits, message in (
        ((5.0,), "limits: expected None for what is to be as good as possible"),
        ((), "limits: expected None"),
        ((None, np.nan), "limits: expected finite numbers"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            Constrained(inner, limits=limits)
    for directions in (("max",), ("max", "low")):
        with pytest.raises(InvalidInputError, match="directions"):
            Constrained(inner, limits=(None, 5.0), directions=directions)
    with pytest.raises(InvalidInputError, match="penalty"):
        Constrained(inner, limits=(None, 5.0), penalty=0)
    strategy = Constrained(inner, limits=(None, 5.0))
    with pytest.raises(InvalidInputError, match="expected 2 scores per architecture, one for each of limits, got 1"):
        strategy.tell(strategy.ask(1).X, [1.0])


def test_its_name_shows_the_strategy_and_the_limits(space):
    assert repr(Constrained(RandomSearch(space), limits=(None, 5.0))).endswith("limits=(None, 5.0))")
