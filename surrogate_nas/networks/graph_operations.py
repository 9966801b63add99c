"""The graph operations: torch-geometric's layers, with a fast path for a graph that stays the same.

Every layer is torch-geometric's own (weights, initialisation, function). Called with an
``edge_index`` it is exactly that layer; called with a :class:`StaticGraph` it computes the same
function through products prepared once.

The settings are those of NAS-Bench-Graph [1]: two attention heads of half the width, Chebyshev
order 2, a one-layer network inside GIN.

References:
    [1] Qin et al., NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search, NeurIPS 2022,
        https://arxiv.org/abs/2206.09166
"""

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.nn.conv import ARMAConv, ChebConv, GATConv, GCNConv, GINConv, GraphConv, SAGEConv
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import add_self_loops, degree, remove_self_loops

from surrogate_nas.networks.static_graph import StaticGraph, Weighted, attention

#: What a network can be called with.
Edges = Tensor | StaticGraph


@final
class Attention(GATConv):
    """Graph attention, two heads side by side."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__(in_width, width // 2, heads=2)

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Compute the layer: (n, in_width) -> (n, width)."""
        if isinstance(edges, Tensor):
            return super().forward(x, edges)
        rows = self.lin(x).unflatten(-1, (self.heads, self.out_channels))
        as_source, as_target = ((rows * a).sum(-1) for a in (self.att_src, self.att_dst))
        pattern = edges.product("self-looped", _self_looped).pattern
        return attention(rows, as_source, as_target, pattern, self.negative_slope).flatten(-2) + self.bias


@final
class Convolution(GCNConv):
    """Kipf and Welling's graph convolution."""

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Compute the layer: (n, in_width) -> (n, width)."""
        if isinstance(edges, Tensor):
            return super().forward(x, edges)
        return edges.product("normalised, self-looped", _normalised_self_looped)(self.lin(x)) + self.bias


@final
class Isomorphism(GINConv):
    """Graph isomorphism layer with one linear map."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__(nn.Linear(in_width, width))

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Compute the layer: (n, in_width) -> (n, width)."""
        if isinstance(edges, Tensor):
            return super().forward(x, edges)
        return self.nn(edges.product("sum", _sum)(x) + (1 + self.eps) * x)


@final
class Chebyshev(ChebConv):
    """Chebyshev filter of order 2."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__(in_width, width, K=2)

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Compute the layer: (n, in_width) -> (n, width)."""
        if isinstance(edges, Tensor):
            return super().forward(x, edges)
        filtered = edges.product("scaled laplacian", self._scaled_laplacian)(x)
        return self.lins[0](x) + self.lins[1](filtered) + self.bias

    def _scaled_laplacian(self, edge_index: Tensor, num_nodes: int) -> Weighted:
        return self.__norm__(edge_index, num_nodes, None, self.normalization, None, torch.get_default_dtype())


@final
class Sage(SAGEConv):
    """GraphSAGE: the mean of the neighbours beside the node itself."""

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Compute the layer: (n, in_width) -> (n, width)."""
        if isinstance(edges, Tensor):
            return super().forward(x, edges)
        return self.lin_l(edges.product("mean", _mean)(x)) + self.lin_r(x)


@final
class Arma(ARMAConv):
    """Auto-regressive moving average filter, one stack of one layer."""

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Compute the layer: (n, in_width) -> (n, width)."""
        if isinstance(edges, Tensor):
            return super().forward(x, edges)
        passed = edges.product("normalised", _normalised)(x @ self.init_weight[0])
        return F.relu(passed + x @ self.root_weight[0, 0] + self.bias[0, 0])


@final
class KGraph(GraphConv):
    """k-GNN layer of order 1: the sum of the neighbours beside the node itself."""

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Compute the layer: (n, in_width) -> (n, width)."""
        if isinstance(edges, Tensor):
            return super().forward(x, edges)
        return self.lin_rel(edges.product("sum", _sum)(x)) + self.lin_root(x)


@final
class FullyConnected(nn.Module):
    """A linear map of each node by itself."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.lin = nn.Linear(in_width, width)

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Compute the layer: (n, in_width) -> (n, width)."""
        return self.lin(x)


@final
class Skip(nn.Module):
    """The input, as it is."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()

    def forward(self, x: Tensor, edges: Edges) -> Tensor:
        """Return the input."""
        return x


#: Operation name -> layer made from (input width, output width). "skip" keeps the input's width.
GRAPH_OPERATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "gat": Attention,
    "gcn": Convolution,
    "gin": Isomorphism,
    "cheb": Chebyshev,
    "sage": Sage,
    "arma": Arma,
    "graph": KGraph,
    "fc": FullyConnected,
    "skip": Skip,
}


def _self_looped(edge_index: Tensor, num_nodes: int) -> Weighted:
    return add_self_loops(remove_self_loops(edge_index)[0], num_nodes=num_nodes)[0], None


def _normalised_self_looped(edge_index: Tensor, num_nodes: int) -> Weighted:
    return gcn_norm(edge_index, None, num_nodes, add_self_loops=True)


def _normalised(edge_index: Tensor, num_nodes: int) -> Weighted:
    return gcn_norm(edge_index, None, num_nodes, add_self_loops=False)


def _sum(edge_index: Tensor, num_nodes: int) -> Weighted:
    return edge_index, None


def _mean(edge_index: Tensor, num_nodes: int) -> Weighted:
    return edge_index, 1 / degree(edge_index[1], num_nodes)[edge_index[1]]
