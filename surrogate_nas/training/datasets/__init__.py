"""Data to train on: what comes with the package, official files, and data of the user's own."""

from surrogate_nas.training.datasets.array_data import ArrayDataset, array_dataset
from surrogate_nas.training.datasets.catalogue import list_datasets, load_dataset
from surrogate_nas.training.datasets.graph_data import GraphDataset, graph_dataset
from surrogate_nas.training.datasets.splitting import Split

__all__ = [
    "ArrayDataset",
    "GraphDataset",
    "Split",
    "array_dataset",
    "graph_dataset",
    "list_datasets",
    "load_dataset",
]
