"""TransNAS-Bench-101: ``transnas-bench_v10141024.pth``, without torch.

A dict written by ``torch.save``: "task_list"; "metrics_dict", the metrics of each task; "info_names", what is
known of a network without training it; and "data", which holds by space ("micro", "macro"), architecture and
task a record with "total_epochs", "model_info" and "metrics", one list over epochs per metric.

What is called here ``accuracy`` is the source's ``top1``; all other metrics keep their names. The source's
own reader answers with the best epoch unless it is told otherwise. A column holds what was measured after
the last epoch; the curve of the same training holds all epochs.
"""

import math
import re
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, Direction, InvalidInputError, UnknownNameError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.spaces import get_space
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.tables.curves import Curve
from surrogate_nas.tables.importers.pickled import as_record, field, kind_of, named, number
from surrogate_nas.tables.importers.reading import check_complete, naming
from surrogate_nas.tables.importers.torch_archive import load_torch
from surrogate_nas.tables.sources import get_source
from surrogate_nas.tables.table import Table
from surrogate_nas.tables.text import parse_architectures

#: The two spaces of the benchmark; one table has one space.
Cells = Literal["micro", "macro"]

#: Schedules have 10 to 30 epochs; a wrong number must not allocate memory.
MAX_EPOCHS = 1000

_SPLITS = {"train": "train", "valid": "val", "val": "val", "test": "test"}

#: What the source calls a metric, and what it is called here with its unit; others keep their names.
_METRICS = {
    "top1": ("accuracy", "%"),
    "top5": ("top5", "%"),
    "acc": ("acc", "%"),
    "mIoU": ("mIoU", "%"),
    "ssim": ("ssim", "1"),
}

#: Facts about a network; whether weights and operations are counted in units or millions, the file does not say.
_INFO = {
    "inference_time": ("latency", "s"),
    "model_params": ("params", ""),
    "model_FLOPs": ("flops", ""),
    "encoder_params": ("encoder_params", ""),
    "encoder_FLOPs": ("encoder_flops", ""),
}

#: What the benchmark's paper reports where a task has it beside the share of right pixels ("acc").
_SEGMENTATION = "mIoU"

_ELAPSED = "time_elapsed"
_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d)")


def read_transnas_bench_101(
    path: "str | PathLike[str]",
    *,
    cells: Cells,
    progress: Progress | None = None,
    partial: bool = False,
) -> Table:
    """Read one of the two spaces of the ``.pth`` file.

    Seven tasks; the metrics of each on "train", "val" and "test", after the last epoch of its schedule as
    columns and after every epoch as curves; ``train_time`` of the whole schedule, ``latency`` in seconds;
    ``params`` and ``flops`` of the network, and of its encoder alone. The file names no seeds.

    Args:
        path: The file.
        cells: "micro" for the cells (4,096 architectures), "macro" for the skeletons (3,256).
        progress: Told how many architectures were gathered.
        partial: Accept a file with fewer architectures than were published.

    Raises:
        InvalidInputError: Not such a file, truncated, hostile or incomplete; the message begins with the path.
        UnknownNameError: ``cells`` is neither.
    """
    if cells not in get_args(Cells):
        raise UnknownNameError.of("space of TransNAS-Bench-101", cells, get_args(Cells))
    report = progress or Silent()
    space = get_space(f"transnas-{cells}")
    content = load_torch(Path(path))
    with naming(path):
        return transnas_table(content, space, cells, report, partial=partial)


def read_transnas_micro(
    path: "str | PathLike[str]", *, progress: Progress | None = None, partial: bool = False
) -> Table:
    """:func:`read_transnas_bench_101` for the cells."""
    return read_transnas_bench_101(path, cells="micro", progress=progress, partial=partial)


def read_transnas_macro(
    path: "str | PathLike[str]", *, progress: Progress | None = None, partial: bool = False
) -> Table:
    """:func:`read_transnas_bench_101` for the skeletons."""
    return read_transnas_bench_101(path, cells="macro", progress=progress, partial=partial)


