"""Members of an ensemble that learn one score on scales of their own, and how much each of them counts."""

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np

from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.predictors.boosted import BoostedTrees
from surrogate_nas.predictors.gaussian_process import GaussianProcess
from surrogate_nas.predictors.inputs import Floats
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.predictors.state import State

#: How fast a member's weight falls with Kendall's tau on left-out rows: by e for 1 / (SHARPNESS * sqrt(n)) less, about
#: as much as the taus of two members differ by chance.
SHARPNESS = 3.0


@final
@dataclass(frozen=True)
class Member:
    """A regressor that reads the first columns and predicts a monotone function of the score.

    Attributes:
        model: The fitted regressor.
        back: From what it predicts to normal scores of the score.
        width: Number of columns it reads.
        left_out: Normal scores that it predicts for training rows without having seen them, shape (n,); NaN = seen.
        prior: Its weight where nothing else is known.
    """

    model: GaussianProcess | BoostedTrees
    back: NormalScores
    width: int
    left_out: Floats
    prior: float

    @classmethod
    def fit(
        cls, model: Any, floats: Floats, y: Floats, weight: Floats | None, *, raw: float, width: int, prior: float
    ) -> Self:
        """Train a regressor on a scale between normal scores and the score's own.

        Normal scores make all ranks equally far from each other, also where ranks are mostly noise; on the score's own
        scale a few failures outweigh all else. Which is better depends on the task, in between is never bad.

        Args:
            model: Not fitted yet.
            floats: Features, shape (n, f).
            y: Scores, shape (n,).
            weight: Weight per row, shape (n,).
            raw: Share of the standardised score in the target; normal scores have the rest.
            width: Number of columns to read.
            prior: Weight where nothing else is known.
        """
        levels = (1 - raw) * NormalScores.of(y).transform(y) + raw * (y - y.mean()) / (y.std() or 1.0)
        back = NormalScores.of(levels)
        model.fit(floats[:, :width], levels, weight)
        left_out = np.full(len(y), np.nan)
        if isinstance(model, GaussianProcess):
            left_out[model.kept_] = levels[model.kept_] - model.leave_one_out()[0]
        else:
            left_out[:] = model.out_of_fold_
        return cls(model, back, width, back.transform(left_out), prior)

    def predict(self, floats: Floats) -> Floats:
        """Normal scores, shape (n,)."""
        return self.back.transform(self.model.predict(floats[:, : self.width]))

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        values = {"width": self.width, "prior": self.prior}
        return State(values, {"left_out": self.left_out}, parts={"model": self.model, "back": self.back})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        values, parts = state.values, state.parts
        return cls(
            parts["model"], parts["back"], int(values["width"]), state.arrays["left_out"], float(values["prior"])
        )


def weigh(members: list[Member], y: Floats) -> Floats:
    """Weights that favour members which put rows in the right order that they had not seen; they add up to one.

    Args:
        members: Of one kind, so that their left-out predictions are equally far from those of new rows.
        y: The training scores, shape (n,).
    """
    known = ~np.isnan([member.left_out for member in members]).any(axis=0)
    tau = np.array([kendall_tau(member.left_out[known], y[known]) for member in members])
    weight = np.array([member.prior for member in members])
    weight = weight * np.exp(SHARPNESS * np.sqrt(known.sum()) * (tau - tau.max()))
    return np.asarray(weight / weight.sum())
