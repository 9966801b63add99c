"""The finished runs of a comparison: in memory, or one Parquet file per cell that appears complete or not at all.

comparison.jsonl     budget, batch size, and what every strategy and task is; only the same is continued
parts/<strategy>/<task>/<first seed>.parquet    the runs of one cell
comparison.parquet   all of them, once they are finished
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, final
from urllib.parse import quote

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.atomic import write_atomically
from surrogate_nas.experiments.comparing.cells import RUNS_KEY, Cell, cpu_seconds
from surrogate_nas.experiments.run_log import RunLog, plain

if TYPE_CHECKING:
    import pyarrow as pa

#: What a run folder of a comparison says about it, and the folder of its parts.
LOG_NAME, PARTS = "comparison.jsonl", "parts"


@final
class Parts:
    """Finished runs by strategy and task. Use it as a context manager.

    Args:
        path: Run folder, made where missing; None keeps everything in memory.
        settings: What all runs share; a folder is only continued with the same.
        described: What the strategies and the objectives are, by kind and name; new names may come with each
            continuation, known ones must be the same.

    Raises:
        InvalidInputError: The folder cannot be written, is in use, holds a damaged file, or another comparison.
    """

    def __init__(
        self, path: str | Path | None, settings: Mapping[str, Any], described: Mapping[tuple[str, str], Any]
    ) -> None:
        self.path = None if path is None else Path(path)
        self._tables: dict[tuple[str, str], list[pa.Table]] = defaultdict(list)
        self._files: dict[tuple[str, str], list[tuple[Path, dict[int, float]]]] = {}
        self._log = None if self.path is None else RunLog(self.path / LOG_NAME, settings, key=("kind", "name"))
        try:
            self._describe(described)
        except BaseException:
            self.close()
            raise

    def cpu_s(self, strategy: str, task: str) -> dict[int, float]:
        """Seeds of the finished runs with their CPU seconds."""
        if self.path is None:
            spent = [cpu_seconds(table.schema.metadata) for table in self._tables[strategy, task]]
        else:
            spent = [seconds for _, seconds in self._listed(strategy, task)]
        return {seed: seconds for part in spent for seed, seconds in part.items()}

    def add(self, cell: Cell, table: "pa.Table") -> None:
        """Keep the runs of a cell; when this returns they are on disk."""
        import pyarrow.parquet as pq

        spent = cpu_seconds(table.schema.metadata)
        if not spent:
            return
        if self.path is None:
            self._tables[cell.strategy, cell.task].append(table)
            return
        file = self._folder(cell.strategy, cell.task) / f"{min(spent)}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, partial(pq.write_table, table, compression="zstd"))
        self._listed(cell.strategy, cell.task).append((file, spent))

    def runs(self, strategy: str, task: str, seeds: Mapping[int, int]) -> "pa.Table | None":
        """Finished runs of some seeds, in their order and that of the steps; None where there are none.

        Args:
            strategy: Name of the strategy.
            task: Name of the task.
            seeds: Wanted seeds with the position of each.
        """
        import pyarrow as pa

        tables = list(self._opened(strategy, task, seeds))
        if not tables:
            return None
        table = pa.concat_tables([t.replace_schema_metadata(None) for t in tables]).unify_dictionaries()
        known, which = np.unique(table["seed"].to_numpy(), return_inverse=True)
        position = np.array([seeds.get(seed, -1) for seed in known.tolist()])[which]
        order = np.lexsort((table["step"].to_numpy(), position))
        return table.take(order[position[order] >= 0])

    def close(self) -> None:
        """Let go of the folder."""
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _describe(self, described: Mapping[tuple[str, str], Any]) -> None:
        """Write down what is new, and refuse what is no longer the same."""
        if self._log is None or self.path is None:
            return
        for (kind, name), what in described.items():
            earlier = self._log.get((kind, name))
            if earlier is None:
                self._log.append({"kind": kind, "name": name, "is": what})
            elif earlier["is"] != plain(what):
                raise InvalidInputError(
                    f"run folder {str(self.path)!r} holds another comparison: {kind} {name!r} was {earlier['is']}, now "
                    f"{plain(what)}; choose another run folder, or another name"
                )

    def _folder(self, strategy: str, task: str) -> Path:
        names = (quote(name, safe=" ").replace(".", "%2E") for name in (strategy, task))
        return Path(self.path or "", PARTS, *names)

    def _listed(self, strategy: str, task: str) -> list[tuple[Path, dict[int, float]]]:
        """Files of a strategy on a task, with the CPU seconds of the runs in each."""
        import pyarrow.parquet as pq

        if (strategy, task) not in self._files:
            files = sorted(self._folder(strategy, task).glob("[0-9]*.parquet"))
            self._files[strategy, task] = [(file, cpu_seconds(_read(file, pq.read_schema).metadata)) for file in files]
        return self._files[strategy, task]

    def _opened(self, strategy: str, task: str, seeds: Iterable[int]) -> Iterator["pa.Table"]:
        import pyarrow.parquet as pq

        if self.path is None:
            yield from self._tables[strategy, task]
            return
        for file, spent in self._listed(strategy, task):
            if not spent.keys().isdisjoint(seeds):
                yield _read(file, pq.read_table)


def _read(file: Path, reader: Any) -> Any:
    import pyarrow as pa

    try:
        found = reader(file)
        if RUNS_KEY in ((found if isinstance(found, pa.Schema) else found.schema).metadata or {}):
            return found
        reason = "another file"
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = type(error).__name__
    raise InvalidInputError(f"{file}: expected the runs of one cell, got {reason}; delete the file to do them again")
