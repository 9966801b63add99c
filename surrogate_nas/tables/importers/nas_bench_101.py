"""NAS-Bench-101: ``nasbench_full.tfrecord`` and ``nasbench_only108.tfrecord``, without TensorFlow.

Each record is a JSON list: hash of the module, epochs of the schedule, adjacency matrix as digits,
operations with commas, and a protocol buffer in base64 with the metrics at the start of training,
half way, and at its end. What is kept: accuracy on training, validation and test images and the
training seconds, at the end as columns, half way and at the end as curves; and the parameters.

The benchmark trained every module three times per schedule without saying with which seeds. Here
``seed`` counts the trainings of a module in the order of the file, so that equal seeds of two
modules, or of two schedules, have nothing in common.

The file is read once from front to back, in two to three minutes for the full file. What is held in memory is
arrays, 1.3 GB at the end.
"""

import binascii
import json
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.core.progress import Progress
from surrogate_nas.spaces import get_space
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables.curves import Curve
from surrogate_nas.tables.importers.reading import ACCEPT_PART, check_complete, integer, naming
from surrogate_nas.tables.importers.tfrecord import read_records
from surrogate_nas.tables.importers.wire import BYTES, FIXED64, VARINT, double, fields
from surrogate_nas.tables.sources import get_source
from surrogate_nas.tables.table import Table

TASK = "cifar10"

#: Trainings of each module per schedule.
REPETITIONS = 3

_SPLITS = ("train", "val", "test")

#: A module has at most so many nodes.
_NODES = 7

#: Numbers kept in single precision, in which the accuracies were computed: three accuracies and the seconds half
#: way, then three accuracies at the end. The seconds at the end are kept in double precision, as published.
_SINGLE = 7

_FIRST_ROWS = 1024

#: Schedules times repetitions; the published file has 12, and a file made to fill the memory has any number.
_MOST_TRAININGS = 64

_HASHES_CHECKED = 1000


class _Modules(Protocol):
    """What is asked of the space beyond the contract of every space."""

    def from_matrix(self, matrices: Any, operations: Any) -> Rows: ...

    def module_hashes(self, X: npt.ArrayLike) -> list[str]: ...


@dataclass(slots=True)
class _Training:
    """All trainings of one schedule and one place in the file's order; rows as in :class:`Measured`."""

    single: npt.NDArray[np.float32]
    seconds: npt.NDArray[np.float64]


