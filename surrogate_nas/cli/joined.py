"""What a user measured, from files and from tables of trainings, as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from surrogate_nas.cli.measurements import Measurements, is_table, read_measurements
from surrogate_nas.core import Direction, InvalidInputError

if TYPE_CHECKING:
    from surrogate_nas.spaces.base import SearchSpace
    from surrogate_nas.tables import Table


@dataclass(frozen=True)
class Joined:
    """What all files together say.

    Attributes:
        read: Architectures and scores, as of one file.
        title: What was measured, in a word or two.
        direction: Whether a higher or a lower score is better, where a table says it.
    """

    read: Measurements
    title: str
    direction: Direction | None


def read_joined(
    paths: Sequence[Path],
    *,
    space: "SearchSpace | None" = None,
    task: str | None = None,
    arch_column: str | None = None,
    score_column: str | None = None,
    extra_columns: Sequence[str] = (),
) -> Joined:
    """Read files of measurements, and tables of trainings as ``surrogate-nas train`` writes them.

    Args:
        paths: At least one; scores are taken as of one scale.
        space: Space of the architectures; None takes that of a table.
        task: Task of the tables; None takes the only one there is.
        arch_column: Column of the architectures' text in files.
        score_column: Column of the scores in files.
        extra_columns: Columns of side features in files.

    Raises:
        InvalidInputError: One line that names the file, or the option, at fault.
    """
    tables = {path: _opened(path) for path in paths if is_table(path)}
    if task is not None and not tables:
        raise InvalidInputError(f"--task: expected none with {paths[0]}, got {task!r}; it is of a table of trainings")
    if tables and extra_columns:
        raise InvalidInputError(
            "--extra-columns: expected none with a table of trainings, which has none; proxies --measured "
            "writes a file with side features and scores"
        )
    spaces = [table.space for table in tables.values()]
    if space is None and not spaces:
        raise InvalidInputError(f"--space: expected the space of the architectures in {paths[0]}, got none")
    opened = space or spaces[0]
    for path, table in tables.items():
        if table.space.name != opened.name:
            raise InvalidInputError(
                f"{path}: expected architectures of space {opened.name!r}, got some of {table.space.name!r}"
            )
    parts, title, direction = [], paths[0].stem, None
    for path in paths:
        if path in tables:
            chosen = _task(tables[path], task, path)
            parts.append(_from_table(tables[path], chosen, opened))
            title, direction = chosen, _direction(tables[path], chosen)
        else:
            parts.append(
                read_measurements(
                    path, opened, arch_column=arch_column, score_column=score_column, extra_columns=extra_columns
                )
            )
    return Joined(parts[0] if len(parts) == 1 else _merged(parts), title, direction)


def _opened(path: Path) -> "Table":
    from surrogate_nas.tables import load_table

    return load_table(str(path))


def _task(table: "Table", task: str | None, path: Path) -> str:
    if task is None and len(table.tasks) > 1:
        raise InvalidInputError(f"--task: expected one of {', '.join(table.tasks)}, got none; {path} has several")
    return table.tasks[0] if task is None else task


def _direction(table: "Table", task: str) -> Direction:
    metric = table.default_metric(task)
    return next(c.direction or "max" for c in table.columns if (c.task, c.metric) == (task, metric))


def _from_table(table: "Table", task: str, space: "SearchSpace") -> Measurements:
    """Mean validation scores over the seeds that did not fail."""
    from surrogate_nas.experiments import mean_over_seeds

    X, y = mean_over_seeds(table, task=task)
    rest = table.X[~np.isin(space.keys(table.X), space.keys(X))]
    score = f"{task}: {table.default_metric(task)}, validation"
    return Measurements(space, X, y, None, rest, None, "architecture", score, 0)


def _merged(parts: Sequence[Measurements]) -> Measurements:
    """One after the other; an architecture that several files have counts with the mean of its scores."""
    first, space = parts[0], parts[0].space
    X, y = np.concatenate([part.X for part in parts]), np.concatenate([part.y for part in parts])
    rest = np.concatenate([part.rest for part in parts])
    _, at, back = np.unique(space.keys(X), return_index=True, return_inverse=True)
    order = np.argsort(at)  # as in the files
    mean = np.bincount(back, weights=y) / np.bincount(back)
    extras = [part.extra for part in parts if part.extra is not None]
    rests = [part.rest_extra for part in parts if part.rest_extra is not None]
    return Measurements(
        space,
        X[at[order]],
        mean[order],
        np.concatenate(extras)[at[order]] if extras else None,
        rest,
        np.concatenate(rests) if rests else None,
        first.arch_column,
        first.score_column,
        sum(part.repeats for part in parts) + len(X) - len(at),
    )
