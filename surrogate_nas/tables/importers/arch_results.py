"""Results of one architecture as NAS-Bench-201 and NATS-Bench store them, gathered into columns.

An architecture has one record per training schedule. A record holds, by (data set, seed), everything
about one training: ``epochs``; ``train_acc1es``, ``train_losses`` and ``train_times`` by epoch from 0;
``eval_acc1es`` and ``eval_losses`` by evaluation set and epoch (``"x-valid@11"``); ``params``, ``flop``
and ``latency``. What each evaluation set is, depends on the data set:

=====================  ============================================  ==========================================
data set               trained on                                    evaluation sets
=====================  ============================================  ==========================================
cifar10-valid          half of CIFAR-10's training images            x-valid: other half; ori-test: test images
cifar10                all of CIFAR-10's training images             ori-test: test images
cifar100 and smaller   the training images                           x-valid, x-test: halves of the original
ImageNet                                                             evaluation images; ori-test: both together
=====================  ============================================  ==========================================

A task keeps the name of its data set, since ``cifar10-valid`` and ``cifar10`` are different trainings.
"""

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, Direction, InvalidInputError
from surrogate_nas.core.progress import Progress
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.tables.curves import Curve
from surrogate_nas.tables.importers.pickled import as_record, field, kind_of, number
from surrogate_nas.tables.importers.reading import check_complete
from surrogate_nas.tables.table import Table
from surrogate_nas.tables.text import parse_architectures

#: Longer schedules than this do not exist in these benchmarks; a wrong number must not allocate memory.
MAX_EPOCHS = 1000

#: Trainings whose counts of weights and operations are right where those of other seeds are not.
COUNTING_SEED = 888

Floats = npt.NDArray[np.float64]


def architectures_of(meta: object) -> list[str]:
    """The benchmark's list of all architectures, whose order is their official numbering.

    Args:
        meta: The dict that a single file is, or the one in a folder's ``meta`` file.

    Raises:
        InvalidInputError: No such dict.
    """
    content = as_record(meta, "the file")
    texts: list[str] = field(content, "meta_archs", list, "the file")
    if not texts or not all(type(text) is str for text in texts):
        raise InvalidInputError("the file: expected 'meta_archs' with architectures as text; is it the published file?")
    total = content.get("total_archs", len(texts))
    if total != len(texts):
        raise InvalidInputError(
            f"the file: expected {kind_of(total)} architectures, got {len(texts)}; download it again"
        )
    return texts


def records_of(content: object, n: int) -> dict[int, Any]:
    """The records of a single file, by official number in ascending order.

    Args:
        content: The dict that the file is.
        n: Number of architectures of the benchmark.

    Raises:
        InvalidInputError: No such dict, or one that contradicts itself.
    """
    whole = as_record(content, "the file")
    records = field(whole, "arch2infos", dict, "the file")
    evaluated = whole.get("evaluated_indexes")
    if not all(type(i) is int and 0 <= i < n for i in records):
        raise InvalidInputError(f"the file: expected records of architectures 0 to {n - 1}; is it the published file?")
    if not isinstance(evaluated, list | set) or records.keys() != set(evaluated):
        raise InvalidInputError("the file: expected 'evaluated_indexes' to list its records; download it again")
    return dict(sorted(records.items()))


def results_table(
    space: SearchSpace,
    texts: dict[int, str],
    record_of: Callable[[int], object],
    *,
    description: dict[str, Any],
    progress: Progress,
    partial: bool,
    curves: bool,
) -> Table:
    """Gather the records of all architectures, one at a time.

    Args:
        space: Space of the architectures.
        texts: Architectures by official number, of those that have records.
        record_of: Gives the record with that number; called once for each, in the order of ``texts``.
        description: The table's name, source, licence and citation.
        progress: Told how many records were read.
        partial: Accept fewer architectures than the space has.
        curves: Whether to keep learning curves.
    """
    check_complete(len(texts), space.size, partial)
    X = parse_architectures(space, list(texts.values()))
    gathered = ResultColumns(len(texts), curves=curves)
    for done, (index, text) in enumerate(texts.items(), 1):
        gathered.add(done - 1, text, record_of(index))
        progress.track("architectures", done, len(texts))
    return Table(space, X, gathered.columns(), curves=gathered.curves(), **description)


