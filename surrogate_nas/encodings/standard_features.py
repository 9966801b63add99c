"""What distances between architectures are taken from: all invariant features, standardised over the space."""

from functools import cached_property, lru_cache
from typing import Any, ClassVar, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import REFERENCE_ROWS, Encoder, Features
from surrogate_nas.encodings.depth_features import DepthFeatures
from surrogate_nas.encodings.graph_features import GraphFeatures
from surrogate_nas.encodings.number_features import NumberFeatures
from surrogate_nas.spaces.base import SearchSpace

#: Weight of depth features beside graph features. There are many of them and each says little: at full weight
#: they make everything far from everything on the first dozen rows.
DEPTH_WEIGHT = 1 / 3

#: Spaces with no more rows than this are encoded once per process and looked up from then on; a search asks for
#: the same rows again and again. Requests for fewer rows than ``FEW`` do not start it.
REMEMBERED, FEW = 50_000, 1_000


@final
class StandardFeatures(Encoder):
    """Graph, depth and number features, each standardised over the space, in groups for a kernel.

    Rows that mean the same network have the same features. Small spaces are encoded once per process.

    Args:
        space: The space of the rows.
    """

    invariant: ClassVar[bool] = True

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """Which kind of feature each column is, shape (f,); for ``GaussianProcess(groups=...)``."""
        return _memory(self.space).groups

    def fit(self, X: npt.ArrayLike | None = None, y: Any = None) -> Self:
        """Look at the space; the arguments are there for scikit-learn.

        Args:
            X: Ignored.
            y: Ignored.
        """
        self.columns_ = np.arange(len(self.groups))  # what does not vary was dropped by the parts
        self.n_features_in_ = self.space.n_genes
        return self

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        return _memory(self.space).features(X)

    def _names(self) -> list[str]:
        return [str(name) for part in _memory(self.space).parts for name in part.get_feature_names_out()]


class _Memory:
    """What is computed once for a space."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.parts: list[Encoder] = [GraphFeatures(space, pairs=False).fit(), DepthFeatures(space).fit()]
        if space.ordinal.any():
            self.parts.append(NumberFeatures(space).fit())
        blocks = self._blocks(space.sample(REFERENCE_ROWS, np.random.default_rng(0)))
        sizes = [block.shape[1] for block in blocks]
        self.groups = np.repeat(np.arange(len(sizes)), sizes)
        weight = np.repeat([1.0, DEPTH_WEIGHT, 1.0][: len(sizes)], sizes)
        reference = np.concatenate(blocks, axis=1).astype(np.float64)
        deviation = reference.std(axis=0)
        self.center = reference.mean(axis=0).astype(np.float32)
        self.factor = (weight / np.where(deviation > 1e-12, deviation, 1.0)).astype(np.float32)

    def features(self, X: npt.NDArray[np.int16]) -> Features:
        if self.space.size > REMEMBERED or (len(X) < FEW and "table" not in vars(self)):
            return self._encoded(self.space.canonical(X))
        place, table = self.table
        return table[place[self.space.canonical_index(X)]]

    @cached_property
    def table(self) -> tuple[npt.NDArray[np.int64], Features]:
        """Where in the second array each row of the space is, and the features of all distinct networks."""
        networks = np.unique(self.space.canonical_index(self.space.enumerate()))
        place = np.zeros(self.space.size, dtype=np.int64)
        place[networks] = np.arange(len(networks))
        return place, self._encoded(self.space.at(networks))

    def _encoded(self, X: npt.NDArray[np.int16]) -> Features:
        features = np.concatenate(self._blocks(X), axis=1)
        features -= self.center
        features *= self.factor
        return features

    def _blocks(self, X: npt.NDArray[np.int16]) -> list[Features]:
        return [part.transform(X) for part in self.parts]


@lru_cache(maxsize=16)  # up to tens of megabytes each, where spaces are remembered
def _memory(space: SearchSpace) -> _Memory:
    return _Memory(space)
