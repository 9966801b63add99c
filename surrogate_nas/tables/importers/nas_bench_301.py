"""NAS-Bench-301: the results of its trainings, one JSON file each, in folders or in the published zip file.

A file ``results_<n>.json`` holds the architecture as a configuration ("optimized_hyperparamater_config"),
the schedule ("budget", epochs), final scores ("info", "test_accuracy"), seconds ("runtime"), and in the
edition with full logs also "learning_curves". What the benchmark is known for, its surrogate models,
is not read: a table holds measurements.

Architectures that were trained several times have several columns. The files name no seeds: ``seed``
counts the trainings of an architecture in the order of the files' paths.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, Direction, InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.spaces import get_space
from surrogate_nas.spaces.base import Rows
from surrogate_nas.tables.curves import Curve
from surrogate_nas.tables.importers.reading import (
    ACCEPT_PART,
    finite_or_nan,
    integer,
    mapping,
    naming,
    number,
    parse_json,
)
from surrogate_nas.tables.importers.repeats import find_repeats
from surrogate_nas.tables.importers.zipped import read_members
from surrogate_nas.tables.sources import get_source
from surrogate_nas.tables.table import Table

TASK = "cifar10"

#: What the benchmark's own loader looks for.
PATTERN = "results_*.json"

#: Depth and width of the networks: not part of the architecture, and scores of different ones do not compare.
_SIZES = ("NetworkSelectorDatasetInfo:darts:layers", "NetworkSelectorDatasetInfo:darts:init_channels")

#: The logs name curves after their tag in the training program; other tags are no scores.
_CURVE = re.compile(r"Train/(train|val|test)_(accuracy|cross_entropy|loss)")

#: The benchmark has about 60,000 results, of which nobody states the exact number; far fewer are a part.
FEWEST = 10_000

_UNITS = {"accuracy": "%", "train_time": "s"}

_BEST_HIGH = {"accuracy"}

#: Epochs of the schedule, seed, metric, split.
_Place = tuple[int, int, str, str]

#: A result with curves has some ten kilobytes; a member of an archive may unpack to no more than this.
_MAX_BYTES = 2**24


class _Configured(Protocol):
    """What is asked of the space beyond the contract of every space."""

    def from_config(self, configs: list[Mapping[str, Any]]) -> Rows: ...


class _Result(NamedTuple):
    """One training: where it stands, what was trained and what came out."""

    file: str
    config: dict[str, Any]
    size: tuple[int, int]
    epochs: int
    scores: dict[tuple[str, str], float]
    params: float
    curves: dict[tuple[str, str], npt.NDArray[np.float32]]


def read_nas_bench_301(
    path: "str | PathLike[str]", *, progress: Progress | None = None, partial: bool = False
) -> Table:
    """Read all results below a folder, in a zip file, or in one file.

    Task "cifar10"; accuracies in percent, ``train_time`` in seconds, ``params`` in millions, one column per
    schedule and training; curves where the files have them, after every epoch.

    Args:
        path: The folder, the zip file, or one ``results_<n>.json``.
        progress: Told how many files were read.
        partial: Accept a part: fewer than 10,000 of the about 60,000 results, or a single one.

    Raises:
        InvalidInputError: A file is damaged or no such result, there are none or too few, or networks of
            several depths or widths are mixed; the message begins with the path.
    """
    with naming(path):
        report = progress or Silent()
        results = list(_results(Path(path), report))
        if not results:
            raise InvalidInputError(f"expected files {PATTERN}, found none; unpack the archive or name its folder")
        if len(results) < FEWEST and not partial:
            raise InvalidInputError(
                f"expected about 60,000 results, got {len(results):,}; download the archive again, or {ACCEPT_PART}"
            )
        sizes = sorted({r.size for r in results})
        if len(sizes) > 1:
            listed = ", ".join(f"{layers} layers of {width} channels" for layers, width in sizes)
            raise InvalidInputError(
                f"expected networks of one depth and width, got {listed}; keep each kind in a folder of its own"
            )
        table = _table(results)
        report.say(f"{Path(path).name}: {len(results):,} results of {len(table):,} architectures")
        return table


def _results(path: Path, report: Progress) -> Iterator[_Result]:
    if path.is_dir():
        files = sorted(path.rglob(PATTERN), key=_natural)
        for done, file in enumerate(files, 1):
            name = file.relative_to(path).as_posix()
            yield _decode(name, file.read_bytes())
            report.track("results", done, len(files))
    elif zipfile.is_zipfile(path):
        members = read_members(path, lambda name: name.match(PATTERN), most_bytes=_MAX_BYTES, order=_natural)
        for done, (member, data, n) in enumerate(members, 1):
            yield _decode(str(member), data)
            report.track("results", done, n)
    else:
        yield _decode(path.name, path.read_bytes())


def _natural(path: Path | PurePosixPath) -> list[tuple[int, str]]:
    """Sort key that puts results_10 after results_9."""
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", path.as_posix())]


def _decode(name: str, data: bytes) -> _Result:
    with naming(name):
        content = mapping(parse_json(data), "the file")
        config = mapping(content.get("optimized_hyperparamater_config"), "optimized_hyperparamater_config")
        runs = content.get("info")
        if not isinstance(runs, list) or len(runs) != 1:
            raise InvalidInputError(f"expected 'info' with one training, got {runs!r:.60}; is it a published result?")
        info = mapping(runs[0], "info")
        layers, width = (integer(config.get(key), key, 1) for key in _SIZES)
        epochs = integer(content.get("budget"), "budget", 1)
        accuracies = {
            "train": info.get("train_accuracy", np.nan),
            "val": info.get("val_accuracy"),
            "test": content.get("test_accuracy"),
        }
        scores = {("accuracy", s): finite_or_nan(number(v, f"{s} accuracy")) for s, v in accuracies.items()}
        scores["train_time", ""] = number(content.get("runtime"), "runtime")
        params = number(info.get("model_parameters", np.nan), "model_parameters") / 1e6
        curves = content.get("learning_curves", {})
        return _Result(name, config, (layers, width), epochs, scores, params, _curves(curves, epochs))


def _curves(given: object, epochs: int) -> dict[tuple[str, str], npt.NDArray[np.float32]]:
    if not isinstance(given, dict):
        raise InvalidInputError(f"learning_curves: expected an object, got {given!r:.60}; is it a published result?")
    found = {}
    for tag, values in given.items():
        match = _CURVE.fullmatch(tag)
        if not match:
            continue
        if not isinstance(values, list) or not 0 < len(values) <= epochs:
            raise InvalidInputError(f"{tag}: expected 1 to {epochs} numbers, one per epoch, got {values!r:.60}")
        split, metric = match.groups()
        found[metric, split] = np.array([finite_or_nan(number(v, tag)) for v in values], dtype=np.float32)
    return found


def _table(results: list[_Result]) -> Table:
    space = get_space("nas-bench-301")
    X, rows = find_repeats(space, _parse(space, results))
    n = len(X)
    columns: dict[_Place, npt.NDArray[np.float64]] = {}
    curves: dict[_Place, npt.NDArray[np.float32]] = {}
    params = np.full(n, np.nan)
    trained: dict[tuple[int, int], int] = {}
    for row, result in zip(rows.tolist(), results, strict=True):
        seed = trained.get((row, result.epochs), 0)
        trained[row, result.epochs] = seed + 1
        for name, value in result.scores.items():
            place = (result.epochs, seed, *name)
            if place not in columns:
                columns[place] = np.full(n, np.nan)
            columns[place][row] = value
        for name, values in result.curves.items():
            place = (result.epochs, seed, *name)
            if place not in curves:
                curves[place] = np.full((n, result.epochs), np.nan, dtype=np.float32)
            curves[place][row, : len(values)] = values
        if not np.isnan(params[row]) and result.params != params[row]:
            raise InvalidInputError(
                f"{result.file}: expected {params[row]:g} million parameters as in another training of the same "
                f"architecture, got {result.params:g}"
            )
        params[row] = result.params
    described: dict[Column, npt.ArrayLike] = {_column(place): columns[place] for place in sorted(columns)}
    described[Column(TASK, "params", unit="million")] = params
    kept = {_column(p): Curve(tuple(range(1, p[0] + 1)), curves[p]) for p in sorted(curves)}
    return Table(space, X, described, curves=kept, **get_source("nas-bench-301").about)


def _parse(space: Any, results: list[_Result]) -> Rows:
    """All configurations at once; if that fails, the first bad one is named."""
    configured: _Configured = space
    try:
        return configured.from_config([r.config for r in results])
    except InvalidInputError:
        for result in results:
            with naming(result.file):
                configured.from_config([result.config])
        raise


def _column(place: _Place) -> Column:
    epochs, seed, metric, split = place
    direction: Direction = "max" if metric in _BEST_HIGH else "min"
    return Column(TASK, metric, split, epochs, seed, _UNITS.get(metric, ""), direction)
