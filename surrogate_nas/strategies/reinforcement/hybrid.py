"""Evolution whose mutations are learned by reinforcement.

References:
    [chen2019] Chen, Meng, Zhang, Xiang, Huang, Mu, Wang: RENAS: Reinforced Evolutionary Neural Architecture Search.
    CVPR 2019. https://arxiv.org/abs/1808.00193
    [real2019] Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search.
    AAAI 2019. https://arxiv.org/abs/1802.01548
"""

import math
from collections import deque
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.evolution.breeding import Member, Tournaments
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate
from surrogate_nas.strategies.reinforcement.adam import Adam
from surrogate_nas.strategies.reinforcement.rewards import RunningRank

#: How many random candidates are drawn at once, and how many mutants of one parent.
BLOCK, LITTER = 64, 8

#: Weight of the past in the moving average that gains are compared with.
MOMENTUM = 0.9


@final
class Mutator:
    """A policy over edits: which gene of a parent is given which other value.

    The logit of an edit is that of the value it brings minus that of the value it takes away, so that one number per
    gene and value says where which value is worth having.

    Args:
        cardinalities: Values per gene, shape (d,).

    Attributes:
        worth: One number per gene and value, shape (k,) with k the sum of the cardinalities; change it in place.
    """

    def __init__(self, cardinalities: npt.NDArray[np.int64]) -> None:
        self.worth = np.zeros(int(cardinalities.sum()))
        self._cardinalities = cardinalities
        self.gene = np.repeat(np.arange(len(cardinalities)), cardinalities)
        self.value = np.concatenate([np.arange(c) for c in cardinalities])
        self._start = np.concatenate([[0], np.cumsum(cardinalities)[:-1]])

    def edit(self, gene: int, value: int) -> int:
        """Number of the edit that gives a gene a value."""
        return int(self._start[gene]) + value

    def probabilities(self, X: Rows) -> Floats:
        """Of every edit of parents (n, d), shape (n, k); 0 where the parent has that value already."""
        held = self._start + X  # (n, d)
        logits = self.worth - self.worth[held].repeat(self._cardinalities, axis=1)
        logits[np.arange(len(X))[:, None], held] = -np.inf
        p: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def gradient(self, parents: Rows, edits: npt.NDArray[np.int64], advantage: Floats, entropy: float) -> Floats:
        """Exact gradient of the mean of ``advantage * log-probability + entropy * entropy of the policy``, shape (k,).

        Args:
            parents: Shape (n, d).
            edits: Which edit was made of each, shape (n,).
            advantage: How much better than expected it was, shape (n,).
            entropy: Weight of the entropies.
        """
        p = self.probabilities(parents)
        slope = -advantage[:, None] * p
        slope[np.arange(len(p)), edits] += advantage
        plogp = p * np.log(np.where(p > 0, p, 1.0))
        slope += entropy * (p * plogp.sum(axis=1, keepdims=True) - plogp)
        # An edit's logit falls with the worth of the value that it takes away.
        taken = np.add.reduceat(slope, self._start, axis=1)
        total = slope.sum(axis=0)
        np.subtract.at(total, self._start + parents, taken)
        return total / len(p)


