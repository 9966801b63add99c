"""More classes out of few: images turned by quarters, and several data sets as one.

Few-shot learning needs many classes to learn from, and images turned by 90 degrees count as new ones where their
shape is what tells them apart: usual for Omniglot since Santoro et al. 2016 (https://arxiv.org/abs/1605.06065).
"""

from collections.abc import Sequence

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.datasets import ArrayDataset, Split, array_dataset


def rotated(data: ArrayDataset) -> ArrayDataset:
    """Every image in four directions, each a class of its own: class c turned by r quarters is c + r * classes.

    Args:
        data: Square images. Where a class turned is like another (6 and 9), or like itself (0), a task may hold
            what nobody can tell apart.

    Raises:
        InvalidInputError: Not square images.
    """
    if data.input_kind != "image" or data.input_shape[1] != data.input_shape[2]:
        raise InvalidInputError(f"rotated: expected square images, got {data.input_kind} data {data.input_shape}")
    n, k = len(data.y), len(data.classes)
    x = np.concatenate([np.rot90(data.x, r, axes=(2, 3)) for r in range(4)])
    y = np.concatenate([data.y + r * k for r in range(4)])
    names = [f"{name}, {90 * r} degrees" if r else name for r in range(4) for name in data.classes]
    splits = [Split(*(np.concatenate([part + r * n for r in range(4)]) for part in split)) for split in data.splits]
    return array_dataset(x, y, name=f"{data.name}, rotated", input_kind="image", classes=names, splits=splits)


def joined(sets: Sequence[ArrayDataset]) -> ArrayDataset:
    """Several data sets as one, with the classes of all, in their order.

    Args:
        sets: Of samples of one shape and type.

    Raises:
        InvalidInputError: None, or samples of several shapes or types.
    """
    kinds = {(data.input_kind, data.input_shape, data.x.dtype.name, data.regression) for data in sets}
    if len(kinds) != 1 or next(iter(kinds))[3]:
        raise InvalidInputError(
            f"joined: expected data sets with classes, all of one kind, shape and type, got {sorted(kinds)}"
        )
    starts = np.cumsum([0, *(len(data.y) for data in sets)])
    first = np.cumsum([0, *(len(data.classes) for data in sets)])
    pairs = [[part + start for part in data.splits[0]] for data, start in zip(sets, starts, strict=False)]
    return array_dataset(
        np.concatenate([data.x for data in sets]),
        np.concatenate([data.y + c for data, c in zip(sets, first, strict=False)]),
        name=" + ".join(data.name for data in sets),
        input_kind=sets[0].input_kind,
        classes=[f"{data.name}: {name}" for data in sets for name in data.classes],
        splits=[Split(*(np.concatenate(parts) for parts in zip(*pairs, strict=True)))],
    )
