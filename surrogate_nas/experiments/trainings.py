"""Where real trainings come from: a trainer whose results are kept in a log, or a table of earlier ones.

Both answer the same question, so the main job runs unchanged on either: live it trains, replayed on a
table it costs nothing and can be repeated over many seeds.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.execution import Executor, Pool, WorkerDied, as_executor, in_order
from surrogate_nas.experiments.run_log import RunLog
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables import Table
from surrogate_nas.tables.contents import own_definition
from surrogate_nas.training import Trainer, TrainingResult
from surrogate_nas.training.datasets.content import content_digest
from surrogate_nas.training.datasets.described import is_described

Floats = npt.NDArray[np.float64]

#: The log of trainings inside a run folder.
LOG_NAME = "trainings.jsonl"

#: The folder beside a log where trainings that take long keep how far they are.
CHECKPOINTS = "checkpoints"

#: Candidates among which a search in a large space chooses: predicting so many takes about a second.
MAX_CANDIDATES = 50_000

#: What identifies a training in a log.
LOG_KEY = ("architecture", "seed")

#: What tells one's own spaces and data from others of the same name, in the configuration of a log.
SPACE_DIGEST, DATA_DIGEST = "digest_of_space", "digest_of_data"

#: A row and its seed.
Job = tuple[npt.ArrayLike, int]


@dataclass(frozen=True)
class SeedScores:
    """Results of n architectures × s seeds; NaN = that training failed.

    Attributes:
        val: Validation score, shape (n, s); what choices are made on.
        test: Test score, shape (n, s); for the report alone.
        seconds: Cost of each training, shape (n, s); NaN where the source does not say.
    """

    val: Floats
    test: Floats
    seconds: Floats


class Trainings(Protocol):
    """Something that trains architectures, or did so earlier."""

    space: SearchSpace

    def candidates(self) -> Rows:
        """Every architecture that can be asked for, shape (m, d)."""
        ...

    def train(self, X: Rows, seeds: Sequence[int], label: str = "") -> SeedScores:
        """Scores of every row under every seed."""
        ...


@final
class LoggedTrainings:
    """Real trainings, each done once: what the log holds is not trained again, so a killed run continues.

    As a context manager it keeps its workers from one call to the next; else each call has workers of its own.

    A training that takes longer than half a minute also writes every half minute how far it is, into the folder
    :data:`CHECKPOINTS` beside the log, and goes on from there. Trainings that are done together write their results
    when the last of them has ended, and nothing before.

    Args:
        trainer: Trains one architecture with one seed.
        metric: What choices are made on and reports show; None takes the trainer's, of which higher is better.
        log: Where results are kept, keyed by :data:`LOG_KEY`; None keeps them in memory.
        jobs: Workers at once.
        executor: Where they work: "local" (this process), "processes", "ray", or an object such as
            ``RayCluster(address)``; None is this process for one job, else processes.
        progress: Told after every training.
        together: Networks that each worker trains at a time; None is 1 on a CPU and 32 on a GPU.
    """

    def __init__(
        self,
        trainer: Trainer,
        *,
        metric: str | None = None,
        log: RunLog | None = None,
        jobs: int = 1,
        executor: Executor | str | None = None,
        progress: Progress | None = None,
        together: int | None = None,
    ) -> None:
        self.trainer = trainer
        self.together = trainer.together(together)
        self.space: SearchSpace = trainer.space
        self.metric = trainer.metric if metric is None else metric
        self.log = log
        self.jobs = jobs
        self.executor = as_executor(executor, jobs)
        self.progress = progress or Silent()
        self._pool: Pool[Sequence[Job], list[TrainingResult]] | None = None
        self._memory: dict[tuple[str, int], TrainingResult] = {}

    def candidates(self) -> Rows:
        """Every architecture of the space; of a large one the same random ones each time."""
        if self.space.size <= MAX_CANDIDATES:
            return self.space.enumerate()
        return self.space.sample(MAX_CANDIDATES, 0, unique=True)

    def train(self, X: Rows, seeds: Sequence[int], label: str = "training") -> SeedScores:
        """Train what is not in the log yet, in the order asked.

        Args:
            X: Rows, shape (n, d).
            seeds: Training seeds, s of them.
            label: What these trainings are for, shown while they run.
        """
        results = self.results(X, seeds, label)
        shape = (len(X), len(seeds))
        return SeedScores(
            np.array([r.score(self.metric, "val") for r in results]).reshape(shape),
            np.array([r.score(self.metric, "test") for r in results]).reshape(shape),
            np.array([r.seconds for r in results]).reshape(shape),
        )

    def results(self, X: Rows, seeds: Sequence[int], label: str = "training") -> list[TrainingResult]:
        """The full results behind :meth:`train`, row by row, seed by seed."""
        wanted = [(text, int(seed)) for text in self.space.format(X) for seed in seeds]
        rows = dict(zip(wanted, ((x, seed) for x in X for seed in seeds), strict=True))
        missing = [key for key in rows if self._known(key) is None]
        self.progress.track(label, 0, len(missing))
        # No worker waits while another one has more at a time than it would need to have.
        together = min(self.together, -(-len(missing) // self.jobs)) or 1
        groups = [missing[i : i + together] for i in range(0, len(missing), together)]
        finished = 0

        def keep(i: int, results: list[TrainingResult] | WorkerDied) -> None:
            # Called as each group ends, in whatever order: what is finished is kept at once.
            nonlocal finished
            group = groups[i]
            if isinstance(results, WorkerDied) and len(group) > 1:
                alone.extend([key] for key in group)  # one of them may have been too much for the worker
                return
            finished += len(group)
            for n, key in enumerate(group):
                self._keep(key, results if isinstance(results, WorkerDied) else results[n])
            self.progress.track(label, finished, len(missing))

        with self._new_pool() if self._pool is None else nullcontext(self._pool) as pool:
            while groups:
                alone: list[list[tuple[str, int]]] = []
                for _ in in_order(pool, [[rows[key] for key in group] for group in groups], keep):
                    pass
                groups = alone
        if self._checkpoints is not None:
            with suppress(OSError):  # it is not there, or not empty
                self._checkpoints.rmdir()
        return [result for key in wanted if (result := self._known(key)) is not None]

    def __enter__(self) -> Self:
        self._pool = self._new_pool()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    @property
    def _checkpoints(self) -> Path | None:
        return None if self.log is None else self.log.path.parent / CHECKPOINTS

    def _new_pool(self) -> Pool[Sequence[Job], list[TrainingResult]]:
        train = partial(_train, self.trainer, self._checkpoints)
        return self.executor.pool(train, self.jobs, device=self.trainer.device)

    def _known(self, key: tuple[str, int]) -> TrainingResult | None:
        if key not in self._memory and self.log is not None and (record := self.log.get(key)) is not None:
            self._memory[key] = TrainingResult.from_dict(record)
        return self._memory.get(key)

    def _keep(self, key: tuple[str, int], result: TrainingResult | WorkerDied) -> None:
        if isinstance(result, WorkerDied):
            result = TrainingResult("failed", result.reason, self.trainer.data.name, *key)
        self._memory[key] = result
        if self.log is not None:
            self.log.append(result.to_dict())


def _train(trainer: Trainer, checkpoints: Path | None, jobs: Sequence[Job]) -> list[TrainingResult]:
    """Checkpoints are kept on machines that see the run folder; another machine of a cluster may not."""
    if len(jobs) > 1:
        return trainer.train_many(jobs, len(jobs))
    seen = checkpoints is not None and checkpoints.parent.is_dir()
    return [trainer.train_job(jobs[0], checkpoints=checkpoints if seen else None)]


@contextmanager
def training_log(run_dir: str | Path | None, trainer: Trainer) -> Iterator[RunLog | None]:
    """The log of one trainer's trainings in a run folder, open for writing; None where there is no folder."""
    if run_dir is None:
        yield None
        return
    with RunLog(Path(run_dir) / LOG_NAME, recipe(trainer), key=LOG_KEY) as log:
        yield log


