"""REINFORCE with a learned controller.

References:
    [zoph2017] Zoph, Le: Neural Architecture Search with Reinforcement Learning. ICLR 2017.
    https://arxiv.org/abs/1611.01578
    [williams1992] Williams: Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement
    Learning. Machine Learning 8, 1992.
    [dong2020] Dong, Yang: NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search. ICLR 2020.
    https://arxiv.org/abs/2001.00326
"""

from collections import deque
from collections.abc import Callable
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate
from surrogate_nas.strategies.reinforcement.adam import Adam
from surrogate_nas.strategies.reinforcement.controller import Controller
from surrogate_nas.strategies.reinforcement.rewards import RunningRank

#: Weight of the past in the moving average that rewards are compared with.
MOMENTUM = 0.9

#: After so many draws of the policy that brought too little, it chooses among random valid rows: so many for
#: each one wanted, at most so many at once.
OWN_DRAWS, CHOICES, MOST_CHOICES = 2, 32, 4096


@final
class Reinforce(Strategy):
    """Policy gradient [williams1992]: what was better than expected becomes more probable.

    A :class:`Controller` chooses gene by gene, as in [zoph2017]; with ``hidden=0`` genes are independent, as in the
    variant of [dong2020]. Every ``batch_size`` results it climbs by Adam along ``advantage * log-probability``, plus
    a bonus for staying undecided. The advantage is the reward minus a moving average of the rewards before it.

    Differs from [zoph2017]: the reward is the score's rank among those told before, so that no unit has to be
    known; rows that are not valid are replaced by their canonical form or drawn again, and at last the policy
    chooses among random valid rows; what was proposed before is drawn again, neither charged nor learned from twice.
    Earlier results that are told teach it as if it had drawn them. A failed evaluation has the lowest reward.

    Args:
        space: Where the architectures come from.
        hidden: Hidden units through which a choice moves later ones; 0, for independent genes, learns quicker
            within some hundred evaluations.
        learning_rate: Of Adam. The default suits a hundred evaluations or two; papers take a tenth and less for
            thousands.
        entropy: Weight of the bonus, per nat.
        batch_size: Results per update.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row" or "canonical", what counts as the same; None leaves it to the run, else "canonical".

    Attributes:
        controller: The policy.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        hidden: int = 0,
        learning_rate: float = 0.2,
        entropy: float = 0.05,
        batch_size: int = 3,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        if hidden < 0 or entropy < 0:
            raise InvalidInputError(f"hidden and entropy: expected at least 0, got {hidden} and {entropy}")
        if learning_rate <= 0 or batch_size < 1:
            raise InvalidInputError(
                f"learning_rate and batch_size: expected above 0 and at least 1, got {learning_rate} and {batch_size}"
            )
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.entropy = entropy
        self.batch_size = batch_size
        self.controller = Controller(space.cardinalities, hidden, self._rng)
        self._adam = Adam(len(self.controller.parameters), learning_rate)
        self._rank = RunningRank()
        self._expected = 0.5
        self._waiting: list[tuple[Rows, float]] = []
        self._pool: deque[Candidate] = deque()

    def _propose(self, n: int) -> Proposal:
        ledger = self.ledger
        return Proposal(ledger.rows(ledger.draw(n, self._source(), self._rng, self._pool, 2 * self.batch_size)))

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        for row, score in zip(X, scores.tolist(), strict=True):
            reward = self._rank.add(score)
            self._waiting.append((row.copy(), reward - self._expected))
            self._expected += (1 - MOMENTUM) * (reward - self._expected)
            if len(self._waiting) == self.batch_size:
                self._update()

    def _update(self) -> None:
        rows, advantages = zip(*self._waiting, strict=True)
        gradient = self.controller.gradient(np.array(rows), np.array(advantages), self.entropy)
        self.controller.parameters += self._adam.step(gradient)
        self._waiting = []
        self._pool.clear()  # the policy that drew them is no more

    def _source(self) -> Callable[[int], Rows]:
        """Draws of the policy for one request: its own at first, then its choice among random valid rows."""
        draws = 0

        def source(k: int) -> Rows:
            nonlocal draws
            draws += 1
            if draws > OWN_DRAWS:
                return self._choose(k)
            X = self.controller.sample(k, self._rng)
            valid = self.space.valid(X)
            if valid.all():
                return X
            X[~valid] = self.space.canonical(X[~valid])
            valid = self.space.valid(X)
            missing = k // 2 - int(valid.sum())
            return X[valid] if missing <= 0 else np.concatenate([X[valid], self._choose(missing)])

        return source

    def _choose(self, k: int) -> Rows:
        """Random valid rows by the policy's own odds, without repeats among those drawn; shape (k, d) or fewer."""
        X = self.ledger.sample(min(CHOICES * k, MOST_CHOICES), self._rng)
        odds = self.controller.log_prob(X) - np.log(self._rng.standard_exponential(len(X)))
        return X[np.argsort(-odds)[:k]]
