"""One column per gene and value."""

from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.spaces.base import SearchSpace


@final
class OneHotEncoder(Encoder):
    """One column per gene and value: 1 where the gene has that value, else 0.

    Args:
        space: The space of the rows.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        gene, value = self._columns()
        return (X[:, gene] == value).astype(np.float32)

    def _names(self) -> list[str]:
        return [f"{self.space.gene_names[g]}={v}" for g, v in zip(*self._columns(), strict=True)]

    def _columns(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        cardinalities = self.space.cardinalities
        return np.repeat(np.arange(len(cardinalities)), cardinalities), np.concatenate(
            [np.arange(c) for c in cardinalities]
        )
