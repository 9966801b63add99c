"""NAS-Bench-Graph: the light pickles of its PyPI package, and the full ones with every epoch.

Light: ``<task>.bench``, a dict from an architecture's number to means over three trainings. Full:
``<task><0, 1 or 2>.bench``, one file per training, with "dur": for every epoch a list of training,
validation and test score, the three losses, and the best test score so far.

The files are pickles and are read with an allow-list: dicts, lists, numbers, NumPy scalars. A pickle cannot
be read in parts; a full file needs about 40 bytes of memory per number in it while it is read.
"""

import re
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, Direction, InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.spaces import get_space
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.tables.curves import Curve
from surrogate_nas.tables.importers.reading import ACCEPT_PART, naming
from surrogate_nas.tables.importers.zipped import read_members
from surrogate_nas.tables.safe_pickle import load_pickle
from surrogate_nas.tables.table import Table

Columns = dict[Column, npt.NDArray[np.float64]]

DESCRIPTION: dict[str, Any] = {
    "name": "nas-bench-graph",
    "source": "https://pypi.org/project/nas-bench-graph/1.4.0/",
    "licence": "Apache-2.0",
    "citation": (
        "Yijian Qin, Ziwei Zhang, Xin Wang, Zeyang Zhang, Wenwu Zhu. NAS-Bench-Graph: Benchmarking Graph Neural "
        "Architecture Search. NeurIPS 2022 Datasets and Benchmarks. arXiv:2206.09166"
    ),
}

#: Where the full files are published.
FULL_SOURCE = "https://figshare.com/articles/dataset/NAS-bench-Graph/20070371"

#: In the benchmark's order.
TASKS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")

#: Expected architectures per task; the whole space where not stated.
ROWS = {"proteins": 2_021}

#: Published field -> metric, split, unit. The proteins task is scored by ROC-AUC.
FIELDS = {
    "valid_perf": ("accuracy", "val", "1"),
    "perf": ("accuracy", "test", "1"),
    "latency": ("latency", "", "s"),
    "para": ("params", "", "million"),
}
SCORES = {"proteins": "roc_auc"}

#: What a full file has beside its curves.
COSTS = ("latency", "para")

#: Begins the name of the last number of an epoch, the best test score so far.
BEST = "best_"

#: The seven numbers of an epoch: metric, split.
_PER_EPOCH = (
    *((metric, split) for metric in ("accuracy", "loss") for split in ("train", "val", "test")),
    (f"{BEST}accuracy", "test"),
)

DECIMALS = 10
NOISE = 1e-14  # three doubles below 10 added in another order differ by less

_FILE = re.compile(rf"({'|'.join(TASKS)})([0-2]?)\.bench")

#: A member of an archive may unpack to no more than this; the light files have some megabytes.
_MAX_BYTES = 2**28


def read_nas_bench_graph(
    path: "str | PathLike[str]", *, progress: Progress | None = None, partial: bool = False
) -> Table:
    """Read light or full files; which tasks, and which trainings, the files' names tell.

    Scores are fractions ("accuracy", "roc_auc" for proteins), ``latency`` in seconds, ``params`` in millions.
    Light files have ``seed="mean"``. Equal means that differ by 1e-16 because they were summed in another
    order become equal again (rounded to ten decimals); latencies are kept bit by bit. Full files have seeds
    0 to 2: scores after the last epoch, and curves of scores and losses over all epochs.

    Args:
        path: One ``.bench`` file, a folder of them, or the PyPI package's wheel. Either light or full ones.
        progress: Told which task was read.
        partial: Accept files with fewer architectures than were published.

    Raises:
        InvalidInputError: No such file, damaged, hostile or incomplete; the message begins with the path.
    """
    report = progress or Silent()
    with naming(path):
        found = _files(Path(path))
        if not found:
            raise InvalidInputError(f"expected files like {TASKS[0]}.bench or {TASKS[0]}0.bench, found none")
        if len({seed is None for _, seed in found}) > 1:
            raise InvalidInputError("expected light files or full ones, got both; keep them in different folders")
        space = get_space(DESCRIPTION["name"])
        columns: Columns = {}
        curves: dict[Column, Curve] = {}
        for done, ((task, seed), (name, data)) in enumerate(found.items(), 1):
            with naming(name):
                published = load_pickle(data.read_bytes() if isinstance(data, Path) else data)
                if seed is None:
                    columns |= read_task(space, task, published, partial=partial)
                else:
                    at = _positions(space, task, published, partial)
                    logs = _curves(space.size, task, published, at, seed)
                    columns |= _last(logs) | _numbers(space.size, task, published, at, seed, COSTS, required=False)
                    curves |= logs
            del published
            report.track("files", done, len(found))
        return _table(space, columns, curves)


def _files(path: Path) -> dict[tuple[str, int | None], tuple[str, bytes | Path]]:
    """Name and content of the files by task and training, in the benchmark's order."""
    found: dict[tuple[str, int | None], tuple[str, bytes | Path]] = {}
    if path.is_dir():
        named: list[tuple[str, bytes | Path]] = [(p.name, p) for p in sorted(path.iterdir())]
    elif zipfile.is_zipfile(path):
        members = read_members(path, lambda name: bool(_FILE.fullmatch(name.name)), most_bytes=_MAX_BYTES)
        named = [(name.name, data) for name, data, _ in members]
    else:
        with path.open("rb"):  # a file that cannot be opened is reported as such
            named = [(path.name, path)]
    for name, data in named:
        match = _FILE.fullmatch(name)
        if match:
            task, seed = match.groups()
            found[task, int(seed) if seed else None] = (name, data)
    return dict(sorted(found.items(), key=lambda item: (TASKS.index(item[0][0]), item[0][1] or 0)))


