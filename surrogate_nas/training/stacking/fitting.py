"""The training loop for several networks at once: each has its own best epoch, and stops when its time has come."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from surrogate_nas.training.loop import Progress, rank_of
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.result import CurvePoint
from surrogate_nas.training.stacking.samples import StackedBatches


@dataclass(eq=False)
class Standing:
    """Where the training of one network stands.

    Attributes:
        progress: As of a training by itself; weights are kept by the learners.
        reason: Why it failed; empty if it has not.
    """

    progress: Progress = field(default_factory=Progress)
    reason: str = ""


def fit_together(learners: Sequence[StackedBatches], recipe: Recipe, k: int) -> list[Standing]:
    """Train k networks, once per split; the learners end with the weights of each network's best epoch.

    A network that has diverged, or has not become better for too long, goes on being computed with the others, and
    nothing of that counts.

    Args:
        learners: One per split; changed.
        recipe: How to train.
        k: Networks of each learner.
    """
    standings = [Standing() for _ in range(k)]
    running = standings
    for epoch in range(1, recipe.epochs + 1):
        for standing in running:
            standing.progress.epoch = epoch
        losses = [learner.train_epoch(epoch) for learner in learners]
        if epoch % recipe.evaluate_every == 0 or epoch == recipe.epochs:
            points = _points(epoch, losses, learners)
            improved = [s in running and _note(s, point) for s, point in zip(standings, points, strict=True)]
            if any(improved):
                for learner in learners:
                    learner.keep(improved)
        running = [s for s in running if not s.reason and not s.progress.finished(recipe)]
        if not running:
            break
    for learner in learners:
        learner.take_best()
    return standings


def _note(standing: Standing, point: CurvePoint) -> bool:
    """Put down what an epoch gave; whether it is the best so far."""
    if not math.isfinite(point.train_loss) or not math.isfinite(point.val_loss):
        standing.reason = f"diverged: the loss was not finite at epoch {point.epoch}"
        return False
    progress = standing.progress
    progress.curve.append(point)
    better = (rank := rank_of(point)) > progress.best
    if better:
        progress.best, progress.best_epoch = rank, point.epoch
    return better


def _points(epoch: int, losses: Sequence[Tensor], learners: Sequence[StackedBatches]) -> list[CurvePoint]:
    """The point of every network, the mean over splits; one wait for the device."""
    found = [learner.evaluate("val") for learner in learners]
    rows = [[loss.double(), *(values.double() for values in of)] for loss, of in zip(losses, found, strict=True)]
    numbers = torch.stack([torch.stack(row) for row in rows]).mean(0).T.tolist()
    return [CurvePoint(epoch, *values) for values in numbers]
