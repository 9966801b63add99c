"""The data sets that have a name: where such names become objects, and the only place."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, overload

from surrogate_nas.core import InvalidInputError, UnknownNameError, choose
from surrogate_nas.training.datasets.array_data import ArrayDataset, InputKind
from surrogate_nas.training.datasets.described import described_dataset, is_described
from surrogate_nas.training.datasets.files import data_source
from surrogate_nas.training.datasets.formats import read_cifar10, read_cifar100, read_idx_pairs, read_mat_pairs
from surrogate_nas.training.datasets.graph_data import GraphDataset
from surrogate_nas.training.datasets.neighbour_graphs import NeighbourGraph
from surrogate_nas.training.datasets.official import Official, Packaged
from surrogate_nas.training.datasets.omniglot import Omniglot
from surrogate_nas.training.datasets.small_arrays import SmallArrays

PathLike = str | os.PathLike[str]


_Maker = NeighbourGraph | SmallArrays | Packaged | Official | Omniglot

#: What every benchmark of the catalogue of spaces trained its networks with on these data.
_AUGMENTED = {"augmentation": ("crop", "flip")}

#: Small networks, seconds of one core each. Chosen once, on validation scores of random cells of NAS-Bench-201: with
#: AdamW two seeds order them alike, where with momentum at a step size of 0.1 they hardly did.
_SMALL = {"optimiser": "adamw", "learning_rate": 0.005, "weight_decay": 0.05, "width": 0.5, "cells": 1}

_DATASETS: dict[str, dict[str, _Maker]] = {
    "graph": {
        "digits": NeighbourGraph("load_digits", noise=4.0, k=4, num_val=500, resplits=1),
        "wine": NeighbourGraph("load_wine", noise=4.0, k=4, num_val=None, resplits=10),
        "breast-cancer": NeighbourGraph("load_breast_cancer", noise=4.0, k=4, num_val=None, resplits=10),
    },
    "image": {
        "digits": SmallArrays("load_digits", "image", {"validation": 0.3, "test": 0.3}, {**_SMALL, "epochs": 12}),
        # About ten images per class to learn from, and three times so many networks: there architectures differ most.
        "few-digits": SmallArrays(
            "load_digits",
            "image",
            {"validation": 0.47, "test": 0.47, "repeats": 3},
            {**_SMALL, "epochs": 20, "batch_size": 25, "evaluate_every": 2},
        ),
        "fashion-mnist-subset": Official(
            source="fashion-mnist",
            read=read_idx_pairs,
            train=2000,
            validation=1000,
            test=2000,
            recipe={**_SMALL, "epochs": 10, "skeleton": {"stem_stride": 2}},
        ),
        "fashion-mnist": Official(source="fashion-mnist", read=read_idx_pairs),
        "mnist": Official(source="mnist", read=read_idx_pairs),
        "cifar10": Official(source="cifar10", read=read_cifar10, recipe=_AUGMENTED),
        "cifar100": Official(source="cifar100", read=read_cifar100, recipe=_AUGMENTED),
        "svhn": Official(source="svhn", read=read_mat_pairs),
        "omniglot": Omniglot(),
    },
    "sequence": {
        "mnist-1d": Packaged("mnist-1d", "sequence", train=4000, validation=1000, recipe={**_SMALL, "epochs": 12}),
    },
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
def load_dataset(
    name: PathLike, input_kind: Literal["graph"], *, folder: PathLike | None = None, offline: bool = False
) -> GraphDataset: ...


@overload
def load_dataset(
    name: PathLike, input_kind: InputKind, *, folder: PathLike | None = None, offline: bool = False
) -> ArrayDataset: ...


@overload
def load_dataset(
    name: PathLike,
    input_kind: str | Sequence[str] | None = None,
    *,
    folder: PathLike | None = None,
    offline: bool = False,
) -> GraphDataset | ArrayDataset: ...


def load_dataset(
    name: PathLike,
    input_kind: str | Sequence[str] | None = None,
    *,
    folder: PathLike | None = None,
    offline: bool = False,
) -> GraphDataset | ArrayDataset:
    """Return the data set of that name, or the one that a TOML file describes; the same object each time.

    What does not come with the package is read from its official files: from ``folder``, from the folder that the
    variable SURROGATE_NAS_DATASETS names, from where a distribution's package puts them, or from the cache, to which
    they are fetched. Every file is checked against its published checksum.

        load_dataset("digits", "image")
        load_dataset("cifar10", "image", folder="~/data")        # ~/data/cifar10/ or ~/data/ has the official archive
        load_dataset("watch.toml")                               # data of one's own

    Args:
        name: One of :func:`list_datasets`, or the path of a ``.toml`` file as
            :mod:`surrogate_nas.training.datasets.described` has it.
        input_kind: What a sample is: "graph" (nodes of one graph), "image", "sequence" or "tabular". Of several the
            first one that has the name; None is all, in this order.
        folder: Where official files are looked for first.
        offline: Never touch the network.

    Raises:
        UnknownNameError: There is no such kind, or no data set of that kind has the name.
        InvalidInputError: An official file is missing and cannot be fetched, or is not the published one; or the TOML
            file, or the data it describes, are wrong.
    """
    kinds = list(_DATASETS) if input_kind is None else [input_kind] if isinstance(input_kind, str) else input_kind
    if is_described(name):
        return _described(name, kinds)
    named = os.fspath(name)
    of_kinds = [(kind, choose("kind of input", kind, _DATASETS)) for kind in kinds]
    found = next((kind for kind, makers in of_kinds if named in makers), None)
    if found is None:
        known = list(dict.fromkeys(other for _, makers in of_kinds for other in makers))
        raise UnknownNameError.of(f"{kinds[0]} dataset" if len(kinds) == 1 else "dataset", named, known)
    maker = _DATASETS[found][named]
    if not isinstance(maker, Official | Omniglot):
        return _made(named, found)
    place = None if folder is None else Path(folder).expanduser()
    if offline:  # the files are looked for each time, but the data are kept once
        data_source(maker.source).find(place, offline=True)
    return _made(named, found, place)


def _described(path: PathLike, kinds: Sequence[str]) -> ArrayDataset:
    data = described_dataset(path)
    if data.input_kind not in kinds:
        raise InvalidInputError(f"{path}: expected {' or '.join(kinds)} data, got {data.input_kind} data")
    return data


@cache
def _made(name: str, input_kind: str, folder: Path | None = None) -> GraphDataset | ArrayDataset:
    maker = _DATASETS[input_kind][name]
    return maker.make(name, folder) if isinstance(maker, Official | Omniglot) else maker.make(name)
