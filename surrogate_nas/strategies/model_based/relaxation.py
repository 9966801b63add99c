"""Architectures as points between which one can move: weights of values, and places on scales.

Notation: n points, d genes, k = the sum of the cardinalities; column j of k stands for one value of one gene.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.base import Rows, SearchSpace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Share of a gene's weight that its other values have at first: without any they could never gain.
SHARED = 0.1


@final
@dataclass(frozen=True)
class Points:
    """Relaxed architectures.

    Attributes:
        logits: Of the values of each gene without an order, shape (n, k); columns of other genes are not read.
        places: Of each ordered gene on its scale from 0 to 1, shape (n, d); columns of other genes are not read.
        origin: Rows they started from, shape (n, d); where an ordered choice is not made, it stays so.
    """

    logits: Floats
    places: Floats
    origin: Rows


@final
class Relaxation:
    """Leads from rows to points and back, and from slopes of weights to steps of points.

    A gene without an order is a softmax over its values. An ordered one (``space.scales``) is a place on its scale,
    and shares the weight between the two values next to it, so that it moves through what lies between.

    Args:
        space: Space of the rows.
    """

    def __init__(self, space: SearchSpace) -> None:
        cardinalities = space.cardinalities
        self._cardinalities = cardinalities
        self._start = np.concatenate([[0], np.cumsum(cardinalities)[:-1]])
        self._value = np.concatenate([np.arange(c) for c in cardinalities])
        self._scales = [(gene, scale) for gene, scale in enumerate(space.scales) if scale is not None]

    def points(self, X: Rows) -> Points:
        """The points of rows (n, d); values that are not theirs get a little weight."""
        here = np.repeat(X, self._cardinalities, axis=1) == self._value
        shared = SHARED / np.maximum(self._cardinalities - 1, 1)
        logits = np.log(np.where(here, 1 - SHARED, np.repeat(shared, self._cardinalities)))
        places = np.zeros(X.shape)
        for gene, scale in self._scales:
            first = self._cardinalities[gene] - len(scale)
            places[:, gene] = scale[np.maximum(X[:, gene] - first, 0)]
        return Points(logits, places, X.copy())

    def weights(self, points: Points) -> Floats:
        """Weights of all values, shape (n, k): not negative, and 1 in sum over each gene."""
        high = np.maximum.reduceat(points.logits, self._start, axis=1)
        P = np.exp(points.logits - np.repeat(high, self._cardinalities, axis=1))
        P /= np.repeat(np.add.reduceat(P, self._start, axis=1), self._cardinalities, axis=1)
        row = np.arange(len(P))
        for gene, scale in self._scales:
            at = self._columns(gene)
            P[:, at] = points.origin[:, gene, None] == self._value[at]
            made, cell, share = self._cell(points, gene, scale)
            P[row[made, None], at] = 0.0
            P[row[made], at[cell]] = 1 - share
            P[row[made], at[cell + (len(scale) > 1)]] += share
        return P

    def step(self, points: Points, slopes: Floats, *, logit: float, place: float) -> Points:
        """Move along slopes of the weights: logits by exponentiated gradients, places by projected ones.

        Args:
            points: Where from.
            slopes: Derivatives of the score with respect to the weights, shape (n, k).
            logit: By how much a logit moves for a slope of 1.
            place: By how much a place moves for a slope of 1 over the whole scale.
        """
        places = points.places.copy()
        for gene, scale in self._scales:
            if len(scale) > 1:
                made, cell, _ = self._cell(points, gene, scale)
                of_values = slopes[:, self._columns(gene)][made]
                row = np.arange(len(cell))
                width = np.diff(scale)[cell - self._first(gene, scale)]
                slope = (of_values[row, cell + 1] - of_values[row, cell]) / width
                places[made, gene] = np.clip(places[made, gene] + place * slope, scale[0], scale[-1])
        return Points(points.logits + logit * slopes, places, points.origin)

    def rows(self, points: Points) -> Rows:
        """The rows next to points, shape (n, d): of each gene the value with the most weight; they may not be valid."""
        P = self.weights(points)
        ends = self._start + self._cardinalities
        parts = [P[:, start:end].argmax(axis=1) for start, end in zip(self._start, ends, strict=True)]
        return np.stack(parts, axis=1).astype(np.int16)

    def corners(self, X: Rows) -> Floats:
        """Weights of rows themselves: 1 for each value they have, shape (n, k)."""
        return (np.repeat(X, self._cardinalities, axis=1) == self._value).astype(np.float64)

    def _columns(self, gene: int) -> Ints:
        return np.arange(self._start[gene], self._start[gene] + self._cardinalities[gene])

    def _first(self, gene: int, scale: Floats) -> int:
        """The first value of a gene that is on its scale: 1 where 0 says that the choice is not made."""
        return int(self._cardinalities[gene]) - len(scale)

    def _cell(self, points: Points, gene: int, scale: Floats) -> tuple[npt.NDArray[np.bool_], Ints, Floats]:
        """Of the points in which a choice is made: which these are, the value below each place, and how far above."""
        first = self._first(gene, scale)
        made = points.origin[:, gene] >= first
        places = points.places[made, gene]
        below = np.clip(np.searchsorted(scale, places, side="right") - 1, 0, max(len(scale) - 2, 0))
        width = np.append(np.diff(scale), 1.0)[below]
        return made, below + first, (places - scale[below]) / width
