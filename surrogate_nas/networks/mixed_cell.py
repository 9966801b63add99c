"""Cells that hold every operation at every place: what networks that share weights are made of.

A pass takes, per place, one operation, none, or the weighted sum of all of them. Where it takes what an
architecture says, a cell computes exactly what the cell of that architecture with the same weights does.
"""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from surrogate_nas.networks.cell_pair_network import CellOutput, make_input
from surrogate_nas.networks.form import Form
from surrogate_nas.networks.layers import make_layer
from surrogate_nas.spaces import Operation

#: What a place lets through: the number of an operation, the weight of each (shape (o,)), or None for nothing.
Choice = int | Tensor | None

#: Where places lie: (state that is read, state that is written), by the latter.
Places = Sequence[tuple[int, int]]


@final
class MixedPlace(nn.Module):
    """A layer for every operation; one that removes the edge (kind "none") has no layer and gives nothing."""

    def __init__(self, form: Form, operations: Sequence[Operation], width_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        kept = {str(o): op for o, op in enumerate(operations) if op.kind != "none"}
        self.layers = nn.ModuleDict({o: make_layer(form, op, width_in, width, stride) for o, op in kept.items()})

    def forward(self, x: Tensor, choice: int | Tensor) -> Tensor:
        """Compute one operation, or the weighted sum of all: (n, width_in, ...) -> (n, width, ...)."""
        if not isinstance(choice, Tensor):
            result: Tensor = self.layers[str(choice)](x)
            return result
        return _sum([layer(x) * choice[int(o)] for o, layer in self.layers.items()])


@final
class MixedCell(nn.Module):
    """A cell with operations on its edges; see :class:`~surrogate_nas.spaces.EdgeCellSpace`.

    Attributes:
        width: Channels of the output.
        choices: What each place lets through in the next pass.
    """

    def __init__(
        self, places: Places, operations: Sequence[Operation], form: Form, width_in: int, width: int, stride: int
    ) -> None:
        """Make the layers.

        Args:
            places: Edges of the cell.
            operations: What an edge can carry.
            form: What all layers have in common.
            width_in: Channels of the input.
            width: Channels of each node.
            stride: By how much the cell divides the length.
        """
        super().__init__()
        self.reads, self.width, self.stride = tuple(places), width, stride
        self.choices: Sequence[Choice] = ()
        # What leaves the input changes width and resolution itself.
        self.places = nn.ModuleList(
            MixedPlace(form, operations, *((width_in, width, stride) if i == 0 else (width, width))) for i, _ in places
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute the cell: (n, width_in, ...) -> (n, width, ...)."""
        states: dict[int, list[Tensor]] = {0: [x]}
        for (i, j), place, choice in zip(self.reads, self.places, self.choices, strict=True):
            if choice is not None:
                states[i] = [_sum(states[i])]
                states.setdefault(j, []).append(place(states[i][0], choice))
        if brought := states.get(self.reads[-1][1]):
            return _sum(brought)
        return x.new_zeros(len(x), self.width, *(-(-length // self.stride) for length in x.shape[2:]))


@final
class MixedStateCell(nn.Module):
    """A cell on the outputs of several cells before it; see :class:`~surrogate_nas.spaces.TwoCellSpace`.

    Attributes:
        width: Channels of the output.
        reducing: Whether it halves the resolution.
        choices: What each place lets through in the next pass.
    """

    def __init__(
        self,
        places: Places,
        operations: Sequence[Operation],
        form: Form,
        reducing: bool,
        inputs: list[CellOutput],
        width: int,
        halvings: int,
    ) -> None:
        """Make the layers.

        Args:
            places: Which state each added state can read.
            operations: What an edge can carry.
            form: What all layers have in common.
            reducing: Whether the cell halves the resolution.
            inputs: What the cells before it give, the most recent last.
            width: Channels of each state.
            halvings: How often the resolution of the most recent input was halved.
        """
        super().__init__()
        self.reads, self.reducing = tuple(places), reducing
        self.added = sorted({j for _, j in places})
        self.width = width * len(self.added)
        self.choices: Sequence[Choice] = ()
        self.inputs = nn.ModuleList(make_input(form, given, width, halvings) for given in inputs)
        self.places = nn.ModuleList(
            MixedPlace(form, operations, width, width, 2 if reducing and i < len(inputs) else 1) for i, _ in places
        )

    def forward(self, before: list[Tensor]) -> Tensor:
        """Compute the cell from the outputs of those before it: (n, width_in, ...) each -> (n, width, ...)."""
        states = {i: layer(x) for i, (layer, x) in enumerate(zip(self.inputs, before, strict=True))}
        brought: dict[int, list[Tensor]] = {j: [] for j in self.added}
        for (i, j), place, choice in zip(self.reads, self.places, self.choices, strict=True):
            if choice is not None:
                # Places come by the state that they write: what is read here is complete.
                if i not in states:
                    states[i] = _stacked_sum(brought[i])
                brought[j].append(place(states[i], choice))
        return torch.cat([states[j] if j in states else _stacked_sum(brought[j]) for j in self.added], dim=1)


def _sum(tensors: Sequence[Tensor]) -> Tensor:
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total


def _stacked_sum(tensors: list[Tensor]) -> Tensor:
    """The sum as cells of two kinds take it: the same to the last bit."""
    return torch.stack(tensors).sum(0) if len(tensors) > 1 else tensors[0]
