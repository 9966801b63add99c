"""The main job: learn across real tasks, rank, train a few for real, confirm, and say how good the answer is.

Where nothing was measured before in a space that reads the new task's data, it goes without the first part.

It is one deterministic programme over a log of trainings. A training that the log holds is not done
again, so a killed run continues by running the programme once more.
"""

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogate_nas.core import as_generator, choose
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.execution import Executor, with_jobs
from surrogate_nas.experiments.arms import SEARCH_SEED, Adviser, Arm, Budget, FromScratch, Outcome, play
from surrogate_nas.experiments.confirmation import confirmed_frame
from surrogate_nas.experiments.earlier_tasks import EarlierTasks, earlier_tasks
from surrogate_nas.experiments.proposers import PROPOSERS
from surrogate_nas.experiments.run_folder import RunFolder
from surrogate_nas.experiments.trainings import LoggedTrainings, SeedScores, recipe
from surrogate_nas.predictors import MetaPredictor
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables import Table
from surrogate_nas.training import ArrayDataset, GraphDataset, Recipe, Trainer

if TYPE_CHECKING:
    import pandas as pd

#: Architectures of the ranking that are written down.
LISTED = 100

GUIDED, RANDOM, HAND_MADE = "surrogate_nas", "random search", "hand-made"

#: Metric of a trainer -> what reports call it.
METRIC_WORDS = {"accuracy": "accuracy", "r2": "R²"}


@dataclass(frozen=True)
class Settings:
    """What a main job does.

    Attributes:
        task: The new task: a name from ``list_datasets()``, or data of the user's own: a data set, or the path of a
            TOML file that describes one.
        table: Table of earlier tasks to learn from: a name or a path; None finds one, see :func:`earlier_tasks`.
        budget: Trainings per arm.
        strategy: How proposals are found on the predictor: "ranking" or "evolution".
        seed: Seed of every random choice that is not a training.
        epochs: Longest training; None takes the trainer's default.
        device: "auto", "cpu", "cuda".
        jobs: Workers at once; None takes one per processor.
        executor: Where they work; None is this process for one job, else processes.
        space: Space of the networks, or its name; None takes the table's.
        recipe: How to train, or the fields that differ from the defaults; None takes these.
    """

    task: str | GraphDataset | ArrayDataset = "digits"
    table: str | None = None
    budget: Budget = field(default_factory=Budget)
    strategy: str = "ranking"
    seed: int = 0
    epochs: int | None = None
    device: str = "auto"
    jobs: int | None = None
    executor: Executor | str | None = None
    space: str | SearchSpace | None = None
    recipe: Recipe | Mapping[str, Any] | None = None


@dataclass(frozen=True)
class MainJobResult:
    """What came out.

    Attributes:
        outcome: Both arms.
        comparison: One row per confirmed network: arm, architecture, predicted, validation, test, cost.
        history: One row per training of the search, in order, per arm.
        ranking: The best predicted architectures after all trainings.
        learned_from: Number of earlier trainings per source task.
        metric: What choices were made on and is reported; higher is better.
        budget: What each arm was allowed.
        seconds: Wall time per step, by name.
    """

    outcome: Outcome
    comparison: "pd.DataFrame"
    history: "pd.DataFrame"
    ranking: "pd.DataFrame"
    learned_from: dict[str, int]
    metric: str
    budget: Budget
    seconds: dict[str, float]

    @property
    def best(self) -> Rows:
        """The guided arm's answer, shape (1, d)."""
        arm = self.outcome.guided
        return arm.finalists[arm.winner : arm.winner + 1]

    @property
    def answers(self) -> "pd.DataFrame":
        """One row per answer: each arm's choice, then the hand-made networks, the best validated first."""
        import pandas as pd

        chosen = self.comparison[self.comparison["chosen"]]
        arms, others = chosen[chosen["arm"] != HAND_MADE], chosen[chosen["arm"] == HAND_MADE]
        frame = pd.concat([arms, others.sort_values("val", ascending=False)], ignore_index=True)
        frame["trainings"] = np.where(frame["arm"] == HAND_MADE, self.budget.seeds, self.budget.trainings)
        return frame

    def verdict(self) -> str:
        """What the comparison says, in one or two sentences that do not claim more than one run shows."""
        ours, luck, *others = (row for _, row in self.answers.iterrows())
        if ours["architecture"] == luck["architecture"]:
            words = "Both arms chose the same network"
        else:
            gap = 100 * (ours["test"] - luck["test"])
            words = f"{gap:+.2f} points of test {METRIC_WORDS[self.metric]} against random search at equal cost"
            if np.isfinite(error := _standard_error(ours, luck, self.budget.seeds)):
                words += f" (standard error of this gap {error:.2f})"
        if others:
            best = others[0]
            words += f"; {100 * (ours['test'] - best['test']):+.2f} against the best hand-made network ({best['name']})"
        return words + ". One run is one draw: the README says how often the guided arm wins over many seeds."


