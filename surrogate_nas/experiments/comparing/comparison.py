"""What a comparison found: one tidy frame, in one Parquet file that anybody can read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.atomic import write_atomically
from surrogate_nas.experiments.run_log import plain

if TYPE_CHECKING:
    import pandas as pd

#: Name of the file in a run folder.
FILE_NAME = "comparison.parquet"

#: Key of what stands beside the numbers in the file, and the version of its form.
META_KEY, FORMAT = b"surrogate_nas.comparison", 1

#: The columns of the frame, in order.
COLUMNS = (
    "run", "strategy", "task", "seed", "step", "architecture", "epochs", "worker", "cost_s",
    "metric", "split", "value", "regret", "test_regret",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Comparison:
    """All evaluations of several strategies on several tasks over several seeds.

    Attributes:
        frame: One row per evaluation: run ("strategy/task/seed"), strategy, task, seed, step (from 1), architecture,
            epochs (missing where the schedule has no known length), worker, cost_s (NaN = not known), metric, split,
            value (in the metric's unit; NaN = failed), regret (best known - incumbent on the split that was searched
            on, never negative, NaN before the first success), test_regret (best test score known - test score of
            the incumbent, which was chosen without it; NaN where the task has no test split).
        tasks: Indexed by task: metric, split, unit, direction, best (the best score known), target (the score that a
            search is expected to reach: by default that of the best 0.1% of what is measured); NaN = not known.
        failures: Runs that ended in an error and have no rows: strategy, task, seed, message.
        timings: CPU seconds of each run, of strategy, objective and book-keeping together: strategy, task, seed, cpu_s.
            A file does not keep them, so that two comparisons of the same runs are the same file.
    """

    frame: "pd.DataFrame"
    tasks: "pd.DataFrame"
    failures: "pd.DataFrame"
    timings: "pd.DataFrame"

    def summary(self, **options: Any) -> "pd.DataFrame":
        """Ranks and regret with bootstrap intervals, one row per strategy; see ``experiments.statistics.summary``."""
        from surrogate_nas.experiments.statistics import summary

        return summary(self.frame, self.tasks, **options)

    def save(self, path: str | Path) -> None:
        """Write everything but the timings to one Parquet file; equal comparisons give equal bytes.

        Raises:
            InvalidInputError: The place cannot be written to.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        content = {
            "format": FORMAT,
            "tasks": plain(self.tasks.reset_index().to_dict(orient="list")),
            "failures": plain(self.failures.to_dict(orient="list")),
        }
        table = table.replace_schema_metadata({**table.schema.metadata, META_KEY: json.dumps(content).encode()})
        write_atomically(Path(path), partial(pq.write_table, table, compression="zstd"))

    @classmethod
    def load(cls, path: str | Path) -> "Comparison":
        """Read what :meth:`save` wrote: the file, or the run folder of :func:`compare` that it stands in.

        Raises:
            InvalidInputError: There is no such file, or it is something else.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not isinstance(path, str | Path):
            raise InvalidInputError(f"load: expected the path of a comparison, got {path!r:.80}")
        file = Path(path) / FILE_NAME if Path(path).is_dir() else Path(path)
        try:
            table = pq.read_table(file)
            content = json.loads(table.schema.metadata[META_KEY])
            frame, tasks, failures = table.to_pandas(), content["tasks"], content["failures"]
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(
                f"{file}: expected a comparison as Comparison.save writes it, got something else or nothing "
                f"({type(error).__name__}); a run folder holds one once compare() has ended"
            ) from None
        if content["format"] != FORMAT or tuple(frame) != COLUMNS:
            raise InvalidInputError(
                f"{file}: expected a comparison of format {FORMAT}, got {content['format']!r}; compare again"
            )
        return cls(frame, tasks_frame(tasks), failures_frame(failures), timings_frame())


def tasks_frame(columns: Mapping[str, Sequence[Any]]) -> "pd.DataFrame":
    """What is known about each task, indexed by it."""
    import pandas as pd

    frame = pd.DataFrame(dict(columns)).set_index("task")
    return frame.astype({"best": float, "target": float})


def failures_frame(columns: Mapping[str, Sequence[Any]] = MappingProxyType({})) -> "pd.DataFrame":
    """Runs that ended in an error."""
    import pandas as pd

    frame = pd.DataFrame(dict(columns), columns=["strategy", "task", "seed", "message"])
    return frame.astype({"strategy": str, "task": str, "seed": int, "message": str})


def timings_frame(columns: Mapping[str, Sequence[Any]] = MappingProxyType({})) -> "pd.DataFrame":
    """CPU seconds by run."""
    import pandas as pd

    frame = pd.DataFrame(dict(columns), columns=["strategy", "task", "seed", "cpu_s"])
    return frame.astype({"strategy": str, "task": str, "seed": int, "cpu_s": float})
