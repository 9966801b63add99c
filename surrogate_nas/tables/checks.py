"""What every table must satisfy, however it comes in; behind these checks its arrays are trusted."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables.schema import TableInfo, check_column, column_name, declared_range
from surrogate_nas.tables.selection import check_addressable, match_columns

Values = npt.NDArray[np.float64] | npt.NDArray[np.float32]

#: Says where a row of the table came from: "row 4", "line 6".
Where = Callable[[int], str]


def row_number(i: int) -> str:
    """Default way to name a row."""
    return f"row {i}"


def check_architectures(space: SearchSpace, X: npt.ArrayLike, *, canonical: bool, where: Where = row_number) -> Rows:
    """Return the rows as a table keeps them: valid, canonical if asked for, no two equal.

    Args:
        space: Space the rows must belong to.
        X: Rows, shape (m, d).
        canonical: Map each row to its canonical form first.
        where: Names a row in messages.

    Raises:
        InvalidInputError: No rows, a row outside the space, or two rows with the same key.
    """
    rows = space.rows(X)
    if not len(rows):
        raise InvalidInputError("table: expected at least one architecture, got none")
    inside = space.valid(rows)
    if canonical and not inside.all():  # a row written another way is welcome where its canonical form is valid
        inside = inside | space.valid(space.canonical(rows))
    if not inside.all():
        i = int(np.flatnonzero(~inside)[0])
        raise InvalidInputError(
            f"{where(i)}: expected an architecture of space {space.name!r}, got {rows[i].tolist()}; "
            f"{int((~inside).sum())} of {len(rows)} rows are outside it"
        )
    kept = np.array(space.canonical(rows) if canonical else rows, order="C")  # the caller's array stays the caller's
    repeat = _first_repeat(kept)
    if repeat is not None:
        first, again = repeat
        relation = "means the same network as" if canonical and (rows[first] != rows[again]).any() else "repeats"
        raise InvalidInputError(
            f"{where(again)}: architecture {space.format(rows[again])[0]!r} {relation} the one at {where(first)}; "
            "keep one row per architecture: average repeats, or give each seed or schedule its own column"
        )
    return kept


def check_columns(
    columns: Mapping[Column, npt.ArrayLike], n: int, info: TableInfo, where: Where = row_number
) -> dict[Column, Values]:
    """Return the columns as a table keeps them: float32 or float64 as given, never infinite, NaN = not measured.

    Args:
        columns: Values by column, each of shape (m,).
        n: Number of architectures m.
        info: The table's description; its default metrics must exist.
        where: Names a row in messages.

    Raises:
        InvalidInputError: No columns, columns that cannot be told apart, a wrong length, text, infinite
            values, or values that the metric and its unit rule out.
        UnknownNameError: A default metric that no column has.
    """
    if not columns:
        raise InvalidInputError("table: expected at least one column of values, got none")
    checked = [check_column(c) for c in columns]
    check_addressable(checked)
    for task, metric in info.default_metrics.items():
        match_columns(checked, info.name, task, metric=metric)
    return {c: _check_values(c, v, n, where) for c, v in zip(checked, columns.values(), strict=True)}


def _check_values(column: Column, given: npt.ArrayLike, n: int, where: Where) -> Values:
    name = column_name(column)
    values = np.asarray(given)
    if values.dtype.kind not in "fiub":
        raise InvalidInputError(f"column {name!r}: expected numbers, got values of type {values.dtype}")
    values = np.array(values, dtype=np.float32 if values.dtype == np.float32 else np.float64, order="C")
    if values.shape != (n,):
        raise InvalidInputError(f"column {name!r}: expected {n} values, shape ({n},), got shape {values.shape}")
    low, high = declared_range(column)
    wrong = np.isinf(values) | (values < low) | (values > high)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        expected = "a finite value" if np.isinf(values[i]) else f"{low:g} to {high:g} (unit {column.unit!r})"
        remedy = "write NaN where nothing was measured" if np.isinf(values[i]) else "correct the value or the unit"
        raise InvalidInputError(f"{where(i)}, column {name!r}: expected {expected}, got {values[i]:g}; {remedy}")
    return values


def _first_repeat(rows: Rows) -> tuple[int, int] | None:
    """Positions of the first row that occurred before, and of that earlier row; None if all differ."""
    whole = rows.view(f"V{rows.shape[1] * rows.itemsize}")[:, 0]  # a row as one value, so that sorting compares bytes
    _, first, inverse = np.unique(whole, return_index=True, return_inverse=True)
    if len(first) == len(rows):
        return None
    again = int(np.flatnonzero(first[inverse] != np.arange(len(rows)))[0])
    return int(first[inverse[again]]), again
