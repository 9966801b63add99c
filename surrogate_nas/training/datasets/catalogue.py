"""The data sets that have a name: where such names become objects, and the only place."""

from functools import cache
from typing import Literal, Protocol, overload

from surrogate_nas.core import choose
from surrogate_nas.training.datasets.array_data import ArrayDataset, InputKind
from surrogate_nas.training.datasets.graph_data import GraphDataset
from surrogate_nas.training.datasets.neighbour_graphs import NeighbourGraph
from surrogate_nas.training.datasets.small_arrays import SmallArrays


class _Maker(Protocol):
    def make(self, name: str) -> GraphDataset | ArrayDataset: ...


_DATASETS: dict[str, dict[str, _Maker]] = {
    "graph": {
        "digits": NeighbourGraph("load_digits", noise=4.0, k=4, num_val=500, resplits=1),
        "wine": NeighbourGraph("load_wine", noise=4.0, k=4, num_val=None, resplits=10),
        "breast-cancer": NeighbourGraph("load_breast_cancer", noise=4.0, k=4, num_val=None, resplits=10),
    },
    "image": {
        "digits": SmallArrays("load_digits", "image", {"validation": 0.3, "test": 0.3}),
    },
    "sequence": {},
    "tabular": {
        "digits": SmallArrays("load_digits", "tabular", {"validation": 0.3, "test": 0.3}),
        "wine": SmallArrays("load_wine", "tabular", {"folds": 5, "repeats": 2}),
        "breast-cancer": SmallArrays("load_breast_cancer", "tabular", {"folds": 5}),
        "diabetes": SmallArrays("load_diabetes", "tabular", {"folds": 5, "repeats": 2}),
    },
}


def list_datasets(input_kind: str | None = None) -> list[str]:
    """Names that :func:`load_dataset` knows.

    Args:
        input_kind: "graph", "image", "sequence" or "tabular"; None gives all names, each once.

    Raises:
        UnknownNameError: There is no such kind.
    """
    if input_kind is None:
        return list(dict.fromkeys(name for names in _DATASETS.values() for name in names))
    return list(choose("kind of input", input_kind, _DATASETS))


@overload
def load_dataset(name: str, input_kind: Literal["graph"] = "graph") -> GraphDataset: ...


@overload
def load_dataset(name: str, input_kind: InputKind) -> ArrayDataset: ...


@overload
def load_dataset(name: str, input_kind: str) -> GraphDataset | ArrayDataset: ...


def load_dataset(name: str, input_kind: str = "graph") -> GraphDataset | ArrayDataset:
    """Return the data set of that name; the same object each time.

    Args:
        name: One of :func:`list_datasets`.
        input_kind: What a sample is: "graph" (nodes of one graph), "image", "sequence" or "tabular".

    Raises:
        UnknownNameError: There is no such kind, or no data set of that kind has the name.
    """
    known = choose("kind of input", input_kind, _DATASETS)
    choose(f"{input_kind} dataset", name, known)
    return _made(name, input_kind)


@cache
def _made(name: str, input_kind: str) -> GraphDataset | ArrayDataset:
    return _DATASETS[input_kind][name].make(name)
