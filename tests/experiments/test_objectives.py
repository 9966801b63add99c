"""Objectives answer in the metric's own unit, say what they cannot answer, and keep test scores to themselves."""

import numpy as np
import pytest

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.experiments.objectives import CallableObjective, PredictorObjective, TableObjective
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import Table


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-201")


@pytest.fixture(scope="module")
def table(space):
    X = space.enumerate()[::5]
    rng = np.random.default_rng(0)
    val = rng.uniform(50, 90, len(X))
    val[::10] = np.nan
    columns = {
        Column("a", "accuracy", "val", 12, 777, "%"): val,
        Column("a", "accuracy", "val", 200, 777, "%"): val + 5,
        Column("a", "accuracy", "test", 12, 777, "%"): rng.uniform(50, 90, len(X)),
        Column("a", "accuracy", "test", 200, 777, "%"): rng.uniform(50, 90, len(X)),
        Column("b", "accuracy", "val", unit="%"): val - 1,
        Column("b", "latency", unit="ms"): rng.uniform(1, 9, len(X)),
    }
    return Table(space, X, columns, name="made-up")


def test_table_scores_are_the_column_s(table):
    objective = TableObjective(table, task="a", epochs=12)
    scores, cost_s = objective.evaluate(table.X)
    np.testing.assert_array_equal(scores, table.values(task="a", metric="accuracy", split="val", epochs=12))
    assert np.isnan(cost_s).all()
    assert objective.direction == "max"
    assert objective.key == "row"


def test_each_row_may_have_epochs_of_its_own(table):
    objective = TableObjective(table, task="a", epochs=200)
    X = table.X[1:5]
    by_row = objective.evaluate(X, np.array([12, 200, 12, 200])).scores
    short, long = (objective.evaluate(X, np.full(4, n)).scores for n in (12, 200))
    np.testing.assert_array_equal(by_row, np.where([True, False, True, False], short, long))
    np.testing.assert_allclose(long - short, 5)


def test_only_rows_with_a_score_are_measured(table, space):
    objective = TableObjective(table, task="b")
    everything = space.enumerate()
    measured = objective.measured(everything)
    assert measured.sum() == np.isfinite(table.values(task="b", metric="accuracy")).sum()
    np.testing.assert_array_equal(measured, np.isfinite(objective.evaluate(everything).scores))


def test_a_complete_table_measures_everything(space):
    X = space.enumerate()
    whole = TableObjective(Table(space, X, {Column("t", "accuracy", "val"): np.linspace(0, 1, len(X))}), task="t")
    assert whole.measured(X).all()
    assert len(whole.measured(X[:3])) == 3


def test_a_cost_is_minimised_and_needs_no_split(table):
    objective = TableObjective(table, task="b", metric="latency")
    assert objective.direction == "min"
    values, best = objective.truth(table.X[:9], "")
    assert best == table.values(task="b", metric="latency").min()
    np.testing.assert_array_equal(values, objective.evaluate(table.X[:9]).scores)


def test_truth_is_of_the_same_schedule_and_seed(table):
    values, best = TableObjective(table, task="a", epochs=200).truth(table.X[:7], "test")
    test = table.values(task="a", metric="accuracy", split="test", epochs=200, seed=777)
    np.testing.assert_array_equal(values, test[:7])
    assert best == test.max()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"task": "c"}, UnknownNameError, "unknown task .*'c'.*a, b"),
        ({"task": "a"}, InvalidInputError, "choose one of epochs=12, epochs=200"),
        ({"task": "a", "epochs": 12, "split": "test"}, InvalidInputError, "got 'test'; test scores are for result"),
        ({"task": "b", "metric": "energy"}, UnknownNameError, "unknown metric"),
        ({"task": "b", "split": "train"}, UnknownNameError, "unknown split"),
    ],
    ids=["task", "epochs", "test", "metric", "split"],
)
def test_what_the_table_has_not_is_one_line(table, options, error, message):
    with pytest.raises(error, match=message) as caught:
        TableObjective(table, **options)
    assert "\n" not in str(caught.value)


def test_descriptions_tell_tables_apart(table, space):
    here = TableObjective(table, task="b").describe()
    assert here == TableObjective(table, task="b").describe()
    assert here != TableObjective(table, task="a", epochs=12).describe()
    values = table.values(task="b", metric="accuracy", split="val") + 1e-9
    other = Table(space, table.X, {Column("b", "accuracy", "val", unit="%"): values}, name="made-up")
    assert here["values"] != TableObjective(other, task="b").describe()["values"]


class Opinion:
    direction = "min"

    def __init__(self, space):
        self.space = space

    def predict(self, X):
        return np.asarray(X).sum(axis=1)


def test_a_predictor_is_asked_in_its_own_direction(space):
    objective = PredictorObjective(Opinion(space))
    scores, cost_s = objective.evaluate(space.enumerate()[:10])
    np.testing.assert_array_equal(scores, space.enumerate()[:10].sum(axis=1))
    assert (cost_s > 0).all()
    assert (objective.direction, objective.key, objective.space) == ("min", "canonical", space)
    assert objective.measured(space.enumerate()[:10]).all()
    with pytest.raises(InvalidInputError, match="got one of plain floats"):
        PredictorObjective(Opinion(None))


def test_a_function_is_called_for_one_row_at_a_time(space):
    def score(x):
        assert x.shape == (6,)
        x[:] = 0  # it is the function's own copy
        return 2

    X = space.enumerate()[100:104]
    before = X.copy()
    scores, cost_s = CallableObjective(score, space).evaluate(X)
    assert scores.tolist() == [2.0] * 4
    assert cost_s.shape == (4,)
    np.testing.assert_array_equal(X, before)


def test_named_exceptions_are_failures_and_others_are_not(space):
    def score(x):
        if x[0] == 0:
            raise MemoryError
        return 1.0 if x[0] < 3 else 1 / 0

    objective = CallableObjective(score, space, catch=(MemoryError,))
    X = np.array([[0] * 6, [1] * 6])
    np.testing.assert_array_equal(objective.evaluate(X).scores, [np.nan, 1.0])
    with pytest.raises(ZeroDivisionError):
        objective.evaluate(np.array([[3] * 6]))


def test_only_tables_know_the_best_there_is(space):
    with pytest.raises(InvalidInputError, match="regret: expected an objective whose every result is known"):
        CallableObjective(len, space).truth(space.enumerate()[:1], "val")
    with pytest.raises(InvalidInputError, match="direction: expected 'max' or 'min', got 'up'"):
        CallableObjective(len, space, direction="up")