class Costs(NamedTuple):
    """Weights and operations, in millions, that one training reports."""

    seed: int
    params: float
    flops: float


class ResultColumns:
    """Columns and learning curves that grow with each architecture's record; nothing is filled in.

    Args:
        n: Number of architectures.
        curves: Whether to keep learning curves.
    """

    def __init__(self, n: int, *, curves: bool = True) -> None:
        self._n = n
        self._keep_curves = curves
        self._columns: dict[Column, Floats] = {}
        self._curves: dict[Column, npt.NDArray[np.float32]] = {}
        self._latencies: dict[str, dict[Column, Floats]] = {}

    def add(self, i: int, text: str, schedules: object) -> None:
        """Take in all records of the architecture in row ``i``.

        Args:
            i: Its row.
            text: The architecture, as the list of all architectures has it.
            schedules: Its records, by the name of their schedule.

        Raises:
            InvalidInputError: Not such records, or those of another architecture.
        """
        costs: dict[str, list[Costs]] = {}
        for content in as_record(schedules, f"architecture {i}").values():
            record = as_record(content, f"architecture {i}")
            results, name = (field(record, key, kind, f"architecture {i}") for key, kind in _RECORD)
            if name != text:
                raise InvalidInputError(f"architecture {i}: expected the results of {text}, got those of {name:.120}")
            for key, result in results.items():
                if not (isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], str) and type(key[1]) is int):
                    raise InvalidInputError(f"architecture {i}: expected (data set, seed), got {kind_of(key)}")
                costs.setdefault(key[0], []).append(self._add_training(i, key[0], key[1], result))
        for task, found in costs.items():
            for metric in ("params", "flops"):
                value = _agreed(found, metric)
                self._put(self._columns, Column(task, metric, unit="million"), i, value)

    def columns(self) -> dict[Column, Floats]:
        """All columns; a task's latency is one column where all trainings report the same."""
        for task, measured in self._latencies.items():
            shared = _one_for_all(list(measured.values()))
            measured = measured if shared is None else {Column(task, "latency", unit="s"): shared}
            self._columns |= measured
        self._latencies = {}
        return {c: v for c, v in self._columns.items() if not np.isnan(v).all()}

    def curves(self) -> dict[Column, Curve]:
        """Learning curves, with the epochs after which some architecture was measured."""
        found = {}
        for column, values in self._curves.items():
            measured = np.flatnonzero(~np.isnan(values).all(axis=0))
            if len(measured) > 1:
                whole = len(measured) == values.shape[1]
                epochs = tuple(int(e) + 1 for e in measured)
                found[column] = Curve(epochs, values if whole else values[:, measured])
        return found

    def _add_training(self, i: int, task: str, seed: int, content: object) -> Costs:
        what = f"architecture {i}, {task}, seed {seed}"
        result = as_record(content, what)
        epochs = field(result, "epochs", int, what)
        if not 1 <= epochs <= MAX_EPOCHS:
            raise InvalidInputError(f"{what}: expected 1 to {MAX_EPOCHS} epochs, got {epochs}")
        evaluations = list(_evaluations(field(result, "eval_names", list, what)))
        for metric, (trained, evaluated), unit, direction in _SCORES:
            values = _numbers(result, trained, range(epochs), what)
            self._score(i, Column(task, metric, "train", epochs, seed, unit, direction), values)
            for source, split in evaluations:
                values = _numbers(result, evaluated, _epoch_keys(source, epochs), what)
                self._score(i, Column(task, metric, split, epochs, seed, unit, direction), values)
        seconds = _numbers(result, "train_times", range(epochs), what).sum()
        self._put(self._columns, Column(task, "train_time", "", epochs, seed, "s", "min"), i, float(seconds))
        latencies = self._latencies.setdefault(task, {})
        self._put(latencies, Column(task, "latency", "", epochs, seed, "s"), i, _latency(result.get("latency"), what))
        return Costs(seed, number(result.get("params"), f"{what}, params"), number(result.get("flop"), f"{what}, flop"))

    def _score(self, i: int, column: Column, values: Floats) -> None:
        self._put(self._columns, column, i, values[-1])
        if self._keep_curves and not np.isnan(values[:-1]).all():
            if column not in self._curves:
                self._curves[column] = np.full((self._n, len(values)), np.nan, dtype=np.float32)
            self._curves[column][i] = values

    def _put(self, columns: dict[Column, Floats], column: Column, i: int, value: float) -> None:
        if column not in columns:
            columns[column] = np.full(self._n, np.nan)
        columns[column][i] = value if math.isfinite(value) else math.nan


