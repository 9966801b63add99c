"""A table of one's own from a published file: NAS-Bench-201, whose twins were trained separately."""

import numpy as np
import pandas as pd
import pytest

from surrogate_nas.core import Column
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import Table, load_table

COLUMNS = {
    f"{task}-{split}-12ep": Column(task, "accuracy", split, 12, unit="%")
    for task in ("cifar10", "cifar100", "imagenet16-120")
    for split in ("val", "test")
} | {
    "cifar10-val-200ep": Column("cifar10", "accuracy", "val", 200, unit="%"),
    "cifar10-pixel3_latency": Column("pixel3", "latency", unit="ms"),
    "cifar10-edgetpu_latency": Column("edgetpu", "latency", unit="ms"),
}


@pytest.fixture(scope="module")
def frame(shared_data) -> pd.DataFrame:
    frame = pd.read_parquet(shared_data / "nas-bench-201.parquet")
    return frame.replace({"cifar10-edgetpu_latency": {-1: np.nan}})  # not runnable there


@pytest.fixture(scope="module")
def table(frame) -> Table:
    return Table.from_frame(
        frame, space=get_space("nas-bench-201"), arch_column="arch_str", columns=COLUMNS, name="nb201"
    )


def test_every_value_finds_its_architecture(frame, table):
    assert len(table) == table.space.size == 15_625
    X = table.space.parse(frame.reset_index()["arch_str"].tolist())
    for name, column in COLUMNS.items():
        y = table.query(X, task=column.task, metric=column.metric, split=column.split, epochs=column.epochs)
        np.testing.assert_array_equal(y, frame[name].to_numpy(np.float64))


def test_the_best_network_is_the_published_one(table):
    X, y = table.top(2, task="cifar10", split="val", epochs=200)
    assert y == pytest.approx([91.57, 91.38], abs=0.01)
    assert len(table.data(task="edgetpu")[1]) == 15_625 - 4_699


def test_twins_keep_their_own_values(table):
    keys = table.space.codes(table.space.canonical(table.X))
    y = table.query(table.X, task="cifar10", metric="accuracy", split="val", epochs=200)
    order = np.argsort(keys, kind="stable")
    twins = np.flatnonzero(np.diff(keys[order]) == 0)
    assert len(np.unique(keys)) < len(table)
    assert (y[order[twins]] != y[order[twins + 1]]).mean() > 0.9


def test_it_survives_a_file(table, tmp_path):
    path = tmp_path / "nb201.parquet"
    table.to_parquet(path)
    for _ in range(2):
        again = load_table(path)
        pd.testing.assert_frame_equal(again.to_pandas(), table.to_pandas())
