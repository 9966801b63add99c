"""The contract of an encoder: rows of one space in, a fixed set of named float32 columns out."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import is_whole

Features = npt.NDArray[np.float32]

#: Rows drawn from the space, once and with a fixed seed, to see which columns vary at all.
REFERENCE_ROWS = 2048


class Encoder(TransformerMixin, BaseEstimator, ABC):
    """Turns architectures into numbers; a scikit-learn transformer on integer rows.

    What an encoder gives depends on its parameters alone, the space among them, never on the rows
    it was fitted with: two predictors of one space see the same columns. ``fit`` drops the columns
    that do not vary over a fixed sample of the space, unless all spaces are to have the same ones.

    Attributes:
        space: The space of the rows.
        invariant: Whether rows with one canonical form are guaranteed to get equal features.
        shared: Whether all spaces have the same columns.
        learned: Names of the arrays that ``fit`` makes; with the parameters, they are all there is to save.
        columns_: Positions of the kept columns among all that the encoder knows, after ``fit``.
    """

    space: SearchSpace
    invariant: ClassVar[bool] = False
    shared: ClassVar[bool] = False
    learned: ClassVar[tuple[str, ...]] = ("columns_",)

    @abstractmethod
    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        """All columns of checked rows, float32 of shape (n, all)."""

    @abstractmethod
    def _names(self) -> list[str]:
        """Names of all columns."""

    def _learn(self, sample: npt.NDArray[np.int16]) -> None:
        """What an encoder has to know of its space, from the fixed sample of it, before it can encode."""

    def _check_count(self, name: str, least: int) -> None:
        """Check a parameter that counts something."""
        value = self.get_params(deep=False)[name]
        if not is_whole(value, least):
            raise InvalidInputError(
                f"{type(self).__name__}: {name}: expected a whole number of at least {least}, got {value!r}"
            )

    def _no_graphs(self) -> GraphBatch:
        """An empty batch: what graphs of the space have in common, their vocabulary and number of nodes."""
        return self.space.graphs(np.empty((0, self.space.n_genes), dtype=np.int16))

    def _networks(self, X: npt.NDArray[np.int16]) -> tuple[GraphBatch, npt.NDArray[np.int64]]:
        """Graphs of the distinct networks among the rows, and which of them each row is."""
        canonical = self.space.canonical(X)
        _, first, back = np.unique(self.space.keys(canonical), return_index=True, return_inverse=True)
        return self.space.graphs(canonical[first]), back

    def fit(self, X: npt.ArrayLike | None = None, y: Any = None) -> Self:
        """Find the columns that vary over the space; the arguments are there for scikit-learn.

        Args:
            X: Ignored.
            y: Ignored.
        """
        sample = self.space.sample(REFERENCE_ROWS, np.random.default_rng(0))
        self._learn(sample)
        values = self._encode(sample)
        self.columns_ = np.arange(values.shape[1]) if self.shared else np.flatnonzero((values != values[0]).any(axis=0))
        self.n_features_in_ = self.space.n_genes
        return self

    def transform(self, X: npt.ArrayLike) -> Features:
        """Features of each row, float32 of shape (n, f).

        Args:
            X: Rows of the space, shape (n, d).
        """
        if not hasattr(self, "columns_"):
            raise InvalidInputError(f"{type(self).__name__}: not fitted yet; call fit() first")
        return np.ascontiguousarray(self._encode(self.space.rows(X)).take(self.columns_, axis=1))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the columns of ``transform``, shape (f,).

        Args:
            input_features: Ignored; there for scikit-learn.
        """
        return np.array(self._names(), dtype=object)[self.columns_]

    def __sklearn_clone__(self) -> Self:
        # A space may carry large lookup tables and is never changed, so clones share it.
        return type(self)(**self.get_params(deep=False))