def run_main_job(
    settings: Settings | None = None, *, run_dir: str | Path | None = None, progress: Progress | None = None
) -> MainJobResult:
    """Do the main job; with ``run_dir``, keep everything there and continue what was begun there.

    Args:
        settings: What to do; None takes the defaults.
        run_dir: Run folder, made where missing.
        progress: Told what happens.

    Raises:
        InvalidInputError: A setting cannot be met, or the folder holds a run with other settings.
        UnknownNameError: There is no such task, table or strategy.
    """
    settings = settings or Settings()
    progress = progress or Silent()
    choose("strategy", settings.strategy, PROPOSERS)
    executor, jobs = with_jobs(settings.executor, settings.jobs)
    earlier = earlier_tasks(settings.task, space=settings.space, table=settings.table)
    space = earlier.space
    settings.budget.check_against(space.size)
    as_generator(settings.seed)  # an impossible seed is refused before anything is written
    trainer = Trainer(
        space=space, dataset=settings.task, epochs=settings.epochs, recipe=settings.recipe, device=settings.device
    )
    clock = _Clock()
    with (
        RunFolder(run_dir, _config(settings, earlier, trainer)) as folder,
        LoggedTrainings(trainer, log=folder.log, jobs=jobs, executor=executor, progress=progress) as trainings,
    ):
        if folder.log is not None and len(folder.log):
            progress.say(f"Continuing the run in {folder.path}: {len(folder.log)} trainings are done already.")
        advisers, learned_from = _advisers(earlier, settings, clock, progress)
        progress.say(_describe(trainer))
        with clock("train"):
            outcome = play(trainings, advisers, settings.budget, proposer=settings.strategy, random_state=settings.seed)
        with clock("rank"):
            candidates = trainings.candidates()
            ranking = outcome.predictor.rank(candidates, top=LISTED).to_pandas()
        some = "all" if len(candidates) == space.size else f"of {space.size:,} architectures a random sample of"
        progress.say(f"Ranked {some} {len(candidates):,} architectures in {clock['rank']:.2f} s.")
        with clock("hand-made"):
            names, rows = hand_made(space)
            known = trainings.train(rows, settings.budget.confirm_seeds, "hand-made networks")
        comparison = _comparison(outcome, names, rows, known)
        history = _history(outcome, trainings)
        result = MainJobResult(
            outcome, comparison, history, ranking, learned_from, trainings.metric, settings.budget, clock.seconds
        )
        folder.write(result, trainer)
    return result


def _advisers(
    earlier: EarlierTasks, settings: Settings, clock: "_Clock", progress: Progress
) -> tuple[tuple[Adviser, ...], dict[str, int]]:
    """Who proposes, and how many earlier trainings they have learned from, by task."""
    scratch = FromScratch(earlier.space, settings.seed)
    sources = earlier.sources()
    if not sources or earlier.table is None:
        progress.say(f"No earlier tasks are known in space {earlier.space.name!r}: learning from the new task alone.")
        return (scratch,), {}
    progress.say(f"Learning across {len(sources)} task(s) of {earlier.table.name} ({', '.join(sources)}) ...")
    with clock("learn"):
        meta = MetaPredictor(earlier.space, random_state=settings.seed).fit(sources)
    learned_from = {task: len(data.y) for task, data in sources.items()}
    progress.say(
        f"Learned from {sum(learned_from.values()):,} networks trained on {len(sources)} task(s) in "
        f"{clock['learn']:.1f} s."
    )
    return (meta, scratch), learned_from


