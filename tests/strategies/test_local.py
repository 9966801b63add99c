"""Local search as published: it stops only where no neighbour is better, and knows where that is."""

import numpy as np
import pandas as pd
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.strategies import LocalSearch
from surrogate_nas.testing.strategy import Landscape


@pytest.fixture(scope="module")
def space():
    return sn.get_space("nas-bench-201")


def climb(strategy, scores, budget, batch=1):
    """All told rows and their scores, shape (n, d) and (n,); ``scores`` by position in the space."""
    told = []
    while sum(map(len, told)) < budget:
        X = strategy.ask(batch).X
        strategy.tell(X, scores[strategy.space.index(X)])
        told.append(X)
    X = np.concatenate(told)
    return X, scores[strategy.space.index(X)]


def true_optima(strategy, scores):
    """Whether each optimum that a search reports is one, by looking at all its neighbours."""
    space = strategy.space
    found = [(m.score, scores[space.index(space.neighbors(m.row[0]))]) for m in strategy.optima]
    return [bool(score >= np.nanmax(near)) for score, near in found]


@pytest.mark.parametrize("batch", [1, 4, 64])
@pytest.mark.parametrize("restart", ["random", "best"])
@pytest.mark.parametrize("move", ["best", "first"])
def test_it_stops_only_at_local_optima_of_the_published_table(shared_data, space, move, restart, batch):
    column = pd.read_parquet(shared_data / "nas-bench-201.parquet")["cifar10-val-200ep"]
    scores = np.empty(space.size)
    scores[space.index(space.parse(column.index.tolist()))] = column
    strategy = LocalSearch(space, move=move, restart=restart, random_state=0, key="row")
    climb(strategy, scores, 600, batch)
    assert len(strategy.optima) >= 2
    assert all(true_optima(strategy, scores))
    assert len({m.row.tobytes() for m in strategy.optima}) == len(strategy.optima), "each is reported once"


@pytest.mark.parametrize("move", ["best", "first"])
def test_it_stops_only_at_local_optima_of_the_embedded_table(move):
    table = sn.load_table("nas-bench-graph")
    space = table.space
    scores = table.query(space.enumerate(), task="cora", metric="accuracy", split="val")
    strategy = LocalSearch(space, move=move, restart="random", random_state=0)
    climb(strategy, scores, 1500)
    assert len(strategy.optima) >= 3
    assert all(true_optima(strategy, scores))


def test_the_climb_starts_at_the_best_of_the_first_and_goes_on_from_its_best_neighbour(space):
    scores = Landscape(space)(space.enumerate())
    strategy = LocalSearch(space, initial_size=6, move="best", random_state=0, key="row")
    first, y = climb(strategy, scores, 6)
    start = first[y.argmax()]
    near = space.neighbors(start)
    new = near[~(near[:, None] == first).all(axis=2).any(axis=1)]
    X, _ = climb(strategy, scores, len(new))
    np.testing.assert_array_equal(np.unique(X, axis=0), np.unique(new, axis=0), "all of them, in any order")
    assert not np.array_equal(X, new), "in random order"
    best = near[scores[space.index(near)].argmax()]
    assert scores[space.index(best)] > y.max()
    assert (np.count_nonzero(best != strategy.ask(5).X, axis=1) == 1).all()


@pytest.mark.parametrize("move", ["best", "first"])
def test_the_first_better_neighbour_is_enough_where_asked_for(space, move):
    start = space.enumerate()[:1]
    strategy = LocalSearch(space, initial_size=1, move=move, random_state=0, key="row")
    strategy.tell(start, [1.0])
    better = strategy.ask().X
    strategy.tell(better, [2.0])
    X = strategy.ask(20).X
    assert (np.count_nonzero((better if move == "first" else start) != X, axis=1) == 1).all()


def test_a_known_neighbour_is_not_asked_for_again_and_counts(space):
    center = space.enumerate()[:1]
    near = space.neighbors(center[0])
    strategy = LocalSearch(space, initial_size=1, random_state=0, key="row")
    strategy.tell(center, [5.0])
    strategy.tell(near, np.arange(len(near)) / 100.0)  # all worse, and all known
    strategy.tell(near[:1], [4.0])
    assert not strategy.optima
    X = strategy.ask().X
    assert [m.row.tolist() for m in strategy.optima] == [center.tolist()]
    assert np.count_nonzero(near[0] != X) == 1, "the next climb starts at the best that was not looked at"


def test_it_waits_for_neighbours_that_are_pending(space):
    strategy = LocalSearch(space, initial_size=1, random_state=0, key="row")
    strategy.tell(space.enumerate()[:1], [1.0])
    X = strategy.ask(64).X
    assert len(X) == 24
    assert len(strategy.ask(1).X) == 0
    strategy.tell(X[:-1], np.full(23, np.nan))
    assert len(strategy.ask(1).X) == 0
    strategy.tell(X[-1:], [2.0])
    assert np.count_nonzero(X[-1] != strategy.ask().X) == 1


@pytest.mark.parametrize("options", [{"initial_size": 0}, {"move": "up"}, {"restart": "never"}], ids=str)
def test_wrong_parameters_are_named(space, options):
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        LocalSearch(space, **options)
