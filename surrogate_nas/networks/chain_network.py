"""Networks that are written down layer by layer: the graph of an architecture is a chain.

A layer is what its operation says. Beside what :mod:`~surrogate_nas.networks.layers` reads, these settings do:

* ``width``: its channels, or numbers of a vector; ``widening``: the same as a multiple of what it reads;
* ``stride``: by how much it divides the length; with ``downsamples`` its kernel is also its stride;
* ``repeats``: how often it stands in a row, the first time with its stride; ``rate`` of a dropout.

Without a width of its own a layer takes that of its stage, and the first layer of a stage the stage's stride; a
pooling or identity of a chain without stages keeps the width. Convolutions and linear layers have an activation and
convolutions a normalisation, unless the space has activations, or normalisations, as operations of their own. Lengths
are rounded up, so that none reaches 0, however short the input is.

A skeleton with a cell is that of NATS-Bench's size space [1]: the chain gives the widths of all cells and reductions.

References:
    [1] Dong et al., NATS-Bench, 2021, https://arxiv.org/abs/2009.00437
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import final

from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.networks.cell import Cell
from surrogate_nas.networks.cell_network import REDUCTIONS, form_of, make_head, make_stem, stem_width
from surrogate_nas.networks.form import Form
from surrogate_nas.networks.layers import kernel_of, make_layer
from surrogate_nas.networks.vector_layers import make_activation, make_dropout, make_normalisation
from surrogate_nas.spaces import GraphBatch, Operation, Skeleton, get_space

#: Kinds that change nothing but numbers; all others are layers that stages count.
POINTWISE = frozenset({"activation", "normalisation", "dropout"})


def build_chain_network(
    graph: GraphBatch, skeleton: Skeleton, input_shape: tuple[int, ...], num_outputs: int
) -> "ChainNetwork":
    """Build the network that a chain of operations describes, see :class:`ChainNetwork`."""
    ops = [graph.vocabulary[op] for op in graph.ops[0][graph.mask[0]][1:-1]]
    if skeleton.cell:
        return _cells_of_own_widths(ops, skeleton, input_shape, num_outputs)
    form = replace(
        form_of(skeleton, input_shape),
        activated=not any(op.kind == "activation" for op in graph.vocabulary),
        normalised=not any(op.kind == "normalisation" for op in graph.vocabulary),
    )
    if not skeleton.stem_layers:  # in front of the first convolution there is the raw input
        form = replace(form, activation="after")
    return _Builder(form, skeleton, input_shape).build(ops, num_outputs)


@final
class ChainNetwork(nn.Module):
    """Stem, layers in a row, head and classifier."""

    def __init__(self, stem: nn.Module, body: nn.Module, head: nn.Module, classifier: nn.Module) -> None:
        """Keep the parts.

        Args:
            stem: (n, *input_shape) -> what the first layer reads.
            body: All layers.
            head: What the last layer gives -> vectors.
            classifier: Vectors -> (n, num_outputs).
        """
        super().__init__()
        self.stem, self.body, self.head, self.classifier = stem, body, head, classifier

    def forward(self, x: Tensor) -> Tensor:
        """Score every class: (n, *input_shape) -> (n, num_outputs)."""
        logits: Tensor = self.classifier(self.head(self.body(self.stem(x))))
        return logits


@final
class _Builder:
    """Makes layers one after the other and knows how wide and long is what the next one reads."""

    def __init__(self, form: Form, skeleton: Skeleton, input_shape: tuple[int, ...]) -> None:
        self.form, self.skeleton = form, skeleton
        self.layers: list[nn.Module] = []
        #: Lengths of the maps that the next layer reads; none where it reads vectors.
        self.lengths = input_shape[1:]
        if skeleton.input_kind == "tabular":
            self.width, self.lengths = math.prod(input_shape), ()
            self.stem = nn.Sequential(*[nn.Flatten()] * (len(input_shape) > 1))
        else:
            self.width = stem_width(skeleton, input_shape[0])
            self.stem = make_stem(form, skeleton, input_shape[0], self.width)
            self._shrink(skeleton.stem_stride**skeleton.stem_layers)

    def build(self, ops: Sequence[Operation], num_outputs: int) -> ChainNetwork:
        for op, (width, stride) in zip(ops, _places(ops, self.skeleton), strict=True):
            _MAKERS.get(op.kind, _Builder._map_layer)(self, op, width, stride)
        body, self.layers = nn.Sequential(*self.layers), []
        if self.lengths:
            self.layers += [*make_head(self.form, self.skeleton, self.width)][:-1]
            self.width = self.skeleton.head_width or self.width
            self._to_vector()
        head = nn.Sequential(*self.layers)
        return ChainNetwork(self.stem, body, head, nn.Linear(self.width, num_outputs))

    def _map_layer(self, op: Operation, width: int, stride: int) -> None:
        if op.kind == "identity" and not self.lengths:
            return
        if not self.lengths:
            raise InvalidInputError(
                f"operation {op.name!r}: expected linear layers where vectors are read, got {op.kind}; let it stand "
                "before the first linear layer, in a space for images or sequences"
            )
        stride *= kernel_of(op) if op.setting("downsamples") else int(op.setting("stride", 1))
        width = self._width(op, width)
        for i in range(int(op.setting("repeats", 1))):
            self.layers.append(make_layer(self.form, op, self.width, width, 1 if i else stride))
            self.width = width
        self._shrink(stride)

    def _linear(self, op: Operation, width: int, stride: int) -> None:
        if self.lengths:
            self._to_vector()
        width = self._width(op, width)
        for _ in range(int(op.setting("repeats", 1))):
            self.layers += [nn.Linear(self.width, width), *[nn.ReLU()] * self.form.activated]
            self.width = width

    def _activation(self, op: Operation, width: int, stride: int) -> None:
        self.layers.append(make_activation(op))

    def _normalisation(self, op: Operation, width: int, stride: int) -> None:
        self.layers.append(make_normalisation(op, self.form if self.lengths else None, self.width))

    def _dropout(self, op: Operation, width: int, stride: int) -> None:
        self.layers.append(make_dropout(op))

    def _width(self, op: Operation, otherwise: int) -> int:
        """Channels of a layer: its own, or those of its stage; 0 keeps what it reads."""
        own = self.skeleton.scaled(op.setting("width"))
        return own or round(self.width * op.setting("widening")) or otherwise or self.width

    def _to_vector(self) -> None:
        if self.skeleton.flatten:
            self.layers.append(nn.Flatten())
            self.width *= math.prod(self.lengths)
        else:
            self.layers.append(self.form.to_vector())
        self.lengths = ()

    def _shrink(self, stride: int) -> None:
        self.lengths = tuple(-(-length // stride) for length in self.lengths)


_MAKERS = {
    "linear": _Builder._linear,
    "activation": _Builder._activation,
    "normalisation": _Builder._normalisation,
    "dropout": _Builder._dropout,
}


def _places(ops: Sequence[Operation], skeleton: Skeleton) -> Iterator[tuple[int, int]]:
    """Width and stride that the skeleton gives each operation of a chain; a width of 0 stays as it was."""
    counted = [op.kind not in POINTWISE for op in ops]
    staged = len(skeleton.stages) > 1 or bool(skeleton.strides)
    if staged and sum(counted) != sum(skeleton.stages):
        raise InvalidInputError(
            f"skeleton, stages: expected one stage without stride, or as many layers in all stages as the architecture "
            f"has ({sum(counted)}), got {', '.join(map(str, skeleton.stages))}"
        )
    strides = skeleton.strides or (1,) * len(skeleton.stages)
    stages = zip(skeleton.stages, skeleton.channels, strides, strict=True)
    places = iter([(width, 1 if i else stride) for n, width, stride in stages for i in range(n)])
    for op, counts in zip(ops, counted, strict=True):
        if staged and counts:
            yield next(places)
        else:
            yield 0 if op.kind in ("pooling", "identity") else skeleton.channels[0], 1


def _cells_of_own_widths(
    ops: Sequence[Operation], skeleton: Skeleton, input_shape: tuple[int, ...], num_outputs: int
) -> ChainNetwork:
    """Stages of the skeleton's cell with reductions in between, each of the width that the chain gives it."""
    space = get_space(skeleton.cell_space)
    cell = space.graphs(space.parse(skeleton.cell))
    reductions = [stage > 0 and i == 0 for stage, n in enumerate(skeleton.stages) for i in range(n + (stage > 0))]
    if len(ops) != len(reductions):
        raise InvalidInputError(
            f"skeleton, stages: expected as many cells and reductions as the architecture has widths ({len(ops)}), got "
            f"{len(reductions)}"
        )
    form = form_of(skeleton, input_shape)
    reduce = choose("reduction", skeleton.reduction, REDUCTIONS)
    widths = [skeleton.scaled(op.setting("width")) for op in ops]
    width = widths[0]
    stem = make_stem(form, skeleton, input_shape[0], width)
    body: list[nn.Module] = []
    for reducing, following in zip(reductions, widths, strict=True):
        if reducing:
            layer, width = reduce(form, width, following)
            body.append(layer)
        else:
            body.append(Cell(cell, skeleton, form, width, following))
            width = following
    return ChainNetwork(stem, nn.Sequential(*body), make_head(form, skeleton, width), nn.Linear(width, num_outputs))
