"""A graph network that follows the signal, and many of them computed as one program.

Every parameter has a leading axis of m networks, and so has everything that is computed from it: m networks are
one matrix product more per step, not m times as many steps.

Notation: m networks, b graphs of v nodes in topological order (node 0 the input, node v-1 the output), k operations
in the vocabulary, d numbers that describe an operation, h numbers that travel along edges.
"""

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.paths import Contracted
from surrogate_nas.predictors.torch_ensemble import Parameters
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import KINDS, Operation

#: Added to mean squares that are divided by.
EPSILON = 1e-3


@final
@dataclass(frozen=True)
class Vocabulary:
    """What is known of each operation before anything was measured.

    Attributes:
        classes: Which learned embedding each operation has, int64 of shape (k,); see ``encodings.coarse``.
        attributes: Kind, kernel, weights, cost and traits, float of shape (k, a).
    """

    classes: Tensor
    attributes: Tensor

    @classmethod
    def of(cls, space: SearchSpace) -> Self:
        """The operations of a space's graphs."""
        operations = space.graphs(space.sample(1, np.random.default_rng(0))).vocabulary
        k = len(operations)
        each = GraphBatch(
            np.arange(k, dtype=np.int16)[:, None], np.zeros((k, 1, 1), bool), np.ones((k, 1), bool), operations
        )
        return cls(torch.from_numpy(coarse(each).ops[:, 0].astype(np.int64)), torch.from_numpy(_attributes(operations)))

    def to(self, like: Tensor) -> "Vocabulary":
        """The same on the device and in the precision of another tensor."""
        return Vocabulary(self.classes.to(like.device), self.attributes.to(like))

    @property
    def n_classes(self) -> int:
        """Number of learned embeddings."""
        return int(self.classes.max()) + 1


def _attributes(operations: tuple[Operation, ...]) -> npt.NDArray[np.float32]:
    traits = sorted({trait for op in operations for trait, _ in op.traits})
    rows = [
        [
            *(float(op.kind == kind) for kind in KINDS),
            np.log1p(op.kernel), float(op.has_weights), np.log1p(op.cost),
            *(dict(op.traits).get(trait, 0.0) for trait in traits),
        ]
        for op in operations
    ]  # fmt: skip
    return np.array(rows, dtype=np.float32)


@final
@dataclass(frozen=True)
class GraphTensors:
    """b networks without their identity operations, which only pass on what they read.

    Attributes:
        ops: Place in the vocabulary per node, int64 of shape (b, v); 0 where there is no node.
        edges: Number of edges from node to node, shape (b, v, v).
        kept: 1 where there is a node, else 0; shape (b, v).
    """

    ops: Tensor
    edges: Tensor
    kept: Tensor

    @classmethod
    def of(cls, space: SearchSpace, X: npt.NDArray[Any]) -> tuple[Self, npt.NDArray[np.int64]]:
        """The distinct networks among rows, and which of them each row is."""
        canonical = space.canonical(X)
        _, first, back = np.unique(space.keys(canonical), return_index=True, return_inverse=True)
        graphs = Contracted.of(space.graphs(canonical[first]))
        ops = torch.from_numpy(np.maximum(graphs.ops.T, 0).astype(np.int64))
        edges = torch.from_numpy(graphs.counts.transpose(2, 0, 1).astype(np.float32))
        return cls(ops, edges, torch.from_numpy(graphs.kept.T.astype(np.float32))), back

    def __len__(self) -> int:
        return len(self.ops)

    def __getitem__(self, rows: Tensor | slice) -> "GraphTensors":
        return GraphTensors(self.ops[rows], self.edges[rows], self.kept[rows])

    def to(self, like: Tensor) -> "GraphTensors":
        """The same on the device and in the precision of another tensor."""
        return GraphTensors(self.ops.to(like.device), self.edges.to(like), self.kept.to(like))

    def reversed(self) -> "GraphTensors":
        """The same with every edge turned round, from the output to the input."""
        return GraphTensors(self.ops.flip(1), self.edges.flip(1, 2).transpose(1, 2), self.kept.flip(1))


@final
@dataclass(frozen=True)
class Shape:
    """Which network it is.

    Attributes:
        hidden: Numbers that travel along edges, also units of the head.
        attention: Whether edges have learned weights.
        backward: Whether there is a second sweep, from the output to the input.
    """

    hidden: int
    attention: bool
    backward: bool


