"""Small images and tables that come with scikit-learn, so that anything can be tried at once and offline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from surrogate_nas.training.datasets.array_data import ArrayDataset, InputKind, array_dataset


@dataclass(frozen=True)
class SmallArrays:
    """How a data set of scikit-learn is taken.

    Attributes:
        loader: Function of ``sklearn.datasets``.
        input_kind: "image" or "tabular".
        splitting: Arguments of ``array_dataset``: small data get several splits, over which a score is the mean.
        recipe: How training differs from the defaults of this kind of data.
    """

    loader: str
    input_kind: InputKind
    splitting: Mapping[str, Any]
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def make(self, name: str) -> ArrayDataset:
        """Make the data set; the same numbers each time."""
        data = getattr(import_module("sklearn.datasets"), self.loader)()
        return array_dataset(
            data["images" if self.input_kind == "image" else "data"], data["target"], name=name,
            input_kind=self.input_kind, classes=[str(c) for c in data["target_names"]] if "target_names" in data else
            None, recipe=self.recipe, random_state=0, **self.splitting,
        )  # fmt: skip
