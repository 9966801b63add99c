"""The contract of a table, as checks that any table can be run through, also a user's own.

    import pytest
    from surrogate_nas.testing.table import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(my_table)

The checks read the table and write only to a temporary folder.
"""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from surrogate_nas.core import Column, InvalidInputError, SurrogateNASError, UnknownNameError
from surrogate_nas.spaces import Rows
from surrogate_nas.tables import Table
from surrogate_nas.tables.schema import column_from_json, column_to_json, declared_range

#: Rows drawn where a check looks for equivalent or missing ones.
DRAWS = 4_096


def which(column: Column) -> dict[str, Any]:
    """The arguments that mean exactly this column."""
    return {name: getattr(column, name) for name in ("task", "metric", "split", "epochs", "seed")}


def draw(table: Table) -> Rows:
    """In-range rows, uniformly over all combinations of genes: many are invalid, or equal another in meaning."""
    rng = np.random.default_rng(0)
    return rng.integers(0, table.space.cardinalities, size=(DRAWS, table.space.n_genes)).astype(np.int16)


def check_rows_are_unique_architectures_of_the_space(table: Table) -> None:
    """Every row is valid, no key occurs twice, and canonical keys are in canonical form."""
    assert len(table) == len(table.X) > 0
    assert table.X.dtype == np.int16
    assert table.space.valid(table.X).all()
    assert len(np.unique(table.X, axis=0)) == len(table)
    if table.info.key == "canonical":
        np.testing.assert_array_equal(table.space.canonical(table.X), table.X)


def check_columns_describe_themselves(table: Table) -> None:
    """Columns are unique, typed, ordered by task as listed, and survive their written form."""
    assert len(set(table.columns)) == len(table.columns) > 0
    for column in table.columns:
        assert column.task in table.tasks
        assert column.metric in table.metrics
        assert column.direction in ("max", "min")
        assert column_from_json(column_to_json(column)) == column
        assert table.column(**which(column)) == column
    for task in table.tasks:
        metrics = {c.metric for c in table.columns if c.task == task}
        try:
            assert table.default_metric(task) in metrics
        except InvalidInputError as error:  # several metrics, none of which stands out
            listed = str(error)
            assert all(repr(m) in listed for m in metrics)


def check_values_are_in_their_declared_range(table: Table) -> None:
    """No infinite values; bounded metrics and amounts keep to what their unit allows."""
    for column in table.columns:
        values = table.values(**which(column))
        assert values.dtype == np.float64
        assert values.shape == (len(table),)
        measured = values[~np.isnan(values)]
        low, high = declared_range(column)
        assert np.isfinite(measured).all()
        assert ((measured >= low) & (measured <= high)).all(), column


def check_validation_and_test_are_different_columns(table: Table) -> None:
    """Where a metric has several splits, no two of them hold the same numbers."""
    for a, b in _pairs_that_differ_in_split(table):
        first, second = table.values(**which(a)), table.values(**which(b))
        both = ~(np.isnan(first) | np.isnan(second))
        assert not both.any() or (first[both] != second[both]).any(), (a, b)


def check_query_agrees_with_the_columns(table: Table) -> None:
    """Query, data, measured and values say the same, in any order of rows, in batches and one by one."""
    order = np.random.default_rng(0).permutation(len(table))
    for column in table.columns:
        asked = which(column)
        values = table.values(**asked)
        np.testing.assert_array_equal(table.query(table.X[order], **asked), values[order])
        X, y = table.data(**asked)
        assert y.dtype == np.float64
        assert len(X) == len(y) == np.count_nonzero(~np.isnan(values))
        np.testing.assert_array_equal(table.query(X, **asked), y)
        np.testing.assert_array_equal(table.measured(table.X, **asked), ~np.isnan(values))
        for i in order[:20]:
            single = table.query(table.X[i], **asked)
            assert single.shape == (1,)
            np.testing.assert_array_equal(single, values[i : i + 1])
        assert table.query(table.X[:0], **asked).shape == (0,)


def check_equivalent_rows(table: Table) -> None:
    """Under the canonical key every equivalent row finds the value; under the row key each has its own or none."""
    asked = which(table.columns[0])
    values = table.values(**asked)
    place = {row.tobytes(): i for i, row in enumerate(table.X)}
    drawn = draw(table)
    keys = table.space.canonical(drawn) if table.info.key == "canonical" else drawn
    at = [place.get(key.tobytes(), -1) for key in np.ascontiguousarray(keys)]
    expected = [values[i] if i >= 0 else np.nan for i in at]
    np.testing.assert_array_equal(table.query(drawn, **asked), expected)
    for row, value in zip(drawn[:50], expected, strict=False):
        np.testing.assert_array_equal(table.query(row, **asked), [value])


