"""Checks at the public doors; behind them arrays are trusted."""

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.errors import InvalidInputError


def check_rows(X: npt.ArrayLike, n_genes: int, what: str = "X") -> npt.NDArray[np.int16]:
    """Return ``X`` as int16 rows of shape (n, n_genes); one row becomes a batch of one.

    Args:
        X: Integers of shape (n, n_genes) or (n_genes,).
        n_genes: Genes of one architecture in the space at hand.
        what: Name of the argument, for the message.

    Raises:
        InvalidInputError: Wrong shape, or values that are not small integers.
    """
    try:
        rows = np.asarray(X)
    except ValueError as error:  # rows of different lengths
        raise InvalidInputError(f"{what}: expected integer rows of shape (n, {n_genes}), got {error}") from error
    if rows.ndim == 1 and rows.shape[0] == n_genes:
        rows = rows[None, :]
    if rows.ndim != 2 or rows.shape[1] != n_genes:
        raise InvalidInputError(
            f"{what}: expected integer rows of shape (n, {n_genes}), got an array of shape {rows.shape}; "
            "use space.parse(...) for text"
        )
    if rows.dtype == np.int16:
        return rows
    if rows.dtype.kind not in "iu" and not (rows.dtype.kind == "f" and np.array_equal(rows, np.round(rows))):
        raise InvalidInputError(f"{what}: expected integers, got dtype {rows.dtype}; use space.parse(...) for text")
    limits = np.iinfo(np.int16)
    if rows.size and (rows.min() < limits.min or rows.max() > limits.max):  # a cast would wrap them into valid genes
        raise InvalidInputError(
            f"{what}: expected genes from {limits.min} to {limits.max}, got {rows.min()} to {rows.max()}"
        )
    return rows.astype(np.int16)


def check_scores(y: npt.ArrayLike, n: int, what: str = "y", *, allow_missing: bool = False) -> npt.NDArray[np.float64]:
    """Return ``y`` as float64 of shape (n,), finite unless ``allow_missing``.

    Args:
        y: Scores, one per architecture.
        n: Expected length.
        what: Name of the argument, for the message.
        allow_missing: Whether NaN (a failed or absent evaluation) may stand for a score.

    Raises:
        InvalidInputError: Not numbers, wrong length, infinite values, or NaN where it may not stand.
    """
    try:
        scores = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{what}: expected {n} numbers, got {error}") from error
    if scores.shape != (n,):
        raise InvalidInputError(f"{what}: expected {n} scores, shape ({n},), got shape {scores.shape}")
    bad = np.isinf(scores) if allow_missing else ~np.isfinite(scores)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise InvalidInputError(
            f"{what}: expected finite scores, got {int(bad.sum())} NaN or infinite value(s), the first at "
            f"position {first}; drop those rows first"
        )
    return scores
