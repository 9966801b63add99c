"""Data as tensors on the device of a training: standardised by what the training part of a split says alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from surrogate_nas.training.datasets import ArrayDataset
from surrogate_nas.training.datasets.array_data import InputKind

Part = Literal["train", "val", "test"]

#: Samples whose moments are summed up at once: enough to be quick, few enough to fit into memory as float64.
_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)  # tensors do not compare
class SplitTensors:
    """One split of a data set, ready to train on.

    Samples stay as the data set has them and are standardised when they are asked for: images as bytes take a
    quarter of the memory, and several splits share one copy.

    Attributes:
        input_kind: "image", "sequence" or "tabular".
        num_classes: How many classes there are; 0 for a regression.
        samples: All samples, float32 or uint8 of shape (n, *input_shape).
        targets: Class of each sample, int64 of shape (n,); for a regression its standardised target, float32.
        train: Positions of the training part, int64 of shape (m,); ``val`` and ``test`` likewise.
        val: Positions of the validation part.
        test: Positions of the test part.
        mean: Mean per channel, or per column, of the training part; it broadcasts over ``samples``.
        scale: One over the standard deviation there; 0 where nothing varies.
        target_mean: Mean of a regression's target over the training part.
        target_std: Its standard deviation there: what a standardised 1 stands for.
    """

    input_kind: InputKind
    num_classes: int
    samples: Tensor
    targets: Tensor
    train: Tensor
    val: Tensor
    test: Tensor
    mean: Tensor
    scale: Tensor
    target_mean: float = 0.0
    target_std: float = 1.0

    @property
    def regression(self) -> bool:
        """Whether a number is predicted, not a class."""
        return not self.num_classes

    def inputs(self, positions: Tensor) -> Tensor:
        """Standardised samples, float32 of shape (m, *input_shape); images with channels last in memory.

        Args:
            positions: Which samples, int64 of shape (m,).
        """
        x = self.samples[positions].float().sub_(self.mean).mul_(self.scale)
        # Convolutions of two dimensions are up to twice as fast that way.
        return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised samples and their targets."""
        return self.inputs(positions), self.targets[positions]

    def part(self, name: Part) -> tuple[Tensor, Tensor]:
        """All of a part at once: standardised samples (m, *input_shape) and targets (m,)."""
        return self.batch(self.positions(name))

    def positions(self, name: Part) -> Tensor:
        """Positions of a part, int64 of shape (m,)."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    def in_unit(self, predicted: Tensor) -> Tensor:
        """Standardised predictions of a regression, in the target's own unit."""
        return predicted * self.target_std + self.target_mean


def split_tensors(data: ArrayDataset, device: torch.device | str = "cpu") -> tuple[SplitTensors, ...]:
    """Every split of a data set as tensors; the same objects each time, as long as few data sets are in use.

    Args:
        data: The data set.
        device: Where the tensors lie.
    """
    return _splits_of(data, torch.device(device))


@lru_cache(maxsize=4)
def _splits_of(data: ArrayDataset, device: torch.device) -> tuple[SplitTensors, ...]:
    samples, targets = torch.from_numpy(data.x).to(device), torch.from_numpy(data.y).to(device)
    splits = []
    for split in data.splits:
        train, val, test = (torch.from_numpy(part).to(device) for part in split)
        mean, std = _moments(samples, train)
        varies = std > 1e-12 * mean.abs().clamp(min=1.0)
        scale = torch.where(varies, 1 / torch.where(varies, std, 1.0), 0.0)
        y, y_mean, y_std = targets, 0.0, 1.0
        if data.regression:
            y_mean, y_std = (float(moment) for moment in _moments(targets[:, None], train))
            y_std = y_std or 1.0
            y = ((targets.double() - y_mean) / y_std).float()
        splits.append(
            SplitTensors(
                data.input_kind, len(data.classes), samples, y, train, val, test, mean.float(), scale.float(),
                y_mean, y_std,
            )
        )  # fmt: skip
    return tuple(splits)


def _moments(values: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per channel, float64 of shape (1, c, 1 ...); in two passes, so that nothing cancels.

    Args:
        values: Of shape (n, c, ...).
        at: Which of them.
    """
    axes = (0, *range(2, values.ndim))
    count = len(at) * values[0, 0].numel()

    def mean_of(f: Callable[[Tensor], Tensor]) -> Tensor:
        sums = [f(values[some].double()).sum(axes, keepdim=True) for some in at.split(_AT_ONCE)]
        return torch.stack(sums).sum(0) / count

    mean = mean_of(lambda x: x)
    return mean, mean_of(lambda x: (x - mean) ** 2).sqrt()
