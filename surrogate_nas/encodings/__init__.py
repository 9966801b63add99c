"""Encodings: architectures as named float32 columns, for whole batches at once."""

from typing import TYPE_CHECKING, Any

from surrogate_nas.encodings.adjacency import AdjacencyEncoder
from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.encodings.depth_features import DepthFeatures
from surrogate_nas.encodings.graph_features import GraphFeatures
from surrogate_nas.encodings.laplacian_encoder import LaplacianEncoder
from surrogate_nas.encodings.number_features import NumberFeatures
from surrogate_nas.encodings.one_hot import OneHotEncoder
from surrogate_nas.encodings.path_encoder import PathEncoder
from surrogate_nas.encodings.shared_features import SharedFeatures
from surrogate_nas.encodings.side_features import SideFeatures
from surrogate_nas.encodings.standard_features import StandardFeatures
from surrogate_nas.encodings.weisfeiler_lehman import WeisfeilerLehman

if TYPE_CHECKING:
    from surrogate_nas.encodings.learned_embedding import LearnedEmbedding

__all__ = [
    "AdjacencyEncoder",
    "DepthFeatures",
    "Encoder",
    "Features",
    "GraphFeatures",
    "LaplacianEncoder",
    "LearnedEmbedding",
    "NumberFeatures",
    "OneHotEncoder",
    "PathEncoder",
    "SharedFeatures",
    "SideFeatures",
    "StandardFeatures",
    "WeisfeilerLehman",
]


def __getattr__(name: str) -> Any:
    if name == "LearnedEmbedding":  # torch takes its time to load
        from surrogate_nas.encodings.learned_embedding import LearnedEmbedding

        return LearnedEmbedding
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
