"""Networks of two kinds of cells, normal and reducing, each of which reads the outputs of several cells before it.

The network is that of DARTS [1]: inputs of a cell are brought to its width and resolution by 1x1 convolutions, an
operation of the reducing cell that reads them halves the resolution, and a cell gives the concatenation of the
states that it adds.

References:
    [1] Liu et al., DARTS: Differentiable Architecture Search, ICLR 2019, https://arxiv.org/abs/1806.09055
"""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.networks.cell_network import form_of, make_head, make_stem, stem_width
from surrogate_nas.networks.form import Form
from surrogate_nas.networks.layers import make_layer, projection
from surrogate_nas.spaces import GraphBatch, Skeleton

#: The reduction between two stages that is a cell of its own.
REDUCTION = "cell"

#: Widths of the two convolutions of the auxiliary classifier, and the length of what they read, as in DARTS.
AUXILIARY_WIDTHS, AUXILIARY_LENGTH = (128, 768), 2


def build_cell_pair_network(
    graph: GraphBatch, skeleton: Skeleton, input_shape: tuple[int, ...], num_outputs: int
) -> "CellPairNetwork":
    """Build the network of two alternating cells, see :class:`CellPairNetwork`."""
    if skeleton.reduction != REDUCTION:
        raise InvalidInputError(
            f"skeleton, reduction: expected {REDUCTION!r} for a normal and a reducing cell, got {skeleton.reduction!r}"
        )
    form = form_of(skeleton, input_shape)
    plans = [_plan(graph, reducing) for reducing in (False, True)]

    def make_cell(reducing: bool, inputs: list[CellOutput], width: int, halvings: int) -> StateCell:
        return StateCell(graph, plans[reducing], form, inputs, width, halvings)

    return CellPairNetwork(make_cell, len(plans[0].given), skeleton, form, input_shape[0], num_outputs)


class CellOutput(NamedTuple):
    """What is known of the output of a cell: channels, and how often the resolution was halved before."""

    width: int
    halvings: int


#: Makes a cell, or what stands in its place, from (whether it halves the resolution, what the cells before it give,
#: channels of each state, how often the resolution of the most recent input was halved); it has a ``width``.
MakeStateCell = Callable[[bool, list[CellOutput], int, int], Any]