@dataclass(slots=True)
class Measured:
    """What the file says, before any space is asked: modules in order of appearance, and arrays over them.

    Attributes:
        rows: Position of each module, by the 16 bytes of its hash.
        matrices: Adjacency of each module, int8 of shape (v, v).
        operations: Names on the nodes of each module, "input" first and "output" last.
        params: Trainable parameters of each module.
        trainings: Measurements by epochs and repetition.
    """

    rows: dict[bytes, int] = field(default_factory=dict)
    matrices: list[npt.NDArray[np.int8]] = field(default_factory=list)
    operations: list[tuple[str, ...]] = field(default_factory=list)
    params: list[int] = field(default_factory=list)
    trainings: dict[tuple[int, int], _Training] = field(default_factory=dict)

    # Many modules have the same matrix, or the same operations; in memory each is there once.
    _drawn: dict[str, npt.NDArray[np.int8]] = field(default_factory=dict)
    _names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, record: bytes) -> None:
        """Take in one record of the file."""
        digest, epochs, adjacency, operations, metrics = _unpack(record)
        params, evaluations = _metrics(metrics)
        row = self.rows.setdefault(digest, len(self.rows))
        if row == len(self.params):
            self._add_module(adjacency, operations, params)
        elif params != self.params[row]:
            raise InvalidInputError(
                f"module {digest.hex()}: expected {self.params[row]} parameters in every record, got {params}"
            )
        training = self._free(epochs, row)
        (train, val, test, training.seconds[row]) = evaluations[2]
        training.single[row] = (*evaluations[1], train, val, test)

    def _add_module(self, adjacency: str, operations: str, params: int) -> None:
        names = self._names.setdefault(operations, tuple(operations.split(",")))
        matrix = self._drawn.get(adjacency)
        n = len(names)
        if not 2 <= n <= _NODES or len(adjacency) != n * n or not set(adjacency) <= {"0", "1"}:
            raise InvalidInputError(
                f"expected a square matrix of 0 and 1 for 2 to {_NODES} operations, got {adjacency!r:.60} for "
                f"{operations!r:.120}"
            )
        if matrix is None:
            matrix = (np.frombuffer(adjacency.encode(), dtype=np.int8) - ord("0")).reshape(n, n)
            self._drawn[adjacency] = matrix
        self.matrices.append(matrix)
        self.operations.append(names)
        self.params.append(params)

    def _free(self, epochs: int, row: int) -> _Training:
        """The first repetition of a schedule in which the module has no values yet; its arrays reach the row."""
        repetition = 0
        while True:
            training = self.trainings.get((epochs, repetition))
            if training is None:
                if len(self.trainings) == _MOST_TRAININGS:
                    raise InvalidInputError(
                        f"expected at most {_MOST_TRAININGS} trainings per module, got more; is it the published file?"
                    )
                training = _Training(np.empty((0, _SINGLE), dtype=np.float32), np.empty(0))
                self.trainings[epochs, repetition] = training
            if row >= len(training.seconds):
                size = max(_FIRST_ROWS, 2 * row)
                training.single = _grown(training.single, size)
                training.seconds = _grown(training.seconds, size)
            if np.isnan(training.seconds[row]):
                return training
            repetition += 1


def read_nas_bench_101(
    path: "str | PathLike[str]", *, progress: Progress | None = None, partial: bool = False
) -> Table:
    """Read ``nasbench_full.tfrecord`` (epochs 4, 12, 36, 108) or ``nasbench_only108.tfrecord``.

    Task "cifar10"; accuracies are fractions, ``train_time`` is in seconds, ``params`` in millions;
    see the module for what ``seed`` means.

    Args:
        path: The file.
        progress: Told how far the reading is.
        partial: Accept a file with fewer modules or trainings than were published; what it lacks is NaN.

    Raises:
        InvalidInputError: Not such a file, truncated, or damaged; the message begins with the path.
    """
    with naming(path):
        measured = Measured()
        for batch in read_records(Path(path), progress=progress):
            for record in batch:
                measured.add(record)
        space = get_space("nas-bench-101")
        if not partial:
            _check_whole(measured, space)
        return _table(measured, space)


def _unpack(record: bytes) -> tuple[bytes, int, str, str, bytes]:
    """The five parts of a record, of the types they must have."""
    try:
        digest, epochs, adjacency, operations, metrics = json.loads(record)
        if not all(isinstance(text, str) for text in (adjacency, operations, metrics)):
            raise ValueError("numbers in place of text")
        unpacked = bytes.fromhex(digest), epochs, adjacency, operations, binascii.a2b_base64(metrics)
    except (ValueError, TypeError, RecursionError):
        raise InvalidInputError(
            "expected records [hash, epochs, adjacency, operations, metrics] of NAS-Bench-101, got "
            f"{record[:60]!r}; is it the published file?"
        ) from None
    if len(unpacked[0]) != 16 or integer(epochs, "epochs of a record", 2) % 2:
        raise InvalidInputError(f"expected an MD5 hash and an even number of epochs, got {digest!r:.60} and {epochs}")
    return unpacked


