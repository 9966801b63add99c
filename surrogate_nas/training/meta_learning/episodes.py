"""Few-shot tasks: N classes drawn at random, K samples of each to learn from, more to be judged on.

An episode is one such task. Which classes may be drawn is decided once, by :class:`ClassSplit`: what is
meta-learned on some classes is judged on others. Labels of an episode are 0 to N - 1 in the order in which its
classes were drawn: they mean something else in every episode, so that the support set has to be learned from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import is_whole
from surrogate_nas.training.datasets import ArrayDataset
from surrogate_nas.training.datasets.splitting import Split
from surrogate_nas.training.tensors import Part, SplitTensors, split_tensors

Ints = npt.NDArray[np.int64]

#: One whole number of at least 0, or several.
Seed = int | Sequence[int]

#: Number of a part in the random stream of its episodes: no two parts share one.
_STREAM: dict[Part, int] = {"train": 0, "val": 1, "test": 2}


class Episodes(NamedTuple):
    """A batch of t few-shot tasks.

    Attributes:
        support_x: What each task is learned from, float32 of shape (t, ways * shots, *input_shape).
        support_y: Its labels, int64 of shape (t, ways * shots), 0 to ways - 1.
        query_x: What each task is judged on, (t, ways * queries, *input_shape).
        query_y: Its labels, (t, ways * queries).
    """

    support_x: Tensor
    support_y: Tensor
    query_x: Tensor
    query_y: Tensor


@final
@dataclass(frozen=True)
class ClassSplit:
    """Numbers of the classes that are meta-learned from, chosen on and judged on.

    A class may be in two of them, where there are too few: its samples are then divided among them. The
    classes of ``test`` are in none of the others.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("train", "val", "test"):
            classes = getattr(self, name)
            if len(set(classes)) < len(classes):
                raise InvalidInputError(f"classes, {name}: expected each class once, got {classes}")
        if both := set(self.test) & {*self.train, *self.val}:
            raise InvalidInputError(
                f"classes: expected test classes that are in no other part, got {sorted(both)} in two; few-shot "
                "accuracy is of classes that nothing was learned from"
            )


def split_classes(
    groups: int | Sequence[Any], val: int, test: int, *, seed: Seed = 0, share_val: bool = False
) -> ClassSplit:
    """Divide classes at random, whole groups of them together.

    Args:
        groups: Number of classes, each a group of its own; or the group of each class, such as the class that it
            is a rotation of, or its alphabet.
        val: Groups to choose on.
        test: Groups to judge on; the rest is meta-learned from.
        seed: Of the draw.
        share_val: Choose on other samples of the classes that are meta-learned from; ``val`` is then not used.

    Raises:
        InvalidInputError: Nothing would be left to learn from.
    """
    named = list(range(groups)) if isinstance(groups, int) else list(groups)
    names = list(dict.fromkeys(named))
    val = 0 if share_val else val
    if min(val, test) < 0 or val + test >= len(names):
        raise InvalidInputError(
            f"classes: expected val + test below {len(names)}, the groups there are, got {val} + {test}"
        )
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    parts = (set(order[val + test :]), set(order[test : test + val]), set(order[:test]))
    train, chosen, judged = (tuple(c for c, name in enumerate(named) if name in part) for part in parts)
    return ClassSplit(train, train if share_val else chosen, judged)


def split_classes_by_name(names: Sequence[str], test: str, val: int, *, seed: Seed = 0) -> ClassSplit:
    """Divide classes whose names are paths, such as "evaluation/Greek/character01" of Omniglot.

    Args:
        names: Of the classes.
        test: How the names begin of those to judge on: "evaluation/".
        val: Groups of the others to choose on, drawn at random; a group is what is named alike but for the last part,
            such as an alphabet.
        seed: Of the draw.

    Raises:
        InvalidInputError: No class is named so, or nothing would be left to learn from.
    """
    judged = tuple(c for c, name in enumerate(names) if name.startswith(test))
    others = [c for c, name in enumerate(names) if not name.startswith(test)]
    if not judged or not others:
        raise InvalidInputError(
            f"classes: expected some whose names begin with {test!r} and others, got {len(judged)} and {len(others)}"
        )
    inner = split_classes([names[c].rpartition("/")[0] for c in others], val=val, test=0, seed=seed)
    return ClassSplit(tuple(others[c] for c in inner.train), tuple(others[c] for c in inner.val), judged)


