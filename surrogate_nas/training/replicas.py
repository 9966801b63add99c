"""Several networks of one architecture on one graph, trained as one program.

A small data set is split several times and one network is trained per split. One after the other
they would be slow for lack of work per call; here their parameters are stacked and one call computes
all of them (``torch.func.vmap``). A single network takes the same road without the stacking.
"""

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from surrogate_nas.networks import StaticGraph


@final
class Replicas:
    """b networks of one architecture, each with its own weights, batch statistics and dropout."""

    def __init__(self, networks: list[nn.Module], x: Tensor, graph: StaticGraph) -> None:
        """Stack the networks.

        Args:
            networks: b networks of equal form.
            x: Features that all of them read, float of shape (n, f).
            graph: Edges that all of them read.
        """
        self.network = networks[0]
        self.x = x
        self.graph = graph
        self.b = len(networks)
        if self.b == 1:
            self.parameters = dict(self.network.named_parameters())
            self.buffers = dict(self.network.named_buffers())
        else:
            self.parameters, self.buffers = stack_module_state(networks)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Parameters and buffers by name; of several networks with an axis for them in front."""
        return {**self.parameters, **self.buffers}

    def train_logits(self) -> Tensor:
        """Logits (b, n, classes) in training mode: dropout, and batch statistics that are recorded."""
        self.network.train()
        # One copy of the features per network, because each drops others.
        return self._logits(self.x.expand(self.b, -1, -1), 0)

    @torch.no_grad()
    def logits(self) -> Tensor:
        """Logits (b, n, classes) in evaluation mode."""
        self.network.eval()
        return self._logits(self.x[None] if self.b == 1 else self.x, None)

    def state(self, i: int) -> dict[str, Tensor]:
        """Copy of the state dict of network i, on the CPU."""
        return {k: (t if self.b == 1 else t[i]).detach().cpu().clone() for k, t in self.tensors.items()}

    def _logits(self, x: Tensor, mapped: int | None) -> Tensor:
        if self.b == 1:
            return self.network(x[0], self.graph)[None]

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
            result: Tensor = functional_call(self.network, (parameters, buffers), (x, self.graph))
            return result

        all_of_them: Callable[..., Tensor] = vmap(one, in_dims=(0, 0, mapped), randomness="different")
        return all_of_them(self.parameters, self.buffers, x)
