"""From a row of a space to a network that can be trained."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.networks.cell_network import build_cell_network
from surrogate_nas.networks.cell_pair_network import build_cell_pair_network
from surrogate_nas.networks.chain_network import build_chain_network
from surrogate_nas.networks.graph_cell import build_graph_network
from surrogate_nas.spaces import GraphBatch, SearchSpace, Skeleton

#: What builds a network from (graph of one architecture, skeleton, input_shape, num_outputs).
Builder = Callable[[GraphBatch, Skeleton, tuple[int, ...], int], nn.Module]

#: (input kind, scope of a graph) -> how it is read.
BUILDERS: dict[tuple[str, str], Builder] = {
    ("graph", "cell"): build_graph_network,
    ("image", "cell"): build_cell_network,
    ("sequence", "cell"): build_cell_network,
    ("image", "cell pair"): build_cell_pair_network,
    ("sequence", "cell pair"): build_cell_pair_network,
    ("image", "network"): build_chain_network,
    ("sequence", "network"): build_chain_network,
    ("tabular", "network"): build_chain_network,
}

#: Axes of one input, by input kind.
_SHAPES = {
    "graph": {1: "(features,)"},
    "tabular": {1: "(features,)", 2: "(channels, length)", 3: "(channels, height, width)"},
    "image": {3: "(channels, height, width)", 2: "(channels, length)"},
    "sequence": {2: "(channels, length)", 3: "(channels, height, width)"},
}


def check_buildable(space: SearchSpace) -> None:
    """Raise an error if no networks can be built for what the space's architectures read."""
    kind, scope = space.skeleton.input_kind, space.scope
    if (kind, scope) not in BUILDERS:
        known = ", ".join(f"{k} ({s})" for k, s in BUILDERS)
        raise InvalidInputError(
            f"space {space.name!r}: expected an input kind and scope that networks can be built for ({known}), "
            f"got {kind!r} ({scope}); take a space of those"
        )


def build_network(
    space: SearchSpace, x: npt.ArrayLike, input_shape: int | Sequence[int], num_outputs: int, **overrides: Any
) -> nn.Module:
    """Build the network that one architecture stands for.

    Weights are drawn from torch's global generator: seed it, or fork it, around the call.

    Args:
        space: The space, whose skeleton says what stands around the cell.
        x: One row of the space, shape (d,); a row that is not valid is built as its canonical form if that is.
        input_shape: Shape of one input without the batch: (features,) for nodes of a graph and for tables,
            (channels, length) for sequences, (channels, height, width) for images. Convolutions of an image space
            slide over sequences too, and the other way round: the shape decides. A tabular space reads all numbers
            of whatever it is given.
        num_outputs: Number of classes, or of numbers to predict.
        **overrides: Fields of the skeleton to replace: channels, stages, stem_layers, head_layers, dropout ...;
            ``width_factor`` multiplies all widths, those that layers of the architecture have themselves included,
            ``max_cells`` bounds how often a cell is repeated.

    Returns:
        A module. For input kind "graph" it is called with (x (n, features), edges) and returns (n, num_outputs);
        edges are an ``edge_index`` (2, e) or a :class:`~surrogate_nas.networks.StaticGraph`. For all others it is
        called with a batch (n, *input_shape) and returns (n, num_outputs).

    Raises:
        InvalidInputError: Not one row of the space, a shape that the space does not read, or a space whose input
            kind has no networks.
        UnknownNameError: An override is not a field of the skeleton.
    """
    check_buildable(space)
    whole = {"max_cells": 0} if space.scope == "network" else {}  # its stages count layers of the architecture
    skeleton = overridden(space.skeleton, overrides | whole)
    rows = space.rows(x)
    if len(rows) == 1 and not space.valid(rows)[0] and space.in_range(rows)[0]:
        rows = space.canonical(rows)  # another way to write the same network
    if len(rows) != 1 or not space.valid(rows)[0]:
        raise InvalidInputError(f"build_network: expected one row of {space.name!r}, got {np.asarray(x).tolist()}")
    shape = (int(input_shape),) if isinstance(input_shape, int | np.integer) else tuple(int(s) for s in input_shape)
    known = _SHAPES[skeleton.input_kind]
    if len(shape) not in known or min(shape) < 1:
        raise InvalidInputError(
            f"input_shape: expected {' or '.join(known.values())} for a space of input kind {skeleton.input_kind!r}, "
            f"got {shape}"
        )
    return BUILDERS[skeleton.input_kind, space.scope](space.graphs(rows), skeleton, shape, num_outputs)


def overridden(skeleton: Skeleton, overrides: dict[str, Any]) -> Skeleton:
    """A skeleton with some fields replaced; a single width stands for one stage.

    Stages have no more than ``max_cells`` cells. Widths are multiplied by ``width_factor``, which stays for operations
    that have widths of their own: what this returns is to be built, not to be given to it again.

    Raises:
        InvalidInputError: A value does not fit.
        UnknownNameError: Not a field of the skeleton.
    """
    known = [f.name for f in fields(Skeleton)]
    for name in overrides:
        if name not in known:
            raise UnknownNameError.of("skeleton field", name, known)
    single = {"channels": (overrides["channels"],)} if isinstance(overrides.get("channels"), int) else {}
    chosen = replace(skeleton, **overrides | single)
    most = chosen.max_cells or max(chosen.stages)
    return replace(
        chosen,
        stages=tuple(min(most, n) for n in chosen.stages),
        channels=tuple(map(chosen.scaled, chosen.channels)),
        stem_width=chosen.scaled(chosen.stem_width),
        head_width=chosen.scaled(chosen.head_width),
    )
