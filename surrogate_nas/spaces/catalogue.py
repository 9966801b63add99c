"""The spaces that come with the package, by name."""

from collections.abc import Callable, Sequence
from functools import cache

from surrogate_nas.core import choose
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.spaces.edge_cell import EdgeCellSpace
from surrogate_nas.spaces.node_cell import NodeCellSpace
from surrogate_nas.spaces.operations import Operation
from surrogate_nas.spaces.skeleton import Skeleton


def get_space(name: str) -> SearchSpace:
    """Return the space of that name; the same object each time.

    Args:
        name: One of :func:`list_spaces`.

    Raises:
        UnknownNameError: No space has that name.
    """
    choose("space", name, _SPACES)
    return _build(name)


def list_spaces() -> list[str]:
    """Names that :func:`get_space` knows."""
    return list(_SPACES)


@cache
def _build(name: str) -> SearchSpace:
    return _SPACES[name](name)


# Cost: weights of one operation from width d to width d, in multiples of d * d.
_GRAPH_OPERATIONS = (
    Operation("gat", "graph", 1, True, 1.0, (("attention", 1.0), ("normalised", 1.0), ("self_loops", 1.0))),
    Operation("gcn", "graph", 1, True, 1.0, (("normalised", 1.0), ("self_loops", 1.0))),
    Operation("gin", "graph", 1, True, 1.0, (("self_loops", 1.0), ("sum", 1.0))),
    Operation("cheb", "graph", 1, True, 2.0, (("normalised", 1.0), ("self_weights", 1.0), ("spectral", 1.0))),
    Operation("sage", "graph", 1, True, 2.0, (("mean", 1.0), ("self_weights", 1.0))),
    Operation("arma", "graph", 1, True, 3.0, (("normalised", 1.0), ("self_weights", 1.0), ("spectral", 1.0))),
    Operation("graph", "graph", 1, True, 2.0, (("self_weights", 1.0), ("sum", 1.0))),
    Operation("fc", "linear", 0, True, 1.0),
    Operation("skip", "identity"),
)

# The nine rooted trees of four operations, in the benchmark's order.
_GRAPH_WIRINGS = (
    (0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 1), (0, 0, 1, 2), (0, 0, 1, 3), (0, 1, 1, 1), (0, 1, 1, 2), (0, 1, 2, 2),
    (0, 1, 2, 3),
)  # fmt: skip

# The usual networks: one operation throughout, two layers deep and as deep as the cell goes.
_GRAPH_NAMES = {
    "GAT": "gat", "GCN": "gcn", "GIN": "gin", "ChebNet": "cheb", "GraphSAGE": "sage", "ARMA": "arma", "k-GNN": "graph",
    "MLP": "fc",
}  # fmt: skip


def _graph_references(allowed: Sequence[str] | None = None) -> dict[str, str]:
    chosen = {name: op for name, op in _GRAPH_NAMES.items() if allowed is None or op in allowed}
    two = {f"{name}, 2 layers": f"[0,1,2,3] skip|skip|{op}|{op}" for name, op in chosen.items()}
    return two | {f"{name}, 4 layers": f"[0,1,2,3] {op}|{op}|{op}|{op}" for name, op in chosen.items()}


_PROTEINS_OPERATIONS = ("gcn", "sage", "arma", "fc", "skip")

_GRAPH_SKELETON = Skeleton(
    input_kind="graph", stages=(1,), channels=(128,), merge="sum", output_merge="concatenate", dropout=0.5
)

# Cost: weights of one operation at equal width, in multiples of those of the 1x1 convolution.
_IMAGE_OPERATIONS = (
    Operation("none", "none"),
    Operation("skip_connect", "identity"),
    Operation("nor_conv_1x1", "convolution", 1, True, 1.0, (("normalised", 1.0),)),
    Operation("nor_conv_3x3", "convolution", 3, True, 9.0, (("normalised", 1.0),)),
    Operation("avg_pool_3x3", "pooling", 3, False, 0.0, (("mean", 1.0),)),
)

_IMAGE_SKELETON = Skeleton(
    input_kind="image", stages=(5, 5, 5), channels=(16, 32, 64), merge="sum", output_merge="sum", stem_layers=1,
    reduction="residual",
)  # fmt: skip

_SPACES: dict[str, Callable[[str], SearchSpace]] = {
    "nas-bench-graph": lambda name: NodeCellSpace(
        name, _GRAPH_OPERATIONS, _GRAPH_WIRINGS, _GRAPH_SKELETON, references=_graph_references()
    ),
    "nas-bench-graph-proteins": lambda name: NodeCellSpace(
        name,
        _GRAPH_OPERATIONS,
        _GRAPH_WIRINGS,
        _GRAPH_SKELETON,
        _PROTEINS_OPERATIONS,
        _graph_references(_PROTEINS_OPERATIONS),
    ),
    "nas-bench-201": lambda name: EdgeCellSpace(name, _IMAGE_OPERATIONS, 4, _IMAGE_SKELETON),
}
