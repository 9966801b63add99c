"""A few hundred real rows of the embedded table: enough to learn from, quick to learn from."""

import pytest

import surrogate_nas as sn
from surrogate_nas.experiments import sources_of


@pytest.fixture(scope="session")
def small_table():
    table = sn.load_table("nas-bench-graph")
    columns = [c for c in table.columns if c.split == "val" and c.task in table.tasks[:3]]
    values = {c: table.values(task=c.task, metric=c.metric, split=c.split)[::80] for c in columns}
    return sn.Table(table.space, table.X[::80], values, name="small", key="canonical")


@pytest.fixture(scope="session")
def small_table_file(small_table, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "small.parquet"
    small_table.to_parquet(path)
    return path


@pytest.fixture(scope="session")
def small_sources(small_table):
    return sources_of(small_table)
