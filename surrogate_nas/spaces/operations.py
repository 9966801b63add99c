"""Operations and their attributes: the one description that all spaces share."""

from dataclasses import dataclass, replace

#: Kinds of operation, in a fixed order so that attribute vectors of different spaces line up. A "state" computes
#: nothing, but unlike an identity it is a node that matters: the output of an earlier cell, or a sum that is kept.
KINDS = (
    "input", "output", "identity", "none", "convolution", "pooling", "linear", "graph", "state",
    "activation", "normalisation", "dropout",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of an operation vocabulary.

    Attributes:
        name: Official name in its space, e.g. "nor_conv_3x3" or "gat".
        kind: One of :data:`KINDS`.
        kernel: Receptive field: kernel width, or hops on a graph; 0 where it sees one position only.
        has_weights: Whether it has trainable parameters.
        cost: Parameters relative to the cheapest weighted operation of its space at equal width.
        traits: Further attributes by name in [0, 1] (attention, normalised, separate self weight ...).
    """

    name: str
    kind: str
    kernel: int = 0
    has_weights: bool = False
    cost: float = 0.0
    traits: tuple[tuple[str, float], ...] = ()


INPUT = Operation("input", "input")
OUTPUT = Operation("output", "output")


def strided(op: Operation) -> Operation:
    """What an identity becomes where it has to change resolution or width: two 1x1 convolutions side by side."""
    return replace(op, name=f"strided {op.name}", kind="convolution", kernel=1, has_weights=True, cost=1.0)
