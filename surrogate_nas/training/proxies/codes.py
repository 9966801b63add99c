"""How differently a network treats the samples of a batch: the binary codes of its activations."""

from typing import Any, final

import torch
from torch import Tensor


@final
class Agreement:
    """Counts in how many activations two samples are on the same side of zero.

    With codes of +1 and -1 one matrix product per layer counts: c . c' is the agreements less the disagreements. All
    are whole numbers, below 2^24 in each layer, so that float32 is exact.

    Attributes:
        counts: Float64 (n, n); None before the first layer.
    """

    def __init__(self) -> None:
        self.counts: Tensor | None = None

    def __call__(self, layer: Any, inputs: tuple[Tensor, ...]) -> None:
        """Count one layer in; to be registered as a forward pre-hook of activations."""
        codes = torch.where(inputs[0].detach().flatten(1) > 0, 1.0, -1.0)
        agreed = (codes @ codes.T).double().add(codes.shape[1]).div(2)
        self.counts = agreed if self.counts is None else self.counts + agreed


def nwot(agreement: Tensor | None) -> float:
    """Log-determinant of the matrix of agreements (NASWOT [1], as in its second version); higher is better.

    Not defined without activations, and minus infinity where two samples have the same code everywhere.

    References:
        [1] Mellor et al., Neural architecture search without training, ICML 2021, https://arxiv.org/abs/2006.04647
    """
    return float("nan") if agreement is None else float(torch.linalg.slogdet(agreement)[1])
