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
        InvalidInputError: Wrong shape, or values that are not integers.
    """
    rows = np.asarray(X)
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
    return rows.astype(np.int16)


def check_scores(
    y: npt.ArrayLike, n: int, what: str = "y", *, allow_missing: bool = False
) -> npt.NDArray[np.float64]:
    """Return ``y`` as float64 of shape (n,), finite unless ``allow_missing``.

    Args:
        y: Scores, one per architecture.
        n: Expected length.
        what: Name of the argument, for the message.
        allow_missing: Whether NaN (a failed or absent evaluation) may stand for a score.

    Raises:
        InvalidInputError: Wrong length, infinite values, or NaN where it may not stand.
    """
    scores = np.asarray(y, dtype=np.float64)
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