def initial(n_models: int, shape: Shape, vocabulary: Vocabulary, n_side: int, generator: torch.Generator) -> Parameters:
    """Random parameters of m networks.

    Args:
        n_models: Number of networks.
        shape: Their form.
        vocabulary: The operations that they read.
        n_side: Number of side features that enter the head.
        generator: Where random numbers come from.
    """
    h = shape.hidden
    d = h // 2
    made: Parameters = {}

    def add(name: str, *size: int, scale: float | None = None) -> None:
        spread = size[0] ** -0.5 if scale is None else scale
        made[name] = torch.randn(n_models, *size, generator=generator) * spread

    add("embedding", vocabulary.n_classes, d, scale=0.5)
    add("attributes", vocabulary.attributes.shape[1], d)
    for way in ("forward", "backward") if shape.backward else ("forward",):
        add(f"{way} start", h, scale=1.0)
        add(f"{way} gate", d, h)
        add(f"{way} bias", d, h)
        add(f"{way} mix", h, h)
        if shape.attention:
            add(f"{way} reader", d, h)
    if shape.backward:
        add("backward peer", h, h)
    add("head", h * (2 if shape.backward else 1) + n_side, h)
    made["head bias"] = torch.zeros(n_models, 1, h)
    add("score", h, 1, scale=0.1)
    return made


def embed(parameters: Parameters, vocabulary: Vocabulary, graphs: GraphTensors) -> Tensor:
    """What m networks make of b graphs: the output's state and, after the sweep back, the input's; (m, b, h or 2h)."""
    described = parameters["embedding"][:, vocabulary.classes] + vocabulary.attributes @ parameters["attributes"]
    forth = _sweep(parameters, "forward", described, graphs, None)
    ends = [forth[-1]]
    if "backward start" in parameters:
        back = _sweep(parameters, "backward", described, graphs.reversed(), forth[::-1])
        ends.append(back[-1])
    return _normalised(torch.cat([end for end in ends if end is not None], dim=-1))


def score(parameters: Parameters, embedded: Tensor, side: Tensor | None) -> Tensor:
    """Scores of m networks, shape (m, b), from what they made of graphs and from side features of shape (b, e)."""
    if side is not None:
        embedded = torch.cat([embedded, side.expand(len(embedded), -1, -1)], dim=-1)
    units = torch.relu(embedded @ parameters["head"] + parameters["head bias"])
    return (units @ parameters["score"])[..., 0]


def _sweep(
    parameters: Parameters, way: str, described: Tensor, graphs: GraphTensors, peers: list[Tensor | None] | None
) -> list[Tensor | None]:
    """State of every node, (m, b, h) each, in the order of the edges; None where no graph has that node.

    A node sums up what its predecessors send, each weighed by how it meets what the node's operation looks for, mixes
    the sum, and lets its operation's gate decide what passes.
    """
    gates = torch.sigmoid(described @ parameters[f"{way} gate"])
    biases = described @ parameters[f"{way} bias"]
    attentive = f"{way} reader" in parameters
    readers = described @ parameters[f"{way} reader"] * gates.shape[-1] ** -0.5 if attentive else None
    m, (b, v) = len(described), graphs.ops.shape
    there = (graphs.edges != 0).any(dim=0).tolist()
    states: list[Tensor | None] = [parameters[f"{way} start"][:, None].expand(m, b, -1)]
    for node in range(1, v):
        sources = [i for i, state in enumerate(states) if state is not None and there[i][node]]
        if not sources:
            states.append(None)
            continue
        op = graphs.ops[:, node]
        sent = torch.stack([state for i in sources if (state := states[i]) is not None])
        weights = graphs.edges[:, sources, node].T[:, None]
        if readers is not None:  # from 0 to 2, and about 1 at the start: a sum, not a mean, of what is sent
            weights = weights * 2 * torch.sigmoid((_normalised(sent) * readers.index_select(1, op)).sum(dim=-1))
        total = (sent * weights[..., None]).sum(dim=0)
        mixed = _normalised(total) @ parameters[f"{way} mix"] + biases.index_select(1, op)
        if peers is not None and (peer := peers[node]) is not None:
            mixed = mixed + peer @ parameters[f"{way} peer"]
        passed = gates.index_select(1, op) * (total + torch.relu(mixed))
        states.append(passed * graphs.kept[:, node, None])
    return states


def _normalised(states: Tensor) -> Tensor:
    return states * torch.rsqrt(states.square().mean(dim=-1, keepdim=True) + EPSILON)
