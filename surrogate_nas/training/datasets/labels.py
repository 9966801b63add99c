"""Labels and groups of any type, as the numbers that training works with."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError

Task = Literal["classification", "regression"]

#: Up to so many different whole numbers are classes in any case, and up to one in so many samples.
_FEW_VALUES, _SAMPLES_PER_VALUE = 20, 5


def checked_labels(
    y: npt.ArrayLike, n: int, task: Task | None = None, classes: Sequence[str] | None = None
) -> tuple[npt.NDArray[np.int64] | npt.NDArray[np.float32], tuple[str, ...]]:
    """Labels as classes 0 to k - 1 with their names, or targets as float32 without.

    Args:
        y: One label or target per sample, shape (n,).
        n: Number of samples.
        task: "classification" or "regression"; None goes by the values.
        classes: Names of the classes in the order of their labels; None takes the labels themselves.

    Raises:
        InvalidInputError: Wrong shape or number, missing values, one class only, or names that do not fit.
    """
    labels = _plain(y, n, "y", "label")
    if task is not None and task not in get_args(Task):
        raise InvalidInputError(f"task: expected 'classification' or 'regression', got {task!r}")
    if (task or _task_of(labels)) == "regression":
        if classes:
            raise InvalidInputError("classes: expected none for a regression; task='classification' makes classes of y")
        return _targets(labels), ()
    values, codes = np.unique(labels, return_inverse=True)
    if len(values) < 2:
        raise InvalidInputError(f"y: expected at least two classes, got one, {values.tolist()}; check the labels")
    names = tuple(str(c) for c in (values.tolist() if classes is None else classes))
    if len(names) != len(values) or len(set(names)) != len(names) or isinstance(classes, str):
        raise InvalidInputError(
            f"classes: expected a list of {len(values)} different names, one for each label, got {classes!r:.80}"
        )
    return codes.astype(np.int64), names


def checked_groups(groups: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
    """Number of each sample's group, 0 to g - 1.

    Raises:
        InvalidInputError: Wrong shape or number, or missing values.
    """
    return np.unique(_plain(groups, n, "groups", "group"), return_inverse=True)[1].astype(np.int64)


def _plain(values: npt.ArrayLike, n: int, what: str, one: str) -> npt.NDArray[Any]:
    """One value per sample, none missing, all text or all numbers."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise InvalidInputError(f"{what}: expected one {one} per sample, shape ({n},), got shape {array.shape}")
    if len(array) != n:
        raise InvalidInputError(f"{what}: expected one {one} per sample ({n}), got {len(array)}")
    if array.dtype.kind not in "biufUO":
        raise InvalidInputError(f"{what}: expected text or numbers, got {array.dtype}; convert it first")
    missing = _missing(array)
    if missing.any():
        raise InvalidInputError(
            f"{what}: expected a {one} for every sample, got {int(missing.sum())} NaN or infinite value(s), the first "
            f"at sample {int(np.flatnonzero(missing)[0])}; drop those samples first"
        )
    if array.dtype.kind != "O":
        return array
    kinds = {type(value) for value in array.tolist()}
    if kinds != {str} and not kinds <= {bool, int, float}:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise InvalidInputError(f"{what}: expected text or numbers, all of one kind, got {names}")
    return np.array(array.tolist())


def _missing(array: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    if array.dtype.kind == "f":
        return ~np.isfinite(array)
    if array.dtype.kind == "O":
        import pandas as pd  # knows all that stands for a missing value

        return np.asarray(pd.isna(array))
    return np.zeros(len(array), dtype=bool)


def _task_of(labels: npt.NDArray[Any]) -> Task:
    if labels.dtype.kind not in "iuf":
        return "classification"
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels)):
        return "regression"
    few = max(_FEW_VALUES, len(labels) // _SAMPLES_PER_VALUE)
    return "classification" if len(np.unique(labels)) <= few else "regression"


def _targets(labels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # reported below
            targets = labels.astype(np.float32)
    except ValueError:
        raise InvalidInputError("y: expected numbers for a regression, got text; task='classification'?") from None
    if not np.isfinite(targets).all():
        raise InvalidInputError(
            f"y: expected targets below {np.finfo(np.float32).max:.0e}, got larger ones; scale them"
        )
    if targets.min() == targets.max():
        raise InvalidInputError(f"y: expected targets that differ, got {float(targets[0]):g} for every sample")
    return targets
