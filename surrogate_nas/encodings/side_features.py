"""What is known of architectures besides their graph, joined to them row by row."""

from collections.abc import Sequence
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.spaces.base import SearchSpace


@final
class SideFeatures(Encoder):
    """Zero-cost proxies, parameters, FLOPs ..., looked up for any row; NaN where they are not known.

    Boosted trees take NaN as it is. To be put beside other encodings by scikit-learn::

        union = FeatureUnion([("graph", GraphFeatures(space)), ("side", SideFeatures(space, X, proxies))])
        Predictor(space, union, BoostedTrees()).fit(X_measured, y)

    Args:
        space: The space of the rows.
        X: Rows with known values, shape (m, d).
        values: Their values, shape (m, f) or (m,); NaN = not known.
        names: One name per column of ``values``; None = "side 0", "side 1", ...
        exact: Whether a row takes the values of just this row. Otherwise rows that mean the same network share theirs:
            each takes the mean over those that are known.
    """

    learned: ClassVar[tuple[str, ...]] = ("columns_", "rows_", "values_")

    def __init__(
        self,
        space: SearchSpace,
        X: npt.ArrayLike,
        values: npt.ArrayLike,
        names: Sequence[str] | None = None,
        *,
        exact: bool = False,
    ) -> None:
        self.space = space
        self.X = X
        self.values = values
        self.names = names
        self.exact = exact

    def _learn(self, sample: npt.NDArray[np.int16]) -> None:
        """Make ``rows_``, in the order of their keys, and the ``values_`` of each."""
        values, rows = _table(self.values), self.space.rows(self.X)
        if len(values) != len(rows) or not len(rows):
            raise InvalidInputError(
                f"SideFeatures: expected as many values as rows, got {len(rows)} rows and {len(values)} values"
            )
        if not self.space.in_range(rows).all():
            raise InvalidInputError("SideFeatures: expected rows of the space, got genes out of range; see space.valid")
        if self.names is not None and len(set(self.names)) != values.shape[1]:
            raise InvalidInputError(
                f"SideFeatures: expected {values.shape[1]} different names, one per column, got {list(self.names)!r}"
            )
        rows = self._meant(rows)
        _, first, which = np.unique(self.space.keys(rows), return_index=True, return_inverse=True)
        self.rows_ = rows[first]
        total, known = np.zeros((2, len(first), values.shape[1]))
        np.add.at(total, which, np.nan_to_num(values))
        np.add.at(known, which, ~np.isnan(values))
        self.values_ = np.divide(total, known, out=np.full_like(total, np.nan), where=known > 0).astype(np.float32)

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        keys, wanted = self.space.keys(self.rows_), self.space.keys(self._meant(X))
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where((keys[place] == wanted)[:, None], self.values_[place], np.float32(np.nan))

    def _names(self) -> list[str]:
        return [f"side {i}" for i in range(self.values_.shape[1])] if self.names is None else list(self.names)

    def _meant(self, X: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        return X if self.exact else self.space.canonical(X)


def _table(values: Any) -> npt.NDArray[np.float64]:
    """Values as floats of shape (m, f)."""
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError("SideFeatures: expected values that are numbers, NaN where not known") from None
    if found.ndim not in (1, 2) or np.isinf(found).any():
        raise InvalidInputError(
            "SideFeatures: expected finite values of shape (rows, columns), NaN where not known, got shape "
            f"{found.shape}{' with infinities' if np.isinf(found).any() else ''}"
        )
    return found if found.ndim == 2 else found[:, None]
