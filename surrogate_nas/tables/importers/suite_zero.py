"""NAS-Bench-Suite-Zero: ``zc_<space>.json``, zero-cost proxies of architectures of five spaces.

The file maps task -> architecture -> {proxy: {"score", "time"}, ..., "val_accuracy"}. Architectures are
tuples of NASLib, which numbers edges and operations in its own way. A proxy is a column of its task, named
as in the file; its seconds are a column ``<proxy>_time``. Where a proxy failed the file has -1e8, NaN or
infinity; here that is NaN. ``val_accuracy`` keeps its name, too: for the tasks of TransNAS-Bench-101 it is
whatever that task is scored by, and the file does not say in which unit.
"""

import re
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError, choose
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.spaces import get_space
from surrogate_nas.spaces.base import Rows
from surrogate_nas.tables.importers.reading import check_complete, finite_or_nan, mapping, naming, number, read_json
from surrogate_nas.tables.importers.repeats import find_repeats
from surrogate_nas.tables.sources import sources
from surrogate_nas.tables.table import Table
from surrogate_nas.tables.text import parse_architectures

#: What the file writes where a proxy could not be computed.
FAILED = -1e8

SCORE = "val_accuracy"

#: Counts, which NASLib divides by a million.
_UNITS = {"params": "million", "flops": "million"}

#: Entries of an architecture that are no measurements.
_OTHER = frozenset({"id"})

_KEY = re.compile(r"[\d\s,()\[\]]{1,400}")
_NUMBER = re.compile(r"\d+")

Keys = Sequence[Sequence[int]]


def read_suite_zero(
    path: "str | PathLike[str]",
    *,
    progress: Progress | None = None,
    space: str | None = None,
    partial: bool = False,
) -> Table:
    """Read ``zc_nasbench101.json``, ``zc_nasbench201.json``, ``zc_nasbench301.json`` or ``zc_transbench101_*.json``.

    One task per data set. An architecture that the file lists twice for a task has columns with ``seed`` 0 and 1,
    in the order of the file. Reading the largest file takes about a gigabyte of memory.

    Args:
        path: The file.
        progress: Told how many architectures and tasks were read.
        space: Name of the file's space, ours ("nas-bench-201") or NASLib's ("nasbench201"); None takes it from the
            file's name.
        partial: Accept fewer architectures than were published. How many the files of TransNAS-Bench-101 should
            have, the suite does not say: they are accepted as they come.

    Raises:
        UnknownNameError: Neither the file's name nor ``space`` is one of these.
        InvalidInputError: Not such a file, truncated, incomplete, or with architectures outside the space.
    """
    report = progress or Silent()
    with naming(path):
        ours, decode = _space_of(Path(path)) if space is None else choose(_KIND, space, _SPACES | _OWN_NAMES)
        source = next(s for s in sources().values() if (s.importer, s.space) == ("suite-zero", ours))
        content = mapping(read_json(Path(path)), "the file")
        entries = [(t, a) for t, of in content.items() for a in mapping(of, t)]
        most = max(len(of) for of in content.values())
        if source.rows:
            check_complete(most, source.rows, partial)
        report.say(f"{Path(path).name}: {most:,} architectures, {len(content)} task(s)")
        built = get_space(ours)
        X, rows = find_repeats(built, decode(built, [a for _, a in entries]))
        columns: dict[Column, npt.NDArray[np.float64]] = {}
        done = 0
        for i, (task, of) in enumerate(content.items(), 1):
            columns |= _task(task, of, rows[done : done + len(of)], len(X))
            done += len(of)
            report.track("tasks", i, len(content))
        default = {c.task: SCORE for c in columns if c.metric == SCORE}
        return Table(built, X, columns, default_metrics=default, **source.about)


def _space_of(path: Path) -> "_Space":
    """The space that a file's name stands for."""
    try:
        return choose(_KIND, path.stem.removeprefix("zc_"), _SPACES)
    except UnknownNameError as error:
        raise UnknownNameError(
            f"{error}; it was taken from the file's name: name the space with space=... (--space), such as "
            f"{next(iter(_OWN_NAMES))}"
        ) from None


def _task(task: str, of: dict[str, Any], rows: npt.NDArray[np.int64], n: int) -> dict[Column, npt.NDArray[np.float64]]:
    """Columns of one task; ``rows`` says where each of its architectures stands among ``n``."""
    seen: dict[int, int] = {}
    found: dict[tuple[int, str], npt.NDArray[np.float64]] = {}
    for row, (architecture, entry) in zip(rows.tolist(), of.items(), strict=True):
        repetition = seen.get(row, 0)
        seen[row] = repetition + 1
        for metric, value in _measurements(f"{task}, {architecture}", entry):
            place = (repetition, metric)
            if place not in found:
                found[place] = np.full(n, np.nan)
            found[place][row] = value
    repeated = max(seen.values()) > 1
    columns = {}
    for (repetition, metric), values in found.items():
        seed = repetition if repeated else None
        if metric.endswith(_TIME):
            column = Column(task, metric, seed=seed, unit="s", direction="min")
        else:
            column = Column(task, metric, "val" if metric == SCORE else "", None, seed, _UNITS.get(metric, ""))
        columns[column] = values
    return columns


