"""Training for real: data sets, the training loop and its results."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from surrogate_nas.training.datasets import (
    ArrayDataset,
    GraphDataset,
    Split,
    array_dataset,
    csv_dataset,
    from_torch_dataset,
    graph_dataset,
    image_folder,
    list_datasets,
    load_dataset,
)
from surrogate_nas.training.recipe import Recipe, default_recipe
from surrogate_nas.training.result import Scores, TrainingResult

if TYPE_CHECKING:
    from surrogate_nas.training.supernet import Supernet, darts
    from surrogate_nas.training.trainer import Trainer

__all__ = [
    "ArrayDataset",
    "GraphDataset",
    "Recipe",
    "Scores",
    "Split",
    "Supernet",
    "Trainer",
    "TrainingResult",
    "array_dataset",
    "csv_dataset",
    "darts",
    "default_recipe",
    "from_torch_dataset",
    "graph_dataset",
    "image_folder",
    "list_datasets",
    "load_dataset",
]


#: Modules that load torch, which takes seconds, and the names that live there.
_HOMES = {"supernet": ("Supernet", "darts"), "trainer": ("Trainer",)}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
