"""Objectives answer in the metric's own unit, say what they cannot answer, and keep test scores to themselves."""

import dataclasses

import numpy as np
import pytest

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.experiments.objectives import (
    CallableObjective,
    Limit,
    MultiObjective,
    NoisyObjective,
    PredictorObjective,
    ReplicatedObjective,
    TableObjective,
    TrainingObjective,
    WeightedObjective,
)
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import RandomSearch
from surrogate_nas.tables import Table
from surrogate_nas.training import Trainer


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


def test_several_values_of_a_function_are_several_metrics(space):
    objective = CallableObjective(
        lambda x: (x.sum(), x.max()), space, direction=("max", "min"), metrics=("sum", "most"), catch=(MemoryError,)
    )
    X = space.enumerate()[50:54]
    np.testing.assert_array_equal(objective.evaluate(X).scores, np.stack([X.sum(axis=1), X.max(axis=1)], axis=1))
    assert objective.directions == ("max", "min")
    assert objective.signs.tolist() == [1.0, -1.0]
    with pytest.raises(InvalidInputError, match="direction: expected one for each of the metrics sum, most, got 1"):
        CallableObjective(len, space, metrics=("sum", "most"))
    with pytest.raises(InvalidInputError, match=r"expected the function to return 1 score\(s\) \(score\), got 2"):
        CallableObjective(lambda x: (1, 2), space).evaluate(X)


def test_a_function_may_be_told_the_epochs(space):
    X = space.enumerate()[:3]
    objective = CallableObjective(lambda x, epochs: -1 if epochs is None else epochs, space, epochs=True)
    assert objective.evaluate(X, np.array([1, 5, 9])).scores.tolist() == [1.0, 5.0, 9.0]
    assert objective.evaluate(X).scores.tolist() == [-1.0] * 3
    with pytest.raises(InvalidInputError, match="as the strategy chooses how long to train"):
        CallableObjective(len, space).evaluate(X, np.array([1, 5, 9]))


@pytest.fixture(scope="module")
def seeds(space):
    """Three trainings of each architecture, at two lengths, with their seconds."""
    X = space.enumerate()[::7]
    rng = np.random.default_rng(0)
    base, seconds = rng.uniform(50, 90, len(X)), rng.uniform(1, 9, len(X))
    columns = {}
    for seed in range(3):
        for epochs in (12, 200):
            columns[Column("a", "accuracy", "val", epochs, seed, "%")] = base + rng.normal(size=len(X))
            columns[Column("a", "accuracy", "test", epochs, seed, "%")] = base + rng.normal(size=len(X))
            columns[Column("a", "seconds", "train", epochs, seed, "s")] = seconds * epochs
    columns[Column("a", "params", unit="million")] = rng.uniform(0, 2, len(X))
    columns[Column("b", "latency", unit="ms")] = rng.uniform(1, 9, len(X))
    return Table(space, X, columns, name="seeds")


def test_costs_are_read_from_the_metric_that_is_named(seeds):
    objective = TableObjective(seeds, task="a", epochs=200, seed=1, cost="seconds")
    X = seeds.X[:4]
    here = [seeds.values(task="a", metric="seconds", epochs=e, seed=1)[:4] for e in (12, 200)]
    np.testing.assert_array_equal(objective.evaluate(X).cost_s, here[1])
    mixed = objective.evaluate(X, np.array([12, 200, 200, 12])).cost_s
    np.testing.assert_array_equal(mixed, [here[0][0], here[1][1], here[1][2], here[0][3]])
    assert objective.timed
    assert objective.schedules == (12, 200)
    assert not TableObjective(seeds, task="a", epochs=200, seed=1, metric="accuracy").timed


def test_where_no_seconds_are_recorded_epochs_may_count(table):
    objective = TableObjective(table, task="a", epochs=200, cost=0.5)
    assert objective.evaluate(table.X[:2], np.array([12, 200])).cost_s.tolist() == [6.0, 100.0]
    assert objective.evaluate(table.X[:1]).cost_s.tolist() == [100.0]
    with pytest.raises(InvalidInputError, match="cost: expected a metric, or seconds per epoch of a column with epoch"):
        TableObjective(table, task="b", cost=0.5)
    with pytest.raises(UnknownNameError, match="unknown cost 'second'"):
        TableObjective(table, task="a", epochs=12, cost="second")