_TIME = "_time"


def _measurements(where: str, entry: Any) -> list[tuple[str, float]]:
    """Metrics and values of one architecture."""
    found = []
    for proxy, value in mapping(entry, where).items():
        what = f"{where}, {proxy}"
        if proxy == SCORE:
            found.append((proxy, finite_or_nan(number(value, what))))
        elif proxy not in _OTHER:
            parts = mapping(value, what)
            score = number(parts.get("score"), what)
            found.append((proxy, np.nan if score == FAILED else finite_or_nan(score)))
            if "time" in parts:
                found.append((proxy + _TIME, finite_or_nan(number(parts["time"], what))))
    return found


def _integers(key: str) -> list[int]:
    """The numbers of a tuple as text, however it is nested."""
    numbers = [int(n) for n in _NUMBER.findall(key)] if _KEY.fullmatch(key) else []
    if not numbers:
        raise InvalidInputError(
            f"expected architectures as tuples of numbers, got {key!r:.80}; is it the published file?"
        )
    return numbers


def _sized(key: str, n: int) -> list[int]:
    numbers = _integers(key)
    if len(numbers) != n:
        raise InvalidInputError(
            f"expected architectures of {n} numbers, got {key!r:.80}; is it the file of this space?"
        )
    return numbers


def _named(key: str, number: int, names: Sequence[str]) -> str:
    if number >= len(names):
        raise InvalidInputError(f"{key:.80}: expected operations from 0 to {len(names) - 1}, got {number}")
    return names[number]


#: NASLib's order of operations, and of edges as pairs of nodes counted from 1; its text sorts them by target.
_EDGE_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_EDGES = ((1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4))
_BY_TARGET = sorted(range(len(_EDGES)), key=lambda i: (_EDGES[i][1], _EDGES[i][0]))


def _edge_cells(space: Any, keys: list[str]) -> Rows:
    texts = []
    for key in keys:
        numbers = _sized(key, len(_EDGES))
        parts = [f"{_named(key, numbers[i], _EDGE_OPERATIONS)}~{_EDGES[i][0] - 1}" for i in _BY_TARGET]
        texts.append(f"|{parts[0]}|+|{'|'.join(parts[1:3])}|+|{'|'.join(parts[3:])}|")
    return parse_architectures(space, texts)


def _micro_cells(space: Any, keys: list[str]) -> Rows:
    """Six digits in the order of the official text, which are its own."""
    numbers = [_sized(key, 6) for key in keys]
    return parse_architectures(space, ["64-41414-{}_{}{}_{}{}{}".format(*n) for n in numbers])


#: What a layer can be: none, or one that keeps or changes resolution and width.
_DIGITS = ("0", "1", "2", "3", "4")


def _macro_networks(space: Any, keys: list[str]) -> Rows:
    """One digit per layer; a zero stands for no layer."""
    digits = ["".join(_named(key, n, _DIGITS) for n in _integers(key) if n) for key in keys]
    return parse_architectures(space, [f"64-{d}-basic" for d in digits])


_NODE_OPERATIONS = ("input", "output", "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")


def _node_cells(space: Any, keys: list[str]) -> Rows:
    """The v * v entries of the adjacency matrix, then v operations."""
    matrices, operations = [], []
    for key in keys:
        numbers = _integers(key)
        v = int(np.sqrt(len(numbers)))
        if v * (v + 1) != len(numbers):
            raise InvalidInputError(f"expected a matrix and its operations, got {key!r:.80}; is it the published file?")
        matrices.append(np.array(numbers[:-v]).reshape(v, v))
        operations.append([_named(key, n, _NODE_OPERATIONS) for n in numbers[-v:]])
    X: Rows = space.from_matrix(matrices, operations)
    return X


_DARTS_OPERATIONS = (
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip


def _two_cells(space: Any, keys: list[str]) -> Rows:
    """Eight pairs (input, operation) for the normal cell, then for the reduction cell."""
    texts = []
    for key in keys:
        numbers = _sized(key, 32)
        pairs = [
            f"('{_named(key, op, _DARTS_OPERATIONS)}', {state})"
            for state, op in zip(numbers[::2], numbers[1::2], strict=True)
        ]
        cells = (f"[{', '.join(part)}]" for part in (pairs[:8], pairs[8:]))
        texts.append(
            "Genotype(normal={}, normal_concat=range(2, 6), reduce={}, reduce_concat=range(2, 6))".format(*cells)
        )
    return parse_architectures(space, texts)


#: Our name of a space, and what reads its tuples.
_Space = tuple[str, Callable[[Any, list[str]], Rows]]

_KIND = "space of NAS-Bench-Suite-Zero"

#: By NASLib's name of the space.
_SPACES: dict[str, _Space] = {
    "nasbench101": ("nas-bench-101", _node_cells),
    "nasbench201": ("nas-bench-201", _edge_cells),
    "nasbench301": ("nas-bench-301", _two_cells),
    "transbench101_micro": ("transnas-micro", _micro_cells),
    "transbench101_macro": ("transnas-macro", _macro_networks),
}

_OWN_NAMES: dict[str, _Space] = {space[0]: space for space in _SPACES.values()}
