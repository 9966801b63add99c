"""A kernel over groups of features: linear parts added up, a stationary part over all groups.

Notation: features come in groups g, group g has d_g columns; A_g and B_g are the columns of group g.

    k(A, B) = sum_g v_g A_g B_g' / d_g  +  a s(r),    r^2 = sum_g |A_g - B_g|^2 / (2 d_g l_g^2)

with s the Matern 5/2 or the squared exponential function. Dividing by d_g makes the values of
standardised features of one group about one whatever the number of columns, so that one prior on
the length scales l_g serves all.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Shape = Callable[[Floats], tuple[Floats, Floats]]

_ROOT_5 = np.sqrt(5.0)


def matern52(r2: Floats) -> tuple[Floats, Floats]:
    """Matern 5/2 function of the squared distance, and -2 times its derivative by it."""
    r = np.sqrt(r2)
    r *= _ROOT_5
    fall = np.exp(-r)
    r += 1.0
    tail = r * fall
    tail *= 5.0 / 3.0
    value = r2 * (5.0 / 3.0)
    value += r
    value *= fall
    return value, tail


def squared_exponential(r2: Floats) -> tuple[Floats, Floats]:
    """Squared exponential function of the squared distance, and -2 times its derivative by it."""
    value = np.exp(-0.5 * r2)
    return value, value


SHAPES: dict[str, Shape] = {"matern52": matern52, "rbf": squared_exponential}


@dataclass(frozen=True)
class GroupKernel:
    """The kernel of the module's docstring; parameters are logarithms, in one vector.

    The vector holds the amplitude a, the length scales l_g, then the linear variances v_g if there are any.

    Attributes:
        groups: Columns of each group.
        shape: Name of the stationary function, a key of :data:`SHAPES`.
        linear: Whether there are linear parts.
    """

    groups: tuple[npt.NDArray[np.int64], ...]
    shape: str
    linear: bool

    def prior(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the parameters' normal prior.

        Amplitude about the variance of y; length scales about the distance between two rows (longer
        with more groups, for their distances add up); linear parts share a third of the variance. A
        factor e up or down is one standard deviation for scales, e to the 1.5 for linear parts,
        which may well be absent.
        """
        count = len(self.groups)
        mean = [0.0, *[0.5 * np.log(count)] * count]
        deviation = [1.0, *[1.0] * count]
        if self.linear:
            mean += [np.log(0.3 / count)] * count
            deviation += [1.5] * count
        return np.array(mean), np.array(deviation)

    def pieces(self, A: Floats, B: Floats) -> tuple[list[Floats], list[Floats]]:
        """Per group: half the mean squared distance and, for linear parts, the mean product."""
        distances, products = [], []
        for columns in self.groups:
            a, b = A[:, columns], B[:, columns]
            product = (a / len(columns)) @ b.T
            distance = -product
            distance += ((a * a).sum(axis=1) / (2 * len(columns)))[:, None]
            distance += ((b * b).sum(axis=1) / (2 * len(columns)))[None, :]
            distances.append(np.maximum(distance, 0.0, out=distance))
            products.append(product)
        return distances, products

    def value(self, theta: Floats, A: Floats, B: Floats) -> Floats:
        """Kernel between the rows of A and those of B."""
        value, _ = self.value_and_slopes(theta, *self.pieces(A, B), slopes=False)
        return value

    def diagonal(self, theta: Floats, A: Floats) -> Floats:
        """Kernel of each row with itself."""
        value = np.full(len(A), np.exp(theta[0]))
        if self.linear:
            for v, columns in zip(np.exp(theta[1 + len(self.groups) :]), self.groups, strict=True):
                value += v * (A[:, columns] ** 2).sum(axis=1) / len(columns)
        return value

    def value_and_slopes(
        self, theta: Floats, distances: list[Floats], products: list[Floats], *, slopes: bool = True
    ) -> tuple[Floats, list[Floats]]:
        """Kernel from :meth:`pieces`, and its derivative by each parameter."""
        count = len(self.groups)
        amplitude, scales = np.exp(theta[0]), np.exp(theta[1 : 1 + count])
        r2 = sum((d / s**2 for d, s in zip(distances, scales, strict=True)), start=np.zeros_like(distances[0]))
        function, slope = SHAPES[self.shape](r2)
        value = amplitude * function
        derivatives = [value]
        if slopes:
            derivatives += [amplitude * slope * d / s**2 for d, s in zip(distances, scales, strict=True)]
        if self.linear:
            parts = [v * p for v, p in zip(np.exp(theta[1 + count :]), products, strict=True)]
            derivatives += parts
            value = sum(parts, start=value)
        return value, derivatives
