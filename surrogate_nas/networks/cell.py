"""One cell as a module: the nodes of an architecture's graph in order, each a layer on the sum of what it reads."""

from collections.abc import Sequence
from typing import Protocol, final

import numpy as np
import torch
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.networks.form import Form
from surrogate_nas.networks.layers import make_layer
from surrogate_nas.spaces import GraphBatch, Skeleton


class CellModule(Protocol):
    """A module that stands in the place of a cell, and says how wide it is."""

    width: int

    def __call__(self, x: Tensor) -> Tensor:
        """Compute the cell: (n, width_in, ...) -> (n, width, ...)."""
        ...


@final
class Cell(nn.Module):
    """A cell between input and output.

    An operation that reads the cell's input alone changes width and resolution itself. Where the input is summed
    with something else, a 1x1 convolution brings it to that width and resolution first. With
    ``output_merge="share"`` [1] it always does, and the cell's width is divided among the nodes that feed the
    output; a node then reads as many channels of each input as it has itself, from the first on.

    Attributes:
        width: Channels of the output.

    References:
        [1] Ying et al., NAS-Bench-101, ICML 2019, https://arxiv.org/abs/1902.09635
    """

    def __init__(
        self, graph: GraphBatch, skeleton: Skeleton, form: Form, width_in: int, width: int, stride: int = 1
    ) -> None:
        """Make the layers.

        Args:
            graph: One architecture.
            skeleton: How nodes are merged.
            form: What all layers have in common.
            width_in: Channels of the input.
            width: Channels of each node; of the whole output where it is shared.
            stride: By how much the cell divides the length.
        """
        super().__init__()
        nodes = np.flatnonzero(graph.mask[0]).tolist()
        self.first, self.last = nodes[0], nodes[-1]
        self.order: list[int] = nodes[1:-1]
        self.reads: dict[int, list[int]] = {v: np.flatnonzero(graph.adjacency[0, :, v]).tolist() for v in nodes[1:]}
        if skeleton.merge != "sum":
            raise InvalidInputError(
                f"skeleton, merge: expected 'sum' inside convolutional cells, got {skeleton.merge!r}"
            )
        self.output_merge = skeleton.output_merge
        #: One channel of the input at the output's resolution, for a cell that lets nothing through.
        self.rest = (slice(None), slice(1), *[slice(None, None, stride)] * form.dims)
        shared = self.output_merge == "share"
        self.widths = _shared_widths(self.order, self.reads, width) if shared else dict.fromkeys(self.order, width)
        self.layers, self.projections = nn.ModuleDict(), nn.ModuleDict()
        for v in self.order:
            alone = self.reads[v] == [self.first] and not shared
            if self.first in self.reads[v] and not alone:
                self._project(v, form, width_in, stride, shared)
            op = graph.vocabulary[graph.ops[0, v]]
            wide = (width_in, self.widths[v], stride) if alone else (self.widths[v], self.widths[v], 1)
            self.layers[str(v)] = make_layer(form, op, *wide)
        #: What is concatenated adds up; where nothing leads to the output, zeros are as wide as a node.
        self.width = width * max(1, len(self.reads[self.last])) if self.output_merge == "concatenate" else width
        self.widths[self.last] = width
        if self.first in self.reads[self.last]:
            self._project(self.last, form, width_in, stride, shared)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the cell: (n, width_in, ...) -> (n, width, ...)."""
        done = {self.first: x}
        for v in self.order:
            done[v] = self.layers[str(v)](_sum(self._inputs(v, done)))
        if not self.reads[self.last]:  # nothing leads from the input to the output
            return torch.zeros_like(x[self.rest]).expand(-1, self.width, *[-1] * (len(self.rest) - 2))
        inputs = self._inputs(self.last, done)
        if self.output_merge == "sum":
            return _sum(inputs)
        if self.output_merge == "concatenate":
            return torch.cat(inputs, dim=1)
        around = [inputs.pop(0)] if self.reads[self.last][0] == self.first else []
        return _sum([torch.cat(inputs, dim=1), *around]) if inputs else around[0]

    def _inputs(self, v: int, done: dict[int, Tensor]) -> list[Tensor]:
        """What a node reads, each as wide as the node; the cell's input first."""
        projected = str(v) in self.projections
        found = []
        for u in self.reads[v]:
            if u == self.first:
                found.append(self.projections[str(v)](done[u]) if projected else done[u])
            else:
                cut = v != self.last and self.widths[u] > self.widths[v]
                found.append(done[u][:, : self.widths[v]] if cut else done[u])
        return found

    def _project(self, v: int, form: Form, width_in: int, stride: int, always: bool) -> None:
        if always or width_in != self.widths[v] or stride != 1:
            self.projections[str(v)] = form.block(width_in, self.widths[v], 1, stride)


def _shared_widths(order: Sequence[int], reads: dict[int, list[int]], width: int) -> dict[int, int]:
    """Channels per node where those that feed the output share a width: what is left over goes to the first ones.

    A node that does not feed the output is as wide as the widest that reads it.
    """
    last = max(reads)
    feeding = [v for v in reads[last] if v in order]
    widths: dict[int, int] = {}
    for i, v in enumerate(feeding):
        widths[v] = width // len(feeding) + (i < width % len(feeding))
    for v in reversed(order):
        if v not in widths:
            widths[v] = max(widths[w] for w in order if v in reads[w])
    return widths


def _sum(tensors: Sequence[Tensor]) -> Tensor:
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
