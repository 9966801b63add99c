"""Turn real trainings into a table: train a sample of architectures, keep every result, go on after a kill."""

import math
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.core.progress import Progress
from surrogate_nas.execution import Executor
from surrogate_nas.experiments.run_log import read_log
from surrogate_nas.experiments.trainings import LOG_NAME, SPACE_DIGEST, LoggedTrainings, recipe, training_log
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables import Table
from surrogate_nas.training import Trainer, TrainingResult
from surrogate_nas.training.result import CLASSIFICATION_UNITS, REGRESSION_UNITS

Floats = npt.NDArray[np.float64]


def collect(
    trainer: Trainer,
    X: Rows,
    seeds: Sequence[int],
    *,
    run_dir: str | Path | None = None,
    jobs: int = 1,
    executor: Executor | str | None = None,
    progress: Progress | None = None,
    together: int | None = None,
) -> Table:
    """Train every row with every seed and return a table of the results.

    Args:
        trainer: Trains on one task.
        X: Rows, shape (n, d).
        seeds: Training seeds.
        run_dir: Folder of the log; trainings that are in it are not done again.
        jobs: Workers at once.
        executor: Where they work: "local" (this process), "processes", "ray", or an object such as
            ``RayCluster(address)``; None is this process for one job, else processes.
        progress: Told after every training.
        together: Networks that each worker trains at a time; None is 1 on a CPU and 32 on a GPU.

    Returns:
        One column per metric that applies, split and seed; a failed training is NaN.
    """
    with (
        training_log(run_dir, trainer) as log,
        LoggedTrainings(
            trainer, log=log, jobs=jobs, executor=executor, progress=progress, together=together
        ) as trainings,
    ):
        # Seed by seed, so that an interrupted sweep leaves whole columns rather than whole rows.
        for seed in seeds:
            trainings.results(X, [seed], f"training on {trainer.data.name}, seed {seed}")
        results = trainings.results(X, seeds)
    return table_of_results(
        {trainer.data.name: results}, trainer.space, epochs={trainer.data.name: trainer.settings.epochs}
    )


def collect_tasks(
    trainers: Sequence[Trainer],
    X: Rows,
    seeds: Sequence[int],
    *,
    run_dir: str | Path,
    jobs: int = 1,
    executor: Executor | str | None = None,
    progress: Progress | None = None,
    together: int | None = None,
) -> Table:
    """Train every row on several tasks, and return a table of all that a folder holds by then.

    The folder only grows: other rows, seeds and tasks are added to what earlier calls left there. The log of the
    first task lies in the folder itself, that of each further one in a folder of its name.

    Args:
        trainers: One per task, all of one space.
        X: Rows, shape (n, d).
        seeds: Training seeds.
        run_dir: The folder; the other arguments are those of :func:`collect`.
        jobs: Workers at once.
        executor: Where they work.
        progress: Told after every training.
        together: Networks that each worker trains at a time.

    Raises:
        InvalidInputError: The folder holds trainings in another space, or other trainings on one of the tasks.
    """
    space, root = trainers[0].space, Path(run_dir)
    names = [trainer.data.name for trainer in trainers]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"tasks: expected different ones, got {', '.join(names)}; give each its own name")
    for folder in _logs_in(root).values():  # what cannot be joined is refused before anything is trained
        _check_space(folder, recipe(trainers[0]))
    for trainer in trainers:
        folder = _logs_in(root).get(trainer.data.name) or _new_log(root, trainer.data.name)
        collect(
            trainer, X, seeds, run_dir=folder, jobs=jobs, executor=executor, progress=progress, together=together
        )  # fmt: skip
    return table_of_logs([*_logs_in(root).values()], space)


def _check_space(folder: Path, wanted: dict[str, Any]) -> None:
    there, _ = read_log(folder / LOG_NAME)
    if there["space"] != wanted["space"]:
        raise InvalidInputError(
            f"run folder {str(folder)!r}: expected trainings in space {wanted['space']!r}, got some in "
            f"{there['space']!r}; choose another run folder"
        )
    if there.get(SPACE_DIGEST) != wanted.get(SPACE_DIGEST):
        raise InvalidInputError(
            f"run folder {str(folder)!r}: expected the space {wanted['space']!r} as it was when the folder was begun, "
            "got another definition; choose another run folder"
        )


def _logs_in(root: Path) -> dict[str, Path]:
    """Folders of logs by task, in the order of their names behind the folder itself."""
    found: dict[str, Path] = {}
    for folder in (root, *sorted(path for path in root.glob("*") if path.is_dir())):
        if (folder / LOG_NAME).is_file():
            task = read_log(folder / LOG_NAME)[0].get("dataset")
            if task is not None and folder in (root, _folder_of(root, task)):  # others are runs of their own
                found.setdefault(task, folder)
    return found


