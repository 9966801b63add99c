"""Data that are already a torch ``Dataset``: read once, sample by sample."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.datasets.array_data import ArrayDataset, array_dataset

if TYPE_CHECKING:
    from torch.utils.data import Dataset


def from_torch_dataset(
    dataset: "Dataset[Any]",
    *,
    val: "Dataset[Any] | None" = None,
    test: "Dataset[Any] | None" = None,
    name: str = "user",
    **options: Any,
) -> ArrayDataset:
    """Make a data set of a map-style torch ``Dataset`` whose items are (sample, label).

    Samples are tensors, arrays or Pillow images, all of one shape; they are read once and kept in memory, so what is
    drawn at random when an item is read (augmentation) is drawn once: leave it to the recipe.

        from_torch_dataset(all_of_it, folds=5)
        from_torch_dataset(train, val=val, test=test)

    Args:
        dataset: All samples; or those to train on, where the others are given.
        val: Samples to choose on.
        test: Samples to judge on.
        name: What results call the data set.
        **options: Those of :func:`~surrogate_nas.training.array_dataset`: input_kind, task, classes, folds, ...

    Raises:
        InvalidInputError: One line on what is wrong: no length, items that are no pairs, samples of different
            shapes, one of the other parts without the other, ...
    """
    if (val is None) != (test is None):
        raise InvalidInputError("val and test: expected both or neither, got one; without them all parts are drawn")
    parts = [dataset] if val is None or test is None else [dataset, val, test]
    samples: list[npt.NDArray[Any]] = []
    labels: list[Any] = []
    ends = [0]
    for part in parts:
        _read(part, samples, labels)
        ends.append(len(samples))
    if len(parts) > 1:
        options = {"splits": [tuple(np.arange(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True))]} | options
    return array_dataset(np.stack(samples), np.array(labels), name=name, **options)


def _read(dataset: Any, samples: list[npt.NDArray[Any]], labels: list[Any]) -> None:
    """Append all items of a data set."""
    try:
        n = len(dataset)
    except (TypeError, NotImplementedError):
        raise InvalidInputError(
            f"dataset: expected a map-style torch Dataset with a length, got {type(dataset).__name__}; collect its "
            "samples into arrays and use array_dataset"
        ) from None
    if not n:
        raise InvalidInputError(f"dataset: expected samples, got an empty {type(dataset).__name__}")
    for i in range(n):
        item = dataset[i]
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise InvalidInputError(f"dataset: expected items (sample, label), got {type(item).__name__} at {i}")
        sample = _array(item[0], i)
        if samples and sample.shape != samples[0].shape:
            raise InvalidInputError(f"dataset: expected samples of one shape, got {samples[0].shape} at 0 and "
                                    f"{sample.shape} at {i}; resize or pad them first")  # fmt: skip
        samples.append(sample)
        labels.append(_label(item[1], i))


def _label(label: Any, i: int) -> Any:
    try:
        return label.item() if hasattr(label, "item") else label
    except (RuntimeError, ValueError):
        raise InvalidInputError(f"dataset: expected one label per sample, got several at {i}") from None


def _array(sample: Any, i: int) -> npt.NDArray[Any]:
    if hasattr(sample, "detach"):  # a tensor; NumPy has no bfloat16
        sample = sample.detach().cpu()
        sample = sample.float() if sample.is_floating_point() else sample
    array = np.asarray(sample)
    if array.dtype.kind not in "biuf":
        raise InvalidInputError(f"dataset: expected samples of numbers, got {type(sample).__name__} at {i}")
    picture = hasattr(sample, "getbands")  # Pillow puts the channels last, or leaves a single one out
    return np.moveaxis(np.atleast_3d(array), 2, 0) if picture else array
