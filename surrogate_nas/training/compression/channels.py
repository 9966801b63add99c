"""Which channels of a network belong together: what has to be removed at once so that the rest still fits.

Channels that are added to each other are one thing; those that pass a normalisation, an activation or a pooling stay
what they are; a convolution or a linear layer makes new ones. Numbering them along the traced network gives groups of
channels, whatever the architecture; the idea is that of dependency graphs [1].

References:
    [1] Fang et al., DepGraph: Towards any structural pruning, CVPR 2023, https://arxiv.org/abs/2301.12900
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from surrogate_nas.core import InvalidInputError

Ints = npt.NDArray[np.int64]

#: Layers whose outputs are of the channels of their inputs, each by itself.
_PASSING = (
    nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Hardswish, nn.Hardsigmoid, nn.Identity, nn.Dropout,
    nn.AvgPool1d, nn.AvgPool2d, nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
    nn.ConstantPad1d, nn.ConstantPad2d,
)  # fmt: skip

#: Functions that take tensors of the same channels apart from broadcasting.
_TOGETHER = (operator.add, operator.mul, torch.add, torch.mul)


@final
@dataclass
class Channels:
    """Groups of channels that belong together.

    Attributes:
        reads: Group of each channel that a layer reads, by name of the layer.
        writes: Group of each channel that it gives.
        fixed: Groups that nothing may be removed from: inputs, answers, and what an unknown operation reads.
    """

    reads: dict[str, Ints] = field(default_factory=dict)
    writes: dict[str, Ints] = field(default_factory=dict)
    fixed: frozenset[int] = frozenset()

    def families(self) -> list[Ints]:
        """Groups that are alike, in that the same layers make them: among them is chosen which are removed."""
        makers: dict[int, set[str]] = {}
        for name, groups in self.writes.items():
            for group in groups.tolist():
                makers.setdefault(group, set()).add(name)
        alike: dict[frozenset[str], list[int]] = {}
        for group, names in sorted(makers.items()):
            if group not in self.fixed:
                alike.setdefault(frozenset(names), []).append(group)
        return [np.array(groups) for groups in alike.values()]


def trace_channels(network: nn.Module, input_shape: Sequence[int]) -> Channels:
    """Find the groups of a network.

    Args:
        network: Of convolutions and linear layers, in evaluation mode, called with (n, *input_shape).
        input_shape: Shape of one input without the batch.

    Raises:
        InvalidInputError: The network cannot be traced: what it computes depends on the values it reads.
    """
    try:
        graph = _Tracer().trace(network)
        ShapeProp(fx.GraphModule(network, graph)).propagate(torch.zeros(2, *input_shape))
    except (TypeError, ValueError, RuntimeError, fx.proxy.TraceError) as error:
        raise InvalidInputError(
            f"network: expected one whose channels can be traced, got {type(network).__name__} "
            f"({' '.join(str(error).split()):.120}); prune single weights instead"
        ) from None
    return _Walk(network).along(graph)


@final
class _Tracer(fx.Tracer):
    """Sees layers of torch, and all others without layers inside, as one step."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return super().is_leaf_module(m, module_qualified_name) or not any(True for _ in m.children())


