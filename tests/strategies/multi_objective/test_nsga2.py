"""NSGA-II: the sorting of its paper, its generations, and real fronts."""

import sys

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, MissingExtraError
from surrogate_nas.core.pareto import crowding, hypervolume, non_dominated_sort, pareto_mask
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import NSGA2, RandomSearch
from surrogate_nas.testing.strategy import Landscape

pytest.importorskip("pymoo")


@pytest.fixture
def space():
    return get_space("nas-bench-graph")


def scored(space):
    """Two made-up objectives."""
    first, second = Landscape(space, 0), Landscape(space, 1)
    return lambda X: np.column_stack([first(X), second(X)])


def search(strategy, score, budget, batch=5):
    told = []
    while sum(map(len, told)) < budget:
        X = strategy.ask(batch).X
        strategy.tell(X, score(X))
        told.append(score(X))
    return np.concatenate(told)


def test_survival_by_rank_then_by_room(space, rng):
    """Deb and others 2002, figure 2: whole fronts are taken while they fit, and of the next the roomiest."""
    X = space.sample(8, rng, unique=True)
    front = [[0, 10], [1, 8], [2, 7.5], [10, 0]]  # ranges 10: rooms inf, .2 + .25, .9 + .8, inf
    second = [[1, 11], [5, 9], [9, 8], [11, 1]]  # rooms inf, .8 + .3, .6 + .8, inf
    strategy = NSGA2(space, population_size=7, random_state=0)
    strategy.tell(X, -np.array(second + front))
    assert (-strategy.scores[:4]).tolist() == [front[0], front[3], front[2], front[1]]
    assert sorted((-strategy.scores[4:]).tolist()) == [second[0], second[2], second[3]], "1.1 is the least room"
    np.testing.assert_array_equal(strategy.population[:4], X[[4, 7, 6, 5]])


def test_who_survives_is_what_the_definitions_say(space, rng):
    score = scored(space)
    strategy = NSGA2(space, population_size=12, n_offspring=12, random_state=0)
    X = space.sample(40, rng, unique=True)
    strategy.tell(X, score(X))
    ranks = non_dominated_sort(-score(X))
    whole = [r for r in range(ranks.max() + 1) if (ranks <= r).sum() <= 12]
    kept = {x.tobytes() for x in strategy.population}
    for r in whole:
        assert {x.tobytes() for x in X[ranks == r]} <= kept
    split = np.flatnonzero(ranks == len(whole))
    room = crowding(-score(X[split]))
    staying = np.array([x.tobytes() in kept for x in X[split]])
    assert room[staying].min(initial=np.inf) >= room[~staying].max(initial=0.0)


def test_generations(space):
    score = scored(space)
    strategy = NSGA2(space, population_size=10, n_offspring=4, random_state=0)
    first = strategy.ask(64).X
    assert len(first) == 10
    assert not len(strategy.ask(1).X), "nobody to have children yet"
    strategy.tell(first[:9], score(first[:9]))
    assert not len(strategy.population)
    strategy.tell(first[9:], score(first[9:]))
    assert len(strategy.population) == 10
    X = strategy.ask(3).X
    strategy.tell(X, score(X))
    np.testing.assert_array_equal(np.sort(strategy.scores, axis=0), np.sort(score(first), axis=0))
    X = strategy.ask(1).X
    strategy.tell(X, score(X))
    assert pareto_mask(-strategy.scores).any()
    assert len(strategy.population) == 10


def test_children_without_crossover_are_neighbours(space):
    strategy = NSGA2(space, population_size=10, crossover=0, random_state=0)
    X = strategy.ask(10).X
    strategy.tell(X, scored(space)(X))
    for child in strategy.ask(5).X:
        near = space.canonical(space.neighbors(child))
        assert any((near == parent).all(axis=1).any() for parent in space.canonical(X))


def test_elitism_never_loses_what_it_dominates(space):
    score = scored(space)
    strategy = NSGA2(space, random_state=0)
    volume = 0.0
    for _ in range(40):
        X = strategy.ask(10).X
        strategy.tell(X, score(X))
        found = hypervolume(-strategy.scores, [20.0, 20.0]) if len(strategy.population) else 0.0
        if (non_dominated_sort(-strategy.scores) == 0).sum() < strategy.population_size:  # else the crowded ones go
            assert found >= volume - 1e-9
        volume = found


@pytest.mark.parametrize("task", ["cora", "arxiv"])
def test_a_larger_share_of_a_real_front_than_random_search(task):
    import surrogate_nas as sn

    table = sn.load_table("nas-bench-graph")
    scores = np.column_stack(
        [table.values(task=task, metric="accuracy", split="val"), -table.values(task=task, metric="latency", split="")]
    )
    front = -scores[pareto_mask(-scores)]
    reference = front.max(axis=0) + 0.1 * np.ptp(front, axis=0)

    def share(factory, seed):
        found = search(factory(table.space, random_state=seed), lambda X: scores[table.space.index(X)], 150, 10)
        return hypervolume(-found, reference) / hypervolume(front, reference)

    shares = np.array([[share(f, seed) for f in (NSGA2, RandomSearch)] for seed in range(16)])
    assert (shares[:, 0] > shares[:, 1]).sum() >= 12
    assert (shares <= 1).all()


def test_one_failed_metric_is_a_failed_evaluation(space):
    score = scored(space)
    strategy = NSGA2(space, population_size=6, random_state=0)
    X = strategy.ask(6).X
    values = score(X)
    values[0, 1] = np.nan
    strategy.tell(X, values)
    assert not len(strategy.population)
    again = strategy.ask(6).X
    assert len(again) == 1, "another founder takes its place"
    strategy.tell(again, score(again))
    assert np.isfinite(strategy.scores).all()


def test_parameters_are_checked(space):
    for wrong in ({"population_size": 0}, {"n_offspring": 0}, {"crossover": 1.5}, {"mutation": -0.1}):
        with pytest.raises(InvalidInputError, match=next(iter(wrong))):
            NSGA2(space, **wrong)


def test_without_pymoo_the_message_says_what_to_install(space, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymoo.util.nds.non_dominated_sorting", None)
    with pytest.raises(MissingExtraError, match=r"NSGA2 needs pymoo: pip install 'surrogate-nas\[moo\]'"):
        NSGA2(space)
