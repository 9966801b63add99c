"""Learning across tasks: from many measured tasks to a predictor for a new one."""

from collections.abc import Mapping
from typing import Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError, TaskData, as_generator
from surrogate_nas.core.random import RandomState
from surrogate_nas.core.validation import check_scores
from surrogate_nas.predictors.pretrained import Shareable
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.transfer import TransferPredictor
from surrogate_nas.predictors.transfer_features import TransferFeatures
from surrogate_nas.predictors.transfer_learning import learn_prior
from surrogate_nas.predictors.transfer_scores import ScoreScale
from surrogate_nas.predictors.transfer_sources import Source, genes_matter
from surrogate_nas.spaces.base import SearchSpace

#: Genes times values up to which each gets a column of its own.
MAX_GENES = 1024


@final
class MetaPredictor(Shareable):
    """Learns from tasks with many scores how a task with few, or none, will turn out.

    Tasks may have different rows, units, directions and sizes. ``fit`` reads what it is given and nothing else.

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
        features = self._features(list(tasks.values()))
        known: dict[bytes, Any] = {}
        learned = []
        for task in tasks.values():
            key = task.X.tobytes()
            if key not in known:
                known[key] = features.transform(task.X)
            learned.append(Source(task.X, known[key], task.y if task.direction == "max" else -task.y))
        descriptors = [task.descriptors for task in tasks.values()]
        self.prior_ = learn_prior(features, learned, descriptors, as_generator(self.random_state))
        self.tasks_ = tuple(tasks)
        self.directions_ = tuple(task.direction for task in tasks.values())
        self.scales_ = tuple(ScoreScale.of(s.y) for s in learned)
        return self

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
            extra: Side features of the rows.
            descriptors: Numbers that describe the new task.
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

    def _features(self, tasks: list[TaskData]) -> TransferFeatures:
        """Features of what networks compute; of how they are written down, too, where that shows in the scores."""
        plain = TransferFeatures(self.space)
        if self.space.n_genes * int(self.space.cardinalities.max()) > MAX_GENES:
            return plain
        exact = TransferFeatures(self.space, exact=True)
        return exact if genes_matter(plain, exact, [(task.X, task.y) for task in tasks]) else plain

    def _scale(self, direction: Direction) -> ScoreScale:
        """What to expect of scores: as in the sources that share the direction; in all of them if none does."""
        alike = [s for s, d in zip(self.scales_, self.directions_, strict=True) if d == direction]
        return ScoreScale.among(alike or list(self.scales_))

    def _checked(self, name: str, task: TaskData) -> TaskData:
        rows = self.space.rows(task.X)
        if not len(rows):
            raise InvalidInputError(f"task {name!r}: expected at least one measured architecture, got none")
        if not self.space.in_range(rows).all():
            raise InvalidInputError(f"task {name!r}: expected rows of space {self.space.name!r}, some are outside it")
        y = check_scores(task.y, len(rows), f"scores of task {name!r}")
        return TaskData(rows, y, task.extra, task.descriptors, task.unit, task.direction)
