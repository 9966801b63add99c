"""Read the folder of a main job: every file checked once, so that behind this door numbers are numbers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.arms import Budget
from surrogate_nas.experiments.main_job import GUIDED, HAND_MADE, METRIC_WORDS, RANDOM
from surrogate_nas.experiments.run_log import read_log
from surrogate_nas.experiments.trainings import LOG_NAME
from surrogate_nas.training import TrainingResult

if TYPE_CHECKING:
    import pandas as pd

#: Arm as the files call it -> the short word of tables and figures.
KINDS = {GUIDED: "guided", RANDOM: "random", HAND_MADE: "hand"}

#: Columns of text, and of numbers, that each file must have; others are let be.
COLUMNS = {
    "comparison.csv": (
        ("arm", "name", "chosen", "architecture"),
        ("predicted", "predicted_std", "val", "val_std", "test", "test_std", "failed", "cost_s"),
    ),
    "history.csv": (("strategy", "architecture"), ("step", "val", "cost_s")),
    "ranking.csv": (("architecture",), ("mean", "std")),
}

_REMEDY = "repeat the command of the run to write it again"


@dataclass(frozen=True)
class Run:
    """What a run folder says.

    Attributes:
        folder: Where it was read from.
        config: What decided the outcome: table, budget, strategy, seed, trainer.
        budget: What each arm was allowed.
        task: Name of the new task.
        data: Numbers that describe the new task's data.
        space: Name of the search space.
        space_size: Architectures in it.
        learned_from: Earlier trainings per source task.
        metric: What choices were made on, "accuracy" or "r2"; runs of earlier versions, which do not say: accuracy.
        seconds: Wall time per step of the job.
        versions: Version per package.
        platform: Operating system and kind of processor.
        processors: How many there were.
        threads: Environment variables that limit threads, where they were set.
        commit: Commit of the checkout, "+" behind it where files were changed; None if installed.
        comparison: One row per confirmed network and arm; scores are fractions of one.
        history: One row per training of the search and arm.
        ranking: The best predicted architectures, the best first.
        trainings: Every training, in the order finished.
    """

    folder: Path
    config: Mapping[str, Any]
    budget: Budget
    task: str
    data: Mapping[str, float]
    space: str
    space_size: int
    learned_from: Mapping[str, int]
    metric: str
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    platform: str
    processors: int
    threads: Mapping[str, str]
    commit: str | None
    comparison: "pd.DataFrame"
    history: "pd.DataFrame"
    ranking: "pd.DataFrame"
    trainings: tuple[TrainingResult, ...]

    @property
    def epochs(self) -> int | None:
        """Length of every training, where the settings say."""
        return self.config.get("trainer", {}).get("epochs")


def read_run(folder: str | Path) -> Run:
    """Read the folder that a main job wrote.

    Args:
        folder: The run folder.

    Raises:
        InvalidInputError: It is not such a folder, the run has not finished, or a file is damaged.
    """
    folder = Path(folder)
    _check_folder(folder)
    facts = _Facts(folder / "run.json")
    frames = {name: _frame(folder / name) for name in COLUMNS}
    comparison = _with_kinds(frames["comparison.csv"], "arm", folder / "comparison.csv")
    chosen = comparison[comparison["chosen"] & (comparison["kind"] != "hand")]["kind"].tolist()
    if sorted(chosen) != ["guided", "random"]:
        raise _damaged(
            folder / "comparison.csv", "one chosen network per arm", f"chosen networks of {chosen or 'none'}"
        )
    return Run(
        folder=folder,
        config=facts.mapping("config"),
        budget=facts.budget(),
        task=facts.text("config", "trainer", "dataset"),
        data=facts.numbers("data"),
        space=facts.text("space", "name"),
        space_size=facts.count("space", "size"),
        learned_from={task: facts.count("learned_from", task) for task in facts.mapping("learned_from")},
        metric=facts.metric(),
        seconds=facts.numbers("seconds"),
        versions=facts.texts("versions"),
        platform=facts.text("platform"),
        processors=facts.count("processors"),
        threads=facts.texts("threads"),
        commit=None if facts.value("commit") is None else facts.text("commit"),
        comparison=comparison,
        history=_with_kinds(frames["history.csv"], "strategy", folder / "history.csv"),
        ranking=frames["ranking.csv"],
        trainings=_trainings(folder / LOG_NAME),
    )


def _check_folder(folder: Path) -> None:
    what = f"{str(folder)!r}: expected the folder of a finished run"
    if not folder.is_dir():
        got = "a file" if folder.exists() else "nothing of that name"
        raise InvalidInputError(f"{what}, got {got}; name the folder that the run was told as --run-dir")
    missing = [name for name in ("run.json", LOG_NAME, *COLUMNS) if not (folder / name).is_file()]
    if missing and (folder / LOG_NAME).is_file():
        raise InvalidInputError(
            f"{what}, got one without {', '.join(missing)}; finish the run by repeating its command, then ask again"
        )
    if missing:
        raise InvalidInputError(f"{what}, got one without {', '.join(missing)}; make one with: surrogate-nas run")


class _Facts:
    """``run.json``, with every look-up checked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.root = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(path, "a JSON object", f"{type(error).__name__}: {error}") from None

    def value(self, *keys: str) -> Any:
        value = self.root
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                raise _damaged(self.path, f"the entry {'.'.join(keys)}", "none")
            value = value[key]
        return value

    def mapping(self, *keys: str) -> dict[str, Any]:
        return self._typed(keys, dict, "an object")

    def text(self, *keys: str) -> str:
        return self._typed(keys, str, "a text")

    def number(self, *keys: str) -> float:
        return float(self._typed(keys, (int, float), "a number"))

    def numbers(self, *keys: str) -> dict[str, float]:
        return {name: self.number(*keys, name) for name in self.mapping(*keys)}

    def count(self, *keys: str) -> int:
        return self._typed(keys, int, "a whole number")

    def texts(self, *keys: str) -> dict[str, str]:
        return {name: self.text(*keys, name) for name in self.mapping(*keys)}

    def metric(self) -> str:
        metric = self.root.get("metric", "accuracy")
        if metric not in METRIC_WORDS:
            raise _damaged(self.path, f"one of {', '.join(METRIC_WORDS)} as metric", repr(metric)[:80])
        return str(metric)

    def budget(self) -> Budget:
        given = {name: self.count("config", "budget", name) for name in self.mapping("config", "budget")}
        try:
            return Budget(**given)
        except (TypeError, InvalidInputError) as error:
            raise _damaged(self.path, "a budget under config.budget", str(error)) from None

    def _typed(self, keys: tuple[str, ...], kind: Any, words: str) -> Any:
        value = self.value(*keys)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise _damaged(self.path, f"{words} as {'.'.join(keys)}", repr(value)[:80])
        return value


