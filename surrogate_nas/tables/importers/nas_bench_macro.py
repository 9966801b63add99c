"""NAS-Bench-Macro: ``nas-bench-macro_cifar10.json``.

An object with one entry per architecture, whose name has one digit per layer (0 = identity, 1 = block
of kernel 3 and expansion 3, 2 = block of kernel 5 and expansion 6). Each entry has the test accuracies
of three trainings, their mean and standard deviation, parameters and FLOPs; there is no validation set.
The benchmark trained one of all architectures that differ only in where an identity stands within a
stage, and the file repeats its numbers for the others.
"""

import math
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers.reading import check_complete, mapping, naming, number, read_json
from surrogate_nas.tables.sources import get_source
from surrogate_nas.tables.table import Table
from surrogate_nas.tables.text import parse_architectures

TASK = "cifar10"

#: Trainings of each architecture.
REPETITIONS = 3

#: Percent by which the file's mean may differ from that of its accuracies: a copy may have it rounded.
_TOLERANCE = 0.01


def read_nas_bench_macro(
    path: "str | PathLike[str]", *, progress: Progress | None = None, partial: bool = False
) -> Table:
    """Read ``nas-bench-macro_cifar10.json``.

    Task "cifar10"; test accuracy in percent for each of three trainings, which ``seed`` counts in the order
    of the file (the source names no seeds), and their mean, which is computed from the three: the file's own only
    has to agree to a hundredth of a percent. ``params`` and ``flops`` in millions.

    Args:
        path: The file.
        progress: Told how far the reading is.
        partial: Accept a file with fewer architectures than were published.

    Raises:
        InvalidInputError: Not such a file, truncated, inconsistent, or with an architecture twice; the message
            begins with the path.
    """
    report = progress or Silent()
    space = get_space("nas-bench-macro")
    with naming(path):
        content = mapping(read_json(Path(path)), "the file")
        check_complete(len(content), space.size, partial)
        rows = []
        for done, (architecture, entry) in enumerate(content.items(), 1):
            rows.append(_entry(architecture, entry))
            report.track("architectures", done, len(content))
        X = parse_architectures(space, list(content))
        values = np.array(rows)
        columns: dict[Column, npt.NDArray[Any]] = {
            Column(TASK, "accuracy", "test", seed=seed, unit="%"): values[:, seed] for seed in range(REPETITIONS)
        }
        columns[Column(TASK, "accuracy", "test", seed="mean", unit="%")] = values[:, :REPETITIONS].mean(axis=1)
        columns[Column(TASK, "params", unit="million")] = values[:, -2] / 1e6
        columns[Column(TASK, "flops", unit="million")] = values[:, -1] / 1e6
        return Table(space, X, columns, **get_source("nas-bench-macro").about)


def _entry(architecture: str, entry: Any) -> tuple[float, ...]:
    """The accuracies, parameters and FLOPs of one architecture."""
    fields = mapping(entry, architecture)
    accuracies = fields.get("test_acc")
    if not isinstance(accuracies, list) or len(accuracies) != REPETITIONS:
        raise InvalidInputError(
            f"{architecture}: expected 'test_acc' with {REPETITIONS} numbers, got {accuracies!r:.80}"
        )
    scores = [number(a, f"{architecture}, test_acc") for a in accuracies]
    mean = number(fields.get("mean_acc"), f"{architecture}, mean_acc")
    if not math.isclose(mean, sum(scores) / REPETITIONS, rel_tol=0, abs_tol=_TOLERANCE):
        raise InvalidInputError(f"{architecture}: expected the mean of {scores}, got {mean}; download the file again")
    counts = [number(fields.get(key), f"{architecture}, {key}") for key in ("params", "flops")]
    return (*scores, *counts)