def read_task(space: SearchSpace, task: str, published: Any, *, partial: bool = False) -> Columns:
    """Columns of one light task, in the space's row order; NaN where the task has no value.

    Args:
        space: The benchmark's space.
        task: Name of the task.
        published: The unpickled file.
        partial: Accept fewer architectures than were published.

    Raises:
        InvalidInputError: Other architectures than the published ones, or entries without the four numbers.
    """
    at = _positions(space, task, published, partial)
    columns = _numbers(space.size, task, published, at, "mean", tuple(FIELDS), required=True)
    return {
        column: values if column.metric == "latency" else restore_ties(f"{task} {column.metric}", values)
        for column, values in columns.items()
    }


def restore_ties(what: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Round away the noise of summation, and nothing else.

    Args:
        what: Names the values in the message.
        values: Means, NaN where there is none.

    Raises:
        InvalidInputError: Values further apart than the noise would become equal.
    """
    rounded = np.round(values, DECIMALS)
    known = np.sort(values[~np.isnan(values)])
    merged = np.diff(known)[np.diff(np.round(known, DECIMALS)) == 0]
    if merged.max(initial=0.0) > NOISE:
        raise InvalidInputError(f"{what}: rounding to {DECIMALS} decimals would merge different values")
    return rounded


def _positions(space: SearchSpace, task: str, published: Any, partial: bool) -> npt.NDArray[np.int64]:
    """Where each architecture stands in the enumeration; its key has the digits wiring, op0, op1, op2, op3."""
    sound = isinstance(published, dict) and all(isinstance(key, int | np.integer) for key in published)
    if not sound or not all(isinstance(entry, dict) for entry in published.values()):
        raise InvalidInputError(f"{task}: expected a dict from numbers to dicts; is it the published file?")
    expected = ROWS.get(task, space.size)
    if not published or (len(published) != expected and not partial):
        raise InvalidInputError(
            f"{task}: expected {expected} architectures, got {len(published)}; download the file again, or "
            f"{ACCEPT_PART}"
        )
    highest = 10**space.n_genes
    keys = np.array([key if 0 <= key < highest else highest for key in published], dtype=np.int64)
    at = space.index(keys[:, None] // 10 ** np.arange(space.n_genes - 1, -1, -1) % 10)
    if (at < 0).any() or keys.max() >= highest or len(np.unique(at)) != len(at):
        raise InvalidInputError(f"{task}: expected every key to be another architecture of {space.name!r}")
    return at.astype(np.int64)


def _numbers(
    n: int,
    task: str,
    published: dict[int, Any],
    at: npt.NDArray[np.int64],
    seed: int | str,
    names: tuple[str, ...],
    *,
    required: bool,
) -> Columns:
    """Single numbers of each architecture, by the fields' published names."""
    columns: Columns = {}
    for field in names:
        metric, split, unit = FIELDS[field]
        given = [entry.get(field) for entry in published.values()]
        if not required and all(value is None for value in given):
            continue
        for key, value in zip(published, given, strict=True):
            if isinstance(value, bool | np.complexfloating) or not isinstance(value, int | float | np.number):
                raise InvalidInputError(f"{task}, {key}: expected a number as {field!r}, got {value!r:.60}")
        values = np.full(n, np.nan)
        values[at] = given
        columns[Column(task, SCORES.get(task, metric) if split else metric, split, seed=seed, unit=unit)] = values
    return columns


def _last(curves: dict[Column, Curve]) -> Columns:
    """Scores after the last epoch."""
    return {
        column: curve.values[:, -1].astype(np.float64)
        for column, curve in curves.items()
        if column.direction == "max" and not column.metric.startswith(BEST)
    }


def _curves(n: int, task: str, published: dict[int, Any], at: npt.NDArray[np.int64], seed: int) -> dict[Column, Curve]:
    """Scores and losses over the epochs; a training that ended early leaves NaN."""
    logs = []
    for key, entry in published.items():
        try:
            log = np.array(entry["dur"], dtype=np.float32)
            if log.ndim != 2 or not len(log) or log.shape[1] != len(_PER_EPOCH):
                raise ValueError("another shape")
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InvalidInputError(
                f"{task}, {key}: expected 'dur' with {len(_PER_EPOCH)} numbers per epoch; is it a full file?"
            ) from None
        logs.append(log)
    epochs = max(len(log) for log in logs)
    values = np.full((len(_PER_EPOCH), n, epochs), np.nan, dtype=np.float32)
    for row, log in zip(at.tolist(), logs, strict=True):
        values[:, row, : len(log)] = np.where(np.isfinite(log), log, np.float32(np.nan)).T
    curves = {}
    for (metric, split), part in zip(_PER_EPOCH, values, strict=True):
        scored = metric != "loss"
        direction: Direction = "max" if scored else "min"
        name, unit = metric.replace("accuracy", SCORES.get(task, "accuracy")), "1" if scored else ""
        column = Column(task, name, split, epochs, seed, unit, direction)
        curves[column] = Curve(tuple(range(1, epochs + 1)), part)
    return curves


def _table(space: SearchSpace, columns: Columns, curves: dict[Column, Curve]) -> Table:
    """The rows of the space that a file has."""
    X = space.enumerate()
    there = np.zeros(len(X), dtype=bool)
    for values in columns.values():
        there |= ~np.isnan(values)
    for curve in curves.values():
        there |= ~np.isnan(curve.values).all(axis=1)
    kept: Columns = {c: v[there] for c, v in columns.items()}
    source = FULL_SOURCE if curves else DESCRIPTION["source"]
    parts = {c: Curve(curve.epochs, curve.values[there]) for c, curve in curves.items()}
    return Table(space, X[there], kept, key="canonical", curves=parts, **(DESCRIPTION | {"source": source}))
