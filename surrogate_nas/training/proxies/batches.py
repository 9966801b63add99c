"""The batch that proxies look at: from a data set, or random."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, as_generator
from surrogate_nas.core.random import RandomState
from surrogate_nas.training.datasets import ArrayDataset

#: Samples of a batch where nobody says otherwise, as in NAS-Bench-Suite-Zero.
BATCH_SIZE = 64


@final
@dataclass(frozen=True, eq=False)  # arrays do not compare
class ProxyBatch:
    """A few samples, ready to be fed to a network.

    Attributes:
        inputs: Standardised, float32 (n, *input_shape), at least two.
        targets: Their classes, int64 (n,); or for a regression standardised numbers, float32.
        num_outputs: Outputs that a network needs: classes, or 1.
        name: What the batch is of.
    """

    inputs: npt.NDArray[np.float32]
    targets: npt.NDArray[np.int64] | npt.NDArray[np.float32]
    num_outputs: int
    name: str = "user"

    def __post_init__(self) -> None:
        if self.inputs.ndim < 2 or len(self.inputs) < 2 or self.targets.shape != (len(self.inputs),):
            raise InvalidInputError(
                f"batch: expected at least two samples with a target each, got inputs of shape {self.inputs.shape} and "
                f"targets of shape {self.targets.shape}"
            )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of a sample."""
        return self.inputs.shape[1:]


def random_batch(
    input_shape: Sequence[int], num_outputs: int, *, size: int = BATCH_SIZE, random_state: RandomState = 0
) -> ProxyBatch:
    """Standard normal noise, where there are no data: classes are as frequent as can be, in random order.

    Args:
        input_shape: (channels, height, width) of images, (channels, length) of sequences, (columns,) of tables.
        num_outputs: Number of classes; 1 for a regression.
        size: Samples.
        random_state: Draws the samples.
    """
    shape = tuple(input_shape)
    if not shape or min(shape) < 1 or num_outputs < 1:
        raise InvalidInputError(
            f"random batch: expected positive sizes and at least one output, got {shape} and {num_outputs}"
        )
    rng = as_generator(random_state)
    inputs = rng.standard_normal((_checked_size(size), *shape), dtype=np.float32)
    if num_outputs == 1:
        return ProxyBatch(inputs, rng.standard_normal(size, dtype=np.float32), 1, "random")
    return ProxyBatch(inputs, rng.permutation(np.arange(size) % num_outputs), num_outputs, "random")


def data_batch(data: ArrayDataset, *, size: int = BATCH_SIZE, random_state: RandomState = 0) -> ProxyBatch:
    """Samples of the training part of a data set's first split, standardised as for a training on it.

    Args:
        data: Images, sequences or tabular data.
        size: Samples; all of them, where there are fewer.
        random_state: Draws the samples.
    """
    import torch

    from surrogate_nas.training.tensors import split_tensors

    if not isinstance(data, ArrayDataset):
        raise InvalidInputError(
            f"data: expected images, sequences or tabular data, got {type(data).__name__}; proxies do not read graphs"
        )
    part = data.splits[0].train
    size = min(_checked_size(size), len(part))
    drawn = np.sort(as_generator(random_state).choice(part, size, replace=False))
    inputs, targets = split_tensors(data)[0].batch(torch.from_numpy(drawn))
    return ProxyBatch(np.ascontiguousarray(inputs.numpy()), targets.numpy(), data.num_outputs, data.name)


def _checked_size(size: int) -> int:
    if size < 2:
        raise InvalidInputError(f"batch size: expected at least 2 samples, for proxies compare them, got {size}")
    return size
