"""Learning curves, training seconds, best known values, and rows that mean the same network."""

import pickle

import numpy as np
import pytest

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.experiments import TableObjective
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import Curve, Table, load_table

TRAINING = Column("blobs", "accuracy", "val", 200, 3, "%")
SHORT = Column("blobs", "accuracy", "val", 12, 3, "%")
TIME = Column("blobs", "train_time", epochs=200, seed=3, unit="s")


@pytest.fixture
def table() -> Table:
    space = get_space("nas-bench-201")
    X = space.at([5, 17, 3, 400])
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    values[2] = np.nan
    return Table(
        space,
        X,
        {TRAINING: [11.0, 12.0, np.nan, 12.0], TIME: [100.0, 200.0, np.nan, 400.0]},
        curves={TRAINING: Curve((1, 100, 200), values), SHORT: Curve((12,), np.full((4, 1), 7.0, dtype=np.float32))},
    )


def test_a_curve_names_its_training_by_the_whole_schedule(table):
    curve = table.curve(table.X[[1, 2]], task="blobs", epochs=200)
    assert curve.epochs == (1, 100, 200)
    np.testing.assert_array_equal(curve.values, [[3, 4, 5], [np.nan] * 3])
    assert table.curves == (TRAINING, SHORT) or [c.epochs for c in table.curves] == [200, 12]
    with pytest.raises(InvalidInputError, match="choose one of epochs=200, epochs=12"):
        table.curve(table.X, task="blobs")
    with pytest.raises(UnknownNameError, match="expected one of 200, 12"):
        table.curve(table.X, task="blobs", epochs=100)


def test_a_row_that_was_not_measured_has_no_curve(table):
    assert np.isnan(table.curve(table.space.at([0]), task="blobs", epochs=200).values).all()
    with pytest.raises(InvalidInputError, match="got none; table.columns"):
        load_table("nas-bench-graph").curve(np.zeros((1, 5), dtype=np.int16), task="cora")


@pytest.mark.parametrize("how", ["parquet", "cache", "pickle"])
def test_curves_survive_files_and_processes(table, how, tmp_path, cache):
    table.to_parquet(tmp_path / "t.parquet")
    if how == "pickle":
        back = pickle.loads(pickle.dumps(table))  # noqa: S301  (how worker processes are handed tables)
    else:
        back = Table.from_parquet(tmp_path / "t.parquet") if how == "parquet" else load_table(tmp_path / "t.parquet")
        if how == "cache":
            back = load_table(tmp_path / "t.parquet")
    assert back.curves == table.curves
    assert back.columns == table.columns
    for epochs in (12, 200):
        ours, theirs = (t.curve(table.X, task="blobs", epochs=epochs) for t in (table, back))
        assert ours.epochs == theirs.epochs
        np.testing.assert_array_equal(ours.values, theirs.values)
    with pytest.raises(ValueError, match="read-only"):
        back._curves[back.curves[0]].values[0, 0] = 1


@pytest.mark.parametrize(
    ("column", "epochs", "values", "expected"),
    [
        (TRAINING, (), np.empty((4, 0)), "ascending epochs from 1"),
        (TRAINING, (2, 1), np.ones((4, 2)), "ascending epochs from 1"),
        (TRAINING, (0, 1), np.ones((4, 2)), "ascending epochs from 1"),
        (TRAINING, (1, 201), np.ones((4, 2)), r"length of the schedule \(200\)"),
        (TRAINING, (1, 2), np.ones((3, 2)), r"shape \(4, 2\), got \(3, 2\)"),
        (TRAINING, (1, 2), np.full((4, 2), 101.0), "epoch 1: expected finite values from 0 to 100, got 101"),
        (TRAINING, (1, 2), np.full((4, 2), np.inf), "write NaN where nothing was measured"),
    ],
)
def test_curves_that_cannot_be_are_refused(table, column, epochs, values, expected):
    with pytest.raises(InvalidInputError, match=expected):
        Table(table.space, table.X, {TIME: np.ones(4)}, curves={column: Curve(epochs, values)})


def test_the_best_is_a_row_with_its_value_and_ties_stand_in_table_order(table):
    row, value = table.best(task="blobs", metric="accuracy")
    np.testing.assert_array_equal(row, table.X[1])
    assert value == 12.0
    row, value = table.best(task="blobs", metric="train_time")
    assert (value, row.tolist()) == (100.0, table.X[0].tolist())


def test_a_search_on_a_table_is_charged_what_the_trainings_cost(table):
    np.testing.assert_array_equal(table.cost(table.X, task="blobs"), [100, 200, np.nan, 400])
    evaluation = TableObjective(table, task="blobs").evaluate(table.X[:2])
    np.testing.assert_array_equal(evaluation.cost_s, [100, 200])
    unknown = TableObjective(load_table("nas-bench-graph"), task="cora")
    assert np.isnan(unknown.evaluate(unknown.table.X[:3]).cost_s).all()


def test_rows_of_one_network_share_a_number():
    space = get_space("nas-bench-201")
    texts = [
        "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
        "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
        "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|",
    ]
    table = Table(space, space.parse(texts), {TIME: np.ones(4)})
    assert table.networks().tolist() == [0, 0, 1, 0]
