"""Several networks of different architectures as one: one call computes all of them."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, final

import torch
from torch import Tensor, nn

from surrogate_nas.training.loop import State
from surrogate_nas.training.stacking.gathering import Gathering
from surrogate_nas.training.stacking.layers import Pass, StackedLayer
from surrogate_nas.training.stacking.schedule import schedule
from surrogate_nas.training.stacking.tracing import trace


@final
class StackedNetworks:
    """k networks; what several of them have in common is one operation.

    No number of a network ever meets one of another: where one diverges, the others do not see it.

    Attributes:
        k: How many there are.
    """

    def __init__(self, networks: Sequence[nn.Module], example: Tensor, *more: Any) -> None:
        """Copy the networks' weights.

        Args:
            networks: All on one device; not changed.
            example: Some input, float of shape (2, ...), on the CPU.
            *more: What else they are called with.

        Raises:
            Unstackable: A network does something that cannot be done for several at once.
        """
        self.k = len(networks)
        self._networks = list(networks)
        programs = [trace(network, example, *more) for network in networks]
        plan = schedule(programs)
        self.device = next(chain(*(network.parameters() for network in networks))).device
        self._steps: list[tuple[StackedLayer, list[Gathering]]] = []
        self._at: list[dict[str, tuple[Tensor, int]]] = [{} for _ in networks]
        for step in plan.steps:
            names = [programs[p].calls[c].module for p, c in step.members]
            modules = [networks[p].get_submodule(n) for (p, _), n in zip(step.members, names, strict=True) if n]
            layer = StackedLayer(step.call, [p for p, _ in step.members], modules)
            self._steps.append((layer, [Gathering(read, plan.widths, self.device) for read in step.reads]))
            for slot, ((p, _), name) in enumerate(zip(step.members, names, strict=True)):
                self._at[p] |= {f"{name}.{inner}": (tensor, slot) for inner, tensor in layer.tensors.items()}
        self._outputs = [Gathering(output, plan.widths, self.device) for output in plan.outputs]
        self._done_with = _last_uses(self._steps, self._outputs, len(plan.widths))
        self.layers = [layer for layer, _ in self._steps if layer.tensors]
        self._counters = [t for layer in self.layers for n, t in layer.tensors.items() if n == "num_batches_tracked"]

    @property
    def parameters(self) -> list[Tensor]:
        """What is trained; slots in front."""
        return [tensor for layer in self.layers for tensor in layer.tensors.values() if tensor.requires_grad]

    def __call__(self, x: Tensor, run: Pass) -> list[Tensor]:
        """Compute all networks.

        Args:
            x: Their inputs, float of shape (b, k, ...).
            run: In which mode.

        Returns:
            Their answers, shape (b, k, num_outputs); also those of auxiliary classifiers, where there are such.
        """
        values: list[Tensor | None] = [x]
        for (layer, reads), done in zip(self._steps, self._done_with, strict=True):
            values.append(layer([read(values) for read in reads], run))
            for value in done:
                values[value] = None
        if run.training and self._counters:
            torch._foreach_add_(self._counters, 1)
        return [output(values) for output in self._outputs]

    def state(self, i: int) -> State:
        """Copy of the state dict of a network."""
        state: State = {}
        for name, tensor in self._networks[i].state_dict().items():
            stacked, slot = self._at[i].get(name, (tensor[None], 0))
            state[name] = stacked[slot].detach().clone()
        return state


def _last_uses(
    steps: Sequence[tuple[StackedLayer, list[Gathering]]], outputs: Sequence[Gathering], n: int
) -> list[list[int]]:
    """After each step the values that nothing reads any more, so that their memory is free."""
    last = dict.fromkeys(range(n), 0)
    for s, (_, reads) in enumerate(steps):
        last |= dict.fromkeys(chain.from_iterable(read.sources for read in reads), s)
    for source in chain.from_iterable(output.sources for output in outputs):
        last.pop(source, None)
    done: list[list[int]] = [[] for _ in steps]
    for value, s in last.items():
        done[max(s, value - 1)].append(value)
    return done
