"""Networks of stages of equal cells, with reductions in between, as the skeleton says."""

from collections.abc import Callable
from typing import Any, final

from torch import Tensor, nn

from surrogate_nas.core import choose
from surrogate_nas.networks.cell import Cell
from surrogate_nas.networks.form import Form
from surrogate_nas.networks.layers import residual_block
from surrogate_nas.spaces import GraphBatch, Skeleton

#: Makes a cell, or what stands in its place, from (channels of its input, channels, stride); it has a ``width``.
MakeCell = Callable[[int, int, int], Any]


def build_cell_network(
    graph: GraphBatch, skeleton: Skeleton, input_shape: tuple[int, ...], num_outputs: int
) -> "CellNetwork":
    """Build the network whose stages repeat one cell, see :class:`CellNetwork`."""
    form = form_of(skeleton, input_shape)

    def make_cell(width_in: int, width: int, stride: int) -> Cell:
        return Cell(graph, skeleton, form, width_in, width, stride)

    return CellNetwork(make_cell, skeleton, form, input_shape[0], num_outputs)


def form_of(skeleton: Skeleton, input_shape: tuple[int, ...]) -> Form:
    """Layers for sequences (channels, length) or images (channels, height, width), as the input is."""
    return Form(len(input_shape) - 1, skeleton.activation)


@final
class CellNetwork(nn.Module):
    """Stem, stages of cells, head and classifier.

    The first cell of a stage divides the length by the stage's stride. Without strides, a reduction stands before
    every stage but the first.
    """

    def __init__(self, make_cell: MakeCell, skeleton: Skeleton, form: Form, in_channels: int, num_outputs: int) -> None:
        """Make the layers.

        Args:
            make_cell: Makes one cell.
            skeleton: Stages, widths, reductions, stem and head.
            form: What all layers have in common.
            in_channels: Channels of the input.
            num_outputs: Number of classes, or of numbers to predict.
        """
        super().__init__()
        width = stem_width(skeleton, in_channels)
        self.stem = make_stem(form, skeleton, in_channels, width)
        body: list[nn.Module] = []
        for s, (cells, channels) in enumerate(zip(skeleton.stages, skeleton.channels, strict=True)):
            if s and skeleton.reduction:
                reduce = choose("reduction", skeleton.reduction, REDUCTIONS)
                reduction, width = reduce(form, width, channels)
                body.append(reduction)
            for c in range(cells):
                stride = skeleton.strides[s] if skeleton.strides and c == 0 else 1
                cell = make_cell(width, channels, stride)
                body.append(cell)
                width = cell.width
        self.body = nn.Sequential(*body)
        self.head = make_head(form, skeleton, width)
        self.classifier = nn.Linear(skeleton.head_width or width, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Score every class: (n, channels, ...) -> (n, num_outputs)."""
        logits: Tensor = self.classifier(self.head(self.body(self.stem(x))))
        return logits


def stem_width(skeleton: Skeleton, in_channels: int) -> int:
    """Channels that the stem gives; those of the input where there is no stem."""
    return (skeleton.stem_width or skeleton.channels[0]) if skeleton.stem_layers else in_channels


def make_stem(form: Form, skeleton: Skeleton, in_channels: int, width: int) -> nn.Sequential:
    """3x3 convolutions with normalisation; the widths of several double up to the last.

    Where activations stand behind convolutions, each layer has one; else it stands between the layers alone.
    """
    layers: list[nn.Module] = []
    for i in range(skeleton.stem_layers):
        wide = max(1, width // 2 ** (skeleton.stem_layers - 1 - i))
        if i and form.activation == "before":
            layers.append(nn.ReLU())
        layers += [form.convolution(in_channels, wide, 3, skeleton.stem_stride), form.normalisation(wide)]
        if form.activation == "after":
            layers.append(nn.ReLU())
        in_channels = wide
    return nn.Sequential(*layers)


def make_head(form: Form, skeleton: Skeleton, width: int) -> nn.Sequential:
    """What stands between the last cell and the classifier: (n, width, ...) -> (n, head_width or width)."""
    layers: list[nn.Module] = []
    if skeleton.last_activation:
        layers += [form.normalisation(width), nn.ReLU()]
    if skeleton.head_width:
        layers += [form.convolution(width, skeleton.head_width, 1), form.normalisation(skeleton.head_width), nn.ReLU()]
    return nn.Sequential(*layers, form.to_vector())


def _residual(form: Form, width_in: int, width: int) -> tuple[nn.Module, int]:
    """The reduction of NAS-Bench-201: a residual block of stride 2, pooled and projected on the way around."""
    around = nn.Sequential(form.halving(mean=True), form.convolution(width_in, width, 1))
    return residual_block(form, width_in, width, 2, around), width


def _max_pooling(form: Form, width_in: int, width: int) -> tuple[nn.Module, int]:
    """The reduction of NAS-Bench-101, which leaves the change of width to the next cell."""
    return form.halving(mean=False), width_in


#: Name in a skeleton -> what stands between two stages and its width, from (form, channels before, channels behind).
REDUCTIONS: dict[str, Callable[[Form, int, int], tuple[nn.Module, int]]] = {
    "residual": _residual,
    "max_pooling": _max_pooling,
}
