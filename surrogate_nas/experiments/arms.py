"""The main job's question, asked fairly: does a learned predictor buy a better network than luck?

Two arms spend the same number of trainings. They share the first ``support`` random architectures.
Then the guided arm trains what its advisers propose, each a predictor fitted to everything trained so
far; the random arm goes on at random. Each arm names its finalists, which are trained again with the
same fresh seeds; the best mean validation score wins its arm, and only then is the test score looked at.

Two advisers take turns by default: one has learned from earlier tasks, one knows this task only. Where
the new task is like earlier ones the first is far ahead; where it is not, its opinion of the very best
can be wrong for longer than a few trainings can correct, and the second limits the loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, spawn_seeds
from surrogate_nas.experiments.proposers import PROPOSERS, Proposer
from surrogate_nas.experiments.trainings import SeedScores, Trainings
from surrogate_nas.predictors import AutoPredictor, BasePredictor
from surrogate_nas.spaces.base import Rows, SearchSpace

Floats = npt.NDArray[np.float64]

#: The seed of every training during the search; finalists are confirmed with other seeds.
SEARCH_SEED = 0


class Adviser(Protocol):
    """Makes a predictor for a new task from its first scores; a :class:`MetaPredictor` is one."""

    def adapt(self, X: npt.ArrayLike, y: npt.ArrayLike) -> BasePredictor:
        """A predictor for the task that (X, y) were measured on."""
        ...


@dataclass(frozen=True)
class FromScratch:
    """An adviser without a past: the default predictor, fitted to the new task alone."""

    space: SearchSpace
    random_state: int = 0

    def adapt(self, X: npt.ArrayLike, y: npt.ArrayLike) -> BasePredictor:
        """Fit the default predictor to (X, y)."""
        return AutoPredictor(self.space, random_state=self.random_state).fit(X, y)


@dataclass(frozen=True)
class Budget:
    """What each arm may spend.

    Attributes:
        support: Random architectures trained first, shared by both arms.
        further: Trainings each arm adds on its own.
        rounds: The guided arm adapts again this many times while it spends ``further``.
        finalists: Architectures per arm that are trained again to confirm.
        seeds: Fresh seeds of each confirmation.
    """

    support: int = 20
    further: int = 12
    rounds: int = 6
    finalists: int = 3
    seeds: int = 3

    def __post_init__(self) -> None:
        for name, least in (("support", 0), ("further", 0), ("rounds", 1), ("finalists", 1), ("seeds", 1)):
            if getattr(self, name) < least:
                raise InvalidInputError(f"{name}: expected at least {least}, got {getattr(self, name)}")
        if not self.support + self.further:
            raise InvalidInputError("support and further: expected at least one training in all, got 0 and 0")
        if self.finalists > self.support + self.further:
            raise InvalidInputError(
                f"finalists: expected at most the {self.support + self.further} architectures an arm trains, "
                f"got {self.finalists}; lower it, or raise support or further"
            )

    def check_against(self, available: int) -> None:
        """Raise an error if an arm would need more architectures than there are."""
        if self.support + self.further > available:
            raise InvalidInputError(
                f"support and further: expected at most the {available:,} architectures there are, got "
                f"{self.support} + {self.further}; lower them"
            )

    @property
    def confirm_seeds(self) -> range:
        """Seeds of the confirmation, none of them used during the search."""
        return range(SEARCH_SEED + 1, SEARCH_SEED + 1 + self.seeds)

    @property
    def trainings(self) -> int:
        """Trainings each arm pays for."""
        return self.support + self.further + self.finalists * self.seeds


@dataclass(frozen=True)
class Arm:
    """What one arm did.

    Attributes:
        tried: Architectures in the order trained, shape (t, d).
        found: Validation score of each during the search, shape (t,); NaN = failed.
        finalists: Architectures that were confirmed, shape (k, d).
        confirmed: Their scores with the fresh seeds, (k, s) each.
    """

    tried: Rows
    found: Floats
    finalists: Rows
    confirmed: SeedScores

    @property
    def winner(self) -> int:
        """Position among the finalists of the best mean validation score."""
        return best_mean(self.confirmed.val)

    @property
    def val(self) -> float:
        """Mean validation score of the winner."""
        return float(np.nanmean(self.confirmed.val[self.winner]))

    @property
    def test(self) -> float:
        """Mean test score of the winner."""
        return float(np.nanmean(self.confirmed.test[self.winner]))


@dataclass(frozen=True)
class Outcome:
    """Both arms, and the first adviser's predictor, adapted to everything the guided arm trained."""

    guided: Arm
    random: Arm
    predictor: BasePredictor