def sources_of(table: Table, leave_out: str | None = None, split: str = "val") -> dict[str, tuple[Rows, Any]]:
    """Every task of a table with its default metric, as ``MetaPredictor.fit`` takes them.

    Args:
        table: Table of several tasks.
        leave_out: A task that must not be among them.
        split: The split that is learned from.
    """
    return {task: table.data(task=task, split=split) for task in table.tasks if task != leave_out}


def hand_made(space: SearchSpace) -> tuple[list[str], Rows]:
    """Names and rows of the networks people build by hand in a space, each network once."""
    rows = space.canonical(space.parse(list(space.references.values())))
    first = {key: i for i, key in reversed(list(enumerate(space.keys(rows).tolist())))}
    at = sorted(first.values())
    return [list(space.references)[i] for i in at], rows[at]


def _comparison(outcome: Outcome, names: list[str], rows: Rows, known: SeedScores) -> "pd.DataFrame":
    import pandas as pd

    frames = []
    for arm, played in ((GUIDED, outcome.guided), (RANDOM, outcome.random)):
        frame = confirmed_frame(outcome.predictor, played.finalists, played.confirmed)
        frames.append(frame.assign(arm=arm, name="", chosen=np.arange(len(frame)) == played.winner))
    # Hand-made networks each stand for themselves; an arm has one answer.
    if names:
        frames.append(confirmed_frame(outcome.predictor, rows, known).assign(arm=HAND_MADE, name=names, chosen=True))
    frame = pd.concat(frames, ignore_index=True)
    return frame[["arm", "name", "chosen", *frame.columns.drop(["arm", "name", "chosen"])]]


def _history(outcome: Outcome, trainings: LoggedTrainings) -> "pd.DataFrame":
    import pandas as pd

    frames = []
    for name, arm in ((GUIDED, outcome.guided), (RANDOM, outcome.random)):
        frames.append(_steps(name, arm, trainings))
    return pd.concat(frames, ignore_index=True)


def _steps(name: str, arm: Arm, trainings: LoggedTrainings) -> "pd.DataFrame":
    import pandas as pd

    scores = trainings.train(arm.tried, [SEARCH_SEED])
    return pd.DataFrame(
        {
            "strategy": name,
            "task": trainings.trainer.data.name,
            "seed": SEARCH_SEED,
            "step": np.arange(1, len(arm.tried) + 1),
            "architecture": trainings.space.format(arm.tried),
            "val": scores.val[:, 0],
            "test": scores.test[:, 0],
            "cost_s": scores.seconds[:, 0],
        }
    )


def _config(settings: Settings, earlier: EarlierTasks, trainer: Trainer) -> dict[str, Any]:
    """What decides the outcome: a run folder is only continued with the same."""
    found = None if earlier.table is None else earlier.table.name
    return {
        "table": found if settings.table is None else settings.table,
        "budget": dataclasses.asdict(settings.budget),
        "strategy": settings.strategy,
        "seed": settings.seed,
        "trainer": recipe(trainer),
    }


def _describe(trainer: Trainer) -> str:
    data = trainer.data
    sizes = " / ".join(f"{len(part):,}" for part in data.splits[0])
    several = f", mean over {len(data.splits)} resplits" if len(data.splits) > 1 else ""
    if isinstance(data, GraphDataset):
        things, more = "nodes", f", {data.edge_index.shape[1]:,} edges, {data.x.shape[1]} features"
    else:
        things, more = "samples", f" of {' × '.join(map(str, data.input_shape))} values"
    goal = "one number to predict" if data.regression else f"{data.num_outputs} classes"
    return (
        f"New task {data.name!r}: {len(data.y):,} {things}{more}, {goal}; {sizes} {things} to train, validate, "
        f"test{several}."
    )


def _standard_error(a: "pd.Series[Any]", b: "pd.Series[Any]", seeds: int) -> float:
    """Standard error of the difference of two mean test scores, in points."""
    return 100 * float(np.sqrt(sum(x["test_std"] ** 2 / (seeds - x["failed"]) for x in (a, b))))


class _Clock:
    """Wall seconds per named step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __getitem__(self, step: str) -> float:
        return self.seconds[step]

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - begin