#: What a record holds, besides much that follows from it.
_RECORD: tuple[tuple[str, type[Any]], ...] = (("all_results", dict), ("arch_str", str))

#: Scores: metric, names of its numbers on the training set and in evaluations, unit, direction.
_SCORES: tuple[tuple[str, tuple[str, str], str, Direction], ...] = (
    ("accuracy", ("train_acc1es", "eval_acc1es"), "%", "max"),
    ("loss", ("train_losses", "eval_losses"), "", "min"),
)


def _evaluations(names: list[Any]) -> Iterator[tuple[str, str]]:
    """Pairs (evaluation set, split)."""
    # Where the original evaluation images are split into x-valid and x-test, ori-test is both of them together.
    splits = {"x-valid": "val", "x-test": "test", "ori-test": "val+test" if "x-test" in names else "test"}
    for name in map(str, names):
        yield name, splits.get(name, name)


@lru_cache(maxsize=64)
def _epoch_keys(source: str, epochs: int) -> Sequence[str]:
    return [f"{source}@{epoch}" for epoch in range(epochs)]


def _numbers(result: dict[str, Any], name: str, keys: Iterable[object], what: str) -> Floats:
    """The numbers by key as float64, NaN where there is none or where it is infinite."""
    values: dict[Any, Any] = {} if result.get(name) is None else as_record(result[name], f"{what}, {name}")
    try:
        # An array of doubles takes numbers only, where NumPy would read text as well.
        found = np.frombuffer(array("d", map(values.get, keys, repeat(math.nan))))
    except (TypeError, OverflowError):
        raise InvalidInputError(f"{what}, {name}: expected numbers by epoch, got something else") from None
    return np.where(np.isfinite(found), found, np.nan)


def _latency(values: object, what: str) -> float:
    """Mean over repeated measurements; NaN where none was taken, which the source writes as None or as -1."""
    if values is None:
        return math.nan
    if not isinstance(values, list) or not values:
        raise InvalidInputError(f"{what}, latency: expected a list of seconds, got {kind_of(values)}")
    mean = sum(number(v, f"{what}, latency") for v in values) / len(values)
    return mean if mean > 0 else math.nan


def _agreed(found: list[Costs], metric: str) -> float:
    """The value that all trainings report; else that of the seed which counts right; else none."""
    values = [(cost.seed, float(getattr(cost, metric))) for cost in found]
    if len({f"{value:.5f}" for _, value in values}) > 1:  # beyond that they differ by rounding
        values = [(seed, value) for seed, value in values if seed == COUNTING_SEED]
    return values[0][1] if values else math.nan


def _one_for_all(columns: list[Floats]) -> Floats | None:
    """What columns say that agree wherever two of them have a value; None if they do not."""
    merged = columns[0].copy()
    for values in columns[1:]:
        both = ~np.isnan(merged) & ~np.isnan(values)
        if not np.allclose(merged[both], values[both], rtol=1e-9, atol=0.0):
            return None
        merged = np.where(np.isnan(merged), values, merged)
    return merged