@final
class _Walk:
    """Numbers channels along a traced network; numbers that turn out to be of one group are joined."""

    def __init__(self, network: nn.Module) -> None:
        self.layers = dict(network.named_modules())
        self.parent: list[int] = []
        self.reads: dict[str, list[int]] = {}
        self.writes: dict[str, list[int]] = {}
        self.fixed: list[int] = []

    def along(self, graph: fx.Graph) -> Channels:
        of: dict[fx.Node, list[int]] = {}
        for node in graph.nodes:
            groups, width = self._given(node, of), _width(node)
            # What is not understood gives channels that stay as they are.
            of[node] = groups if len(groups) == width else self._frozen(self._new(width))
        roots = {
            what: {name: np.array([self._root(g) for g in groups]) for name, groups in table.items()}
            for what, table in (("reads", self.reads), ("writes", self.writes))
        }
        return Channels(**roots, fixed=frozenset(self._root(g) for g in self.fixed))

    def _given(self, node: fx.Node, of: dict[fx.Node, list[int]]) -> list[int]:
        """Groups of the channels that a step gives."""
        inputs = [of[argument] for argument in node.all_input_nodes]
        if node.op == "call_module":
            return self._layer(str(node.target), inputs[0], _width(node))
        if node.op == "call_function" and node.target in _TOGETHER and len(inputs) == 2:
            return self._joined(inputs)
        if _stacked(node):
            return self._joined(inputs)
        if node.op == "call_method" and node.target == "sum" and _stacked(node.all_input_nodes[0]) and _axis(node) == 0:
            return inputs[0]
        if node.op == "call_function" and node.target is torch.cat and _axis(node) == 1:
            parts: Any = node.args[0]
            return sum((of[part] for part in parts), [])
        self._frozen(sum(inputs, []))  # answers, parts of tensors, and all that is not known here
        return []

    def _layer(self, name: str, groups: list[int], width: int) -> list[int]:
        layer = self.layers[name]
        if isinstance(layer, _ConvNd | nn.Linear | _BatchNorm):
            if name in self.reads:  # called before: the same weights read, and give, the same channels
                self._joined([self.reads[name], groups])
            self.reads[name] = groups
        if isinstance(layer, _BatchNorm):
            return groups
        if isinstance(layer, _ConvNd):
            return self._convolution(name, layer, groups)
        if isinstance(layer, nn.Linear):
            self.writes.setdefault(name, self._new(layer.out_features))
            return self.writes[name]
        if isinstance(layer, nn.Flatten):
            # A channel becomes as many numbers as it had positions.
            return [group for group in groups for _ in range(width // len(groups))]
        if isinstance(layer, _PASSING):
            return groups
        self._frozen(groups)
        return []

    def _convolution(self, name: str, layer: Any, groups: list[int]) -> list[int]:
        if layer.groups == layer.in_channels == layer.out_channels:
            self.writes[name] = groups
            return groups
        written = self.writes.setdefault(name, self._new(layer.out_channels))
        if layer.groups > 1:  # channels of grouped convolutions are left as they are
            self._frozen(groups + written)
        return written

    def _joined(self, inputs: list[list[int]]) -> list[int]:
        """What is added, or multiplied, channel by channel."""
        first = inputs[0]
        if any(len(groups) != len(first) for groups in inputs):
            return self._frozen(sum(inputs, []))
        for groups in inputs[1:]:
            for one, other in zip(first, groups, strict=True):
                self.parent[self._root(other)] = self._root(one)
        return first

    def _new(self, count: int) -> list[int]:
        first = len(self.parent)
        self.parent += range(first, first + count)
        return list(range(first, first + count))

    def _frozen(self, groups: list[int]) -> list[int]:
        self.fixed += groups
        return groups

    def _root(self, group: int) -> int:
        while self.parent[group] != group:
            self.parent[group] = self.parent[self.parent[group]]
            group = self.parent[group]
        return group


def _axis(node: fx.Node) -> Any:
    """Along which axis tensors are put together."""
    return node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)


def _width(node: fx.Node) -> int:
    """Channels, or columns, that a step gives; 0 for what is no batch of tensors."""
    shape: tuple[int, ...] = getattr(node.meta.get("tensor_meta"), "shape", ())
    axis = 2 if _stacked(node) else 1
    return int(shape[axis]) if len(shape) > axis and node.op != "output" else 0


def _stacked(node: fx.Node) -> bool:
    """Whether a step puts tensors of one shape beside each other, as a sum of many begins."""
    return node.op == "call_function" and node.target is torch.stack and not node.kwargs.get("dim")
