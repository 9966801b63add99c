"""Several objectives as one score: the formula, the fresh start under new weights, and real fronts."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import LocalSearch, RandomSearch, RegularizedEvolution, Scalarized, Strategy
from surrogate_nas.testing.strategy import Landscape, run


class Listener(Strategy):
    """Random search that remembers what it was told."""

    def __init__(self, space, *, random_state=None, allowed=None, key=None):
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.heard = []

    def _propose(self, n):
        source = lambda k: self.space.sample(k, self._rng)  # noqa: E731
        from collections import deque

        return Proposal(self.ledger.rows(self.ledger.draw(n, source, self._rng, deque(), 8)))

    def _learn(self, X, scores, epochs, cost_s):
        self.heard.append((X, scores, epochs, cost_s))


@pytest.fixture
def space():
    return get_space("nas-bench-201")


def scored(space):
    first, second = Landscape(space, 0), Landscape(space, 1)
    return lambda X: np.column_stack([first(X), 1000 * second(X)])


def test_the_augmented_chebyshev_function_by_hand(space):
    strategy = Scalarized(Listener(space, random_state=0), weights=(3, 1), period=5, rho=0.1)
    X = strategy.ask(3).X
    strategy.tell(X, [[10.0, 0.0], [0.0, 200.0], [5.0, 100.0]])
    # lacking, scaled by the ranges 10 and 200: (0, 1), (1, 0), (.5, .5); weights .75 and .25
    strategy.ask(2)  # five proposed
    strategy.ask(1)
    _, told, _, _ = strategy._working.heard[0]
    np.testing.assert_allclose(told, [-(0.25 + 0.025), -(0.75 + 0.075), -(0.375 + 0.05)])


def test_every_point_of_a_front_that_bends_inwards_is_the_best_for_some_weights():
    strategy = Scalarized(RandomSearch(get_space("nas-bench-201"), random_state=0))
    front = np.array([[0, 1.0], [0.2, 0.5], [0.3, 0.3], [0.5, 0.2], [1.0, 0]])  # maximised: below its chord
    best = set()
    for w in np.linspace(0.01, 0.99, 99):
        strategy._weights, strategy._best, strategy._span = np.array([w, 1 - w]), np.ones(2), np.ones(2)
        best.add(int(strategy._combined(front).argmax()))
        assert best <= set(range(5))
    assert best == set(range(5))


def test_new_weights_after_each_period(space):
    strategy = Scalarized(Listener(space, random_state=0), period=4)
    score, seen, copies = scored(space), [], set()
    for _ in range(12):
        X = strategy.ask(1).X
        strategy.tell(X, score(X), cost_s=[2.0])
        seen.append(tuple(strategy._weights))
        copies.add(id(strategy._working))
    assert len(set(seen)) == 3
    assert all(sum(w) == pytest.approx(1) and min(w) >= 0 for w in seen)
    X, told, epochs, cost_s = strategy._working.heard[0]
    assert len(X) == 8, "the last copy was told at once what the two before had found"
    assert epochs is None
    assert cost_s.tolist() == [2.0] * 8
    assert len({x.tobytes() for x in X}) == 8


def test_with_one_score_it_is_the_strategy_itself(space):
    for make in (RegularizedEvolution, LocalSearch):
        alone = run(make(space, random_state=3), Landscape(space), 80, 4)
        wrapped = run(Scalarized(make(space, random_state=3)), Landscape(space), 80, 4)
        np.testing.assert_array_equal(alone, wrapped)


def test_replay_rebuilds_the_state_with_several_objectives(space):
    score = scored(space)
    live, again = (Scalarized(RegularizedEvolution(space, random_state=5), period=3) for _ in range(2))
    for _ in range(40):
        X = live.ask(2).X
        live.tell(X, score(X))
        np.testing.assert_array_equal(again.ask(2).X, X)
        again.tell(X, score(X))


def test_conditions_and_pending_ones_hold_across_copies(space):
    strategy = Scalarized(RegularizedEvolution(space, population_size=5, random_state=5))
    strategy.restrict(allowed=lambda X: X[:, 0] == 2, key="row")
    score, X = scored(space), []
    waiting = strategy.ask(5).X
    strategy.tell(waiting[:4], score(waiting[:4]))
    for _ in range(60):
        X.append(strategy.ask(1).X)
        strategy.tell(X[-1], score(X[-1]))
    rows = np.concatenate([waiting, *X])
    assert (rows[:, 0] == 2).all()
    assert len(np.unique(rows, axis=0)) == 65


def test_failed_evaluations_are_told_as_such(space):
    strategy = Scalarized(Listener(space, random_state=0))
    X = strategy.ask(3).X
    strategy.tell(X, [[1.0, np.nan], [np.nan, np.nan], [1.0, 2.0]])
    assert np.isnan(strategy._working.heard[0][1]).tolist() == [True, True, False]
    X = strategy.ask(2).X
    strategy.tell(X, np.full((2, 2), np.nan))
    assert len(strategy.ask(4).X) == 4


def test_wrong_parameters_and_scores(space):
    inner = RandomSearch(space, random_state=0)
    for wrong in ({"period": 0}, {"rho": -1.0}, {"weights": (0, 0)}, {"weights": (1, -1)}):
        with pytest.raises(InvalidInputError, match=next(iter(wrong))):
            Scalarized(inner, **wrong)
    strategy = Scalarized(inner, weights=(1, 1, 1))
    X = strategy.ask(2).X
    with pytest.raises(InvalidInputError, match="weights: expected one for each of 2 objectives, got 3"):
        strategy.tell(X, np.ones((2, 2)))
    strategy = Scalarized(RandomSearch(space, random_state=0))
    X = strategy.ask(2).X
    strategy.tell(X[:1], np.ones((1, 2)))
    with pytest.raises(InvalidInputError, match="expected 2 scores per architecture as before, got 3"):
        strategy.tell(X[1:], np.ones((1, 3)))


def test_its_name_shows_the_strategy(space):
    assert repr(Scalarized(RandomSearch(space, random_state=1))).startswith("Scalarized(RandomSearch(")
