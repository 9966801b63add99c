"""The training loop: epoch after epoch, the best one by validation score, and where it stands at any time.

What an epoch does is the learner's affair: batches of samples (:mod:`.minibatches`) or a whole graph
(:mod:`.full_graph`). Several learners are trained side by side where a data set has several splits; then
everything that is chosen is chosen on their mean.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from surrogate_nas.training.metrics import mean_scores
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.result import CurvePoint, Scores
from surrogate_nas.training.tensors import Part

#: Tensors by name.
State = dict[str, Tensor]


class Diverged(Exception):  # noqa: N818 (not an error: a result)
    """The training cannot go on; the message becomes the result's reason."""


def reason_of(error: Exception) -> str:
    """Why a training failed, in one line; raises an error again that a training may not end with."""
    if isinstance(error, Diverged):
        return str(error)
    # torch has a class for a full GPU only; a full main memory is a RuntimeError of the allocator.
    full = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
    if not full:
        raise error
    return "out of memory: " + " ".join(str(error).split())[:200]


class Evaluation(NamedTuple):
    """How good a network is.

    Attributes:
        loss: As it is minimised, without dropout and augmentation.
        score: Accuracy, or R2 of a regression; higher is better.
    """

    loss: float
    score: float


class Learner(Protocol):
    """A network (or several at once) that can be trained for an epoch."""

    @property
    def parameters(self) -> int:
        """Trainable parameters of one network."""
        ...

    def train_epoch(self, epoch: int) -> Tensor:
        """Train for one epoch, the first of which is 1; returns the mean loss, still on its device."""
        ...

    def evaluate(self, part: Part) -> Evaluation:
        """What epochs are chosen on."""
        ...

    def scores(self, part: Part) -> Scores:
        """All metrics."""
        ...

    def answers(self, part: Part) -> Tensor:
        """Logits of the first network, float32 of shape (m, classes); of a regression (m,), in the target's unit."""
        ...

    def weights(self) -> State:
        """Copy of all that evaluation needs."""
        ...

    def load_weights(self, weights: State) -> None:
        """Take them back."""
        ...

    def exported(self) -> State:
        """State dict of the first network."""
        ...

    def memory(self) -> State:
        """What training needs beside the weights: of optimiser and random streams."""
        ...

    def load_memory(self, memory: State) -> None:
        """Take it back."""
        ...


@dataclass
class Progress:
    """Where a training stands.

    Attributes:
        epoch: Epochs done.
        curve: The evaluated ones.
        best_epoch: The best of these, 0 before there is one.
        best: Its score and negative loss.
        weights: Weights of each learner after it.
    """

    epoch: int = 0
    curve: list[CurvePoint] = field(default_factory=list)
    best_epoch: int = 0
    best: tuple[float, float] = (-math.inf, -math.inf)
    weights: list[State] = field(default_factory=list)

    def finished(self, recipe: Recipe) -> bool:
        """Whether all epochs are done, or none has been better for too long."""
        if recipe.patience is not None:
            since = sum(point.epoch > self.best_epoch for point in self.curve)
            if since >= recipe.patience:
                return True
        return self.epoch >= recipe.epochs


def fit(
    learners: Sequence[Learner],
    recipe: Recipe,
    progress: Progress,
    after_epoch: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Train from where ``progress`` stands to the end; the learners end with the weights of the best epoch.

    Args:
        learners: One per split, or one that stands for all splits; changed.
        recipe: How to train.
        progress: Where the training stands; changed.
        after_epoch: Told after every epoch.

    Raises:
        Diverged: A loss was not finite.
    """
    while not progress.finished(recipe):
        progress.epoch += 1
        losses = [learner.train_epoch(progress.epoch) for learner in learners]
        if progress.epoch % recipe.evaluate_every == 0 or progress.epoch == recipe.epochs:
            point = _evaluated(progress.epoch, losses, learners)
            progress.curve.append(point)
            if (rank := rank_of(point)) > progress.best:
                progress.best, progress.best_epoch = rank, point.epoch
                progress.weights = [learner.weights() for learner in learners]
        after_epoch(progress)
    for learner, weights in zip(learners, progress.weights, strict=True):
        learner.load_weights(weights)
    return progress


def scores(learners: Sequence[Learner], part: Part) -> Scores:
    """All metrics on a part of the data, the mean over learners."""
    return mean_scores([learner.scores(part) for learner in learners])


def rank_of(point: CurvePoint) -> tuple[float, float]:
    """The higher the better; a score that is not defined (of a target without variance) leaves it to the loss."""
    return -math.inf if math.isnan(point.val_score) else point.val_score, -point.val_loss


def _evaluated(epoch: int, losses: Sequence[Tensor], learners: Sequence[Learner]) -> CurvePoint:
    found = [learner.evaluate("val") for learner in learners]
    train_loss, val_loss, score = (
        sum(values) / len(learners) for values in ([float(v) for v in losses], *zip(*found, strict=True))
    )
    if not math.isfinite(train_loss) or not math.isfinite(val_loss):
        raise Diverged(f"diverged: the loss was not finite at epoch {epoch}")
    return CurvePoint(epoch, train_loss, val_loss, score)
