"""What was proposed is proposed once; what the key says decides."""

from collections import deque

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import Ledger, RandomSearch, RegularizedEvolution


@pytest.fixture
def space():
    return get_space("nas-bench-201")


@pytest.fixture
def twins(space):
    """Different rows of the same network."""
    rows = space.enumerate()
    same = rows[(space.canonical(rows) == space.canonical(rows[:1])).all(axis=1)]
    assert len(same) > 300
    return same[::12]


def test_twins_are_one_architecture_or_several_as_the_key_says(space, twins):
    for key, n in (("canonical", 1), ("row", len(twins))):
        ledger = Ledger(space, key=key)
        taken = ledger.claim(deque(ledger.screen(twins)), 10**6)
        assert len(taken) == n == ledger.n_pending
        np.testing.assert_array_equal(ledger.rows(taken), twins[:n])


def test_candidates_are_claimed_in_their_order_and_the_rest_stays(space):
    ledger, X = Ledger(space), space.canonical(space.sample(30, np.random.default_rng(0), unique=True))
    X = X[np.sort(np.unique(X, axis=0, return_index=True)[1])]
    pool = deque(ledger.screen(X))
    np.testing.assert_array_equal(ledger.rows(ledger.claim(pool, 3)), X[:3])
    assert len(pool) == len(X) - 3
    again = deque(ledger.screen(X[:5]))
    np.testing.assert_array_equal(ledger.rows(ledger.claim(again, 9)), X[3:5])


def test_told_rows_are_no_longer_pending(space):
    strategy = RandomSearch(space, random_state=0)
    X = strategy.ask(5).X
    assert strategy.ledger.n_pending == 5
    strategy.tell(X[2:], [0.1, 0.2, np.nan])
    assert strategy.ledger.n_pending == 2


def test_the_run_decides_the_key_unless_the_strategy_was_given_one(space, twins):
    for given, n in ((None, len(twins)), ("row", len(twins)), ("canonical", 1)):
        strategy = RandomSearch(space, random_state=0, key=given, allowed=lambda X: (X[:, None] == twins).all(2).any(1))
        strategy.restrict(key="row")
        assert len(strategy.ask(60).X) == n


def test_what_was_told_before_keeps_counting_under_a_new_key(space, twins):
    strategy = RandomSearch(space, random_state=0, allowed=lambda X: (X[:, None] == twins).all(2).any(1))
    strategy.tell(twins[:2], [1.0, 2.0])
    strategy.restrict(key="row")
    np.testing.assert_array_equal(np.unique(strategy.ask(60).X, axis=0), np.unique(twins[2:], axis=0))


def test_a_used_strategy_is_refused(space):
    strategy = RandomSearch(space, random_state=0)
    strategy.ask()
    with pytest.raises(InvalidInputError, match="make a new one for each run"):
        strategy.restrict(key="row")


def test_exhausted_says_how_many_there_are(space):
    strategy = RandomSearch(space, random_state=0, allowed=lambda X: (X[:, :1] == X).all(axis=1), key="row")
    assert len(strategy.ask(100).X) == 5
    with pytest.raises(SpaceExhaustedError, match="none under the conditions given after 5; a budget of 5 is the most"):
        strategy.ask()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda s: s.ask(0), "ask: expected a number of architectures of at least 1, got 0"),
        (lambda s: s.tell([[0, 1, 2]], [1.0]), r"expected integer rows of shape \(n, 6\)"),
        (lambda s: s.tell([[0] * 6], [1.0, 2.0]), r"expected scores of shape \(1,\) or \(1, m\), got shape \(2,\)"),
        (lambda s: s.tell([[0] * 6], [np.inf]), "got an infinite one; NaN stands for a failed evaluation"),
        (lambda s: s.tell([[9] * 6], [1.0]), r"expected rows of space 'nas-bench-201', got \[9, 9"),
        (lambda s: s.tell([[0] * 6], [[1.0, 2.0]]), "expected one score per architecture, got 2"),
    ],
)
def test_wrong_input_is_one_line(space, act, message):
    strategy = RegularizedEvolution(space, random_state=0)
    with pytest.raises(InvalidInputError, match=message) as error:
        act(strategy)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "options", [{"key": "hash"}, {"population_size": 0}, {"sample_size": 0}], ids=lambda o: next(iter(o))
)
def test_wrong_parameters_are_named(space, options):
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        RegularizedEvolution(space, **options)


def test_repr_shows_what_was_chosen(space):
    assert repr(RandomSearch(space)) == "RandomSearch('nas-bench-201')"
    chosen = RegularizedEvolution(space, random_state=3, sample_size=5)
    assert repr(chosen) == "RegularizedEvolution('nas-bench-201', sample_size=5, random_state=3)"


def test_where_nothing_counts_as_the_same_repeats_are_proposed_and_pending_each(space, twins):
    strategy = RandomSearch(space, random_state=0, key="nothing", allowed=lambda X: (X[:, None] == twins).all(2).any(1))
    strategy.tell(twins, np.zeros(len(twins)))
    X = strategy.ask(300).X
    assert len(X) == strategy.ledger.n_pending > len(twins) >= len(np.unique(X, axis=0))
    while len(X):
        strategy.tell(X[-7:], np.zeros(len(X[-7:])))
        X = X[:-7]
        assert strategy.ledger.n_pending == len(X)


def test_an_objective_may_say_that_nothing_counts_as_the_same(space, twins):
    strategy = RandomSearch(space, random_state=0, allowed=lambda X: (twins[0] == X).all(1))
    strategy.tell(twins[:1], [1.0])
    strategy.restrict(key="nothing")
    np.testing.assert_array_equal(np.concatenate([strategy.ask(2).X, strategy.ask(1).X]), np.repeat(twins[:1], 3, 0))


def test_repeats_or_not_nothing_allowed_is_nothing_left(space):
    strategy = RandomSearch(space, random_state=0, key="nothing", allowed=lambda X: np.zeros(len(X), dtype=bool))
    with pytest.raises(SpaceExhaustedError):
        strategy.ask()
