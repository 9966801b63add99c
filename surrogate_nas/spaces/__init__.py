"""Search spaces: what architectures exist, as rows of small integers, and what each one means."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.spaces.catalogue import get_space, list_spaces
from surrogate_nas.spaces.definition import define_space, describe_space
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import KINDS, Operation
from surrogate_nas.spaces.skeleton import Skeleton

if TYPE_CHECKING:
    from surrogate_nas.spaces.choices.chain import Layer, Parameter, Total, chain_space, mlp_space, sequence_space
    from surrogate_nas.spaces.choices.choice import Choice, Limit
    from surrogate_nas.spaces.choices.space import ChoiceSpace
    from surrogate_nas.spaces.dag_cell.space import DagCellSpace
    from surrogate_nas.spaces.edge_cell import EdgeCellSpace
    from surrogate_nas.spaces.node_cell import NodeCellSpace
    from surrogate_nas.spaces.two_cell.space import TwoCellSpace

#: Where the families live: each is loaded when a space of it is built.
_FAMILIES = {
    "Choice": "choices",
    "ChoiceSpace": "choices",
    "DagCellSpace": "dag_cell",
    "EdgeCellSpace": "edge_cell",
    "Layer": "choices",
    "Limit": "choices",
    "NodeCellSpace": "node_cell",
    "Parameter": "choices",
    "Total": "choices",
    "TwoCellSpace": "two_cell",
    "chain_space": "choices",
    "mlp_space": "choices",
    "sequence_space": "choices",
}

__all__ = [
    "KINDS",
    "Choice",
    "ChoiceSpace",
    "DagCellSpace",
    "EdgeCellSpace",
    "GraphBatch",
    "Layer",
    "Limit",
    "NodeCellSpace",
    "Operation",
    "Parameter",
    "Rows",
    "SearchSpace",
    "Skeleton",
    "Total",
    "TwoCellSpace",
    "chain_space",
    "define_space",
    "describe_space",
    "get_space",
    "list_spaces",
    "mlp_space",
    "sequence_space",
]


def __getattr__(name: str) -> Any:
    if name in _FAMILIES:
        return getattr(import_module(f"{__name__}.{_FAMILIES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
