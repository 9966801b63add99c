"""The decisions that make an architecture, in words: which gene decides what, and what its values are called."""

from dataclasses import dataclass
from functools import singledispatch
from itertools import combinations
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces import (
    ChoiceSpace,
    DagCellSpace,
    EdgeCellSpace,
    NodeCellSpace,
    Rows,
    SearchSpace,
    TwoCellSpace,
)

#: A choice among more numbers than this is read in ranges: nobody reads the effect of each of 242 widths.
MAX_OPTIONS, RANGES = 24, 8


@final
@dataclass(frozen=True)
class Decision:
    """One gene of a space, in words.

    Attributes:
        name: What is decided, e.g. "node 3 <- node 0".
        options: What can be decided, e.g. "nor_conv_3x3".
        option_of: Which option each value of the gene belongs to, int of shape (cardinality,); several values share
            one where a range of numbers is one option.
    """

    name: str
    options: tuple[str, ...]
    option_of: npt.NDArray[np.int64]

    @classmethod
    def of(cls, name: str, options: list[str], *, first: str | None = None, numbers: bool = False) -> "Decision":
        """One option per value, or ranges where there are too many numbers.

        Args:
            name: What is decided.
            options: What each value is called.
            first: What a first value says that stands in front of the others, if there is one.
            numbers: Whether options are numbers in order.
        """
        place = np.arange(len(options))
        if numbers and len(options) > MAX_OPTIONS:
            place = place * RANGES // len(options)
            parts = [np.flatnonzero(place == r) for r in range(RANGES)]
            options = [f"{options[part[0]]} to {options[part[-1]]}" for part in parts]
        if first is not None:
            options, place = [first, *options], np.append(0, place + 1)
        return cls(name, tuple(options), place)


@singledispatch
def decisions_of(space: SearchSpace) -> list[Decision]:
    """The decision behind each gene; a family of spaces with words of its own registers them here.

    Args:
        space: Any space.

    Returns:
        One decision per gene, in order.
    """
    cardinalities, scales = space.cardinalities.tolist(), space.scales
    return [
        Decision.of(name, [str(value) for value in range(k)], numbers=scale is not None)
        for name, k, scale in zip(space.gene_names, cardinalities, scales, strict=True)
    ]


@decisions_of.register
def _(space: EdgeCellSpace) -> list[Decision]:
    names = [op.name for op in space.operations]
    return [Decision.of(f"node {target} <- node {source}", names) for source, target in space.edges]


@decisions_of.register
def _(space: NodeCellSpace) -> list[Decision]:
    wirings = [f"[{','.join(map(str, wiring))}]" for wiring in space.wirings]
    names = [op.name for op in space.operations]
    return [
        Decision.of("wiring", wirings),
        *(Decision.of(f"operation {k}", names) for k in range(1, space.n_nodes + 1)),  # as the text form counts
    ]


@decisions_of.register
def _(space: DagCellSpace) -> list[Decision]:
    names = [op.name for op in space.operations]
    edges = [
        Decision.of(f"node {target} <- node {source}", ["edge"], first="no edge") for source, target in space.edges
    ]
    return [*edges, *(Decision.of(f"node {k}", names, first="no node") for k in range(1, space.max_nodes - 1))]


@decisions_of.register
def _(space: TwoCellSpace) -> list[Decision]:
    names = [op.name for op in space.operations]
    found = []
    for gene in space.gene_names:
        cell, node, *what = gene.split(" ")
        place = f"{cell} cell, node {node}"
        if what == ["inputs"]:
            sets = [" and ".join(map(str, s)) for s in combinations(range(int(node)), space.edges_per_node)]
            found.append(Decision.of(f"{place}, reads", sets))
        else:
            found.append(Decision.of(f"{place}, edge {int(what[-1]) + 1}", names))
    return found


@decisions_of.register
def _(space: ChoiceSpace) -> list[Decision]:
    return [
        Decision.of(
            choice.name,
            list(choice.texts),
            first="not made" if choice.first else None,
            numbers=choice.levels is not None,
        )
        for choice in space.choices
    ]


def options_of(decisions: list[Decision], X: Rows) -> npt.NDArray[np.int64]:
    """Which option each row takes in each decision; shape (n, d).

    Args:
        decisions: One per gene.
        X: Rows, shape (n, d).
    """
    return np.stack([decision.option_of[X[:, g]] for g, decision in enumerate(decisions)], axis=1)
