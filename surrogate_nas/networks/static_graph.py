"""A graph that stays the same over a whole training, with its sparse products prepared once.

torch-geometric gathers one message per edge and scatters them, which is general and, on a CPU, most
of a training's time. On a fixed graph every linear message passing is a product with one sparse
matrix; the sum over a node's edges is then one fused call (``embedding_bag``), and its gradient the
same call on the transposed matrix. Both directions add in a fixed order, so results are
deterministic on a GPU too.

Under ``torch.func.vmap`` (several networks on one graph) a product with b stacked feature matrices
is a product with b disjoint copies of the graph.

Notation: n nodes, e edges, c channels, b stacked networks; an edge goes from a source to a target.
"""

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional as F

#: Edge weights of a message passing: (edge_index (2, e), weights (e,) or None for ones).
Weighted = tuple[Tensor, Tensor | None]


@final
class EdgePattern:
    """Edges grouped by target, and the way back grouped by source.

    Attributes:
        source: Source of each edge, int64 of shape (e,), edges ordered by (target, source).
        target: Target of each edge, int64 of shape (e,).
        order: Where each edge stood in the edge list it was made from, int64 of shape (e,).
        offsets: First edge of each target and the number of edges, int64 of shape (n + 1,).
        back: The same edges ordered by source, as positions in the first order, int64 of shape (e,).
        back_offsets: First edge of each source in that order, int64 of shape (n + 1,).
    """

    def __init__(self, edge_index: Tensor, num_nodes: int) -> None:
        """Sort the edges both ways.

        Args:
            edge_index: Sources and targets, int64 of shape (2, e).
            num_nodes: Number of nodes n.
        """
        self.num_nodes = num_nodes
        self.order = torch.argsort(edge_index[1] * num_nodes + edge_index[0], stable=True)
        self.source, self.target = edge_index[0][self.order], edge_index[1][self.order]
        self.offsets = _offsets(self.target, num_nodes)
        self.back = torch.argsort(self.source, stable=True)
        self.back_target = self.target[self.back]
        self.back_offsets = _offsets(self.source, num_nodes)
        self._copies: dict[int, EdgePattern] = {}

    def repeat(self, b: int) -> "EdgePattern":
        """Return b disjoint copies, copy i holding nodes i*n .. i*n + n - 1; made once per b."""
        if b == 1:
            return self
        if b not in self._copies:
            shift = torch.arange(b, device=self.source.device)[:, None] * self.num_nodes
            edges = torch.stack([(self.source + shift).flatten(), (self.target + shift).flatten()])
            self._copies[b] = EdgePattern(edges, b * self.num_nodes)
        return self._copies[b]

    def sum_into_targets(self, x: Tensor, weights: Tensor) -> Tensor:
        """For each target, the weighted sum of its sources' rows; (n, c) -> (n, c)."""
        return _bag(self.source, x, self.offsets, weights)

    def sum_into_sources(self, x: Tensor, weights: Tensor) -> Tensor:
        """The transposed product: for each source, the weighted sum of its targets' rows."""
        return _bag(self.back_target, x, self.back_offsets, weights.index_select(0, self.back))

    def dot_per_edge(self, at_target: Tensor, at_source: Tensor) -> Tensor:
        """Inner product of the two ends' rows, (n, c) and (n, c) -> (e,)."""
        # The derivative of the weighted sum in its weights; asking torch for it avoids two (e, c) copies.
        with torch.enable_grad():
            weights = torch.ones(len(self.source), device=at_source.device, dtype=at_source.dtype, requires_grad=True)
            summed = self.sum_into_targets(at_source.detach(), weights)
        return torch.autograd.grad(summed, weights, at_target)[0]

    def total_per_target(self, values: Tensor) -> Tensor:
        """Sum of one value per edge (e,) over each target's edges; shape (n,)."""
        return torch.segment_reduce(values, "sum", offsets=self.offsets)

    def total_per_source(self, values: Tensor) -> Tensor:
        """Sum of one value per edge (e,) over each source's edges; shape (n,)."""
        return torch.segment_reduce(values.index_select(0, self.back), "sum", offsets=self.back_offsets)


@final
class SparseProduct:
    """A fixed sparse matrix on a graph's edges: ``product(x)`` is differentiable in ``x`` (n, c)."""

    def __init__(self, pattern: EdgePattern, weights: Tensor) -> None:
        """Keep the matrix.

        Args:
            pattern: Its edges.
            weights: Their weights in the pattern's order, float of shape (e,).
        """
        self.pattern = pattern
        self.weights = weights
        self._copies: dict[int, SparseProduct] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply: for each target, the weighted sum of its sources' rows; (n, c) -> (n, c)."""
        result: Tensor = _Product.apply(x, self)
        return result

    def repeat(self, b: int) -> "SparseProduct":
        """Return the block-diagonal matrix of b copies; made once per b."""
        if b not in self._copies:
            self._copies[b] = SparseProduct(self.pattern.repeat(b), self.weights.repeat(b))
        return self._copies[b]


