"""Optimisers that know nothing of this package join under the rules that hold for all."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, Proposal, SpaceExhaustedError
from surrogate_nas.experiments.adapters import GuestStrategy, as_strategy
from surrogate_nas.experiments.comparing.compare import compare
from surrogate_nas.experiments.objectives import CallableObjective, TableObjective
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.strategies import RandomSearch
from surrogate_nas.testing.strategy import Landscape


@pytest.fixture(scope="module")
def space():
    return sn.get_space("nas-bench-201")


@pytest.fixture(scope="module")
def objective(space):
    landscape = Landscape(space)
    return CallableObjective(lambda x: float(landscape(x[None])[0]), space, key="row")


class Wanderer:
    """Walks at random, without looking where it has been."""

    def __init__(self, space, random_state=0):
        self.space = space
        self.rng = np.random.default_rng(random_state)
        self.told = []

    def ask(self, n):
        return self.space.sample(n, self.rng)

    def tell(self, X, scores):
        self.told.append((X.copy(), scores.copy()))


class Repeater:
    """Asks for the same few rows for ever, one at a time."""

    def __init__(self, rows):
        self.rows = list(rows)
        self.told = []

    def ask(self):
        self.rows.append(self.rows.pop(0))
        return self.rows[-1]

    def tell(self, X, scores):
        self.told += scores.tolist()


def climber(space, *, random_state):
    rng = np.random.default_rng(random_state)
    best = space.sample(1, rng)
    (top,) = yield best
    while True:
        children = space.mutate(np.repeat(best, 3, axis=0), rng)
        scores = yield children
        if np.nanmax(scores) > top:
            best, top = children[[np.nanargmax(scores)]], np.nanmax(scores)


def test_a_strategy_is_left_as_it_is(space):
    strategy = RandomSearch(space, random_state=0)
    assert as_strategy(strategy, space) is strategy


@pytest.mark.parametrize("wrong", [3, RandomSearch, object(), climber])
def test_what_cannot_join_is_refused(space, wrong):
    with pytest.raises(InvalidInputError, match="expected a Strategy, an object with ask"):
        as_strategy(wrong, space)


@pytest.mark.parametrize("batch", [1, 5])
def test_an_object_with_ask_and_tell(space, objective, batch):
    guest = Wanderer(space)
    result = search(objective, guest, budget=40, batch_size=batch)
    expected = space.sample(60, np.random.default_rng(0)) if batch == 1 else None
    if expected is not None:
        np.testing.assert_array_equal(result.X, expected[: len(result.X)])
    np.testing.assert_array_equal(np.concatenate([X for X, _ in guest.told]), result.X)
    np.testing.assert_array_equal(np.concatenate([scores for _, scores in guest.told]), result.scores)


def test_repeats_are_answered_from_memory_and_cost_nothing(space, objective):
    rows = space.sample(4, 0, unique=True)
    guest = Repeater(rows)
    strategy = as_strategy(guest, space)
    for _ in range(4):
        X = strategy.ask(1).X
        strategy.tell(X, Landscape(space)(X))
    with pytest.raises(SpaceExhaustedError, match="not evaluated before, got none in 1,000"):
        strategy.ask(1)
    assert guest.told[:8] == [*Landscape(space)(rows), *Landscape(space)(rows)]
    assert len(search(objective, Repeater(rows), budget=10).scores) == 4, "the search ends with the ideas"
    charged = search(objective, GuestStrategy(space, Repeater(rows), key="nothing"), budget=10)
    np.testing.assert_array_equal(charged.X, rows[np.arange(10) % 4])


def test_what_may_not_be_proposed_is_answered_with_nan(space):
    told = []

    def guest():
        told.append((yield space.enumerate()[:6]))
        yield space.enumerate()[6]

    strategy = GuestStrategy(space, guest(), allowed=lambda X: X[:, -1] % 2 == 1, key="row")
    assert strategy.ask(2).X[:, -1].tolist() == [1, 3]
    strategy.tell(space.enumerate()[[1, 3]], [1.0, 3.0])
    np.testing.assert_array_equal(strategy.ask(1).X, space.enumerate()[6:7])
    np.testing.assert_array_equal(told, [[np.nan, 1, np.nan, 3, np.nan, np.nan]])


def test_a_generator_waits_until_all_it_yielded_is_told(space):
    def guest():
        scores = yield space.enumerate()[[0, 1, 0, 2]]
        assert scores.tolist() == [10, 11, 10, 12]
        yield space.enumerate()[[7]]

    strategy = as_strategy(guest(), space)
    strategy.restrict(key="row")
    first, second = strategy.ask(2).X, strategy.ask(2).X
    assert len(first) == 2
    assert len(second) == 1, "the repeat waits for the first of its kind"
    assert len(strategy.ask(5).X) == 0
    strategy.tell(second, [12])
    strategy.tell(first[::-1], [11, 10])
    np.testing.assert_array_equal(strategy.ask(5).X, space.enumerate()[[7]])
    strategy.tell(space.enumerate()[[7]], [0])
    with pytest.raises(SpaceExhaustedError, match="it has ended"):
        strategy.ask(1)


def test_earlier_results_are_known_when_asked_for(space):
    guest = Repeater(space.enumerate()[:2])
    strategy = as_strategy(guest, space)
    strategy.restrict(key="row")
    strategy.tell(space.enumerate()[:1], [5.0])
    np.testing.assert_array_equal(strategy.ask(1).X, space.enumerate()[1:2])
    assert guest.told == [5.0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.full((1, 6), 99), "expected rows of space"),
        (np.zeros((1, 3)), "3"),
        (np.zeros((0, 6), dtype=int), "expected an architecture, got none"),
        (Proposal(np.zeros((1, 6), dtype=np.int16), np.array([3])), "epochs"),
    ],
)
def test_odd_answers_are_told(space, answer, message):
    def guest():
        yield answer

    with pytest.raises((InvalidInputError, SpaceExhaustedError), match=message):
        as_strategy(guest(), space).ask(1)


def test_guests_are_compared_like_everybody(space):
    table = sn.load_table("nas-bench-graph")
    objective = TableObjective(table, task="cora")
    strategies = {"climber": climber, "wanderer": Wanderer, "random": "random"}
    comparison = compare(strategies, objective, budget=40, seeds=6)
    assert not len(comparison.failures)
    assert not comparison.frame[["run", "architecture"]].duplicated().any(), "none twice"
    assert comparison.frame["value"].notna().all()
    again = compare(strategies, objective, budget=40, seeds=6)
    assert again.frame.equals(comparison.frame)


def test_an_optuna_sampler_is_compared_in_one_line():
    pytest.importorskip("optuna")
    from surrogate_nas.integrations import OptunaStrategy

    objective = TableObjective(sn.load_table("nas-bench-graph"), task="cora")
    one, two = (compare({"tpe": OptunaStrategy}, objective, budget=12, seeds=2, n_jobs=jobs) for jobs in (1, 2))
    assert one.frame.equals(two.frame), "the seeds of the comparison decide all"
    first, second = (run["architecture"].tolist() for _, run in one.frame.groupby("seed"))
    assert first != second