def _frame(path: Path) -> "pd.DataFrame":
    """One CSV file with the columns it must have, numbers as numbers."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # pandas' own errors for empty and ragged files are ValueErrors
        raise _damaged(path, "a CSV file", str(error)) from None
    texts, numbers = COLUMNS[path.name]
    if missing := [name for name in (*texts, *numbers) if name not in frame]:
        raise _damaged(path, f"the columns {', '.join((*texts, *numbers))}", f"none called {missing[0]!r}")
    if not len(frame):
        raise _damaged(path, "at least one row", "none")
    for name in numbers:
        try:
            frame[name] = pd.to_numeric(frame[name].mask(frame[name] == "")).astype(float)
        except ValueError as error:
            raise _damaged(path, f"numbers in column {name!r}", str(error)) from None
    if "chosen" in texts:
        frame["chosen"] = frame["chosen"].eq("True")
    return frame


def _with_kinds(frame: "pd.DataFrame", column: str, path: Path) -> "pd.DataFrame":
    if unknown := sorted(set(frame[column]) - set(KINDS)):
        raise _damaged(path, f"{', '.join(KINDS)} as {column}", repr(unknown[0]))
    return frame.assign(kind=frame[column].map(KINDS))


def _trainings(path: Path) -> tuple[TrainingResult, ...]:
    _, records = read_log(path)
    try:
        return tuple(TrainingResult.from_dict(record) for record in records)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise _damaged(path, "trainings", str(error)) from None


def _damaged(path: Path, expected: str, got: str) -> InvalidInputError:
    return InvalidInputError(f"{str(path)!r}: expected {expected}, got {got}; {_REMEDY}")