def test_metrics_stand_side_by_side_in_their_own_units(seeds):
    parts = (
        TableObjective(seeds, task="a", epochs=200, seed=0, cost="seconds"),
        TableObjective(seeds, task="a", metric="params"),
        TableObjective(seeds, task="b", metric="latency"),
    )
    both = MultiObjective(parts)
    X = seeds.X[:9]
    scores, cost_s = both.evaluate(X)
    np.testing.assert_array_equal(scores, np.stack([o.evaluate(X).scores for o in parts], axis=1))
    np.testing.assert_array_equal(cost_s, parts[0].evaluate(X).cost_s)
    assert both.metrics == ("accuracy", "params", "latency")
    assert both.directions == ("max", "min", "min")
    assert both.recorded
    assert both.timed
    np.testing.assert_array_equal(both.evaluate(X, np.full(9, 12)).scores[:, 1:], scores[:, 1:])


def test_the_same_training_is_paid_for_once(seeds):
    def accuracy(seed, split="val"):
        return TableObjective(seeds, task="a", epochs=200, seed=seed, cost="seconds")

    X = seeds.X[:5]
    once = accuracy(0).evaluate(X).cost_s
    np.testing.assert_array_equal(MultiObjective({"x": accuracy(0), "y": accuracy(0)}).evaluate(X).cost_s, once)
    np.testing.assert_array_equal(MultiObjective({"x": accuracy(0), "y": accuracy(1)}).evaluate(X).cost_s, 2 * once)


def test_only_rows_with_every_metric_are_measured(table, space):
    both = MultiObjective((TableObjective(table, task="b"), TableObjective(table, task="b", metric="latency")))
    X = space.enumerate()
    np.testing.assert_array_equal(both.measured(X), TableObjective(table, task="b").measured(X))
    assert both.measured_rows() is None


def test_metrics_that_do_not_go_together_are_one_line(table, space):
    accuracy = TableObjective(table, task="b")
    other = CallableObjective(len, get_space("nas-bench-graph"))
    for objectives, message in (
        ((), "objectives: expected at least one, got none"),
        ((accuracy, accuracy), "expected metrics of different names, got accuracy, accuracy; name them"),
        ((accuracy, len), "expected objectives of one metric each, got builtin_function_or_method"),
        ((accuracy, other), "expected all of them on space 'nas-bench-201', got 'nas-bench-graph'"),
        (
            (MultiObjective((accuracy,)), MultiObjective({"x": accuracy, "y": accuracy})),
            "of one metric each, got Multi",
        ),
    ):
        with pytest.raises(InvalidInputError, match=message):
            MultiObjective(objectives)


