"""Data sets in their official parts: trained and chosen on what was published to train on, judged on the test part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from surrogate_nas.core.resources import data_folder
from surrogate_nas.training.datasets.array_data import ArrayDataset, InputKind, array_dataset
from surrogate_nas.training.datasets.files import DataSource, data_source
from surrogate_nas.training.datasets.formats import TrainTest
from surrogate_nas.training.datasets.splitting import Ints, Split


@dataclass(frozen=True, kw_only=True)
class Official:
    """How a published data set is taken.

    Attributes:
        source: Its name in the list of sources, or what is published about it.
        read: Reader of its files.
        validation: Samples of the training part to choose on.
        train: Samples to train on; None takes the rest of the training part.
        test: Samples of the test part to judge on; None takes all.
        recipe: How training differs from the defaults of this kind of data.
    """

    source: str | DataSource
    read: Callable[[list[Path]], TrainTest]
    validation: int = 10_000
    train: int | None = None
    test: int | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def make(self, name: str, folder: Path | None = None, *, offline: bool = False) -> ArrayDataset:
        """Read the files; the same samples and splits each time.

        Raises:
            InvalidInputError: A file is missing, damaged, or not the published one.
        """
        source = data_source(self.source)
        train, test = self.read(source.find(folder, offline=offline))
        split = official_split(train.y, test.y, self.validation, train=self.train, test=self.test)
        x, y = np.concatenate([train.x, test.x]), np.concatenate([train.y, test.y])
        if sum(map(len, split)) < len(y):  # a subset: the rest is not kept in memory
            kept = np.concatenate(split)
            x, y, split = x[kept], y[kept], _consecutive(split)
        return array_dataset(x, y, name=name, classes=source.classes, splits=[split], recipe=self.recipe)


@dataclass(frozen=True)
class Packaged:
    """A data set that comes with the package, in one file of arrays ``x`` and ``y``, the training part first.

    Attributes:
        source: Its name in the list of sources.
        input_kind: What a sample is.
        train: Samples of the training part.
        validation: How many of them are to choose on.
        recipe: How training differs from the defaults of this kind of data.
    """

    source: str
    input_kind: InputKind
    train: int
    validation: int
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def make(self, name: str) -> ArrayDataset:
        """Read the file; the same samples and splits each time.

        Raises:
            InvalidInputError: The file is missing or damaged.
        """
        source = data_source(self.source)
        path = data_folder() / "datasets" / source.files[0].name
        source.files[0].verify(path)
        with np.load(path) as arrays:
            x, y = arrays["x"], arrays["y"]
        split = official_split(y[: self.train], y[self.train :], self.validation)
        return array_dataset(
            x, y, name=name, input_kind=self.input_kind, classes=source.classes, splits=[split], recipe=self.recipe
        )


def official_split(
    y_train: Ints, y_test: Ints, validation: int, *, train: int | None = None, test: int | None = None
) -> Split:
    """Draw the validation part out of the training part, by class; positions as if test followed training.

    Args:
        y_train: Classes of the training part.
        y_test: Classes of the test part.
        validation: Samples to choose on.
        train: Samples to train on; None takes the rest.
        test: Samples to judge on; None takes all.
    """
    rest, chosen = _taken(y_train, validation)
    kept = rest if train is None else rest[_taken(y_train[rest], train)[1]]
    judged = np.arange(len(y_test)) if test is None else _taken(y_test, test)[1]
    return Split(kept, chosen, judged + len(y_train))


def _taken(y: Ints, n: int) -> tuple[Ints, Ints]:
    """Positions that are left and ``n`` that are taken, each class by its share; the same each time."""
    from sklearn.model_selection import StratifiedShuffleSplit

    left, taken = next(StratifiedShuffleSplit(1, test_size=n, random_state=0).split(y[:, None], y))
    return np.sort(left), np.sort(taken)


def _consecutive(split: Split) -> Split:
    """The same split of samples that were put one part after the other."""
    ends = np.cumsum([len(part) for part in split])
    train, val, test = (np.arange(end - len(part), end) for part, end in zip(split, ends, strict=True))
    return Split(train, val, test)
