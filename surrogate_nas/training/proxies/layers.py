"""What the proxies look at in a network, and how it stays as it was while they do."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.hooks import RemovableHandle

#: Layers whose weights count; biases and the scales of normalisations do not.
WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Linear)

NORMALISATIONS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)

#: Functions whose input is above zero or not: what makes the code of a sample.
ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Softplus,
    nn.Sigmoid, nn.Tanh,
)  # fmt: skip


def weighted(network: nn.Module) -> dict[str, nn.Module]:
    """The layers whose weights count, by name."""
    return {name: layer for name, layer in network.named_modules() if isinstance(layer, WEIGHTED)}


def layers_of(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[nn.Module]:
    """The layers of some kinds, each once."""
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


@contextmanager
def modes(network: nn.Module, *, batch_statistics: bool) -> Iterator[None]:
    """Have no layer behave as in training but, where asked for, normalisations; dropout is off in both cases."""
    before = [(layer, layer.training) for layer in network.modules()]
    try:
        for layer, _ in before:
            layer.training = batch_statistics and isinstance(layer, NORMALISATIONS)
        yield
    finally:
        for layer, training in before:
            layer.training = training


@contextmanager
def hooks(handles: Iterable[RemovableHandle]) -> Iterator[None]:
    """Take hooks off again, whatever happens."""
    held = list(handles)
    try:
        yield
    finally:
        for handle in held:
            handle.remove()


@final
@dataclass(frozen=True, eq=False)
class Copy:
    """Parameters and buffers beside a network's own, to run it on: neither its weights nor its gradients change.

    Attributes:
        parameters: By name.
        buffers: By name; normalisations write into them.
    """

    parameters: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]

    @classmethod
    def of(cls, network: nn.Module) -> "Copy":
        """The network's own values."""
        return cls(
            {name: value.detach().requires_grad_() for name, value in network.named_parameters()},
            {name: value.detach().clone() for name, value in network.named_buffers()},
        )

    def weights(self, network: nn.Module) -> list[Tensor]:
        """Weights of the layers that count, in the order of :func:`weighted`, each once."""
        names = [f"{name}.weight" for name in weighted(network)]
        return [self.parameters[name] for name in names if name in self.parameters]

    def run(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """What the network answers with these values: (n, ...) -> (n, outputs)."""
        outputs: Tensor = functional_call(network, {**self.parameters, **self.buffers}, (inputs,))
        return outputs


def gradients(of: Tensor, to: list[Tensor], *, keep: bool = False, differentiable: bool = False) -> list[Tensor]:
    """Gradients of a number; zero for what it does not depend on.

    Args:
        of: The number.
        to: What to differentiate by.
        keep: Whether the graph is needed again.
        differentiable: Whether the gradients are to be differentiated too.
    """
    if not of.requires_grad:
        return [torch.zeros_like(t) for t in to]
    found: Any = torch.autograd.grad(
        of, to, retain_graph=keep or differentiable, create_graph=differentiable, allow_unused=True
    )
    return [torch.zeros_like(t) if g is None else g for t, g in zip(to, found, strict=True)]
