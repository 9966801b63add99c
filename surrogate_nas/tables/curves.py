"""Learning curves: the same training looked at after several of its epochs."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.tables.schema import check_column, column_name, declared_range
from surrogate_nas.tables.selection import check_addressable


class Curve(NamedTuple):
    """Values of one metric over the epochs of one training.

    The column it belongs to names the whole training: its ``epochs`` is the length of the schedule, so
    that 12 epochs of a schedule of 200 are never mistaken for a schedule of 12.

    Attributes:
        epochs: After which epochs the metric was measured, ascending, counted from 1.
        values: float32 of shape (n, len(epochs)); NaN = not measured.
    """

    epochs: tuple[int, ...]
    values: npt.NDArray[np.float32]


def check_curves(curves: Mapping[Column, Any], n: int) -> dict[Column, Curve]:
    """Return curves as a table keeps them.

    Args:
        curves: Pairs (epochs, values) by column.
        n: Number of architectures of the table.

    Raises:
        InvalidInputError: Epochs that do not ascend or exceed the schedule, a wrong shape, infinite values,
            or values that the metric and its unit rule out.
    """
    checked = [check_column(c) for c in curves]
    check_addressable(checked)
    return {c: _check(c, curve, n) for c, curve in zip(checked, curves.values(), strict=True)}


def _check(column: Column, curve: tuple[Sequence[int], npt.ArrayLike], n: int) -> Curve:
    name = f"curve {column_name(column)!r}"
    epochs = tuple(int(e) for e in curve[0])
    last = epochs[-1] if column.epochs is None and epochs else column.epochs
    if not epochs or last is None or list(epochs) != sorted({*epochs}) or epochs[0] < 1 or epochs[-1] > last:
        raise InvalidInputError(
            f"{name}: expected ascending epochs from 1 to the length of the schedule ({column.epochs}), "
            f"got {epochs!r:.80}; name the schedule in the column"
        )
    values = np.array(curve[1], dtype=np.float32, order="C")
    if values.shape != (n, len(epochs)):
        raise InvalidInputError(f"{name}: expected values of shape ({n}, {len(epochs)}), got {values.shape}")
    low, high = declared_range(column)
    wrong = np.isinf(values) | (values < np.float32(low)) | (values > np.float32(high))
    if wrong.any():
        row, at = (int(i) for i in np.argwhere(wrong)[0])
        raise InvalidInputError(
            f"row {row}, {name}, epoch {epochs[at]}: expected finite values from {low:g} to {high:g}, got "
            f"{values[row, at]:g}; write NaN where nothing was measured"
        )
    return Curve(epochs, values)
