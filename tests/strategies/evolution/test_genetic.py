"""The genetic algorithm: generations, an elite that survives, and the shares of crossover and mutation."""

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import GeneticAlgorithm
from surrogate_nas.testing.strategy import Landscape, steps

FALSE_ALARM = 1e-6


@pytest.fixture
def space():
    return get_space("nas-bench-201")


def algorithm(space, **options):
    return GeneticAlgorithm(space, **{"population_size": 20, "random_state": 0, "key": "row", **options})


def bred(space, A, B, k=4000, **options):
    """Children of a population of which ``A`` is the best and ``B`` the other, shape (k, d)."""
    strategy = algorithm(space, population_size=2, survival=0.5, **options)
    strategy.tell([A, B], [1.0, 0.0])
    strategy.ask()
    return strategy._brood()(k)


def test_defaults_are_the_usual_ones(space):
    params = GeneticAlgorithm(space).get_params()
    assert [params[n] for n in ("population_size", "crossover", "mutation", "survival")] == [100, 0.7, 0.2, 0.1]


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_a_generation_is_the_best_tenth_of_the_last_and_its_children(space, batch):
    strategy, landscape, told = algorithm(space), Landscape(space), []
    for X, _ in steps(strategy, landscape, 20 + 5 * 18, batch):
        told += zip(landscape(X).tolist(), X.tolist(), strict=True)
    assert len(told) == 20 + 5 * 18, "two of twenty live on, so a later generation costs eighteen evaluations"
    expected = sorted(told[:20], reverse=True)
    for g in range(5):
        expected = sorted(expected[:2] + told[20 + 18 * g : 38 + 18 * g], reverse=True)
    strategy.ask()  # the last generation is complete now
    assert [(m.score, m.row[0].tolist()) for m in strategy.population] == expected
    assert strategy.population[0].score == max(told)[0], "the best is never lost"


def test_without_survival_even_the_best_leaves(space):
    strategy = algorithm(space, survival=0.0)
    X = strategy.ask(20).X
    strategy.tell(X, [1e9] + [0.0] * 19)
    strategy.tell(strategy.ask(20).X, np.zeros(20))
    strategy.ask()
    assert max(m.score for m in strategy.population) == 0.0


def test_a_generation_waits_for_its_last_and_replaces_failures(space):
    strategy = algorithm(space)
    X = strategy.ask(64).X
    assert len(X) == 20
    strategy.tell(X[1:], np.zeros(19))
    assert len(strategy.ask(64).X) == 0
    strategy.tell(X[:1], [np.nan])
    assert len(strategy.ask(64).X) == 1, "the failed one is replaced, by another random one"
    assert strategy.population == []


def test_crossover_and_mutation_come_in_the_shares_asked_for(space):
    A, B, k = [0] * 6, [1] * 6, 4000
    X = bred(space, A, B, k, crossover=0.6, mutation=0.0, sample_size=1)
    assert np.isin(X, [0, 1]).all()
    # Half of the pairs are two different parents, of whose children two in 2^6 look like one of them.
    mixed = int((X.min(axis=1) != X.max(axis=1)).sum())
    assert binomtest(mixed, k, 0.6 * 0.5 * (1 - 2 / 64)).pvalue > FALSE_ALARM
    X = bred(space, A, B, k, crossover=0.0, mutation=0.3)
    changed = np.minimum((np.array(A) != X).sum(axis=1), (np.array(B) != X).sum(axis=1))
    assert set(changed.tolist()) == {0, 1}
    assert binomtest(int(changed.sum()), k, 0.3).pvalue > FALSE_ALARM


def test_a_tournament_of_two_selects_in_proportion_to_rank(space):
    """The member of rank r among P wins with probability (2 (P - r) + 1) / P^2."""
    size, k = 8, 20_000
    founders = space.enumerate()[:: space.size // size][:size]
    strategy = algorithm(space, population_size=size, crossover=0.0, mutation=0.0, sample_size=2)
    strategy.tell(founders, -np.arange(size, dtype=float))
    strategy.ask()
    wins = (strategy._brood()(k)[:, None] == founders).all(axis=2).sum(axis=0)
    r = np.arange(1, size + 1)
    assert chisquare(wins, k * (2 * (size - r) + 1) / size**2).pvalue > FALSE_ALARM


def test_parents_that_can_only_repeat_themselves_still_have_new_children(space):
    strategy = algorithm(space, population_size=4, survival=0.25, crossover=0.0, mutation=0.0)
    X = strategy.ask(4).X
    strategy.tell(X, np.zeros(4))
    child = strategy.ask(3).X
    assert len(child) == 3
    assert not (child[:, None] == X).all(axis=2).any()


@pytest.mark.parametrize(
    "options",
    [{"population_size": 1}, {"sample_size": 0}, {"crossover": 1.1}, {"mutation": -0.1}, {"survival": 0.99}],
    ids=lambda o: next(iter(o)),
)
def test_wrong_parameters_are_named(space, options):
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        algorithm(space, **options)
