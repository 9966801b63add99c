"""Aging evolution as published: who is in the population, who is a parent, what a child is."""

from collections import deque

import numpy as np
import pytest
from scipy.stats import chisquare

from surrogate_nas.spaces import EdgeCellSpace, Operation, Skeleton, get_space
from surrogate_nas.strategies import RegularizedEvolution
from surrogate_nas.testing.strategy import Landscape

FALSE_ALARM = 1e-6
P = 8


@pytest.fixture
def space():
    return get_space("nas-bench-201")


def rows_of(strategy):
    return [m.row[0].tolist() for m in strategy.population]


def genes_apart(a, B):
    return (np.asarray(a) != np.asarray(B)).sum(axis=-1)


def test_the_population_is_the_last_told_oldest_first(space):
    strategy, queue = RegularizedEvolution(space, population_size=P, sample_size=3, random_state=0), deque(maxlen=P)
    landscape = Landscape(space)
    for _ in range(60):
        X = strategy.ask().X
        strategy.tell(X, landscape(X))
        queue.append((landscape(X)[0], X[0].tolist()))
        assert rows_of(strategy) == [row for _, row in queue]
        assert [m.score for m in strategy.population] == [score for score, _ in queue]


def test_the_oldest_leaves_even_if_it_is_the_best(space):
    strategy = RegularizedEvolution(space, population_size=P, sample_size=3, random_state=0)
    best = strategy.ask().X
    strategy.tell(best, [1e9])
    for age in range(1, P + 1):
        assert (best[0].tolist() in rows_of(strategy)) == (age <= P)
        strategy.tell(strategy.ask().X, [0.0])
    assert best[0].tolist() not in rows_of(strategy)


def test_the_first_ones_are_random_and_then_children_follow(space):
    strategy = RegularizedEvolution(space, population_size=P, sample_size=3, random_state=0)
    X = strategy.ask(64).X
    assert len(X) == P, "children need parents, so only the founders can be asked for at first"
    assert len(strategy.ask(1).X) == 0, "and nothing more until one of them was told"
    strategy.tell(X[:1], [1.0])
    assert genes_apart(X[0], strategy.ask(1).X) == [1]
    strategy.tell(X[1:], np.zeros(P - 1))
    assert len(strategy.ask(64).X) == 64


def test_a_tournament_of_nearly_all_is_won_by_the_best(space):
    # 300 draws with replacement from 8 members miss the best one with probability (7/8)^300 < 1e-17.
    strategy = RegularizedEvolution(space, population_size=P, sample_size=300, random_state=0, key="row")
    landscape = Landscape(space)
    X = strategy.ask(P).X
    strategy.tell(X, landscape(X))
    for _ in range(60):
        best = max(strategy.population, key=lambda m: m.score).row[0]
        X = strategy.ask().X
        # A parent has 6 x 4 one-gene mutants and leaves after eight children, so a new one is always there.
        assert genes_apart(best, X) in ([1], [2])
        strategy.tell(X, landscape(X))


def test_a_tournament_of_one_is_uniform(space):
    counts = np.zeros(P)
    for seed in range(300):
        strategy = RegularizedEvolution(space, population_size=P, sample_size=1, random_state=seed, key="row")
        founders = np.array([[i % 5] * 6 if i < 5 else [0, 0, 0, 4, 4, i - 5] for i in range(P)])
        strategy.tell(founders, np.arange(P, dtype=float))
        child = strategy.ask().X
        near = genes_apart(founders, child) == 1
        counts += near / near.sum()
    assert chisquare(counts).pvalue > FALSE_ALARM


def test_the_larger_the_tournament_the_better_its_winners(space):
    """The winner of a tournament of s among P has rank r with probability ((P-r+1)^s - (P-r)^s) / P^s."""
    sample, runs = 3, 1500
    founders = space.enumerate()[:: space.size // P][:P]
    strategy = RegularizedEvolution(space, population_size=P, sample_size=sample, random_state=0, key="row")
    strategy.tell(founders, np.arange(P, 0, -1.0))
    ranks = np.array([P + 1 - strategy._tournaments.winner(strategy.population).score for _ in range(runs)])
    r = np.arange(1, P + 1)
    expected = ((P - r + 1.0) ** sample - (P - r * 1.0) ** sample) / P**sample
    observed = np.bincount(ranks.astype(int), minlength=P + 1)[1:]
    assert chisquare(observed, runs * expected).pvalue > FALSE_ALARM


def test_failures_do_not_join_and_are_replaced_by_other_founders(space):
    strategy = RegularizedEvolution(space, population_size=P, sample_size=3, random_state=0)
    X = strategy.ask(P).X
    strategy.tell(X, [np.nan] * 5 + [1.0, 2.0, 3.0])
    assert rows_of(strategy) == X[5:].tolist()
    strategy.tell(strategy.ask(5).X, np.zeros(5))
    assert len(strategy.population) == P


def test_earlier_results_are_founders(space):
    strategy = RegularizedEvolution(space, population_size=P, sample_size=300, random_state=0)
    X = space.sample(P, np.random.default_rng(1), unique=True)
    strategy.tell(X, np.arange(P, dtype=float))
    assert genes_apart(X[-1], strategy.ask().X) == [1]


def test_a_parent_whose_mutants_are_used_up_has_mutants_of_mutants():
    operations = [Operation("a", "convolution", 1, True, 1.0), Operation("b", "convolution", 3, True, 9.0)]
    space = EdgeCellSpace("tiny", operations, 3, Skeleton(input_kind="image"))  # three genes, eight rows
    strategy = RegularizedEvolution(space, population_size=1, sample_size=1, random_state=0, key="row")
    strategy.tell([[0, 0, 0]], [1.0])
    X = strategy.ask(7).X
    assert genes_apart([0, 0, 0], X[:3]).tolist() == [1, 1, 1]
    assert len(np.unique(X, axis=0)) == 7


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-graph"])
def test_mutation_is_uniform_over_the_valid_neighbors(name):
    space = get_space(name)
    x = space.enumerate()[space.size // 3]
    near = space.neighbors(x)
    rng = np.random.default_rng(0)
    mutants = np.concatenate([space.mutate(np.repeat(x[None], 40, axis=0), rng) for _ in range(100)])
    counts = (mutants[:, None] == near).all(2).sum(axis=0)
    assert counts.sum() == 4000
    assert chisquare(counts).pvalue > FALSE_ALARM
