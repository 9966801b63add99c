"""Which sub-network for a task, told from little of it: its features, or a handful of its samples.

One supernet is trained on several tasks at once (:func:`joined`); ``supernet.on(task)`` then answers for one of them.

    together, tasks = joined([digits, letters])
    supernet = Supernet(space, together).train()
    x = step_by_step(supernet.on(tasks[0]), samples=64, rng=0)

The third way is to draw one: ``space.sample(1, rng)``; what choosing is worth is measured against that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, as_generator
from surrogate_nas.core.random import RandomState
from surrogate_nas.training.datasets import ArrayDataset, Split
from surrogate_nas.training.supernet.supernet import Supernet

Row = npt.NDArray[np.int16]


def joined(datasets: Sequence[ArrayDataset], name: str = "joined") -> tuple[ArrayDataset, tuple[ArrayDataset, ...]]:
    """One data set of several classifications.

    Args:
        datasets: Samples of one shape and type, each data set with a name of its own; the first split of each counts.
        name: Of what is made.

    Returns:
        All samples, every class under a name of its own ("task: class"); and the tasks, with these names.

    Raises:
        InvalidInputError: Other shapes, a regression, or a name twice.
    """
    shapes = {(d.input_kind, d.input_shape, str(d.x.dtype)) for d in datasets}
    if len(shapes) != 1 or any(d.regression for d in datasets) or len({d.name for d in datasets}) < len(datasets):
        raise InvalidInputError(
            "datasets: expected classifications with different names and samples of one shape and type, got "
            + ", ".join(f"{d.name} {d.input_shape} {d.x.dtype}" for d in datasets)
        )
    tasks = tuple(
        replace(d, classes=tuple(f"{d.name}: {c}" for c in d.classes), splits=d.splits[:1], recipe={}) for d in datasets
    )
    samples = np.cumsum([0, *(len(d.y) for d in tasks)])
    classes = np.cumsum([0, *(len(d.classes) for d in tasks)])
    parts = [[part + start for part in d.splits[0]] for d, start in zip(tasks, samples[:-1], strict=True)]
    together = ArrayDataset(
        name,
        np.concatenate([d.x for d in tasks]),
        np.concatenate([d.y + start for d, start in zip(tasks, classes[:-1], strict=True)]).astype(np.int64),
        (Split(*(np.concatenate(part) for part in zip(*parts, strict=True))),),
        tuple(c for d in tasks for c in d.classes),
        tasks[0].input_kind,
    )
    return together, tasks


def step_by_step(
    supernet: Supernet,
    *,
    samples: int | npt.ArrayLike = 64,
    passes: int = 2,
    start: npt.ArrayLike | None = None,
    rng: RandomState = 0,
) -> Row:
    """Choose gene by gene: each in turn takes the value of the lowest loss on a few samples.

    A pass asks for all values of all genes: 30 sub-networks in NAS-Bench-201's space, each in milliseconds.

    Args:
        supernet: A trained one, or a view of it on one task.
        samples: How many validation samples are looked at, or their positions in the data set.
        passes: How often every gene is chosen; fewer if nothing changes any more.
        start: The row to begin with; None draws one.
        rng: Order of the genes, and the row to begin with.

    Returns:
        A valid row of the space.
    """
    space, generator = supernet.space, as_generator(rng)
    x = space.sample(1, generator)[0] if start is None else space.row(start).copy()
    for _ in range(passes):
        before = x.copy()
        for gene in generator.permutation(space.n_genes):
            offered = np.repeat(x[None], space.cardinalities[gene], axis=0)
            offered[:, gene] = np.arange(len(offered))
            offered = offered[space.valid(offered)]
            losses = supernet.evaluate(offered, metric="loss", samples=samples)
            # Where a value is as good as the one that is there, that one stays.
            losses[offered[:, gene] == x[gene]] -= 1e-9
            x = offered[int(np.nanargmin(np.where(np.isnan(losses), np.inf, losses)))]
        if np.array_equal(x, before):
            break
    return x


def by_features(descriptors: Mapping[str, float], earlier: Sequence[tuple[Mapping[str, float], npt.ArrayLike]]) -> Row:
    """Choose what was best on the most similar earlier task; no sample of the new one is answered.

    Tasks are compared by their descriptors, on a logarithmic scale where they are counts, each over its spread among
    all tasks.

    Args:
        descriptors: Of the new task: ``dataset.descriptors()``.
        earlier: Descriptors and best row of each earlier task.

    Raises:
        InvalidInputError: There is no earlier task.
    """
    if not earlier:
        raise InvalidInputError("earlier: expected one or more tasks with their best rows, got none")
    names = [name for name in descriptors if all(name in known for known, _ in earlier)]
    table = np.array([[d[name] for name in names] for d in (descriptors, *(known for known, _ in earlier))])
    scaled = np.sign(table) * np.log1p(np.abs(table))
    spread = scaled.std(axis=0)
    scaled = scaled[:, spread > 0] / spread[spread > 0]
    distances = ((scaled[1:] - scaled[0]) ** 2).sum(axis=1)
    return np.asarray(earlier[int(distances.argmin())][1], dtype=np.int16)
