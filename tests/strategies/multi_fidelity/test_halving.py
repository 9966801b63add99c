"""Successive halving as published: who goes on, how many, and what it costs."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import SuccessiveHalving
from surrogate_nas.testing.strategy import Landscape


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-201")


def rung(strategy, landscape, n, batch=1):
    """Ask for and tell the next ``n``; their rows, epochs and scores."""
    X, epochs = [], []
    for _ in range(n // batch):
        proposal = strategy.ask(batch)
        X.extend(proposal.X)
        epochs.extend(proposal.epochs.tolist())
        strategy.tell(proposal.X, landscape(proposal.X), epochs=proposal.epochs)
    return np.array(X), epochs, landscape(np.array(X))


@pytest.mark.parametrize("batch", [1, 3])
def test_exactly_the_best_share_goes_on(space, batch):
    strategy, landscape = SuccessiveHalving(space, levels=(1, 3, 9, 27), random_state=0), Landscape(space)
    X, epochs, scores = rung(strategy, landscape, 27, batch)
    assert epochs == [1] * 27
    for n, length in ((9, 3), (3, 9)):
        best = X[np.argsort(-scores)[:n]]
        X, epochs, scores = rung(strategy, landscape, n, batch)
        assert epochs == [length] * n
        np.testing.assert_array_equal(X, best, "and the best one comes first")
    last = strategy.ask(1)
    np.testing.assert_array_equal(last.X[0], X[scores.argmax()])
    assert last.epochs.tolist() == [27]
    strategy.tell(last.X, landscape(last.X), epochs=last.epochs)
    assert rung(strategy, landscape, 27, batch)[1] == [1] * 27, "then it begins again"


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"levels": (1, 3, 9, 27, 81)}, [81, 27, 9, 3, 1]),  # eta = 3, all rungs cost 81
        ({"levels": (12, 200)}, [17, 1]),  # eta = 16.7: 17 x 12 = 204 and 1 x 200
        ({"levels": (1, 2, 4), "n": 100}, [100, 50, 25]),
        ({"levels": (1, 2, 4), "n": 20, "eta": 3}, [20, 6, 2]),
        ({"levels": (1, 2, 4), "n": 2}, [2, 1, 1]),  # somebody always goes on
        ({"levels": (1, 10), "n": 100, "eta": 1.25}, [100, 80]),
    ],
    ids=str,
)
def test_rung_sizes(space, options, sizes):
    strategy, landscape = SuccessiveHalving(space, random_state=0, **options), Landscape(space)
    _, epochs, _ = rung(strategy, landscape, sum(sizes))
    assert epochs == np.repeat(options["levels"], sizes).tolist()


def test_a_rung_waits_for_its_last_result_while_the_next_run_begins(space):
    strategy, landscape = SuccessiveHalving(space, levels=(1, 3), n=6, random_state=0), Landscape(space)
    first = strategy.ask(6).X
    strategy.tell(first[1:], landscape(first[1:]), epochs=[1] * 5)
    X, epochs = strategy.ask(2)
    assert epochs.tolist() == [1, 1], "new ones: the best of six is not known yet"
    strategy.tell(first[:1], landscape(first[:1]), epochs=[1])
    again, epochs = strategy.ask(3)
    assert epochs.tolist() == [3, 3, 1]
    np.testing.assert_array_equal(again[:2], first[np.argsort(-landscape(first))[:2]])
    assert not (again[2] == X).all(axis=1).any()


def test_failures_shrink_a_rung(space):
    strategy = SuccessiveHalving(space, levels=(1, 3), n=9, random_state=0)
    X = strategy.ask(9).X
    strategy.tell(X, [np.nan] * 7 + [1.0, 2.0], epochs=[1] * 9)
    again, epochs = strategy.ask(3)
    assert epochs.tolist() == [3, 3, 1], "three places, two that did not fail"
    np.testing.assert_array_equal(again[:2], X[[8, 7]])


def test_what_is_left_of_a_space_is_halved_in_proportion(space):
    few = space.enumerate()[:20]
    strategy = SuccessiveHalving(space, levels=(1, 4, 16), n=32, random_state=0, key="row")
    strategy.restrict(allowed=lambda X: (X[:, None] == few).all(axis=2).any(axis=1))
    epochs = []
    while len(epochs) < 26:
        X, lengths = strategy.ask(4)
        epochs += lengths.tolist()
        strategy.tell(X, X.sum(axis=1), epochs=lengths)
    assert epochs == [1] * 20 + [4] * 5 + [16], "20 of 32 are there: 20 x 8 / 32 = 5 and 5 x 2 / 8 = 1 go on"


def test_wrong_options_are_one_line(space):
    for options, message in (({"n": 0}, "n: expected at least 1, got 0"), ({"eta": 1}, "eta: expected a number above")):
        with pytest.raises(InvalidInputError, match=message):
            SuccessiveHalving(space, levels=(1, 3), **options)
