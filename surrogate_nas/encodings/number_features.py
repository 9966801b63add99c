"""Widths, kernel sizes and rates as the numbers that they are."""

from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.spaces.base import SearchSpace


@final
class NumberFeatures(Encoder):
    """Genes that are numbers as numbers, the others as one column per value.

    A gene that is a number gives its place on a scale from 0 to 1 (ratios count where the space says so), 0 where
    the choice is not made, and whether it is made; then there are the sum and the mean of all places of the genes that
    share a name up to the count at its end ("width 1", "width 2", ...).

    Args:
        space: The space of the rows.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        blocks = []
        totals: dict[str, list[npt.NDArray[np.float32]]] = {}
        for gene, (name, scale) in enumerate(zip(self.space.gene_names, self.space.scales, strict=True)):
            if scale is None:
                blocks.append((X[:, gene, None] == np.arange(self.space.cardinalities[gene])).astype(np.float32))
                continue
            absent = int(self.space.cardinalities[gene]) - len(scale)  # values in front of the first number
            made = (X[:, gene] >= absent).astype(np.float32)
            place = np.append(scale, [0.0] * absent).astype(np.float32)[X[:, gene] - absent]
            blocks.append(np.stack([place, made], axis=1))
            totals.setdefault(_stem(name), []).append(np.stack([place, made]))
        for group in totals.values():
            total, count = np.sum(group, axis=0)
            blocks.append(np.stack([total, total / np.maximum(count, 1)], axis=1))
        return np.concatenate(blocks, axis=1)

    def _names(self) -> list[str]:
        names: list[str] = []
        stems: dict[str, None] = {}
        for gene, (name, scale) in enumerate(zip(self.space.gene_names, self.space.scales, strict=True)):
            if scale is None:
                names += [f"{name}={v}" for v in range(self.space.cardinalities[gene])]
            else:
                names += [f"{name} on its scale", f"{name} there"]
                stems[_stem(name)] = None
        return names + [f"{what} {stem}" for stem in stems for what in ("sum of", "mean")]


def _stem(name: str) -> str:
    return name.rstrip("0123456789").rstrip()