@final
@dataclass(frozen=True, kw_only=True, eq=False)  # data sets do not compare
class FewShotTasks:
    """A source of episodes.

        FewShotTasks(dataset=load_dataset("digits", "image"), classes=split_classes(10, val=0, test=5, share_val=True))

    Samples are standardised by what the samples to meta-learn from say, per channel or column.

    Attributes:
        dataset: Samples with their classes; its own splits are not used.
        classes: Which classes are for what.
        ways: Classes of an episode.
        shots: Samples of each class to learn from.
        queries: Samples of each class to be judged on.
    """

    dataset: ArrayDataset
    classes: ClassSplit
    ways: int = 5
    shots: int = 1
    queries: int = 15

    def __post_init__(self) -> None:
        if self.dataset.regression:
            raise InvalidInputError(f"dataset {self.dataset.name!r}: expected classes for few-shot tasks, got targets")
        for name, least in (("ways", 2), ("shots", 1), ("queries", 1)):
            if not is_whole(getattr(self, name), least):
                raise InvalidInputError(
                    f"{name}: expected a whole number of at least {least}, got {getattr(self, name)!r}"
                )
        known = len(self.dataset.classes)
        for part in _STREAM:
            classes = getattr(self.classes, part)
            if not all(0 <= c < known for c in classes):
                raise InvalidInputError(f"classes, {part}: expected numbers from 0 to {known - 1}, got {classes}")
            if len(classes) < self.ways:
                raise InvalidInputError(
                    f"classes, {part}: expected at least {self.ways} for {self.ways}-way tasks, got {len(classes)}; "
                    "lower ways, or choose on the classes that are learned from (share_val=True)"
                )
        for part in _STREAM:
            for c, there in zip(getattr(self.classes, part), self._samples[part], strict=True):
                if len(there) < self.shots + self.queries:
                    raise InvalidInputError(
                        f"class {self.dataset.classes[c]!r}: expected {self.shots + self.queries} samples for "
                        f"{self.shots} shots and {self.queries} queries, got {len(there)}; lower queries"
                    )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.dataset.input_shape

    def draw(self, part: Part, n: int, seed: Seed, device: torch.device | str = "cpu") -> Episodes:
        """Draw episodes; the same ones for the same seed, on every device.

        Args:
            part: Whose classes.
            n: How many.
            seed: Of the draw.
            device: Where they are to lie.
        """
        data = self._tensors(device)
        stream = (_STREAM[part], *([seed] if isinstance(seed, int) else seed))
        rng = np.random.default_rng(stream)
        classes = self._samples[part]
        each = self.shots + self.queries
        positions = np.empty((n, self.ways, each), dtype=np.int64)
        for task in range(n):
            for way, c in enumerate(rng.choice(len(classes), self.ways, replace=False)):
                positions[task, way] = rng.choice(classes[c], each, replace=False)
        support, query = positions[:, :, : self.shots], positions[:, :, self.shots :]
        return Episodes(*_labelled(data, support), *_labelled(data, query))

    def describe(self) -> dict[str, Any]:
        """What decides the episodes, as JSON-able values."""
        return {
            "dataset": self.dataset.name, "samples": len(self.dataset.y), "input_shape": list(self.input_shape),
            "ways": self.ways, "shots": self.shots, "queries": self.queries,
            "classes": [list(part) for part in (self.classes.train, self.classes.val, self.classes.test)],
        }  # fmt: skip

    def _tensors(self, device: torch.device | str) -> SplitTensors:
        """The data set on a device, standardised by the samples to meta-learn from."""
        return split_tensors(self._learned_from, device)[0]

    @cached_property
    def _learned_from(self) -> ArrayDataset:
        """The same data with one split, whose parts are all that is meta-learned from."""
        learned = np.sort(np.concatenate(self._samples["train"]))
        return replace(self.dataset, splits=(Split(learned, learned, learned),))

    @cached_property
    def _samples(self) -> dict[Part, list[Ints]]:
        """Positions of the samples of each class of each part."""
        members = [np.flatnonzero(self.dataset.y == c) for c in range(len(self.dataset.classes))]
        parts: dict[Part, tuple[int, ...]] = {part: getattr(self.classes, part) for part in _STREAM}
        samples: dict[Part, list[Ints]] = {}
        for part, classes in parts.items():
            samples[part] = []
            for c in classes:
                sharing = [p for p, others in parts.items() if c in others]
                samples[part].append(members[c][sharing.index(part) :: len(sharing)])
        return samples


def _labelled(data: SplitTensors, positions: Ints) -> tuple[Tensor, Tensor]:
    """Samples (t, ways * k, *input_shape) and labels (t, ways * k) at positions (t, ways, k)."""
    tasks, ways, k = positions.shape
    x = data.inputs(torch.from_numpy(positions.ravel()).to(data.samples.device))
    y = torch.arange(ways, device=x.device).repeat_interleave(k).expand(tasks, -1)
    return x.reshape(tasks, ways * k, *x.shape[1:]), y