def best_mean(scores: Floats) -> int:
    """Row with the highest mean; rows without any score come last."""
    failed: npt.NDArray[np.bool_] = np.all(np.isnan(scores), axis=1)
    means = np.nanmean(np.where(failed[:, None], -np.inf, scores), axis=1)
    return int(np.argmax(means))


def play(
    trainings: Trainings,
    advisers: Sequence[Adviser],
    budget: Budget,
    *,
    proposer: str = "ranking",
    random_state: int = 0,
) -> Outcome:
    """Play both arms.

    Args:
        trainings: Where scores come from: real trainings, or a table of earlier ones.
        advisers: Who proposes in the guided arm, taking turns; the first one also ranks in the end.
        budget: What each arm may spend.
        proposer: How the guided arm finds what its predictor likes, see ``PROPOSERS``.
        random_state: Seed of the shared support, the random arm and the proposer.
    """
    pool = trainings.candidates()
    budget.check_against(len(pool))
    draws, search = spawn_seeds(random_state, 2)
    drawn = pool[np.random.default_rng(draws).permutation(len(pool))[: budget.support + budget.further]]
    support = drawn[: budget.support]
    rows, found, predictors = _guided(trainings, advisers, budget, support, pool, PROPOSERS[proposer], search)
    # A training is one noisy look at an architecture and what its relatives say another: take the mean of both.
    merit = (found + np.mean([p.predict(rows) for p in predictors], axis=0)) / 2
    guided = _confirmed(trainings, budget, rows, found, merit, "confirming the predictor's choice")
    found = trainings.train(drawn, [SEARCH_SEED], "random search").val[:, 0]
    luck = _confirmed(trainings, budget, drawn, found, found, "confirming random search's choice")
    return Outcome(guided, luck, predictors[0])


def _confirmed(trainings: Trainings, budget: Budget, rows: Rows, found: Floats, merit: Floats, label: str) -> Arm:
    """Name the finalists by merit and train them with the fresh seeds."""
    top = rows[finalists(merit, found, budget.finalists)]
    return Arm(rows, found, top, trainings.train(top, budget.confirm_seeds, label))


def finalists(merit: Floats, found: Floats, k: int) -> npt.NDArray[np.int64]:
    """Positions of the k highest merits among the trainings that did not fail, the best first."""
    order = np.argsort(np.where(np.isnan(found), np.inf, -merit), kind="stable")
    return order[:k]


def _guided(
    trainings: Trainings,
    advisers: Sequence[Adviser],
    budget: Budget,
    support: Rows,
    pool: Rows,
    propose: Proposer,
    seed: int,
) -> tuple[Rows, Floats, list[BasePredictor]]:
    """Train the support and then what the advisers propose; returns rows, scores and the last predictors."""
    space = trainings.space
    rows = support
    found = trainings.train(rows, [SEARCH_SEED], "support, random architectures").val[:, 0]
    predictors = _adapted(advisers, rows, found)
    for step, turns in enumerate(np.array_split(np.arange(budget.further), budget.rounds), start=1):
        new = rows[:0]
        for i, predictor in enumerate(predictors):
            n = int((turns % len(predictors) == i).sum())
            if n:
                seen = space.keys(np.concatenate([rows, new]))
                fresh = pool[~np.isin(space.keys(pool), seen)]
                new = np.concatenate([new, propose(predictor, space, fresh, n, seed)])
        if len(new):
            rows = np.concatenate([rows, new])
            scores = trainings.train(new, [SEARCH_SEED], f"proposals, round {step} of {budget.rounds}")
            found = np.concatenate([found, scores.val[:, 0]])
            predictors = _adapted(advisers, rows, found)
    return rows, found, predictors


def _adapted(advisers: Sequence[Adviser], rows: Rows, found: Floats) -> list[BasePredictor]:
    done = np.isfinite(found)
    if len(found) and not done.any():
        raise InvalidInputError(
            f"every training failed: expected a score from at least one of {len(found)}; the log says why of each, "
            "often the learning rate or features far from unit scale"
        )
    # Before the first training only the one who has a past can say anything.
    return [adviser.adapt(rows[done], found[done]) for adviser in (advisers if len(found) else advisers[:1])]
