"""Asynchronous successive halving: its promotion rule by hand."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import ASHA


@pytest.fixture
def strategy():
    return ASHA(get_space("nas-bench-201"), levels=(1, 2, 4), eta=2, random_state=0)


def step(strategy, score):
    """Ask for one and tell it; what was proposed."""
    X, epochs = strategy.ask(1)
    strategy.tell(X, [score], epochs=epochs)
    return X[0].tolist(), int(epochs[0])


def test_promotions_by_hand(strategy):
    a, level = step(strategy, 5.0)
    assert level == 1
    b, level = step(strategy, 7.0)
    assert level == 1, "half of one is nobody"
    assert step(strategy, 6.0) == (b, 2), "half of two is the better one"
    c, level = step(strategy, 9.0)
    assert level == 1, "b was promoted before, and half of one on the second level is nobody"
    assert step(strategy, 8.0) == (c, 2), "half of three is the best one"
    assert step(strategy, 8.5) == (c, 4), "the highest level first: c is the better one of two"
    d, level = step(strategy, 6.0)
    assert level == 1
    assert d not in (a, b, c)
    assert step(strategy, 1.0)[1] == 1, "half of four are c and b, and both were promoted"


def test_promotions_follow_the_rule_at_every_step():
    """The rule, written out naively: the highest level first, the best that is among the best half."""
    space = get_space("nas-bench-201")
    strategy, rng = ASHA(space, levels=(1, 2, 4), eta=2, random_state=0), np.random.default_rng(0)
    told, promoted = {1: [], 2: [], 4: []}, set()
    for _ in range(400):
        X, epochs = strategy.ask(1)
        job, expected = (X[0].tolist(), int(epochs[0])), None
        for level, longer in ((2, 4), (1, 2)):
            best = sorted(told[level], key=lambda t: -t[0])[: len(told[level]) // 2]
            ready = [row for _, row in best if (tuple(row), level) not in promoted]
            if ready and expected is None:
                promoted.add((tuple(ready[0]), level))
                expected = ready[0], longer
        assert job == expected or (expected is None and job[1] == 1)
        score = rng.normal()
        told[job[1]].append((score, job[0]))
        strategy.tell(X, [score], epochs=epochs)
    assert len(told[4]) > 30


def test_nobody_waits(strategy):
    """Promotions are decided with what is there; trainings under way do not count."""
    X = strategy.ask(8).X
    strategy.tell(X[:2], [1.0, 2.0], epochs=[1, 1])
    again, epochs = strategy.ask(2)
    assert epochs.tolist() == [2, 1]
    np.testing.assert_array_equal(again[0], X[1])
    strategy.tell(X[2:4], [3.0, 0.0], epochs=[1, 1])
    again, epochs = strategy.ask(2)
    assert epochs.tolist() == [2, 1], "half of four are two, one of them was promoted before"
    np.testing.assert_array_equal(again[0], X[2])


def test_failures_make_a_rung_larger_but_never_go_on(strategy):
    X = strategy.ask(6).X
    strategy.tell(X, [np.nan] * 5 + [0.0], epochs=[1] * 6)
    again, epochs = strategy.ask(4)
    assert epochs.tolist() == [2, 1, 1, 1], "places for three, of which one did not fail"
    np.testing.assert_array_equal(again[0], X[5])


def test_what_was_told_of_the_next_level_is_not_trained_again(strategy):
    X = strategy.space.sample(4, 1, unique=True)
    strategy.tell(X, [4.0, 3.0, 2.0, 1.0], epochs=[1] * 4)
    strategy.tell(X[:1], [5.0], epochs=[2])
    again, epochs = strategy.ask(1)
    assert epochs.tolist() == [2]
    np.testing.assert_array_equal(again[0], X[1], "of the better half, the one that is not known there yet")


def test_wrong_eta_is_one_line():
    with pytest.raises(InvalidInputError, match="eta: expected a number above 1, got 1"):
        ASHA(get_space("nas-bench-201"), levels=(1, 2), eta=1)
