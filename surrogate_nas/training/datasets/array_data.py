"""Images, sequences and tables of numbers with a class or a target each: checked once, when they are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.random import RandomState
from surrogate_nas.training.datasets.labels import Task, checked_groups, checked_labels
from surrogate_nas.training.datasets.splitting import Split, Splitting, draw_array_splits, given_splits

InputKind = Literal["image", "sequence", "tabular"]

#: Axes of one sample, by kind of input.
AXES: dict[InputKind, tuple[str, ...]] = {
    "tabular": ("columns",),
    "sequence": ("channels", "length"),
    "image": ("channels", "height", "width"),
}

#: Counts of channels that images have; a last axis of such a length behind two longer ones is theirs.
_IMAGE_CHANNELS = (1, 3, 4)

#: So many training samples tell how much single values say about the classes well enough.
_SIGNAL_SAMPLES = 2000


@dataclass(frozen=True, eq=False)  # arrays do not compare; one object, one data set
class ArrayDataset:
    """Samples of one shape, each with a class or a number to predict.

    Nothing is standardised here: that is done by whoever trains, from the training part of each split alone.

    Attributes:
        name: What results call it.
        x: Samples, float32 of shape (n, ...), or uint8 for images (0 to 255). One sample is (channels,
            height, width) for images, (channels, length) for sequences, (columns,) for tabular data.
        y: Class per sample, int64 of shape (n,), 0 to k - 1; or its target, float32, for a regression.
        splits: One or more, not always of equal sizes; with several, a score is the mean over them.
        classes: Names of the classes; empty for a regression.
        input_kind: "image", "sequence" or "tabular".
        recipe: How training differs from the defaults of this kind of data, by name of a field of ``Recipe``;
            chosen once, on validation scores.
    """

    name: str
    x: npt.NDArray[np.float32] | npt.NDArray[np.uint8]
    y: npt.NDArray[np.int64] | npt.NDArray[np.float32]
    splits: tuple[Split, ...]
    classes: tuple[str, ...]
    input_kind: InputKind
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.x.shape[1:]

    @property
    def num_outputs(self) -> int:
        """Numbers a network gives per sample: one per class, or the target."""
        return max(1, len(self.classes))

    @property
    def regression(self) -> bool:
        """Whether a number is predicted, not a class."""
        return not self.classes

    def descriptors(self) -> dict[str, float]:
        """Numbers that describe the task, for predictors that learn across tasks.

        Returns:
            samples; train_samples (mean over the splits); classes (0 for a regression); channels, height, width
            (a sequence is one high, tabular data are one high and wide); values (numbers per sample); imbalance
            (samples of the largest class over those of the smallest, 1 for a regression); class_entropy (of the
            shares of the classes, 1 where all are equal, 0 for a regression); signal (share of a value's variance
            that the class explains, or its squared correlation with the target: mean over the values, on training
            samples); resplits.
        """
        shape = {"tabular": (*self.input_shape, 1, 1), "sequence": (self.x.shape[1], 1, self.x.shape[-1])}
        channels, height, width = shape.get(self.input_kind, self.input_shape)
        counts = np.ones(1) if self.regression else np.bincount(self.y, minlength=len(self.classes))
        shares = counts / counts.sum()
        return {
            "samples": float(len(self.y)),
            "train_samples": float(np.mean([len(s.train) for s in self.splits])),
            "classes": float(len(self.classes)),
            "channels": float(channels),
            "height": float(height),
            "width": float(width),
            "values": float(np.prod(self.input_shape)),
            "imbalance": float(counts.max() / counts.min()),
            "class_entropy": float(-(shares * np.log(shares)).sum() / np.log(len(shares))) if self.classes else 0.0,
            "signal": self._signal(),
            "resplits": float(len(self.splits)),
        }

    def _signal(self) -> float:
        at = self.splits[0].train
        at = at[:: -(-len(at) // _SIGNAL_SAMPLES)]
        x = self.x[at].reshape(len(at), -1).astype(np.float64)
        y = self.y[at].astype(np.float64)[:, None] if self.regression else np.eye(len(self.classes))[self.y[at]]
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        # Least squares on indicators of the classes predicts their means: both cases are one share of variance.
        explained = np.linalg.pinv(y.T @ y) @ (y.T @ x)
        total = (x**2).sum(axis=0)
        share = (explained * (y.T @ x)).sum(axis=0)[total > 0] / total[total > 0]
        return float(share.mean()) if len(share) else 0.0


def array_dataset(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    name: str = "user",
    input_kind: InputKind | None = None,
    task: Task | None = None,
    classes: Sequence[str] | None = None,
    splits: Sequence[Any] | None = None,
    validation: float = 0.2,
    test: float = 0.2,
    folds: int | None = None,
    repeats: int = 1,
    groups: npt.ArrayLike | None = None,
    random_state: RandomState = 0,
    recipe: Mapping[str, Any] | None = None,
) -> ArrayDataset:
    """Make a data set of one's own.

        array_dataset(images, labels)                          # (n, c, h, w): one stratified hold-out
        array_dataset(table, prices, folds=5)                  # (n, columns), regression: five-fold cross-validation
        array_dataset(windows, activity, groups=person)        # (n, channels, length): nobody in two parts

    Args:
        X: Samples, numbers of shape (n, channels, height, width), (n, channels, length) or (n, columns); with
            ``input_kind`` images may be (n, height, width) and sequences (n, length). Images as uint8 stay that.
        y: Class of each sample, shape (n,), of any type that sorts; or its target, for a regression.
        name: What results call it.
        input_kind: "image", "sequence" or "tabular"; None goes by the number of axes.
        task: "classification" or "regression"; None takes a regression where there are decimals, or many
            different whole numbers.
        classes: Names of the classes, in the order in which their labels sort; None takes the labels.
        splits: (train, val, test) positions, one triple or a list of them; None draws them by what follows.
        validation: Share of all samples to choose on.
        test: Share of all samples to judge on; with ``folds`` it is one fold.
        folds: Cross-validation with so many splits, each sample in the test part of one; None is one hold-out.
        repeats: How many times all is drawn anew. Several splits make small data usable: a score is their mean.
        groups: What each sample belongs to, shape (n,): samples of one group never are in two parts.
        random_state: Seed of the splits.
        recipe: Fields of ``Recipe`` that are to differ from the defaults.

    Raises:
        InvalidInputError: One line on what is wrong with the samples, labels, groups or splits.
    """
    samples, kind = checked_samples(X, input_kind)
    labels, names = checked_labels(y, len(samples), task, classes)
    how = Splitting(validation=validation, test=test, folds=folds, repeats=repeats)
    if splits is None:
        members = None if groups is None else checked_groups(groups, len(samples))
        drawn = draw_array_splits(labels, how, groups=members, classes=names, random_state=random_state)
    else:
        drawn = given_splits(splits, labels, classes=names)
    return ArrayDataset(name, samples, labels, drawn, names, kind, dict(recipe or {}))


def checked_samples(
    X: npt.ArrayLike, input_kind: InputKind | None
) -> tuple[npt.NDArray[np.float32] | npt.NDArray[np.uint8], InputKind]:
    """Samples as float32 (images of bytes stay uint8) with all axes of their kind.

    Raises:
        InvalidInputError: Not numbers, not finite, or not of the shape of that kind.
    """
    try:
        array = np.asarray(X)
        if array.dtype.kind in "OU":  # numbers of mixed types, or written as text
            array = array.astype(np.float64)
        if array.dtype.kind not in "biuf":
            raise TypeError
    except (TypeError, ValueError):
        raise InvalidInputError(
            "X: expected numbers, all samples of one shape; encode text columns first, bring images to one size"
        ) from None
    kind = _kind_of(array, input_kind)
    if array.ndim == len(AXES[kind]) and kind != "tabular":
        array = array[:, None]  # one channel, whose axis may be left out
    axes = ("samples", *AXES[kind])
    if array.ndim != len(axes) or 0 in array.shape:
        raise InvalidInputError(f"X: expected {kind} data of shape ({', '.join(axes)}), got shape {array.shape}")
    if kind == "image" and array.shape[3] in _IMAGE_CHANNELS and min(array.shape[1:3]) > max(_IMAGE_CHANNELS):
        raise InvalidInputError(
            f"X: expected images of shape ({', '.join(axes)}), got shape {array.shape}; X.transpose(0, 3, 1, 2) puts "
            "channels first"
        )
    if kind == "image" and array.dtype == np.uint8:
        return np.ascontiguousarray(array), kind
    with np.errstate(over="ignore"):  # reported as infinite below
        numbers = np.ascontiguousarray(array, dtype=np.float32)
    _check_finite(numbers, kind)
    return numbers, kind


def _kind_of(array: npt.NDArray[Any], input_kind: InputKind | None) -> InputKind:
    if input_kind is None:
        for kind, axes in AXES.items():
            if array.ndim == len(axes) + 1:
                return kind
        raise InvalidInputError(f"X: expected shape (samples, columns), (samples, channels, length) or (samples, "
                                f"channels, height, width), got shape {array.shape}")  # fmt: skip
    if input_kind not in get_args(InputKind):
        raise InvalidInputError(f"input_kind: expected one of {', '.join(get_args(InputKind))}, got {input_kind!r}")
    return input_kind


def _check_finite(numbers: npt.NDArray[np.float32], kind: InputKind) -> None:
    bad = ~np.isfinite(numbers)
    if not bad.any():
        return
    sample, *place = np.argwhere(bad)[0].tolist()
    where = ", ".join(f"{axis.removesuffix('s')} {i}" for axis, i in zip(AXES[kind], place, strict=True))
    raise InvalidInputError(
        f"X: expected finite numbers, got {int(bad.sum())} NaN or infinite value(s), the first at sample {sample}, "
        f"{where}; fill or drop them first"
    )
