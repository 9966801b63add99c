"""Reinforced evolution: the mutator is a distribution over edits with an exact gradient; it learns what is worth it."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import chisquare

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import HybridSearch, RandomSearch
from surrogate_nas.strategies.reinforcement.hybrid import Mutator
from surrogate_nas.testing.strategy import Landscape, check_beats_random, run

FALSE_ALARM = 1e-6
CARDINALITIES = np.array([3, 2, 4])


@pytest.fixture
def space():
    return get_space("nas-bench-201")


@pytest.fixture
def mutator():
    made = Mutator(CARDINALITIES)
    made.worth[:] = np.random.default_rng(0).normal(size=9)
    return made


def test_odds_are_what_an_edit_brings_less_what_it_takes_away(mutator):
    parent = np.array([[2, 0, 1]], dtype=np.int16)
    worth = mutator.worth
    brought, taken = [worth[0], worth[1], worth[4], worth[5], worth[7], worth[8]], [2, 2, 3, 6, 6, 6]
    odds = np.exp(brought - worth[taken])
    p = mutator.probabilities(parent)[0]
    np.testing.assert_array_equal(p[[2, 3, 6]], 0)
    np.testing.assert_allclose(p[[0, 1, 4, 5, 7, 8]], odds / odds.sum())
    assert [mutator.edit(0, 1), mutator.edit(1, 1), mutator.edit(2, 3)] == [1, 4, 8]


def test_a_new_mutator_is_uniform_over_edits():
    p = Mutator(CARDINALITIES).probabilities(np.array([[0, 1, 3]]))
    assert sorted(p[0]) == pytest.approx([0] * 3 + [1 / 6] * 6)


def test_the_gradient_equals_finite_differences(mutator):
    rng = np.random.default_rng(1)
    parents = rng.integers(0, CARDINALITIES, size=(6, 3)).astype(np.int16)
    advantage = rng.normal(size=6)
    edits = np.array([rng.choice(9, p=p) for p in mutator.probabilities(parents)])
    there = mutator.worth.copy()

    def objective(worth):
        mutator.worth[:] = worth
        p = mutator.probabilities(parents)
        entropies = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
        return float(np.mean(advantage * np.log(p[np.arange(6), edits]) + 0.3 * entropies))

    expected = approx_fprime(there, objective, 1e-7)
    mutator.worth[:] = there
    np.testing.assert_allclose(mutator.gradient(parents, edits, advantage, 0.3), expected, atol=1e-6)


def test_edits_are_drawn_by_their_probabilities(space):
    strategy = HybridSearch(space, random_state=0)
    strategy.mutator.worth[:] = np.random.default_rng(2).normal(size=30)
    parent = space.sample(1, np.random.default_rng(3))
    counts = np.zeros(30)
    for _ in range(3000):
        first = strategy._edited(parent)[0]
        gene = np.flatnonzero(first != parent[0])
        assert len(gene) == 1
        counts[strategy.mutator.edit(int(gene[0]), int(first[gene[0]]))] += 1
    p = strategy.mutator.probabilities(parent)[0]
    assert not counts[p == 0].any()
    assert chisquare(counts[p > 0], 3000 * p[p > 0]).pvalue > FALSE_ALARM


def test_children_of_one_edit_follow_the_founders(space):
    strategy = HybridSearch(space, population_size=8, sample_size=3, crossover=0.0, random_state=0)
    landscape = Landscape(space)
    founders = strategy.ask(64).X
    assert len(founders) == 8
    strategy.tell(founders, landscape(founders))
    members = founders
    for _ in range(40):
        X = strategy.ask().X
        assert ((members != X).sum(axis=1) <= 2).any()
        strategy.tell(X, landscape(X))
        members = np.concatenate([m.row for m in strategy.population])
        assert len(members) == 8


def test_the_reward_is_the_gain_in_rank_over_the_parent(space):
    strategy = HybridSearch(space, population_size=2, sample_size=50, crossover=0.0, batch_size=100, random_state=0)
    strategy.tell([[0] * 6, [1] * 6], [1.0, 3.0])
    X = strategy.ask().X
    strategy.tell(X, [2.0])
    parent, edit, advantage = strategy._lessons[0]
    np.testing.assert_array_equal(parent, [1] * 6)  # a tournament of 50 among two is won by the better one
    gene = int(np.flatnonzero(X[0] != 1)[0])
    assert edit == 5 * gene + X[0, gene]
    assert advantage == pytest.approx(1.5 / 3 - 2.5 / 3)


def test_it_learns_which_value_is_worth_having(space):
    strategy = HybridSearch(space, random_state=0)
    weights = np.random.default_rng(4).normal(size=30)
    run(strategy, lambda X: weights[X + 5 * np.arange(6)].sum(axis=1), 300)
    assert np.corrcoef(strategy.mutator.worth, weights)[0, 1] > 0.5, "30 independent numbers: p < 0.005"


def test_crossover_alone_and_learning_switched_off(space):
    landscape = Landscape(space)
    for options in ({"crossover": 1.0}, {"learning_rate": 0.0}):
        strategy = HybridSearch(space, random_state=0, **options)
        assert len(np.unique(run(strategy, landscape, 150), axis=0)) == 150
        assert not strategy.mutator.worth.any()


def test_increasing_transformations_change_nothing(space):
    landscape = Landscape(space)
    X, Y = (
        run(HybridSearch(space, random_state=0), score, 120)
        for score in (landscape, lambda X: np.exp(landscape(X) - 50))
    )
    np.testing.assert_array_equal(X, Y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population_size": 0}, "population_size: expected at least 1, got 0"),
        ({"crossover": 1.5}, "crossover: expected a probability from 0 to 1, got 1.5"),
        ({"entropy": -1}, "learning_rate and entropy: expected at least 0, got 0.3 and -1"),
    ],
)
def test_wrong_parameters(space, options, message):
    with pytest.raises(InvalidInputError, match=message):
        HybridSearch(space, **options)


@pytest.mark.slow
@pytest.mark.parametrize("space", ["nas-bench-201", "nas-bench-graph", "nas-bench-301", "transnas-macro", "mlp"])
def test_it_beats_random_search(space):
    check_beats_random(HybridSearch, RandomSearch, get_space(space), budget=150)
