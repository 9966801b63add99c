"""Every table keeps the contract: embedded, made-up under either key, read back from a file."""

from pathlib import Path

import numpy as np
import pytest

from surrogate_nas.core import Column
from surrogate_nas.spaces import NodeCellSpace, get_space
from surrogate_nas.tables import Table, load_table
from surrogate_nas.testing.table import CHECKS


def own_space_table() -> Table:
    space = get_space("nas-bench-graph")
    own = NodeCellSpace("small-cells", space.operations[:3], ((0, 0), (0, 1)), space.skeleton)
    X = own.enumerate()
    return Table(own, X, {Column("t", "rmse"): np.arange(len(X), dtype=np.float32)}, key="canonical")


@pytest.fixture(params=["embedded", "image", "graph", "own space", "file"])
def table(request: pytest.FixtureRequest, tmp_path: Path, image: Table, graph: Table) -> Table:
    path = tmp_path / "image.parquet"
    image.to_parquet(path)
    factories = {
        "embedded": lambda: load_table("nas-bench-graph"),
        "image": lambda: image,
        "graph": lambda: graph,
        "own space": own_space_table,
        "file": lambda: load_table(path),
    }
    return factories[request.param]()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check, table):
    check(table)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_checks_find_a_table_that_lies(check):
    """A table whose rows, values and columns break every promise fails every check that reads them."""
    space = get_space("nas-bench-graph")
    X = space.from_codes(np.arange(59_049))  # neither all valid nor canonical
    X[-1] = X[0]
    y = np.linspace(2, -1, len(X))
    y[3] = np.inf
    info = Table(space, space.enumerate()[:1], {Column("t", "accuracy"): [0.5]}, key="canonical").info
    columns = {Column("t", "accuracy", s, unit="1", direction="max"): y for s in ("val", "test")}
    lying = Table.of_checked(space, X, columns, info)
    harmless = {
        "check_columns_describe_themselves",
        "check_unknown_names_are_errors_that_list_the_known",
        "check_rows_outside_the_space_are_errors",
        "check_numbers_cannot_be_changed",
    }
    if check.__name__ in harmless:
        check(lying)
    else:
        with pytest.raises((AssertionError, ValueError)):
            check(lying)