def test_a_weighted_sum_is_one_score(table):
    both = MultiObjective((TableObjective(table, task="b"), TableObjective(table, task="b", metric="latency")))
    objective = WeightedObjective(both, {"latency": -0.5, "accuracy": 2.0})
    X = table.X[1:8]
    scores = both.evaluate(X).scores
    np.testing.assert_allclose(objective.evaluate(X).scores, 2 * scores[:, 0] - 0.5 * scores[:, 1])
    result = search(objective, RandomSearch(table.space, random_state=0), budget=20)
    assert result.best_score == result.scores.max()
    everything = objective.evaluate(table.X).scores
    assert result.regret()[-1] == pytest.approx(np.nanmax(everything) - result.best_score)
    functions = CallableObjective(lambda x: (1, 2), table.space, direction=("max", "max"), metrics=("a", "b"))
    unknown = WeightedObjective(functions, {"a": 1, "b": 1})
    with pytest.raises(InvalidInputError, match="regret: expected an objective whose every result is known"):
        unknown.truth(X, "val")
    for weights, message in (
        ({"latency": 0.5, "accuracy": 1.0}, "expected a negative one for latency, got 0.5"),
        ({"latency": -0.5, "accuracy": -1.0}, "expected a positive one for accuracy, got -1.0"),
        ({"accuracy": 1.0}, "expected one for each of accuracy, latency, got accuracy"),
        ({"latency": float("nan"), "accuracy": 1.0}, "expected a negative one for latency, got nan"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            WeightedObjective(both, weights)


def test_noise_belongs_to_the_architecture(table, space, tmp_path):
    exact = TableObjective(table, task="b")
    noisy, other = (NoisyObjective(exact, std=2.0, random_state=s) for s in (0, 1))
    X = table.X[np.isfinite(exact.evaluate(table.X).scores)]
    noise = noisy.evaluate(X).scores - exact.evaluate(X).scores
    np.testing.assert_array_equal(noisy.evaluate(X[::-1]).scores[::-1], noisy.evaluate(X).scores)
    assert abs(noise.mean()) < 4 * 2 / np.sqrt(len(X)), "four standard errors"
    assert abs(noise.std() - 2) < 4 * 2 / np.sqrt(2 * len(X))
    assert abs(np.corrcoef(noise, other.evaluate(X).scores - exact.evaluate(X).scores)[0, 1]) < 4 / np.sqrt(len(X))
    by_length = noisy._draws(X[:50], np.full(50, 12)) - noisy._draws(X[:50], np.full(50, 200))
    assert (by_length != 0).all(), "a longer training is another one"
    result = search(noisy, RandomSearch(space, random_state=0), budget=40, run_dir=tmp_path)
    log = tmp_path / "search.jsonl"
    log.write_bytes(log.read_bytes()[:2000])
    again = search(noisy, RandomSearch(space, random_state=0), budget=40, run_dir=tmp_path)
    np.testing.assert_array_equal(result.scores, again.scores)
    best = exact.evaluate(result.best[None]).scores[0]
    assert result.regret()[-1] == np.nanmax(table.values(task="b", metric="accuracy", split="val")) - best


def test_each_architecture_keeps_the_training_that_was_drawn(seeds):
    trainings = [TableObjective(seeds, task="a", epochs=200, seed=s, cost="seconds") for s in range(3)]
    objective = ReplicatedObjective(trainings, random_state=4)
    scores, cost_s = objective.evaluate(seeds.X)
    each = np.array([o.evaluate(seeds.X).scores for o in trainings])
    drawn = (each == scores).argmax(axis=0)
    assert (each == scores).any(axis=0).all()
    counts = np.bincount(drawn, minlength=3)
    expected = len(seeds) / 3
    assert (abs(counts - expected) < 4 * np.sqrt(expected * 2 / 3)).all(), "four standard deviations of a fair draw"
    np.testing.assert_array_equal(
        cost_s, np.array([o.evaluate(seeds.X).cost_s for o in trainings])[drawn, range(len(seeds))]
    )
    values, best = objective.truth(seeds.X[:6], "test")
    means = np.mean([seeds.values(task="a", metric="accuracy", split="test", epochs=200, seed=s) for s in range(3)], 0)
    np.testing.assert_allclose(values, means[:6])
    assert best == pytest.approx(means.max())
    with pytest.raises(InvalidInputError, match="one column of a table under several seeds, got 2 different"):
        ReplicatedObjective([trainings[0], TableObjective(seeds, task="a", epochs=12, seed=0)])


def test_a_limit_looks_at_a_column_or_asks_a_function(seeds, space):
    params = TableObjective(seeds, task="a", metric="params")
    X = space.enumerate()
    values = params.evaluate(X).scores
    np.testing.assert_array_equal(Limit(params, at_most=1.5)(X), values <= 1.5)
    np.testing.assert_array_equal(Limit(params, at_least=0.5, at_most=1.5)(X), (values <= 1.5) & (values >= 0.5))
    few = X[:20]
    np.testing.assert_array_equal(Limit(lambda X: X.sum(axis=1), at_least=3)(few), few.sum(axis=1) >= 3)
    for options, message in (
        ({}, "limit: expected at_most, at_least or both, got neither"),
        ({"at_most": 1, "at_least": 2}, "limit: expected at_least <= at_most, got 2 and 1"),
        ({"at_most": float("nan")}, "at_most: expected a number, got nan"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            Limit(params, **options)
    with pytest.raises(InvalidInputError, match=r"expected one value per architecture, shape \(20,\), got \(\)"):
        Limit(lambda X: 1.0, at_most=2)(few)


def test_real_trainings_honour_epochs_and_record_failures(tmp_path):
    narrow = {"skeleton": {"channels": 8}}
    trainer = Trainer(space=get_space("nas-bench-graph"), dataset="wine", epochs=6, recipe=narrow, device="cpu")
    objective = TrainingObjective(trainer)
    strategy = RandomSearch(trainer.space, random_state=0)
    result = search(objective, strategy, budget=3, run_dir=tmp_path)
    assert ((result.scores > 0) & (result.scores <= 1)).all()
    assert (result.cost_s > 0).all()
    short = objective.evaluate(result.X[:1], np.array([2])).scores
    assert short == Trainer(space=trainer.space, dataset="wine", epochs=2, recipe=narrow, device="cpu").train(
        result.X[0], 0
    ).score("accuracy", "val")
    diverging = TrainingObjective(dataclasses.replace(trainer, recipe={"learning_rate": 1e30}))
    assert np.isnan(diverging.evaluate(result.X[:1]).scores).all()
    assert TrainingObjective(trainer, metric="loss").direction == "min"
    again = search(objective, RandomSearch(trainer.space, random_state=0), budget=3, run_dir=tmp_path)
    np.testing.assert_array_equal(again.cost_s, result.cost_s)


@pytest.mark.slow
def test_real_trainings_run_in_processes():
    narrow = {"skeleton": {"channels": 8}}
    trainer = Trainer(space=get_space("nas-bench-graph"), dataset="wine", epochs=4, recipe=narrow, device="cpu")
    here, there = (
        search(
            TrainingObjective(trainer), RandomSearch(trainer.space, random_state=0), budget=4, batch_size=2, workers=w
        )
        for w in (1, 2)
    )
    np.testing.assert_array_equal(here.scores, there.scores)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o, s: TableObjective("nas-bench-201", task="a"), "table: expected a table, such as"),
        (lambda o, s: TableObjective(o.table, task="b", cost=[3]), r"cost: expected a number, got \[3\]"),
        (lambda o, s: CallableObjective(3, s), "function: expected a function of one row, got 3"),
        (lambda o, s: CallableObjective(len, "nas-bench-201"), "space: expected one, such as .* got 'nas-bench-201'"),
        (lambda o, s: CallableObjective(len, s, metrics="acc"), "metrics: expected a list of names, .* got 'acc'"),
        (lambda o, s: CallableObjective(len, s, direction=3), "direction: expected 'max' or 'min', got 3"),
        (lambda o, s: CallableObjective(len, s, key="x"), "key: expected 'row', 'canonical' or 'nothing', got 'x'"),
        (lambda o, s: CallableObjective(len, s, catch=(3,)), r"catch: expected exceptions, .* got \(3,\)"),
        (lambda o, s: MultiObjective(o), "objectives: expected a list of objectives, or them by name"),
        (lambda o, s: MultiObjective({1: o}), "objectives: expected names that are text, got 1"),
        (lambda o, s: WeightedObjective(None, {}), "objective: expected an objective, .* got None"),
        (lambda o, s: WeightedObjective(o, [1]), r"weights: expected one for each of .* got \[1\]"),
        (lambda o, s: WeightedObjective(o, dict.fromkeys(o.metrics, "1")), "expected a number, got '1'"),
        (lambda o, s: NoisyObjective(None, std=1), "objective: expected an objective"),
        (lambda o, s: NoisyObjective(o, std="1"), "std: expected a number, got '1'"),
        (lambda o, s: NoisyObjective(o, std=1, random_state=2**70), "random_state: expected a whole number"),
        (lambda o, s: ReplicatedObjective([3]), r"objectives: expected a list of TableObjective, got \[3\]"),
        (lambda o, s: Limit("params", at_most=1), "limit: expected an objective or a function of rows, got 'params'"),
        (lambda o, s: Limit(o, at_most="1"), "at_most: expected a number, got '1'"),
        (lambda o, s: Limit(lambda X: "x", at_most=1)(s.sample(2, 0)), "limit: expected one number per architecture"),
        (lambda o, s: PredictorObjective(None), "predictor: expected a fitted predictor, .* got None"),
        (lambda o, s: TrainingObjective(None), "trainer: expected one, such as .* got None"),
    ],
)
def test_values_of_another_kind_are_told_in_one_line(table, space, make, message):
    with pytest.raises(InvalidInputError, match=message):
        make(TableObjective(table, task="a", epochs=12), space)


@pytest.mark.parametrize("answer", [None, "x", {}, 1j])
def test_a_function_that_returns_no_number_ends_the_search(space, answer):
    objective = CallableObjective(lambda x: answer, space)
    with pytest.raises(InvalidInputError, match="expected the function to return 1 number"):
        search(objective, RandomSearch(space, random_state=0), budget=2)
