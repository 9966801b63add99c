"""Simulated annealing: Metropolis's rule, geometric cooling, and a temperature in the unit of the scores."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import SimulatedAnnealing
from surrogate_nas.strategies.annealing import acceptance
from surrogate_nas.testing.strategy import Landscape, run

FALSE_ALARM = 1e-6


@pytest.fixture
def space():
    return get_space("nas-bench-201")


def started(space, seed=0, scores=(0.0, 1.0, 2.0, 3.0, 4.0), **options):
    """An annealing that was told its first scores."""
    strategy = SimulatedAnnealing(space, **{"initial_size": len(scores), "random_state": seed, **options})
    strategy.tell(strategy.ask(len(scores)).X, scores)
    return strategy


def test_the_walk_starts_at_the_best_of_the_first_at_a_temperature_in_their_unit(space):
    strategy = SimulatedAnnealing(space, initial_size=5, temperature=0.5, random_state=0)
    X = strategy.ask(64).X
    assert len(X) == 5
    assert strategy.current is None
    strategy.tell(X, [0.0, 4.0, 2.0, 1.0, 3.0])
    np.testing.assert_array_equal(strategy.current.row, X[1:2])
    assert strategy.heat == 0.5 * (3.0 - 1.0)  # the middle half of 0, 1, 2, 3, 4
    np.testing.assert_array_equal(np.count_nonzero(X[1] != strategy.ask(8).X, axis=1), 1)


@pytest.mark.parametrize("gain", [-0.3, -1.0, -3.0])
def test_a_step_down_is_taken_with_the_probability_of_metropolis(space, gain):
    taken, runs = 0, 600
    for seed in range(runs):
        strategy = started(space, seed, temperature=0.5)  # T = 1
        strategy.tell(strategy.ask().X, [4.0 + gain])
        taken += strategy.current.score != 4.0
    assert acceptance(gain, 1.0) == pytest.approx(math.exp(gain))
    assert binomtest(taken, runs, math.exp(gain)).pvalue > FALSE_ALARM


def test_steps_up_and_on_the_level_are_always_taken(space):
    strategy = started(space)
    for gain in (0.0, 1.0, 0.0, 2.0):
        X, here = strategy.ask().X, strategy.current.score
        strategy.tell(X, [here + gain])
        np.testing.assert_array_equal(strategy.current.row, X)


def test_without_heat_it_only_climbs(space):
    assert acceptance(-1e-12, 0.0) == 0.0
    strategy, landscape = SimulatedAnnealing(space, temperature=0.0, random_state=0), Landscape(space)
    best = -math.inf
    for _ in range(120):
        X = strategy.ask().X
        strategy.tell(X, landscape(X))
        best = max(best, landscape(X)[0])
        assert strategy.current is None or strategy.current.score == best


def test_it_cools_geometrically_and_warms_up_at_the_best(space):
    strategy = started(space, temperature=0.5, cooling=0.5, coldest=0.1)
    heats = []
    for _ in range(8):
        strategy.tell(strategy.ask().X, [-1.0])
        heats.append(strategy.heat)
    assert heats == [0.5, 0.25, 0.125, 1.0] * 2
    assert strategy.current.score == 4.0 == strategy.best.score


def test_the_unit_of_the_scores_does_not_matter(space):
    landscape = Landscape(space)
    first, second = (
        run(SimulatedAnnealing(space, random_state=3), score, 150)
        for score in (landscape, lambda X: 1024.0 * landscape(X) + 7.0)
    )
    np.testing.assert_array_equal(first, second)


def test_failures_neither_count_as_first_scores_nor_are_stepped_to(space):
    strategy = SimulatedAnnealing(space, initial_size=5, random_state=0)
    strategy.tell(strategy.ask(5).X, [np.nan, 1.0, np.nan, 3.0, 2.0])
    assert strategy.current is None
    strategy.tell(strategy.ask(5).X, [2.5, 1.5])
    assert strategy.current.score == 3.0
    strategy.tell(strategy.ask().X, [np.nan])
    assert strategy.current.score == 3.0


@pytest.mark.parametrize(
    "options", [{"initial_size": 1}, {"temperature": -1.0}, {"cooling": 0.0}, {"coldest": 1.0}], ids=str
)
def test_wrong_parameters_are_named(space, options):
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        SimulatedAnnealing(space, **options)
