"""From a row of a space to a network that can be trained."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.networks.graph_cell import build_graph_network
from surrogate_nas.spaces import GraphBatch, SearchSpace, Skeleton

#: What builds a network of one input kind from (graph of one architecture, skeleton, input_shape, num_outputs).
Builder = Callable[[GraphBatch, Skeleton, tuple[int, ...], int], nn.Module]

BUILDERS: dict[str, Builder] = {"graph": build_graph_network}


def check_buildable(space: SearchSpace) -> None:
    """Raise an error if no networks can be built for what the space's architectures read."""
    kind = space.skeleton.input_kind
    if kind not in BUILDERS:
        raise InvalidInputError(
            f"space {space.name!r}: expected an input kind that networks can be built for ({', '.join(BUILDERS)}), "
            f"got {kind!r}; take a space of that kind"
        )


def build_network(
    space: SearchSpace, x: npt.ArrayLike, input_shape: int | Sequence[int], num_outputs: int, **overrides: Any
) -> nn.Module:
    """Build the network that one architecture stands for.

    Weights are drawn from torch's global generator: seed it, or fork it, around the call.

    Args:
        space: The space, whose skeleton says what stands around the cell.
        x: One row of the space, shape (d,); a row that is not valid is built as its canonical form if that is.
        input_shape: Shape of one input without the batch: (features,) for nodes of a graph.
        num_outputs: Number of classes.
        **overrides: Fields of the skeleton to replace: channels, stem_layers, head_layers, dropout ...

    Returns:
        For input kind "graph", a module called with (x (n, features), edges) that returns (n, num_outputs);
        edges are an ``edge_index`` (2, e) or a :class:`~surrogate_nas.networks.StaticGraph`.

    Raises:
        InvalidInputError: Not one row of the space, or a space whose input kind has no networks yet.
        UnknownNameError: An override is not a field of the skeleton.
    """
    known = [f.name for f in fields(Skeleton)]
    for name in overrides:
        if name not in known:
            raise UnknownNameError.of("skeleton field", name, known)
    if isinstance(overrides.get("channels"), int):
        overrides["channels"] = (overrides["channels"],)
    skeleton = replace(space.skeleton, **overrides)
    check_buildable(space)
    rows = space.rows(x)
    if len(rows) == 1 and not space.valid(rows)[0] and space.in_range(rows)[0]:
        rows = space.canonical(rows)  # another way to write the same network
    if len(rows) != 1 or not space.valid(rows)[0]:
        raise InvalidInputError(f"build_network: expected one row of {space.name!r}, got {np.asarray(x).tolist()}")
    shape = (int(input_shape),) if isinstance(input_shape, int | np.integer) else tuple(int(s) for s in input_shape)
    return BUILDERS[skeleton.input_kind](space.graphs(rows), skeleton, shape, num_outputs)
