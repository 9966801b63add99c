"""The work of a comparison: runs of one strategy on one task, a few seeds at a time, as one table."""

import inspect
import json
import time
import traceback
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.core.threads import one_thread
from surrogate_nas.experiments.adapters import as_strategy
from surrogate_nas.experiments.comparing.sources import Sources, tables_behind
from surrogate_nas.experiments.objectives import Objective, WeightedObjective
from surrogate_nas.experiments.searching.search import SearchResult, search
from surrogate_nas.spaces.base import Rows
from surrogate_nas.strategies import Strategy

if TYPE_CHECKING:
    import pyarrow as pa

Floats = npt.NDArray[np.float64]
Factory = Callable[..., Any]

#: Key of what a table of runs says about them: CPU seconds by seed.
RUNS_KEY = b"surrogate_nas.runs"

#: Longest message of a failed run, in characters.
MESSAGE = 400


class Cell(NamedTuple):
    """What is computed and kept as one piece.

    Attributes:
        strategy: Name of the strategy.
        task: Name of the task.
        seeds: Seeds of its runs.
    """

    strategy: str
    task: str
    seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """What to compare; every worker process has one copy, and with it one :class:`Sources` per task.

    Attributes:
        factories: By name of the strategy, called with a space and those of ``random_state`` and ``sources`` it takes.
        objectives: By name of the task.
        sources: What may be learned from, by name of the task; None = nothing.
        settings: How :func:`search` is called: budget, budget_s, batch_size, workers.
    """

    factories: Mapping[str, Factory]
    objectives: Mapping[str, Objective]
    sources: Mapping[str, Sources | None]
    settings: Mapping[str, Any]

    def strategy(self, cell: Cell, seed: int) -> Strategy:
        """The strategy of one run, as new."""
        space, random_state = self.objectives[cell.task].space, seed_of(cell.task, seed)
        given = {"random_state": random_state, "sources": self.sources[cell.task]}
        factory = self.factories[cell.strategy]
        takes = inspect.signature(factory).parameters
        forwards = any(p.kind is p.VAR_KEYWORD for p in takes.values()) and given.keys().isdisjoint(takes)
        if not forwards:  # whoever names one of them has named all it wants; further keywords are options
            given = {name: value for name, value in given.items() if name in takes}
        return as_strategy(factory(space, **given), space, random_state=random_state)


class Runs(NamedTuple):
    """What came out of a cell.

    Attributes:
        table: One row per evaluation of the runs that succeeded: seed, step, architecture, epochs, worker, cost_s,
            value, regret, test_regret.
        failures: Messages of the others, by seed.
    """

    table: "pa.Table"
    failures: dict[int, str]


def seed_of(task: str, seed: int) -> int:
    """The ``random_state`` of all strategies in the run of a task under a seed: independent between both."""
    state = np.random.SeedSequence([zlib.crc32(task.encode()), seed]).generate_state(1)
    return int(state[0]) >> 1  # some libraries want an int32


def play(plan: Plan, cell: Cell) -> Runs:
    """Do the runs of a cell. An error ends the run it comes from, and no other."""
    objective = plan.objectives[cell.task]
    results: dict[int, SearchResult] = {}
    cpu_s: dict[int, float] = {}
    failures: dict[int, str] = {}
    with one_thread():  # sums in another order would make a run depend on who computes it
        for seed in cell.seeds:
            begin = time.process_time()
            try:
                strategy = plan.strategy(cell, seed)
                results[seed] = search(objective, strategy, **plan.settings)
            except Exception as error:  # noqa: BLE001 (whatever a strategy of the user's own raises)
                failures[seed] = _message(error)
            else:
                cpu_s[seed] = time.process_time() - begin
    begin = time.process_time()
    table = tabulate(objective, results)
    shared = (time.process_time() - begin) / max(1, len(cpu_s))
    spent = {seed: seconds + shared for seed, seconds in cpu_s.items()}
    return Runs(table.replace_schema_metadata({RUNS_KEY: json.dumps(spent).encode()}), failures)


def cpu_seconds(metadata: Mapping[bytes, bytes]) -> dict[int, float]:
    """CPU seconds by seed, from the metadata of a table of runs."""
    return {int(seed): float(seconds) for seed, seconds in json.loads(metadata[RUNS_KEY]).items()}


def tabulate(objective: Objective, results: Mapping[int, SearchResult]) -> "pa.Table":
    """All evaluations of several runs on one objective as columns, computed for all runs at once.

    Args:
        objective: What was searched on.
        results: By seed.
    """
    import pyarrow as pa

    runs = list(results.values())
    lengths = np.array([len(run.X) for run in runs], dtype=np.int64)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)  # where each row's run begins
    X = _joined([run.X for run in runs], (0, objective.space.n_genes), np.int16)
    incumbents = _joined([run.incumbents for run in runs], 0, np.int64)
    incumbents = np.where(incumbents < 0, -1, incumbents + first)
    column = column_of(objective)
    return pa.table(
        {
            "seed": np.repeat(np.array(list(results), dtype=np.int64), lengths),
            "step": np.arange(1, len(X) + 1) - first,
            "architecture": _texts(objective, X),
            "epochs": pa.array(_epochs(objective, runs, len(X)), type=pa.int64()),
            "worker": _joined([run.worker for run in runs], 0, np.int64),
            "cost_s": _joined([run.cost_s for run in runs], 0, np.float64),
            "value": _joined([run.scores for run in runs], 0, np.float64),
            "regret": _regret(objective, X, incumbents, column.split if column else ""),
            "test_regret": _regret(objective, X, incumbents, "test"),
        }
    )


def column_of(objective: Objective) -> Column | None:
    """The column of a table that an objective's scores are of; None where they are of none, or of several."""
    behind = tables_behind(objective)
    return None if not behind or isinstance(objective, WeightedObjective) else behind[0].column


def _joined(parts: Sequence[Any], shape: Any, dtype: Any) -> Any:
    return np.concatenate(parts) if parts else np.zeros(shape, dtype=dtype)


def _texts(objective: Objective, X: Rows) -> "pa.DictionaryArray":
    """Architectures as text; each different one is written once."""
    import pyarrow as pa

    _, first, which = np.unique(objective.space.keys(X), return_index=True, return_inverse=True)
    return pa.DictionaryArray.from_arrays(
        which.astype(np.int32), pa.array(objective.space.format(X[first]), pa.string())
    )


def _epochs(objective: Objective, runs: Sequence[SearchResult], n: int) -> "pa.Array":
    import pyarrow as pa

    own = column.epochs if (column := column_of(objective)) else None
    varied = [run.epochs for run in runs if run.epochs is not None]
    return np.concatenate(varied) if varied else pa.array([own], type=pa.int64()).take(pa.array(np.zeros(n, dtype=int)))


def _regret(objective: Objective, X: Rows, incumbents: npt.NDArray[np.int64], split: str) -> Floats:
    """What the incumbents lack; NaN where nobody knows."""
    try:
        values, best = objective.truth(X, split)
    except (InvalidInputError, UnknownNameError):
        return np.full(len(X), np.nan)
    return float(objective.signs[0]) * (best - np.where(incumbents < 0, np.nan, values[incumbents]))


def _message(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    name = where.filename.replace("\\", "/").rsplit("/", 1)[-1]
    return f"{type(error).__name__}: {' '.join(str(error).split())[:MESSAGE]} ({name}, line {where.lineno})"
