"""Adam on numpy arrays, for the strategies that climb along gradients of their own.

References:
    [kingma2015] Kingma, Ba: Adam: A Method for Stochastic Optimization. ICLR 2015. https://arxiv.org/abs/1412.6980
"""

from typing import final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Weights of the past in the two moments, and what keeps the quotient finite; as published.
MOMENTUM, MEMORY, TINY = 0.9, 0.999, 1e-8


@final
class Adam:
    """Turns gradients into steps [kingma2015], uphill.

    Args:
        shape: Shape of the parameters.
        learning_rate: About how far one step goes in each parameter.
    """

    def __init__(self, shape: int | tuple[int, ...], learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self._mean = np.zeros(shape)
        self._square = np.zeros(shape)
        self._steps = 0

    def step(self, gradient: Floats) -> Floats:
        """What to add to the parameters to climb, of the gradient's shape."""
        self._steps += 1
        self._mean += (1 - MOMENTUM) * (gradient - self._mean)
        self._square += (1 - MEMORY) * (gradient * gradient - self._square)
        mean = self._mean / (1 - MOMENTUM**self._steps)
        square = self._square / (1 - MEMORY**self._steps)
        step: Floats = self.learning_rate * mean / (np.sqrt(square) + TINY)
        return step