def transnas_table(content: object, space: SearchSpace, cells: Cells, report: Progress, *, partial: bool) -> Table:
    """Turn the dict that a file is into a table; arguments as in :func:`read_transnas_bench_101`."""
    whole = as_record(content, "the file")
    metrics = field(whole, "metrics_dict", dict, "the file")
    results = as_record(field(whole, "data", dict, "the file").get(cells), f"the file, {cells!r}")
    check_complete(len(results), space.size, partial)
    X = parse_architectures(space, list(results))
    columns: dict[Column, npt.NDArray[np.float64]] = {}
    curves: dict[Column, npt.NDArray[np.float32]] = {}
    for i, (text, by_task) in enumerate(results.items()):
        for task, result in named(by_task, text).items():
            names = field(metrics, task, list, "'metrics_dict'")
            scores, facts = _training(task, as_record(result, f"{text}, {task}"), names, f"{text}, {task}")
            for column, values in scores.items():
                facts[column] = float(values[-1])
                if column not in curves:
                    curves[column] = np.full((len(X), len(values)), np.nan, dtype=np.float32)
                curves[column][i] = values
            for column, value in facts.items():
                if column not in columns:
                    columns[column] = np.full(len(X), np.nan)
                columns[column][i] = value
        report.track("architectures", i + 1, len(X))
    columns = {c: v for c, v in columns.items() if not np.isnan(v).all()}
    return Table(
        space,
        X,
        columns,
        curves={c: Curve(tuple(range(1, v.shape[1] + 1)), v) for c, v in curves.items() if not np.isnan(v).all()},
        default_metrics={c.task: _SEGMENTATION for c in columns if c.metric == _SEGMENTATION},
        **get_source(f"transnas-{cells}").about,
    )


def _training(
    task: str, result: dict[Any, Any], names: list[Any], what: str
) -> tuple[dict[Column, npt.NDArray[np.float64]], dict[Column, float]]:
    """Scores over the epochs of one training, and single numbers."""
    epochs = field(result, "total_epochs", int, what)
    if not 1 <= epochs <= MAX_EPOCHS:
        raise InvalidInputError(f"{what}: expected 1 to {MAX_EPOCHS} epochs, got {epochs}")
    lists = field(result, "metrics", dict, what)
    scores = {}
    facts: dict[Column, float] = {}
    for name in names:
        if name == _ELAPSED:
            seconds = _over_epochs(lists, name, epochs, what, _seconds)
            column = Column(task, "train_time", "", epochs, None, "s", "min")
            facts[column] = float(seconds[-1]) if (np.diff(seconds) >= 0).all() else math.nan
        else:
            column = _column(task, name, epochs, what)
            scores[column] = _over_epochs(lists, name, epochs, what, number)
    for name, value in field(result, "model_info", dict, what).items():
        if name in _INFO and value != "":  # the source writes empty text for what was not measured
            metric, unit = _INFO[name]
            facts[Column(task, metric, unit=unit, direction="min")] = number(value, f"{what}, {name}")
    return scores, facts


def _column(task: str, name: object, epochs: int, what: str) -> Column:
    """The column of a metric such as "valid_top1"."""
    split, _, metric = name.partition("_") if isinstance(name, str) else ("", "", "")
    if split not in _SPLITS or not metric:
        raise InvalidInputError(f"{what}: expected a metric such as 'valid_top1', got {kind_of(name)}")
    ours, unit = _METRICS.get(metric, (metric, ""))
    direction: Direction = "min" if metric.endswith("loss") and not metric.startswith("neg") else "max"
    return Column(task, ours, _SPLITS[split], epochs, None, unit, direction)


def _over_epochs(
    lists: dict[Any, Any], name: str, epochs: int, what: str, convert: Callable[[object, str], float]
) -> npt.NDArray[np.float64]:
    """One list of numbers; NaN for epochs after its end and where a number is infinite."""
    values = field(lists, name, list, what)
    if len(values) > epochs:
        raise InvalidInputError(f"{what}, {name}: expected {epochs} numbers, one per epoch, got {len(values)}")
    found = np.full(epochs, np.nan)
    found[: len(values)] = [convert(value, f"{what}, {name}") for value in values]
    return np.where(np.isfinite(found), found, np.nan)


def _seconds(value: object, what: str) -> float:
    """Time since the training began, in seconds or as hours:minutes:seconds."""
    clock = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if clock:
        hours, minutes, seconds = map(int, clock.groups())
        return 3600.0 * hours + 60 * minutes + seconds
    return number(value, what)