def _new_log(root: Path, task: str) -> Path:
    return _folder_of(root, task) if _logs_in(root) else root


def _folder_of(root: Path, task: str) -> Path:
    return root / re.sub(r"[^\w.-]+", "-", task)


def table_of_logs(paths: Sequence[str | Path], space: SearchSpace, *, name: str = "collected", **about: str) -> Table:
    """Join the logs of several sweeps, one task each, into one table.

    Args:
        paths: Run folders of :func:`collect`, or their ``trainings.jsonl``.
        space: The space of their architectures.
        name: Name of the table.
        **about: Its source, licence and citation.

    Raises:
        InvalidInputError: A log is not one of trainings in this space, or two logs hold the same task.
    """
    by_task: dict[str, list[TrainingResult]] = {}
    epochs: dict[str, int] = {}
    for given in paths:
        path = Path(given) / LOG_NAME if Path(given).is_dir() else Path(given)
        config, records = read_log(path)
        if config.get("space") != space.name:
            raise InvalidInputError(
                f"{path}: expected trainings in {space.name!r}, got {config.get('space')!r}; join one space at a time"
            )
        task = str(config["dataset"])
        if task in by_task:
            raise InvalidInputError(f"{path}: expected another task than {task!r}, which a log before it holds already")
        by_task[task] = [TrainingResult.from_dict(record) for record in records]
        epochs[task] = int(config["epochs"])
    return table_of_results(by_task, space, epochs=epochs, name=name, **about)


def table_of_results(
    results: dict[str, list[TrainingResult]],
    space: SearchSpace,
    *,
    epochs: dict[str, int],
    name: str = "collected",
    source: str = "trained by surrogate_nas",
    licence: str = "",
    citation: str = "",
) -> Table:
    """Arrange training results as a table; what was not trained, or failed, is NaN."""
    texts = list(dict.fromkeys(r.architecture for task in results.values() for r in task))
    at = {text: i for i, text in enumerate(texts)}
    columns: dict[Column, Floats] = {}
    defaults: dict[str, str] = {}
    for task, done in results.items():
        units = _units(done)
        defaults[task] = next(iter(units))
        for seed in sorted({r.seed for r in done}):
            of_seed = [r for r in done if r.seed == seed]
            rows = [at[r.architecture] for r in of_seed]
            for (metric, unit), split in product(units.items(), ("val", "test")):
                column = Column(task, metric, split, epochs[task], seed, unit)
                columns[column] = _scatter(rows, [r.score(metric, split) for r in of_seed], len(texts))
            column = Column(task, "seconds", "train", epochs[task], seed, "s")
            columns[column] = _scatter(rows, [r.seconds for r in of_seed], len(texts))
    return Table(
        space,
        space.parse(texts),
        columns,
        name=name,
        source=source,
        licence=licence,
        citation=citation,
        default_metrics=defaults,
    )


def mean_over_seeds(table: Table, *, task: str, metric: str | None = None, split: str = "val") -> tuple[Rows, Floats]:
    """Architectures with the mean of their seeds' scores; a seed that is missing or failed does not count.

    Args:
        table: Table with one column per seed.
        task: Its task.
        metric: Its metric; None takes the task's default.
        split: Its split.

    Returns:
        Rows (k, d) with at least one score, and their mean scores (k,).
    """
    metric = table.default_metric(task) if metric is None else metric
    seeds = [c.seed for c in table.columns if (c.task, c.metric, c.split) == (task, metric, split)]
    scores = np.stack([table.values(task=task, metric=metric, split=split, seed=seed) for seed in seeds])
    known = np.isfinite(scores)
    has = known.any(axis=0)
    mean = np.where(known, scores, 0.0).sum(axis=0)[has] / known.sum(axis=0)[has]
    return table.X[has], mean


def _units(results: list[TrainingResult]) -> dict[str, str]:
    """Unit of each metric that some training was scored by; the metric that choices are made on comes first."""
    scored = {name for r in results for name, value in r.val._asdict().items() if math.isfinite(value)}
    units = REGRESSION_UNITS if "r2" in scored else CLASSIFICATION_UNITS
    first = next(iter(units))
    return {metric: unit for metric, unit in units.items() if metric in scored or metric == first}


def _scatter(rows: list[int], values: list[float], n: int) -> Floats:
    column = np.full(n, np.nan)
    column[rows] = values
    return column
