"""Networks on the nodes of a graph: optional stem, one cell of graph operations, optional head, classifier.

The network is that of NAS-Bench-Graph [1], to the parameter:

* dropout on the raw features, then the stem if there is one;
* an operation that reads anything but the raw features (directly or through identities) first passes it
  through its own batch normalisation, ReLU and dropout;
* the operations that feed the output are merged and pass a ReLU, then head and classifier.

References:
    [1] Qin et al., NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search, NeurIPS 2022,
        https://arxiv.org/abs/2206.09166
"""

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.networks.dropout import Dropout
from surrogate_nas.networks.graph_operations import GRAPH_OPERATIONS, Edges
from surrogate_nas.spaces import GraphBatch, Skeleton


def build_graph_network(
    graph: GraphBatch, skeleton: Skeleton, input_shape: tuple[int, ...], num_outputs: int
) -> "GraphCellNetwork":
    """Build the network of one architecture, see :class:`GraphCellNetwork`."""
    if len(input_shape) != 1:
        raise InvalidInputError(f"input_shape: expected (features,) for nodes of a graph, got {input_shape}")
    if skeleton.stages != (1,) or len(skeleton.channels) != 1:
        raise InvalidInputError(
            f"skeleton: expected one cell for nodes of a graph, stages (1,) and one width, got stages "
            f"{skeleton.stages} and channels {skeleton.channels}"
        )
    return GraphCellNetwork(graph, skeleton, input_shape[0], num_outputs)


@final
class GraphCellNetwork(nn.Module):
    """One cell of graph operations between stem and classifier."""

    def __init__(self, graph: GraphBatch, skeleton: Skeleton, in_features: int, num_outputs: int) -> None:
        """Make the layers.

        Args:
            graph: One architecture.
            skeleton: Width, stem, head, merge rules and dropout.
            in_features: Features per node.
            num_outputs: Number of classes.
        """
        super().__init__()
        channels = skeleton.channels[0]
        nodes = np.flatnonzero(graph.mask[0])
        first, last = int(nodes[0]), int(nodes[-1])
        names = {int(v): graph.vocabulary[graph.ops[0, v]].name for v in nodes}
        self.merge, self.output_merge = skeleton.merge, skeleton.output_merge
        self.inputs = {int(v): np.flatnonzero(graph.adjacency[0, :, v]).tolist() for v in nodes[1:]}
        self.order = [int(v) for v in nodes[1:-1]]
        self.first, self.last = first, last

        widths = {first: channels if skeleton.stem_layers else in_features}
        raw = {first: not skeleton.stem_layers}
        self.stem = _layers(in_features, channels, skeleton.stem_layers)
        self.operations = nn.ModuleDict()
        self.normalisations = nn.ModuleDict()
        for v in self.order:
            reads = self.inputs[v]
            width = _merged_width([widths[u] for u in reads], self.merge, names[v])
            layer = _operation(names[v], width, channels)
            raw[v] = all(raw[u] for u in reads) and graph.vocabulary[graph.ops[0, v]].kind == "identity"
            widths[v] = width if graph.vocabulary[graph.ops[0, v]].kind == "identity" else channels
            self.operations[str(v)] = layer
            # Made for every operation, used or not, as in the benchmark: its parameter counts include them.
            self.normalisations[str(v)] = nn.BatchNorm1d(channels)
        self.raw_readers = {v for v in self.order if all(raw[u] for u in self.inputs[v])}
        self.dropout = Dropout(skeleton.dropout)
        width = _merged_width([widths[u] for u in self.inputs[last]], self.output_merge, "output")
        self.head = _layers(width, channels, skeleton.head_layers)
        self.classifier = nn.Linear(channels if skeleton.head_layers else width, num_outputs)

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Score every class for every node.

        Args:
            x: Features, float of shape (n, in_features).
            edges: ``edge_index`` (2, e), or a :class:`StaticGraph`.

        Returns:
            Logits of shape (n, num_outputs).
        """
        hidden = {self.first: self.stem(self.dropout(x))}
        for v in self.order:
            h = _merge([hidden[u] for u in self.inputs[v]], self.merge)
            if v not in self.raw_readers:
                h = self.dropout(torch.relu(self.normalisations[str(v)](h)))
            hidden[v] = self.operations[str(v)](h, edges)
        h = _merge([hidden[u] for u in self.inputs[self.last]], self.output_merge)
        logits: Tensor = self.classifier(self.head(torch.relu(h)))
        return logits


def _operation(name: str, in_width: int, width: int) -> nn.Module:
    if name not in GRAPH_OPERATIONS:
        raise InvalidInputError(
            f"operation {name!r}: expected one that exists on graphs ({', '.join(GRAPH_OPERATIONS)})"
        )
    return GRAPH_OPERATIONS[name](in_width, width)


def _layers(in_width: int, width: int, n: int) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(in_width if i == 0 else width, width) for i in range(n)))


def _merged_width(widths: Sequence[int], how: str, where: str) -> int:
    if how == "concatenate":
        return sum(widths)
    if len(set(widths)) != 1:
        raise InvalidInputError(
            f"inputs of {where}: expected equal widths to sum, got {', '.join(map(str, widths))}; "
            "set stem_layers=1, or merge by concatenation"
        )
    return widths[0]


def _merge(tensors: Sequence[Tensor], how: str) -> Tensor:
    if len(tensors) == 1:
        return tensors[0]
    return torch.cat(list(tensors), dim=-1) if how == "concatenate" else torch.stack(list(tensors)).sum(0)