@final
class HybridSearch(Strategy):
    """Genetic search whose mutations a policy gradient teaches, after reinforced evolution [chen2019].

    Parents are the winners of tournaments, and the oldest member dies when another joins, as in [real2019]. With
    probability ``crossover`` a child takes its genes from two of them, and has one changed. Else it is its parent with
    one edit, drawn by a :class:`Mutator`: which gene is given which other value. After every ``batch_size`` such
    children the mutator climbs along the policy gradient; the reward is the child's rank among all scores minus its
    parent's, compared with a moving average.

    Differs from [chen2019]: the mutator is one number per gene and value instead of a network, and can so learn from a
    hundred evaluations; nothing is proposed twice; no weights are inherited. Edits that lead to no valid row are
    replaced by the space's own mutations, which teach only where they change a single gene. A failed evaluation has
    the lowest rank and does not join.

    Args:
        space: Where the architectures come from.
        population_size: Members of the population.
        sample_size: Members drawn for one tournament.
        crossover: Probability that a child has two parents.
        learning_rate: Of Adam; 0 leaves all edits equally probable.
        entropy: Weight of the bonus for staying undecided, per nat.
        batch_size: Children per update.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".

    Attributes:
        population: Its members, the oldest first.
        mutator: The policy.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        population_size: int = 30,
        sample_size: int = 10,
        crossover: float = 0.2,
        learning_rate: float = 0.3,
        entropy: float = 0.02,
        batch_size: int = 8,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        counts = {"population_size": population_size, "sample_size": sample_size, "batch_size": batch_size}
        for name, value in counts.items():
            if value < 1:
                raise InvalidInputError(f"{name}: expected at least 1, got {value}")
        if not 0 <= crossover <= 1:
            raise InvalidInputError(f"crossover: expected a probability from 0 to 1, got {crossover}")
        if learning_rate < 0 or entropy < 0:
            raise InvalidInputError(
                f"learning_rate and entropy: expected at least 0, got {learning_rate} and {entropy}"
            )
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.population_size = population_size
        self.sample_size = sample_size
        self.crossover = crossover
        self.learning_rate = learning_rate
        self.entropy = entropy
        self.batch_size = batch_size
        self.population: deque[Member] = deque(maxlen=population_size)
        self.mutator = Mutator(space.cardinalities)
        self._adam = Adam(len(self.mutator.worth), learning_rate)
        self._rank = RunningRank()
        self._expected = 0.0
        self._made: dict[bytes, tuple[Member, int]] = {}  # pending children of one edit: of whom, and which
        self._lessons: list[tuple[Rows, int, float]] = []
        self._pool: deque[Candidate] = deque()
        self._litters: dict[bytes, deque[Candidate]] = {}
        self._tournaments = Tournaments(sample_size, self._rng)

    def _propose(self, n: int) -> Proposal:
        ledger = self.ledger
        taken: list[bytes] = []
        if (founders := min(n, self.population_size - len(self.population) - ledger.n_pending)) > 0:
            taken = ledger.draw(founders, self._sample, self._rng, self._pool, BLOCK)
        return self._fill(n, self._child, taken)

    def _child(self, k: int) -> list[bytes]:
        """One child of the population, where there is one."""
        if not self.population:
            return []
        parent = self._tournaments.winner(self.population)
        return self._crossed(parent) if self._rng.random() < self.crossover else self._mutated(parent)

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        for i, score in enumerate(scores.tolist()):
            rank = self._rank.add(score)
            row = X[i : i + 1].copy()
            if not math.isnan(score):
                self.population.append(Member(score, row))
            if made := self._made.pop(row.tobytes(), None):
                parent, edit = made
                gain = rank - self._rank.of(parent.score)
                self._lessons.append((parent.row[0], edit, gain - self._expected))
                self._expected += (1 - MOMENTUM) * (gain - self._expected)
                if len(self._lessons) == self.batch_size:
                    self._update()

    def _update(self) -> None:
        parents, edits, advantages = zip(*self._lessons, strict=True)
        self._lessons = []
        if self.learning_rate:
            slope = self.mutator.gradient(np.array(parents), np.array(edits), np.array(advantages), self.entropy)
            self.mutator.worth += self._adam.step(slope)
            self._litters.clear()  # the policy that drew them is no more

    def _crossed(self, parent: Member) -> list[bytes]:
        other = self._tournaments.winner(self.population)

        def children(k: int) -> Rows:
            a, b = np.repeat(parent.row, k, axis=0), np.repeat(other.row, k, axis=0)
            return self.space.mutate(self.space.crossover(a, b, self._rng), self._rng)

        return self.ledger.draw(1, children, self._rng, deque(), 2)

    def _mutated(self, parent: Member) -> list[bytes]:
        """One child by an edit of the policy; where none of them is new and valid, by the space's own mutation."""
        last = parent.row
        edited = False

        def children(k: int) -> Rows:
            nonlocal last, edited
            if not edited:
                edited = True
                return self._edited(parent.row)
            last = self.space.mutate(np.resize(last, (k, last.shape[1])), self._rng)
            return last

        litter = self._litters.setdefault(parent.row.tobytes(), deque())
        taken = self.ledger.draw(1, children, self._rng, litter, LITTER)
        child = self.ledger.rows(taken)
        changed = np.flatnonzero(child[0] != parent.row[0])
        if len(changed) == 1:
            self._made[taken[0]] = parent, self.mutator.edit(int(changed[0]), int(child[0, changed[0]]))
        return taken

    def _edited(self, parent: Rows) -> Rows:
        """The valid ones of a few different edits, drawn by the policy one after the other."""
        p = self.mutator.probabilities(parent)[0]
        with np.errstate(divide="ignore"):
            odds = np.log(p) - np.log(self._rng.standard_exponential(len(p)))
        edits = np.argsort(-odds)[: min(LITTER, int((p > 0).sum()))]
        X = np.repeat(parent, len(edits), axis=0)
        X[np.arange(len(edits)), self.mutator.gene[edits]] = self.mutator.value[edits]
        return X[self.space.valid(X)]

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)