def check_top_follows_the_direction(table: Table) -> None:
    """The best come first: highest scores, lowest costs; asking for more than there is gives all."""
    for column in table.columns:
        asked = which(column)
        X, y = table.top(10, **asked)
        _, measured = table.data(**asked)
        best = np.sort(measured)[::-1] if column.direction == "max" else np.sort(measured)
        np.testing.assert_array_equal(y, best[:10])
        np.testing.assert_array_equal(table.query(X, **asked), y)
        assert len(table.top(len(table) + 1, **asked)[1]) == len(measured)


def check_unknown_names_are_errors_that_list_the_known(table: Table) -> None:
    """A wrong task, metric, split, schedule or seed, and a choice left open, are one line with the choices."""
    asked = which(table.columns[0])
    for name, wrong in {"task": "nowhere", "metric": "beauty", "split": "nothing", "epochs": 10**9, "seed": -1}.items():
        error = _error(table, **(asked | {name: wrong}))
        assert "\n" not in str(error)
        assert str(wrong) in str(error)
        assert name in str(error)
        if name in ("task", "metric"):
            assert isinstance(error, UnknownNameError)
            assert asked[name] in str(error)
    for a, b in _pairs_that_differ_in_split(table):
        error = _error(table, **(which(a) | {"split": None}))
        assert isinstance(error, InvalidInputError)
        assert repr(a.split) in str(error)
        assert repr(b.split) in str(error)


def check_rows_outside_the_space_are_errors(table: Table) -> None:
    """Genes that do not exist and rows of another length are errors, not missing values."""
    asked = which(table.columns[0])
    row = table.X[0].astype(np.int64)
    for wrong in (row[:-1], np.append(row, 0), row - 10_000, row + table.space.cardinalities, row + 0.5):
        assert isinstance(_error(table, X=wrong, **asked), InvalidInputError)
        assert isinstance(_error(table, X=np.stack([wrong, wrong]), **asked), InvalidInputError)


def check_numbers_cannot_be_changed(table: Table) -> None:
    """The table's own arrays are read-only, and what it hands out is the caller's."""
    assert not table.X.flags.writeable
    column = table.columns[0]
    before = table.values(**which(column))
    for own in (table.values(**which(column)), *table.data(**which(column)), *table.top(5, **which(column))):
        own += 1
    np.testing.assert_array_equal(table.values(**which(column)), before)


def check_parquet_round_trip(table: Table) -> None:
    """Written and read again, a table is equal in every bit; equal tables give equal bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        table.to_parquet(path)
        again = Table.from_parquet(path, space=table.space)
        written = path.read_bytes()
        again.to_parquet(path)
        assert path.read_bytes() == written
    _assert_equal(again, table)


def check_frame_round_trip(table: Table) -> None:
    """A table made from its own DataFrame is equal."""
    frame = table.to_pandas()
    architectures, *names = frame.columns
    again = Table.from_frame(
        frame,
        space=table.space,
        arch_column=architectures,
        columns=dict(zip(names, table.columns, strict=True)),
        **{name: getattr(table.info, name) for name in _DESCRIPTION},
    )
    _assert_equal(again, table)


#: All checks, in the order in which they make most sense of a fault.
CHECKS = (
    check_rows_are_unique_architectures_of_the_space,
    check_columns_describe_themselves,
    check_values_are_in_their_declared_range,
    check_validation_and_test_are_different_columns,
    check_query_agrees_with_the_columns,
    check_equivalent_rows,
    check_top_follows_the_direction,
    check_unknown_names_are_errors_that_list_the_known,
    check_rows_outside_the_space_are_errors,
    check_numbers_cannot_be_changed,
    check_parquet_round_trip,
    check_frame_round_trip,
)

_DESCRIPTION = ("name", "source", "licence", "citation", "key", "default_metrics")


def _assert_equal(a: Table, b: Table) -> None:
    assert a.columns == b.columns
    assert a.info == dataclasses.replace(b.info, space=a.space.name)
    np.testing.assert_array_equal(a.X, b.X)
    for column in b.columns:
        np.testing.assert_array_equal(a.values(**which(column)), b.values(**which(column)))


def _error(table: Table, X: Any = None, **asked: Any) -> SurrogateNASError:
    try:
        table.query(table.X[0] if X is None else X, **asked)
    except SurrogateNASError as error:
        return error
    raise AssertionError(f"expected an error, got a value: {asked}")


def _pairs_that_differ_in_split(table: Table) -> Iterator[tuple[Column, Column]]:
    for i, a in enumerate(table.columns):
        for b in table.columns[i + 1 :]:
            if a.split != b.split and which(a) | {"split": b.split} == which(b):
                yield a, b
