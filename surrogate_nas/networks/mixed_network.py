"""All networks of a cell space in one, which shares its weights among them.

What differs between families of spaces is the wiring: which places a cell has, which of them a row uses and how,
and which row weights of operations stand for.

References:
    Bender et al., Understanding and Simplifying One-Shot Architecture Search, ICML 2018
    Liu et al., DARTS: Differentiable Architecture Search, ICLR 2019, https://arxiv.org/abs/1806.09055
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Protocol, final

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.networks.building import overridden
from surrogate_nas.networks.cell_network import CellNetwork, form_of
from surrogate_nas.networks.cell_pair_network import REDUCTION, CellOutput, CellPairNetwork
from surrogate_nas.networks.form import Form
from surrogate_nas.networks.mixed_cell import Choice, MixedCell, MixedStateCell, Places
from surrogate_nas.spaces import EdgeCellSpace, Operation, SearchSpace, Skeleton, TwoCellSpace

Floats = npt.NDArray[np.float64]
Row = npt.NDArray[np.int16]

#: Kinds of input that mixed networks read.
_READS = ("image", "sequence")


class Wiring(Protocol):
    """How rows of a space use the places of mixed cells.

    Attributes:
        kinds: Different cells of a network: 1, or 2 for a normal and a reducing one.
        places: Places of each cell.
        offered: Operations that a place holds, "none" included.
        weighted: Weights that a place has in a mixture, one per operation; the last may stand for "nothing".
    """

    kinds: int
    places: Places
    offered: Sequence[Operation]
    weighted: int

    def build(self, skeleton: Skeleton, form: Form, in_channels: int, num_outputs: int) -> nn.Module:
        """Make a network of mixed cells."""
        ...

    def choices(self, x: Row) -> list[list[Choice]]:
        """What an architecture lets through, by kind of cell and place."""
        ...

    def sources(self, x: Row) -> list[dict[str, str]]:
        """Name of each layer in the plain cell -> its name in the mixed one, by kind of cell."""
        ...

    def derive(self, weights: Sequence[Floats]) -> Row:
        """The architecture that weights, shape (places, weighted) per kind of cell, stand for."""
        ...

    def operations(self, weights: Sequence[Floats]) -> list[int]:
        """The operations of that architecture, place by place."""
        ...


@final
class MixedNetwork(nn.Module):
    """A network that computes any architecture of its space, or a mixture of all.

    Attributes:
        network: Stem, mixed cells, head and classifier.
        wiring: How rows use the places of the cells.
    """

    def __init__(
        self, space: SearchSpace, input_shape: Sequence[int], num_outputs: int, overrides: dict[str, Any] | None = None
    ) -> None:
        """Make the layers; weights are drawn from torch's global generator.

        Args:
            space: One of cells with operations on their edges, or of two cells, on images or sequences.
            input_shape: (channels, length) or (channels, height, width).
            num_outputs: Number of classes, or of numbers to predict.
            overrides: Fields of the skeleton to replace.

        Raises:
            InvalidInputError: The space is of another family, or its cells differ in width.
            UnknownNameError: An override is not a field of the skeleton.
        """
        super().__init__()
        self.wiring = wiring_of(space)
        skeleton = overridden(space.skeleton, overrides or {})
        form = form_of(skeleton, tuple(input_shape))
        self.network = self.wiring.build(skeleton, form, input_shape[0], num_outputs)

    def forward(self, x: Tensor, choices: Sequence[Sequence[Choice]]) -> Tensor:
        """Compute one architecture or a mixture: (n, ...) -> (n, num_outputs).

        Args:
            x: A batch.
            choices: What each place lets through, by kind of cell: ``wiring.choices(row)``, or weights.
        """
        for _, cell in self.cells():
            cell.choices = choices[_kind(cell)]
        logits: Tensor = self.network(x)
        return logits

    def cells(self) -> list[tuple[str, MixedCell | MixedStateCell]]:
        """Every mixed cell, with its name."""
        return [(n, m) for n, m in self.network.named_modules() if isinstance(m, MixedCell | MixedStateCell)]

    def inherited(self, x: Row) -> dict[str, Tensor]:
        """State dict of the plain network of an architecture; its tensors are those of this network, not copies."""
        own = self.network.state_dict(keep_vars=True)
        cells = self.cells()
        inside = tuple(f"{name}.places." for name, _ in cells)
        state = {name: tensor for name, tensor in own.items() if not name.startswith(inside)}
        sources = self.wiring.sources(x)
        for cell_name, cell in cells:
            for plain, mixed in sources[_kind(cell)].items():
                source = f"{cell_name}.{mixed}."
                found = {n.removeprefix(source): tensor for n, tensor in own.items() if n.startswith(source)}
                state |= {f"{cell_name}.{plain}.{rest}": tensor for rest, tensor in found.items()}
        return state


def wiring_of(space: SearchSpace) -> Wiring:
    """How rows of a space use the places of mixed cells.

    Raises:
        InvalidInputError: No mixed networks can be built for the space.
    """
    if space.skeleton.input_kind in _READS:
        if isinstance(space, EdgeCellSpace):
            return _EdgeWiring(space)
        if isinstance(space, TwoCellSpace):
            return _PairWiring(space)
    raise InvalidInputError(
        f"space {space.name!r}: expected cells with operations on their edges, or two cells, on images or sequences "
        f"for networks that share weights, got {type(space).__name__} on {space.skeleton.input_kind} data"
    )


@final
class _EdgeWiring:
    """One cell; each place is an edge, and every edge carries one operation."""

    kinds = 1

    def __init__(self, space: EdgeCellSpace) -> None:
        self.space = space
        self.places: Places = space.edges
        self.offered: Sequence[Operation] = space.operations
        self.weighted = len(space.operations)

    def build(self, skeleton: Skeleton, form: Form, in_channels: int, num_outputs: int) -> nn.Module:
        """Make a network of mixed cells."""
        for name in ("merge", "output_merge"):
            if (got := getattr(skeleton, name)) != "sum":
                raise InvalidInputError(
                    f"skeleton, {name}: expected 'sum' for cells that share weights, so that all are equally wide, got "
                    f"{got!r}"
                )

        def make_cell(width_in: int, width: int, stride: int) -> MixedCell:
            return MixedCell(self.places, self.offered, form, width_in, width, stride)

        return CellNetwork(make_cell, skeleton, form, in_channels, num_outputs)

    def choices(self, x: Row) -> list[list[Choice]]:
        """What an architecture lets through; what is not on a way from the input to the output is left out."""
        live = self.space.live(x)[0]
        return [[int(op) if there else None for op, there in zip(x, live, strict=True)]]

    def sources(self, x: Row) -> list[dict[str, str]]:
        """Name of each layer in the plain cell -> its name in the mixed one."""
        # Node 1 + e of the graph of an architecture stands for edge e.
        live = np.flatnonzero(self.space.live(x)[0])
        return [{f"layers.{1 + e}": f"places.{e}.layers.{x[e]}" for e in live.tolist()}]

    def derive(self, weights: Sequence[Floats]) -> Row:
        """The operation of the greatest weight on each edge."""
        return weights[0].argmax(axis=1).astype(np.int16)

    def operations(self, weights: Sequence[Floats]) -> list[int]:
        """The operation of each edge."""
        return [int(op) for op in self.derive(weights)]


@final
class _PairWiring:
    """A normal and a reducing cell; each place is a state that an added state can read, and few of them are read."""

    kinds = 2

    def __init__(self, space: TwoCellSpace) -> None:
        self.space = space
        self.places: Places = tuple(
            (i, j) for j in range(space.n_inputs, space.n_inputs + space.n_nodes) for i in range(j)
        )
        self.offered: Sequence[Operation] = space.operations
        self.weighted = len(space.operations) + 1  # a mixture has "nothing" too, as in DARTS

    def build(self, skeleton: Skeleton, form: Form, in_channels: int, num_outputs: int) -> nn.Module:
        """Make a network of mixed cells."""
        if skeleton.reduction != REDUCTION:
            raise InvalidInputError(
                f"skeleton, reduction: expected {REDUCTION!r} for a normal and a reducing cell, got "
                f"{skeleton.reduction!r}"
            )

        def make_cell(reducing: bool, inputs: list[CellOutput], width: int, halvings: int) -> MixedStateCell:
            return MixedStateCell(self.places, self.offered, form, reducing, inputs, width, halvings)

        return CellPairNetwork(make_cell, self.space.n_inputs, skeleton, form, in_channels, num_outputs)

    def choices(self, x: Row) -> list[list[Choice]]:
        """What an architecture lets through, by kind of cell."""
        found: list[list[Choice]] = []
        for cell in self._edges(x):
            taken = dict(cell)
            found.append([taken.get(place) for place in self.places])
        return found

    def sources(self, x: Row) -> list[dict[str, str]]:
        """Name of each layer in the plain cell -> its name in the mixed one, by kind of cell."""
        at = {place: p for p, place in enumerate(self.places)}
        per_cell = self.space.n_inputs + self.space.n_nodes * (self.space.edges_per_node + 1)
        found = []
        for c, cell in enumerate(self._edges(x)):
            # In the graph of an architecture each cell has the states that it is given, then its operations.
            first = 1 + c * per_cell + self.space.n_inputs
            names = {f"layers.{first + e}": f"places.{at[place]}.layers.{op}" for e, (place, op) in enumerate(cell)}
            found.append(names)
        return found

    def derive(self, weights: Sequence[Floats]) -> Row:
        """As in DARTS: each state reads those whose best operation, "nothing" apart, has the greatest weights."""
        genes: list[int] = []
        for cell in weights:
            for j in self._states():
                edges = [(i, cell[p, :-1]) for p, (i, k) in enumerate(self.places) if k == j]
                strongest = sorted(edges, key=lambda edge: (-edge[1].max(), edge[0]))[: self.space.edges_per_node]
                read = sorted(strongest, key=lambda edge: edge[0])
                genes.append(list(self._sets(j)).index(tuple(i for i, _ in read)))
                genes += [int(of.argmax()) for _, of in read]
        return np.array(genes, dtype=np.int16)

    def operations(self, weights: Sequence[Floats]) -> list[int]:
        """The operation of each edge that is kept."""
        return [op for cell in self._edges(self.derive(weights)) for _, op in cell]

    def _edges(self, x: Row) -> list[list[tuple[tuple[int, int], int]]]:
        """(state that is read, state that is written) and operation of each edge, by kind of cell."""
        genes = iter(np.asarray(x).tolist())
        cells = []
        for _ in range(self.kinds):
            edges = []
            for j in self._states():
                read = list(self._sets(j))[next(genes)]
                edges += [((i, j), next(genes)) for i in read]
            cells.append(edges)
        return cells

    def _states(self) -> range:
        return range(self.space.n_inputs, self.space.n_inputs + self.space.n_nodes)

    def _sets(self, j: int) -> "combinations[tuple[int, ...]]":
        """Sets of states that state j can read, by their number in a row."""
        return combinations(range(j), self.space.edges_per_node)


def _kind(cell: MixedCell | MixedStateCell) -> int:
    return int(isinstance(cell, MixedStateCell) and cell.reducing)
