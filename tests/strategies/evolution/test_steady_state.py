"""Steady-state evolution: the members are the best that joined, and children are theirs."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import SteadyStateEvolution
from surrogate_nas.testing.strategy import Landscape

P = 8


@pytest.fixture
def space():
    return get_space("nas-bench-201")


def evolution(space, **options):
    return SteadyStateEvolution(space, **{"population_size": P, "sample_size": 3, "random_state": 0, **options})


@pytest.mark.parametrize("batch", [1, 5])
def test_the_population_is_always_the_best_of_those_that_joined(space, batch):
    strategy, landscape, joined = evolution(space), Landscape(space), []
    for _ in range(60):
        X = strategy.ask(batch).X
        scores = np.where(X[:, 0] == 1, np.nan, landscape(X))  # a failed evaluation does not join
        strategy.tell(X, scores)
        joined += [(score, x.tolist()) for score, x in zip(scores, X, strict=True) if not np.isnan(score)]
        best = sorted(joined, reverse=True)[:P]
        assert [(m.score, m.row[0].tolist()) for m in strategy.population] == best


def test_of_equally_bad_ones_the_oldest_leaves(space):
    strategy = evolution(space)
    X = space.sample(P + 3, np.random.default_rng(0), unique=True)
    strategy.tell(X, np.zeros(P + 3))
    assert [m.row[0].tolist() for m in strategy.population] == X[:2:-1].tolist()


def test_a_child_that_is_worse_than_all_leaves_at_once(space):
    strategy = evolution(space)
    X = strategy.ask(P).X
    strategy.tell(X, np.arange(P, dtype=float))
    before = [m.score for m in strategy.population]
    strategy.tell(strategy.ask().X, [-1.0])
    assert [m.score for m in strategy.population] == before == sorted(before, reverse=True)


def test_children_are_mutants_of_tournament_winners(space):
    # 300 draws with replacement from 8 members miss the best one with probability (7/8)^300 < 1e-17.
    strategy, landscape = evolution(space, sample_size=300, key="row"), Landscape(space)
    X = strategy.ask(P).X
    strategy.tell(X, landscape(X))
    for _ in range(15):
        X = strategy.ask().X
        assert np.count_nonzero(strategy.population[0].row != X) in (1, 2)
        strategy.tell(X, landscape(X))


@pytest.mark.parametrize("name", ["population_size", "sample_size"])
def test_wrong_parameters_are_named(space, name):
    with pytest.raises(InvalidInputError, match=name):
        evolution(space, **{name: 0})
