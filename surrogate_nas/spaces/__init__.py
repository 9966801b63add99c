"""Search spaces: what architectures exist, as rows of small integers, and what each one means."""

from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.spaces.catalogue import get_space, list_spaces
from surrogate_nas.spaces.definition import define_space, describe_space
from surrogate_nas.spaces.edge_cell import EdgeCellSpace
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.node_cell import NodeCellSpace
from surrogate_nas.spaces.operations import KINDS, Operation
from surrogate_nas.spaces.skeleton import Skeleton

__all__ = [
    "KINDS",
    "EdgeCellSpace",
    "GraphBatch",
    "NodeCellSpace",
    "Operation",
    "Rows",
    "SearchSpace",
    "Skeleton",
    "define_space",
    "describe_space",
    "get_space",
    "list_spaces",
]
