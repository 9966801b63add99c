"""Data to train on: what comes with the package, official files, and data of the user's own."""

from surrogate_nas.training.datasets.array_data import ArrayDataset, array_dataset
from surrogate_nas.training.datasets.catalogue import list_datasets, load_dataset
from surrogate_nas.training.datasets.csv_data import csv_dataset
from surrogate_nas.training.datasets.graph_data import GraphDataset, graph_dataset
from surrogate_nas.training.datasets.image_folders import image_folder
from surrogate_nas.training.datasets.splitting import Split
from surrogate_nas.training.datasets.torch_data import from_torch_dataset

__all__ = [
    "ArrayDataset",
    "GraphDataset",
    "Split",
    "array_dataset",
    "csv_dataset",
    "from_torch_dataset",
    "graph_dataset",
    "image_folder",
    "list_datasets",
    "load_dataset",
]
