"""What fits together: a space and data, a recipe and both."""

from dataclasses import replace
from typing import Any

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.spaces.operations import is_whole
from surrogate_nas.training.datasets import ArrayDataset, GraphDataset
from surrogate_nas.training.datasets.augmentation import Augmentation
from surrogate_nas.training.recipe import Recipe

#: Kinds of data that networks of each kind can read, their own first. Convolutions have one or two dimensions, as the
#: data have; perceptrons see all values of a sample side by side.
_READABLE = {
    "graph": ("graph",),
    "image": ("image", "sequence"),
    "sequence": ("sequence", "image"),
    "tabular": ("tabular", "image", "sequence"),
}

#: Fields of a recipe that say nothing about a graph, which is trained as a whole; what they have to be then.
_NOT_FOR_GRAPHS: dict[str, Any] = {
    "batch_size": None, "clip_norm": None, "mixed_precision": False, "compiled": False, "augmentation": (),
}  # fmt: skip


def readable_kinds(space: SearchSpace) -> tuple[str, ...]:
    """Kinds of data that networks of a space can read, its own first."""
    return _READABLE[space.skeleton.input_kind]


def check_readable(space: SearchSpace, data: GraphDataset | ArrayDataset) -> None:
    """Raise an error unless networks of a space can read the data."""
    kinds = readable_kinds(space)
    if data.input_kind not in kinds:
        raise InvalidInputError(
            f"dataset {data.name!r}: expected {' or '.join(kinds)} data for networks of {space.name!r}, got "
            f"{data.input_kind} data"
        )


def check_recipe(recipe: Recipe, space: SearchSpace, data: GraphDataset | ArrayDataset) -> None:
    """Raise an error unless networks of a space can be trained on the data by a recipe.

    Raises:
        InvalidInputError: A field does not fit the skeleton, the kind of data or their number.
        UnknownNameError: There is no such augmentation.
    """
    replace(space.skeleton, **recipe.overrides(space.skeleton))
    if isinstance(data, GraphDataset):
        for name, value in _NOT_FOR_GRAPHS.items():
            if (got := getattr(recipe, name)) != value:
                raise InvalidInputError(
                    f"{name}: expected {value!r} for a graph, which is trained as a whole, got {got!r}"
                )
        return
    Augmentation(recipe.augmentation, data.input_kind, len(data.classes))
    most = smallest_training_part(data)
    if recipe.batch_size is not None and recipe.batch_size > most:
        raise InvalidInputError(
            f"batch_size: expected at most {most}, the training samples of {data.name!r}, got {recipe.batch_size}; "
            "lower it, or take None for all samples at once"
        )


def smallest_training_part(data: GraphDataset | ArrayDataset) -> int:
    """Training samples of the split that has the fewest."""
    return min(len(split.train) for split in data.splits)


def checked_seed(seed: Any) -> int:
    """A seed as a plain number.

    Raises:
        InvalidInputError: It is not a whole number of at least 0.
    """
    if not is_whole(seed, 0):
        raise InvalidInputError(f"seed: expected a whole number of at least 0, got {seed!r}")
    return int(seed)