def _metrics(data: bytes) -> tuple[int, list[tuple[float, float, float, float]]]:
    """Parameters, and (train, val, test accuracy, seconds) at the start, half way and at the end.

    The fields of the published message ModelMetrics: 1 = evaluations, 2 = parameters, 3 = total seconds.
    """
    params, evaluations = -1, []
    for number, kind, value in fields(data):
        if number == 1 and kind == BYTES:
            evaluations.append(_evaluation(value))  # type: ignore[arg-type]  # the wire type says that it is bytes
        elif number == 2 and kind == VARINT:
            params = int(value)
        elif number <= 2:
            raise InvalidInputError(f"metrics: field {number} has the unexpected wire type {kind}")
    if not 0 <= params < 2**31 or len(evaluations) != 3:
        raise InvalidInputError(
            f"metrics: expected the parameters and three evaluations, got {params} and {len(evaluations)}; "
            "is it the published file?"
        )
    return params, evaluations


def _evaluation(data: bytes) -> tuple[float, float, float, float]:
    """(train, val, test accuracy, seconds); fields: 1 = epoch, 2 = seconds, 3 to 5 = accuracies, 6 = a path."""
    found = [np.nan] * 6
    for number, kind, value in fields(data):
        if number > 5:
            continue
        if kind != FIXED64:
            raise InvalidInputError(f"evaluation: field {number} has the unexpected wire type {kind}")
        found[number] = double(value)
    _, _, seconds, *accuracies = found
    if np.isnan(seconds) or not all(0.0 <= a <= 1.0 for a in accuracies):
        raise InvalidInputError(f"evaluation: expected seconds and three accuracies from 0 to 1, got {found[2:]}")
    return (*accuracies, seconds)  # type: ignore[return-value]  # three accuracies


def _grown(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The first ``size`` rows, those that are not there yet as NaN."""
    if len(values) >= size:
        return values[:size]
    larger = np.full((size, *values.shape[1:]), np.nan, dtype=values.dtype)
    larger[: len(values)] = values
    return larger


def _check_whole(measured: Measured, space: SearchSpace) -> None:
    n = len(measured.rows)
    check_complete(n, space.size, partial=False)
    for epochs in {e for e, _ in measured.trainings}:
        for repetition in range(REPETITIONS):
            training = measured.trainings.get((epochs, repetition))
            there = 0 if training is None else int((~np.isnan(training.seconds[:n])).sum())
            if there != n:
                raise InvalidInputError(
                    f"expected {REPETITIONS} trainings of each module with {epochs} epochs, got {there:,} times number "
                    f"{repetition}; download the file again, or {ACCEPT_PART}"
                )


def _table(measured: Measured, space: SearchSpace) -> Table:
    n = len(measured.rows)
    X = _rows_of(measured, space)
    columns: dict[Column, npt.NDArray[Any]] = {}
    curves: dict[Column, Curve] = {}
    for (epochs, repetition), training in sorted(measured.trainings.items()):
        single, seconds = _grown(training.single, n), _grown(training.seconds, n)
        at = (epochs // 2, epochs)
        for i, split in enumerate(_SPLITS):
            column = Column(TASK, "accuracy", split, epochs, repetition, "1")
            columns[column] = single[:, 4 + i]
            curves[column] = Curve(at, single[:, [i, 4 + i]])
        column = Column(TASK, "train_time", "", epochs, repetition, "s", "min")
        columns[column] = seconds
        curves[column] = Curve(at, np.stack([single[:, 3], seconds.astype(np.float32)], axis=1))
    columns[Column(TASK, "params", unit="million")] = np.array(measured.params) / 1e6
    return Table(space, X, columns, key="canonical", curves=curves, **get_source("nas-bench-101").about)


def _rows_of(measured: Measured, space: Any) -> Rows:
    """Rows of the modules; some of the file's hashes are compared with those of the rows."""
    modules: _Modules = space
    X = modules.from_matrix(measured.matrices, measured.operations)
    digests = list(measured.rows)
    some = np.unique(np.linspace(0, len(X) - 1, _HASHES_CHECKED).astype(np.int64))
    for i, got in zip(some.tolist(), modules.module_hashes(X[some]), strict=True):
        if got != digests[i].hex():
            raise InvalidInputError(
                f"expected the hash of every module to be that of its graph, got {digests[i].hex()} for one with "
                f"{got}; is it the published file?"
            )
    return X