@final
class CellPairNetwork(nn.Module):
    """Stem, stages of normal cells with a reducing cell before each but the first, classifier."""

    def __init__(
        self,
        make_cell: MakeStateCell,
        n_inputs: int,
        skeleton: Skeleton,
        form: Form,
        in_channels: int,
        num_outputs: int,
    ) -> None:
        """Make the layers.

        Args:
            make_cell: Makes one cell.
            n_inputs: How many cells before it each one reads.
            skeleton: Stages, widths, stem and head.
            form: What all layers have in common.
            in_channels: Channels of the input.
            num_outputs: Number of classes, or of numbers to predict.
        """
        super().__init__()
        width = stem_width(skeleton, in_channels)
        self.stem = make_stem(form, skeleton, in_channels, width)
        self.n_inputs = n_inputs
        outputs = deque([CellOutput(width, 0)] * self.n_inputs, maxlen=self.n_inputs)
        self.cells = nn.ModuleList()
        halvings, widths = 0, []
        for s, (cells, channels) in enumerate(zip(skeleton.stages, skeleton.channels, strict=True)):
            for reducing in [True] * (s > 0) + [False] * cells:
                cell = make_cell(reducing, [*outputs], channels, halvings)
                self.cells.append(cell)
                halvings += reducing
                outputs.append(CellOutput(cell.width, halvings))
                widths.append(cell.width)
        # The auxiliary classifier reads what the last reducing cell gives.
        self.auxiliary_after = len(self.cells) - 1 - skeleton.stages[-1]
        read = widths[self.auxiliary_after]
        self.auxiliary = _auxiliary(form, read, num_outputs) if skeleton.auxiliary else None
        self.head = make_head(form, skeleton, outputs[-1].width)
        self.classifier = nn.Linear(skeleton.head_width or outputs[-1].width, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Score every class: (n, channels, ...) -> (n, num_outputs)."""
        logits: Tensor = self.classifier(self.head(self._outputs(x)[-1]))
        return logits

    def both_logits(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Scores of the classifier and of the auxiliary one, None where there is none; each (n, num_outputs)."""
        outputs = self._outputs(x)
        auxiliary = self.auxiliary(outputs[self.auxiliary_after]) if self.auxiliary is not None else None
        return self.classifier(self.head(outputs[-1])), auxiliary

    def _outputs(self, x: Tensor) -> list[Tensor]:
        """The output of every cell."""
        recent = deque([self.stem(x)] * self.n_inputs, maxlen=self.n_inputs)
        outputs = []
        for cell in self.cells:
            recent.append(cell([*recent]))
            outputs.append(recent[-1])
        return outputs


class _Plan(NamedTuple):
    """Which nodes of a graph make up one of its cells.

    Attributes:
        given: Nodes of the states that the cell is given.
        operations: Nodes of operations, in topological order.
        reads: Nodes that each operation, and each added state, reads the sum of.
        added: Nodes of the states that it adds.
        reducing: Whether it halves the resolution.
    """

    given: list[int]
    operations: list[int]
    reads: dict[int, tuple[int, ...]]
    added: list[int]
    reducing: bool


@final
class StateCell(nn.Module):
    """One cell on the outputs of several cells before it.

    Attributes:
        width: Channels of the output.
    """

    def __init__(
        self, graph: GraphBatch, plan: _Plan, form: Form, inputs: list[CellOutput], width: int, halvings: int
    ) -> None:
        """Make the layers.

        Args:
            graph: One pair of cells.
            plan: Which nodes are this cell's.
            form: What all layers have in common.
            inputs: What the cells before it give, the most recent last.
            width: Channels of each state.
            halvings: How often the resolution of the most recent input was halved.
        """
        super().__init__()
        self.plan = plan
        self.width = width * len(plan.added)
        self.inputs = nn.ModuleList(make_input(form, given, width, halvings) for given in inputs)
        self.layers = nn.ModuleDict()
        for v in plan.operations:
            stride = 2 if plan.reducing and set(plan.reads[v]) <= set(plan.given) else 1
            self.layers[str(v)] = make_layer(form, graph.vocabulary[graph.ops[0, v]], width, width, stride)

    def forward(self, before: list[Tensor]) -> Tensor:
        """Compute the cell from the outputs of those before it: (n, width_in, ...) each -> (n, width, ...)."""
        done = {v: self.inputs[i](before[i]) for i, v in enumerate(self.plan.given)}
        states: dict[tuple[int, ...], Tensor] = {}

        def state(v: int) -> Tensor:
            reads = self.plan.reads[v]
            if reads not in states:
                states[reads] = torch.stack([done[u] for u in reads]).sum(0) if len(reads) > 1 else done[reads[0]]
            return states[reads]

        for v in self.plan.operations:
            done[v] = self.layers[str(v)](state(v))
        return torch.cat([state(v) for v in self.plan.added], dim=1)


def make_input(form: Form, given: CellOutput, width: int, halvings: int) -> nn.Module:
    """What brings the output of an earlier cell to the width and resolution of a cell's states."""
    if given.halvings == halvings:
        return form.block(given.width, width, 1)
    return projection(form, given.width, width, 2 ** (halvings - given.halvings))


def _plan(graph: GraphBatch, reducing: bool) -> _Plan:
    nodes = np.flatnonzero(graph.mask[0])[1:-1].tolist()
    ops = {v: graph.vocabulary[graph.ops[0, v]] for v in nodes}
    reads = {v: tuple(np.flatnonzero(graph.adjacency[0, :, v]).tolist()) for v in nodes}
    own = [v for v in nodes if ops[v].trait("reduction") == reducing]
    states = [v for v in own if ops[v].kind == "state"]
    given = [v for v in states if reads[v] == (0,)]
    return _Plan(
        given=given,
        operations=[v for v in own if v not in states],
        reads={v: reads[v] for v in own},
        added=[v for v in states if v not in given],
        reducing=reducing,
    )


def _auxiliary(form: Form, width: int, num_outputs: int) -> nn.Module:
    first, second = AUXILIARY_WIDTHS
    kernel = AUXILIARY_LENGTH
    return nn.Sequential(
        nn.ReLU(),
        # Differs from [1]: each mean is over half the length, where theirs is over five positions of eight.
        form.resized(kernel),
        form.convolution(width, first, 1),
        form.normalisation(first),
        nn.ReLU(),
        form.joined(first, second, kernel),
        form.normalisation(second),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(second, num_outputs),
    )
