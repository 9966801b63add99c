"""Given architectures come first, and whoever goes on knows how they did."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import LocalSearch, RandomSearch, RegularizedEvolution, WarmStart
from surrogate_nas.testing.strategy import Landscape, run


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-graph")


@pytest.fixture
def good(space):
    return space.sample(12, 0, unique=True)


def test_given_rows_come_first_in_their_order(space, good):
    for batch in (1, 5, 64):
        X = run(WarmStart(RandomSearch(space, random_state=0), good), Landscape(space), 30, batch)
        np.testing.assert_array_equal(X[:12], good)
        assert len(np.unique(X, axis=0)) == len(X)


def test_a_batch_ends_with_the_given_rows(space, good):
    strategy = WarmStart(RandomSearch(space, random_state=0), good)
    assert [len(strategy.ask(8).X) for _ in range(3)] == [8, 4, 8]


def test_rows_that_may_not_be_proposed_or_are_known_are_passed_over(space, good):
    strategy = WarmStart(RandomSearch(space, random_state=0), np.concatenate([good, good]))
    strategy.restrict(allowed=lambda X: (good[3] != X).any(axis=1))
    strategy.tell(good[:2], [0.0, 1.0])
    np.testing.assert_array_equal(strategy.ask(12).X, good[[2, *range(4, 12)]])


def test_the_other_strategy_learns_from_them(space, good):
    evolution = RegularizedEvolution(space, population_size=14, random_state=0)
    strategy = WarmStart(evolution, good)
    run(strategy, Landscape(space), 12)
    assert [m.score for m in evolution.population] == Landscape(space)(good).tolist()
    assert len(strategy.ask(2).X) == 2, "two founders are still missing, and they are random"


def test_local_steps_go_on_from_the_best_of_them(space, good):
    strategy = WarmStart(LocalSearch(space, initial_size=1, restart="best", random_state=0), good)
    run(strategy, Landscape(space), 12)
    best = good[Landscape(space)(good).argmax()]
    assert (space.distance(best, strategy.ask(6).X) == 1).all()


def test_pending_ones_are_counted_once(space, good):
    evolution = RegularizedEvolution(space, key="nothing", random_state=0)
    strategy = WarmStart(evolution, good[[0, 0, 1]])
    X = strategy.ask(3).X
    assert evolution.ledger.n_pending == 3
    strategy.tell(X[:1], [1.0])
    assert evolution.ledger.n_pending == 2


def test_one_warm_start_may_follow_another(space, good):
    inner = WarmStart(RandomSearch(space, random_state=0), good[6:])
    X = run(WarmStart(inner, good[:8]), Landscape(space), 12)
    np.testing.assert_array_equal(X, good)


def test_it_ends_where_the_space_does(space, good):
    among = {x.tobytes() for x in good}
    inner = RandomSearch(space, random_state=0, allowed=lambda X: np.array([x.tobytes() in among for x in X]))
    strategy = WarmStart(inner, good[:4])
    assert len(run(strategy, Landscape(space), 100)) == 12
    with pytest.raises(SpaceExhaustedError):
        strategy.ask(1)


def test_rows_of_another_space_are_refused(space):
    with pytest.raises(InvalidInputError, match="expected rows of space 'nas-bench-graph', got"):
        WarmStart(RandomSearch(space), np.full((1, 5), 8))


def test_its_text_says_what_goes_on(space, good):
    assert repr(WarmStart(RandomSearch(space), good)) == "WarmStart(RandomSearch('nas-bench-graph'), 12 rows)"
    assert list(WarmStart(RandomSearch(space), good).get_params()) == ["strategy", "X"]
