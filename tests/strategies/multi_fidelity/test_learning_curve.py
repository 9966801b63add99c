"""Trainings that will not end above the best are stopped, and only those."""

from functools import partial

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import LearningCurveStopping, LocalSearch, RandomSearch

LEVELS = (2, 4, 8, 16, 32, 64)


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-201")


def final(X):
    return np.asarray(X).sum(axis=1) / 24.0


def score(X, epochs):
    """Exact power laws: the sum of the genes decides about the end."""
    return final(X) - 0.5 / np.asarray(epochs)


def train(strategy, budget):
    """Ask and tell one at a time; the rows, their epochs, and what each row came to."""
    done = []
    while sum(e for _, e in done) < budget:
        X, epochs = strategy.ask(1)
        done.append((X[0], int(epochs[0])))
        strategy.tell(X, score(X, epochs), epochs=epochs)
    return done


@pytest.mark.parametrize("forecast", ["finished", "shape"])
def test_nothing_that_would_become_the_best_is_stopped(space, forecast):
    """Curves without noise: every architecture that beats all before it is finished, and few others are."""
    strategy = LearningCurveStopping(space, levels=LEVELS, strategy=RandomSearch, forecast=forecast, random_state=0)
    done = train(strategy, 6000)
    order, longest = [], {}
    for x, epochs in done:
        if x.tobytes() not in longest:
            order.append(x)
        longest[x.tobytes()] = epochs
    best, finished = -np.inf, 0
    for i, x in enumerate(order[:-1]):
        if final(x[None])[0] > best + 1e-9:
            assert longest[x.tobytes()] == LEVELS[-1]
            best = final(x[None])[0]
        finished += i >= strategy.n_finished and longest[x.tobytes()] == LEVELS[-1]
    assert len(order) > 2 * 6000 / sum(LEVELS), "at least twice as many as could have been finished"
    assert finished < 0.35 * len(order)


def test_a_training_is_stopped_at_the_first_level_that_says_enough(space):
    strategy = LearningCurveStopping(space, levels=LEVELS, forecast="shape", n_finished=3, random_state=0)
    X = 4 - np.eye(6, dtype=np.int16)[:3]
    strategy.tell(X, final(X), epochs=[64] * 3)
    x, epochs = strategy.ask(1)
    for level in LEVELS[:4]:
        assert epochs.tolist() == [level]
        strategy.tell(x, score(x, epochs) - 10, epochs=epochs)
        y, epochs = strategy.ask(1)
        assert (y == x).all() == (level != 16), "four points tell the shape"


def test_the_other_strategy_is_told_forecasts_and_final_scores(space):
    told = []

    class Listening:
        """A factory of a real strategy that keeps what it is told."""

        def __call__(self, space, **options):
            inner = RandomSearch(space, **options)
            learn = inner._learn
            inner._learn = lambda X, scores, epochs, cost_s: (
                told.append((X[0].tobytes(), scores[0])),
                learn(X, scores, epochs, cost_s),
            )
            return inner

    strategy = LearningCurveStopping(space, levels=(4, 64), strategy=Listening(), n_finished=5, random_state=0)
    done = train(strategy, 3000)
    finished = {x.tobytes() for x, epochs in done if epochs == 64}
    assert len(told) == len({row for row, _ in told}) > len(finished), "each once, at its end"
    for row, value in told:
        exact = score(np.frombuffer(row, dtype=np.int16)[None], 64)[0]
        # A penalty of one curve among five or more shrinks the slope by a sixth at most: 1/6 of a spread of 1/2.
        assert value == (pytest.approx(exact) if row in finished else pytest.approx(exact, abs=0.1))


def test_before_enough_were_finished_nothing_is_stopped(space):
    strategy = LearningCurveStopping(space, levels=(1, 9), n_finished=6, strategy=RandomSearch, random_state=0)
    scores = iter(range(1000, 0, -1))
    lengths = []
    for _ in range(12):
        X, epochs = strategy.ask(1)
        lengths += epochs.tolist()
        strategy.tell(X, [next(scores)], epochs=epochs)
    assert lengths == [1, 9] * 6, "although each is worse than the one before"


def test_failures_end_a_training(space):
    strategy = LearningCurveStopping(space, levels=(1, 9), random_state=0)
    x, epochs = strategy.ask(1)
    strategy.tell(x, [np.nan], epochs=epochs)
    y, epochs = strategy.ask(1)
    assert epochs.tolist() == [1]
    assert (x != y).any()
    assert len(strategy.inner.population) == 0
    assert strategy.ledger.n_pending == 1


def test_any_strategy_proposes_under_the_same_conditions(space):
    def even(X):
        return X.sum(axis=1) % 2 == 0

    for inner in (RandomSearch, LocalSearch, partial(sn.strategies.RegularizedEvolution, population_size=5)):
        strategy = LearningCurveStopping(space, levels=(1, 9), strategy=inner, allowed=even, random_state=0)
        strategy.restrict(allowed=lambda X: X[:, 0] > 0, key="row")
        rows = np.array([x for x, _ in train(strategy, 400)])
        assert even(rows).all()
        assert (rows[:, 0] > 0).all()
        assert strategy.ledger is strategy.inner.ledger


def test_two_schedules_of_a_table(space):
    """Short trainings of everything, long ones of few; and the best of the table is found."""
    X = space.enumerate()
    table = sn.Table(space, X, {Column("t", "accuracy", "val", e): score(X, e) for e in (12, 200)})
    objective = sn.TableObjective(table, task="t", epochs=200, cost=1.0)
    strategy = LearningCurveStopping(space, levels=objective.schedules, random_state=0)
    result = sn.search(objective, strategy, budget_s=200 * 40)
    assert (result.epochs == 12).sum() > 4 * (result.epochs == 200).sum()
    assert result.regret()[-1] == 0


def test_wrong_options_are_one_line(space):
    for options, message in (
        ({"forecast": "tea leaves"}, "forecast: expected 'finished' or 'shape', got 'tea leaves'"),
        ({"chance": 1.0}, "expected 0 <= chance < 1"),
        ({"n_finished": 2}, "n_finished of at least 3"),
    ):
        with pytest.raises(InvalidInputError, match=message) as error:
            LearningCurveStopping(space, levels=(1, 9), **options)
        assert "\n" not in str(error.value)


def test_what_is_pending_is_counted_once(space):
    """With repeats allowed, the same row may be pending twice; one result settles one of them."""
    strategy = LearningCurveStopping(space, levels=(1, 2), key="nothing", random_state=0)
    x = strategy.ask(1).X
    row = x[0].tobytes()
    strategy.tell(x, [1.0], epochs=[1])
    strategy.ask(1)  # the second level
    strategy.ledger.again(row)
    strategy.tell(x, [2.0], epochs=[2])
    assert strategy.ledger.n_pending == 1
