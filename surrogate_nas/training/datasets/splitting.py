"""Which samples a network learns from, is chosen on and is judged on: hold-outs, folds, groups, or splits of one's own.

A split has three parts. A network is trained on ``train``; epochs and architectures are chosen on ``val``;
``test`` is for the report alone. With several splits a score is the mean over them: that makes small data usable.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, spawn_seeds
from surrogate_nas.core.random import RandomState

Ints = npt.NDArray[np.int64]

#: Groups are dealt to so many piles at most; a share of groups is rounded to that many.
_PILES = 10

#: One target has no spread, by which errors are measured.
_FEWEST_TARGETS = 2


class Split(NamedTuple):
    """Disjoint positions of samples, int64 each; one split of a data set."""

    train: Ints
    val: Ints
    test: Ints


@dataclass(frozen=True, kw_only=True)
class Splitting:
    """How splits are drawn.

    Attributes:
        validation: Share of all samples to choose on.
        test: Share of all samples to judge on; not used with ``folds``, where it is one fold.
        folds: Cross-validation: every sample is in the test part of exactly one of so many splits. None holds out.
        repeats: How many hold-outs, or how many times all folds, each drawn anew.
    """

    validation: float = 0.2
    test: float = 0.2
    folds: int | None = None
    repeats: int = 1

    def __post_init__(self) -> None:
        for name, lowest in (("folds", 2), ("repeats", 1)):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not (whole and value >= lowest) and not (name == "folds" and value is None):
                raise InvalidInputError(f"{name}: expected a whole number of at least {lowest}, got {value!r}")
        for name in ("validation", "test"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
                raise InvalidInputError(f"{name}: expected a share of the samples between 0 and 1, got {value!r}")
        if self.validation + self.test_share >= 1:
            raise InvalidInputError(
                f"splits: expected something left to train on, got validation={self.validation:g} and a test part of "
                f"{self.test_share:g}; lower one of them"
            )

    @property
    def test_share(self) -> float:
        """Share of all samples that one split is judged on."""
        return self.test if self.folds is None else 1 / self.folds


def draw_array_splits(
    y: npt.NDArray[Any], how: Splitting, *, groups: Ints | None, classes: Sequence[str], random_state: RandomState
) -> tuple[Split, ...]:
    """Draw splits: by class where there are classes, and no group in two parts where there are groups.

    Args:
        y: Class of each sample (0 to k - 1) or its target, shape (n,).
        how: What to draw.
        groups: Number of each sample's group (0 to g - 1), or None.
        classes: Names of the classes; none for a regression.
        random_state: Seed of the draw.

    Raises:
        InvalidInputError: Too few samples or groups, or a class that would be missing from some part.
    """
    _check_enough(y, how, groups, classes)
    drawn = []
    for seed in spawn_seeds(random_state, how.repeats):
        for rest, test in _parts(y, how.test_share, how.folds, groups, bool(classes), seed):
            inner = None if groups is None else groups[rest]
            share = how.validation / (1 - how.test_share)
            train, val = next(_parts(y[rest], share, None, inner, bool(classes), seed))
            drawn.append(Split(*(np.sort(part).astype(np.int64) for part in (rest[train], rest[val], test))))
    splits = tuple(drawn)
    check_classes(splits, y, classes, "; enlarge the part, lower folds, drop the class, or give splits of your own")
    return splits


def _check_enough(y: npt.NDArray[Any], how: Splitting, groups: Ints | None, classes: Sequence[str]) -> None:
    """Refuse what cannot be split, before scikit-learn says so in its own words."""
    parts = 3 if how.folds is None else how.folds + 1
    wanted = "training, validation and test" if how.folds is None else f"{how.folds} folds and validation"
    if groups is not None and (got := len(np.unique(groups))) < parts:
        raise InvalidInputError(f"groups: expected at least {parts} different ones for {wanted}, got {got}")
    smallest = int(min(how.validation, how.test_share, 1 - how.validation - how.test_share) * len(y))
    if not classes:
        if smallest < _FEWEST_TARGETS:
            raise InvalidInputError(
                f"splits: expected at least {_FEWEST_TARGETS} samples in every part, got a part of {smallest} of the "
                f"{len(y)} samples; change validation, test or folds"
            )
        return
    counts = np.bincount(y, minlength=len(classes))
    if counts.min() < parts:
        small = int(counts.argmin())
        raise InvalidInputError(
            f"class {classes[small]!r}: expected at least {parts} samples for {wanted}, got {counts[small]}; "
            f"{'lower folds' if how.folds else 'collect more'} or drop the class"
        )
    if smallest < len(classes):
        raise InvalidInputError(
            f"splits: expected every part to hold a sample of each of the {len(classes)} classes, got a part of "
            f"{smallest} of the {len(y)} samples; change validation, test or folds"
        )


def _parts(
    y: npt.NDArray[Any], share: float, folds: int | None, groups: Ints | None, stratified: bool, seed: int
) -> Iterator[tuple[Ints, Ints]]:
    """Pairs (rest, held out) of positions: one pair of that share, or one per fold."""
    from sklearn import model_selection as ms

    X = np.zeros((len(y), 1))
    if groups is not None:
        yield from _grouped_parts(y, share, folds, groups, stratified, seed)
    elif folds is not None:
        kind = ms.StratifiedKFold if stratified else ms.KFold
        yield from kind(folds, shuffle=True, random_state=seed).split(X, y)
    else:
        kind = ms.StratifiedShuffleSplit if stratified else ms.ShuffleSplit
        yield from kind(1, test_size=share, random_state=seed).split(X, y)


def _grouped_parts(
    y: npt.NDArray[Any], share: float, folds: int | None, groups: Ints, stratified: bool, seed: int
) -> Iterator[tuple[Ints, Ints]]:
    """The same by whole groups: they are dealt to piles with like shares of each class, of which some are held out."""
    from sklearn import model_selection as ms

    smallest = (
        int(np.bincount(y).min()) if stratified else len(y)
    )  # a class cannot be in more piles than it has samples
    piles = max(2, min(_PILES, len(np.unique(groups)), smallest))
    part = Fraction(1, folds) if folds else max(Fraction(share).limit_denominator(piles), Fraction(1, piles))
    kind = ms.StratifiedGroupKFold if stratified else ms.GroupKFold
    X = np.zeros((len(y), 1))
    dealt = [held for _, held in kind(part.denominator, shuffle=True, random_state=seed).split(X, y, groups)]
    for held in dealt if folds else [np.concatenate(dealt[: part.numerator])]:
        yield np.setdiff1d(np.arange(len(y)), held), held


def given_splits(
    splits: Sequence[Any], y: npt.NDArray[Any], *, classes: Sequence[str], things: str = "samples"
) -> tuple[Split, ...]:
    """Check splits of the user's own.

    Args:
        splits: (train, val, test) positions, one triple or a list of them.
        y: Class or target of each sample, shape (n,).
        classes: Names of the classes; none for a regression.
        things: What is split, for messages.

    Raises:
        InvalidInputError: Not such triples, a sample in two parts, or a class that is missing from a part.
    """
    several = _listed(splits)
    found = tuple(_checked_split(s, len(y), i, things) for i, s in enumerate(several))
    if not found:
        raise InvalidInputError("splits: expected one or more (train, val, test), got none")
    check_classes(found, y, classes, "", things)
    return found


def check_classes(
    splits: Sequence[Split], y: npt.NDArray[Any], classes: Sequence[str], remedy: str = "", things: str = "samples"
) -> None:
    """Every class has to appear in every part: else it is never learned, or its score is undefined.

    Raises:
        InvalidInputError: Some class is missing from a part.
    """
    if not classes:
        return
    for i, split in enumerate(splits):
        for what, part in split._asdict().items():
            counts = np.bincount(y[part], minlength=len(classes))
            if not counts.all():
                raise InvalidInputError(
                    f"split {i}, {what}: expected {things} of every class, got none of class "
                    f"{classes[int(counts.argmin())]}{remedy}"
                )


def _listed(splits: Any) -> list[Any]:
    """A list of triples, also of a single one."""
    try:
        items = [list(item) for item in splits]
    except TypeError:
        raise InvalidInputError(f"splits: expected a list of (train, val, test), got {splits!r:.60}") from None
    single = len(items) == len(Split._fields) and all(np.ndim(item[0]) == 0 for item in items if item)
    return [splits] if single else list(splits)


def _checked_split(split: Sequence[npt.ArrayLike], n: int, i: int, things: str) -> Split:
    if len(split) != len(Split._fields):
        raise InvalidInputError(f"split {i}: expected (train, val, test), got {len(split)} parts")
    parts: list[Ints] = []
    for what, part in zip(Split._fields, split, strict=True):
        positions = np.asarray(part)
        if positions.ndim != 1 or not len(positions) or positions.dtype.kind not in "iu":
            raise InvalidInputError(f"split {i}, {what}: expected integer positions of {things}, got {positions.dtype} "
                                    f"of shape {positions.shape}; use np.flatnonzero for masks")  # fmt: skip
        if positions.min() < 0 or positions.max() >= n:
            raise InvalidInputError(f"split {i}, {what}: expected positions from 0 to {n - 1}, got {positions.min()} "
                                    f"to {positions.max()}")  # fmt: skip
        parts.append(positions.astype(np.int64))
    joined = np.concatenate(parts)
    if len(np.unique(joined)) != len(joined):
        raise InvalidInputError(
            f"split {i}: expected train, val and test without common {things}, got some {things[:-1]} twice"
        )
    train, val, test = parts
    return Split(train, val, test)