@final
class StaticGraph:
    """The edges of one graph, with the products that message passings need, each made once.

    Pass it to a network in place of ``edge_index``: same function, several times faster on a CPU.

    Attributes:
        edge_index: Sources and targets, int64 of shape (2, e).
        num_nodes: Number of nodes n.
    """

    def __init__(self, edge_index: Tensor, num_nodes: int) -> None:
        """Keep the edges.

        Args:
            edge_index: Sources and targets, int64 of shape (2, e), on the device of the trainings.
            num_nodes: Number of nodes n.
        """
        self.edge_index = edge_index
        self.num_nodes = num_nodes
        self._products: dict[str, SparseProduct] = {}

    def product(self, name: str, weigh: Callable[[Tensor, int], Weighted]) -> SparseProduct:
        """Return the product of one kind of message passing, from the cache or made by ``weigh``.

        Args:
            name: Name of the kind.
            weigh: (edge_index, num_nodes) -> (edge_index, weights or None for ones).
        """
        if name not in self._products:
            edges, weights = weigh(self.edge_index, self.num_nodes)
            pattern = EdgePattern(edges, self.num_nodes)
            ones = torch.ones(edges.shape[1], device=edges.device)
            self._products[name] = SparseProduct(pattern, (ones if weights is None else weights)[pattern.order])
        return self._products[name]


def attention(x: Tensor, source_score: Tensor, target_score: Tensor, pattern: EdgePattern, slope: float) -> Tensor:
    """Sum each node's neighbours, weighted by a softmax over its incoming edges.

    The weight of an edge is the softmax, over the edges of its target, of
    ``leaky_relu(source_score[source] + target_score[target])``.

    Args:
        x: Rows to sum, float of shape (n, h, c) for h heads.
        source_score: Float of shape (n, h).
        target_score: Float of shape (n, h).
        pattern: The edges.
        slope: Negative slope of the leaky ReLU.

    Returns:
        Float of shape (n, h, c).
    """
    n, h, c = x.shape
    # One head is one copy of the graph, so that everything below is flat.
    flat = x.transpose(0, 1).reshape(h * n, c)
    scores = (source_score.t().reshape(-1), target_score.t().reshape(-1))
    out, _, _ = _Attention.apply(flat, *scores, pattern, h, slope)
    result: Tensor = out.view(h, n, c).transpose(0, 1)
    return result


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, product: SparseProduct) -> Tensor:
        return product.pattern.sum_into_targets(x, product.weights)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.product = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.product.pattern.sum_into_sources(grad, ctx.product.weights), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, product: SparseProduct) -> tuple[Tensor, int]:
        b = info.batch_size
        out = _Product.apply(_fold(x, in_dims[0], b), product.repeat(b))
        return out.view(b, -1, out.shape[-1]), 0


class _Attention(torch.autograd.Function):
    """Returns (sums (n, c), weight per edge (e,), score per edge before the leaky ReLU (e,))."""

    @staticmethod
    def forward(
        x: Tensor, source_score: Tensor, target_score: Tensor, pattern: EdgePattern, copies: int, slope: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        p = pattern.repeat(copies)
        raw = source_score.index_select(0, p.source) + target_score.index_select(0, p.target)
        score = F.leaky_relu(raw, slope)
        top = torch.segment_reduce(score, "max", offsets=p.offsets)
        weight = torch.exp(score - top.index_select(0, p.target))
        weight = weight / (p.total_per_target(weight) + 1e-16).index_select(0, p.target)
        return p.sum_into_targets(x, weight), weight, raw

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        ctx.pattern, ctx.slope = inputs[3].repeat(inputs[4]), inputs[5]
        ctx.save_for_backward(inputs[0], output[1], output[2])
        ctx.mark_non_differentiable(output[1], output[2])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        p, (x, weight, raw) = ctx.pattern, ctx.saved_tensors
        grad_weight = p.dot_per_edge(grad, x)
        # Softmax, then leaky ReLU, backwards.
        pull = weight * grad_weight
        pull = pull - weight * p.total_per_target(pull).index_select(0, p.target)
        pull = torch.where(raw > 0, pull, ctx.slope * pull)
        grad_x = p.sum_into_sources(grad, weight)
        return grad_x, p.total_per_source(pull), p.total_per_target(pull), None, None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], x: Tensor, source_score: Tensor, target_score: Tensor,
        pattern: EdgePattern, copies: int, slope: float,
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[int, int, int]]:  # fmt: skip
        b = info.batch_size
        flat = (_fold(t, d, b) for t, d in zip((x, source_score, target_score), in_dims, strict=False))
        out, weight, raw = _Attention.apply(*flat, pattern, b * copies, slope)
        return (out.view(b, -1, out.shape[1]), weight.view(b, -1), raw.view(b, -1)), (0, 0, 0)


def _fold(x: Tensor, dim: int | None, b: int) -> Tensor:
    """Stack a mapped tensor's copies along its first own dimension."""
    stacked = x.expand(b, *x.shape) if dim is None else x.movedim(dim, 0)
    return stacked.reshape(-1, *stacked.shape[2:])


def _offsets(ends: Tensor, num_nodes: int) -> Tensor:
    counts = torch.bincount(ends, minlength=num_nodes)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def _bag(index: Tensor, rows: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
    return F.embedding_bag(
        index, rows.contiguous(), offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
    )