def recipe(trainer: Trainer) -> dict[str, Any]:
    """What decides a training's result, beside architecture and seed, as plain values.

    Of a space or data of the user's own there are digests, too: their files may change under a run folder.
    """
    # Not the device: another one gives the same training, up to rounding.
    own: dict[str, Any] = {}
    if (definition := own_definition(trainer.space)) is not None:
        text = json.dumps(definition, sort_keys=True)
        own[SPACE_DIGEST] = hashlib.sha256(text.encode()).hexdigest()[:16]
    if not isinstance(trainer.dataset, str) or is_described(trainer.dataset):
        own[DATA_DIGEST] = content_digest(trainer.data)
    return {"space": trainer.space.name, "dataset": trainer.data.name, **own, **trainer.settings.to_dict()}


@final
class ReplayedTrainings:
    """Trainings that were done before: the seeds of a collected table, replayed.

    Args:
        table: Table with one column per seed and split.
        task: Task of the table.
        metric: Metric to choose and report on; None takes the task's default.
    """

    def __init__(self, table: Table, task: str, metric: str | None = None) -> None:
        self.table = table
        self.space: SearchSpace = table.space
        self.task = task
        self.metric = metric or table.default_metric(task)

    def candidates(self) -> Rows:
        """The architectures that were trained with every seed."""
        X = self.table.X
        return X[self.table.measured(X, task=self.task, metric=self.metric)]

    def train(self, X: Rows, seeds: Sequence[int], label: str = "") -> SeedScores:
        """Look the trainings up.

        Raises:
            InvalidInputError: An architecture was not trained with one of the seeds.
        """
        val, test = (
            np.stack(
                [self.table.query(X, task=self.task, metric=self.metric, split=split, seed=int(s)) for s in seeds],
                axis=1,
            )
            for split in ("val", "test")
        )
        if np.isnan(val).any():
            first = int(np.flatnonzero(np.isnan(val).any(axis=1))[0])
            raise InvalidInputError(
                f"replay: expected architectures trained with seeds {list(seeds)}, "
                f"{self.space.format(X[first : first + 1])[0]!r} was not; take rows of candidates()"
            )
        return SeedScores(val, test, np.full(val.shape, np.nan))
