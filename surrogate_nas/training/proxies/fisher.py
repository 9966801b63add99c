"""Fisher information of the channels of a network."""

from collections.abc import Iterator
from typing import Any, final

from torch import Tensor
from torch.utils.hooks import RemovableHandle


@final
class FisherHook:
    """Sums up the Fisher information of every channel while a loss is differentiated [1].

    Of one channel with activations a and gradients g it is half the mean over the samples of (sum over all positions
    of a * g) squared. As in NAS-Bench-Suite-Zero each weight that leads to the channel counts once: the information
    of the channel is multiplied with their number.

    References:
        [1] Theis et al., Faster gaze prediction with dense networks and Fisher pruning, 2018,
            https://arxiv.org/abs/1801.05787; for architectures Turner et al., BlockSwap, ICLR 2020,
            https://arxiv.org/abs/1906.04113
    """

    def __init__(self) -> None:
        self._seen: list[tuple[Tensor, int]] = []
        self._found: list[Tensor] = []

    def watch(self, layer: Any, inputs: tuple[Tensor, ...], outputs: Tensor) -> None:
        """Remember what a layer gave; to be registered as a forward hook of convolutions and linear layers."""
        if outputs.requires_grad:
            self._seen.append((outputs, layer.weight[0].numel()))

    def listen(self) -> Iterator[RemovableHandle]:
        """Have the next backward pass tell the gradients of all that was remembered."""
        for outputs, weights in self._seen:
            yield outputs.register_hook(self._adding(outputs.detach(), weights))

    def total(self) -> float:
        """The sum over all channels so far."""
        return float(sum(self._found)) if self._found else 0.0

    def _adding(self, activations: Tensor, weights: int) -> Any:
        def add(gradient: Tensor) -> None:
            by_channel = channel_sums(activations * gradient.detach())
            self._found.append(weights * 0.5 * by_channel.square().mean(0).sum().double())

        return add


def channel_sums(values: Tensor) -> Tensor:
    """Sums over all positions: (n, channels, ...) -> (n, channels)."""
    return values.flatten(2).sum(2) if values.ndim > 2 else values
