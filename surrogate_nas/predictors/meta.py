"""Learning across tasks: from many measured tasks to a predictor for a new one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError, TaskData, as_generator
from surrogate_nas.core.random import RandomState
from surrogate_nas.core.threads import one_thread
from surrogate_nas.core.validation import check_scores
from surrogate_nas.predictors.base import check_extra, in_order
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.predictors.pretrained import Shareable
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.transfer.features import TransferFeatures
from surrogate_nas.predictors.transfer.learning import learn_prior
from surrogate_nas.predictors.transfer.predictor import TransferPredictor
from surrogate_nas.predictors.transfer.scores import ScoreScale
from surrogate_nas.predictors.transfer.sources import Source, genes_matter
from surrogate_nas.predictors.transfer.spaces import Translator
from surrogate_nas.spaces.base import SearchSpace

#: How much the reliability of a source counts that comes from another search space.
OTHER_SPACE = 0.5

#: Genes times values up to which each gets a column of its own.
MAX_GENES = 1024


@final
class MetaPredictor(Shareable):
    """Learns from tasks with many scores how a task with few, or none, will turn out.

    Tasks may have different rows, units, directions, sizes and, told by :class:`TaskData`, search spaces. ``fit`` reads
    what it is given and nothing else.

    Args:
        space: The space of the rows.
        random_state: Seed or generator of the samples by which hyper-parameters are learned.
    """

    def __init__(self, space: SearchSpace, *, random_state: RandomState = None) -> None:
        self.space = space
        self.random_state = random_state

    def fit(self, sources: Mapping[str, TaskData | tuple[npt.ArrayLike, npt.ArrayLike]]) -> Self:
        """Learn from measured tasks.

        Args:
            sources: Rows and scores by task, as pairs ``(X, y)`` (higher is better) or :class:`TaskData`.

        Raises:
            InvalidInputError: No task, a task without rows, rows outside the space, or a score that is not finite.
        """
        if not isinstance(sources, Mapping):
            raise InvalidInputError(
                f"sources: expected a dict of task to (X, y), got {type(sources).__name__}; for a table: "
                "{task: table.data(task=task, split='val') for task in table.tasks}"
            )
        if not sources:
            raise InvalidInputError("sources: expected at least one measured task, got none")
        tasks = {name: self._checked(name, TaskData.of(value)) for name, value in sources.items()}
        with one_thread():
            self._learn(tasks, as_generator(self.random_state))
        self.tasks_ = tuple(tasks)
        self.directions_ = tuple(task.direction for task in tasks.values())
        self.scales_ = tuple(ScoreScale.of(t.y if t.direction == "max" else -t.y) for t in tasks.values())
        return self

    def _learn(self, tasks: Mapping[str, TaskData], rng: np.random.Generator) -> None:
        """Learn the prior from checked tasks."""
        told = self._told(list(tasks.values()), rng)
        features = self._features(told)
        known: dict[bytes, Any] = {}
        learned = []
        for task, own in zip(tasks.values(), told, strict=True):
            key = own.X.tobytes() + (b"" if own.extra is None else own.extra.tobytes())
            if key not in known:
                known[key] = features.transform(own.X, own.extra)
            trust = 1.0 if task.space is None else OTHER_SPACE
            learned.append(Source(own.X, known[key], own.y if own.direction == "max" else -own.y, trust))
        self.prior_ = learn_prior(features, learned, [task.descriptors for task in told], rng)

    def adapt(
        self,
        X: npt.ArrayLike | None = None,
        y: npt.ArrayLike | None = None,
        *,
        extra: npt.ArrayLike | None = None,
        descriptors: Mapping[str, float] | None = None,
        direction: Direction = "max",
    ) -> TransferPredictor:
        """Make a predictor for a new task from whatever scores there are.

        Args:
            X: Rows with a known score, shape (n, d); None for n = 0.
            y: Their scores in the new task's unit, shape (n,); None for n = 0.
            extra: Side features of the rows, shape (n, e), where the sources had some; then also to be given
                to ``predict``.
            descriptors: Numbers that describe the new task, as those of the sources do: sources of its kind
                then weigh more.
            direction: "max" if a higher score is better in the new task.

        Returns:
            A predictor in the new task's unit and sign. Without any score the unit is the sources'.
        """
        if not hasattr(self, "prior_"):
            raise InvalidInputError("MetaPredictor: not fitted yet; call fit({task: (X, y)}) first")
        if direction not in ("max", "min"):
            raise InvalidInputError(f"direction: expected 'max' or 'min', got {direction!r}")
        if (X is None) != (y is None):
            raise InvalidInputError("adapt: expected both X and y or neither, got one of them")
        made = TransferPredictor(self.prior_.for_task(descriptors), self._scale(direction), direction=direction)
        if X is None or y is None or not np.size(y):
            return made.start()
        return made.fit(X, y, extra=extra)

    def get_state(self) -> State:
        """What has to be written down to adapt to the same numbers again."""
        seed = self.random_state if isinstance(self.random_state, int) else None
        values = {"random_state": seed, "tasks": list(self.tasks_), "directions": list(self.directions_)}
        return State(
            values=values | {"scales": [[s.centre, s.spread, s.doubt] for s in self.scales_]},
            arrays={
                "latents": np.stack([s.latents for s in self.scales_]),
                "bent": np.stack([s.bent for s in self.scales_]),
            },
            parts={"space": self.space, "prior": self.prior_},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        values, arrays = state.values, state.arrays
        made = cls(state.parts["space"], random_state=values["random_state"])
        made.prior_ = state.parts["prior"]
        made.tasks_, made.directions_ = tuple(values["tasks"]), tuple(values["directions"])
        made.scales_ = tuple(
            ScoreScale(float(centre), float(spread), latents, bent, float(doubt))
            for (centre, spread, doubt), latents, bent in zip(
                values["scales"], arrays["latents"], arrays["bent"], strict=True
            )
        )
        return made

    def _told(self, tasks: list[TaskData], rng: np.random.Generator) -> list[TaskData]:
        """The same tasks, those of other spaces told in rows of one's own."""
        if all(task.space is None for task in tasks):
            return tasks
        widths = [task.extra.shape[1] for task in tasks if task.space is None and task.extra is not None]
        translate = Translator(self.space, max(widths, default=0), rng)
        return [task if task.space is None else translate(task) for task in tasks]

    def _features(self, tasks: list[TaskData]) -> TransferFeatures:
        """Features of what networks compute; of how they are written down, too, where that shows in the scores."""
        side = _side_scores(tasks)
        plain = TransferFeatures(self.space, side=side)
        if self.space.n_genes * int(self.space.cardinalities.max()) > MAX_GENES:
            return plain
        exact = TransferFeatures(self.space, exact=True, side=side)
        return exact if genes_matter(plain, exact, [(task.X, task.y, task.extra) for task in tasks]) else plain

    def _scale(self, direction: Direction) -> ScoreScale:
        """What to expect of scores: as in the sources that share the direction; in all of them if none does."""
        alike = [s for s, d in zip(self.scales_, self.directions_, strict=True) if d == direction]
        return ScoreScale.among(alike or list(self.scales_))

    def _checked(self, name: str, task: TaskData) -> TaskData:
        space = self.space if task.space is None else task.space
        if not isinstance(space, SearchSpace):
            raise InvalidInputError(
                f"space of task {name!r}: expected a search space, got {space!r}; get_space(name) makes one"
            )
        rows = space.rows(task.X)
        if not len(rows):
            raise InvalidInputError(f"task {name!r}: expected at least one measured architecture, got none")
        if not space.in_range(rows).all():
            raise InvalidInputError(f"task {name!r}: expected rows of space {space.name!r}, some are outside it")
        y = check_scores(task.y, len(rows), f"scores of task {name!r}")
        extra = check_extra(task.extra, len(rows))
        order = in_order(rows, y, extra)
        side = None if extra is None else extra[order]
        own = task.space is None or task.space == self.space
        return replace(task, X=rows[order], y=y[order], extra=side, space=None if own else task.space)


def _side_scores(tasks: list[TaskData]) -> tuple[NormalScores, ...]:
    """Normal scores of each side feature over all sources; those from another space have none."""
    widths = {0 if task.extra is None else task.extra.shape[1] for task in tasks}
    if len(widths) > 1:
        raise InvalidInputError(
            "sources: expected the same side features (extra) with every task, got "
            f"{' and '.join(map(str, sorted(widths)))} of them; leave them out where one has none"
        )
    columns = np.concatenate([task.extra for task in tasks if task.extra is not None]).T if any(widths) else ()
    known = (column[~np.isnan(column)] for column in columns)
    return tuple(NormalScores.of(values if len(values) else np.zeros(1)) for values in known)
