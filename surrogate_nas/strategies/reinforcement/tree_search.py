"""Monte-Carlo tree search over genes.

References:
    [kocsis2006] Kocsis, Szepesvari: Bandit Based Monte-Carlo Planning. ECML 2006.
    [auer2002] Auer, Cesa-Bianchi, Fischer: Finite-time Analysis of the Multiarmed Bandit Problem. Machine Learning 47,
    2002.
    [finnsson2008] Finnsson, Bjornsson: Simulation-Based Approach to General Game Playing. AAAI 2008.
    [liu2020] Liu, Chen, Yu, Zhai, Zhou, Liu: Watch the Unobserved: A Simple Approach to Parallelizing Monte Carlo Tree
    Search. ICLR 2020. https://arxiv.org/abs/1810.11755
    [wang2020] Wang, Zhao, Jinnai, Tian, Fonseca: AlphaX: eXploring Neural Architectures with Deep Neural Networks and
    Monte Carlo Tree Search. AAAI 2020. https://arxiv.org/abs/1903.11059
    [wang2021] Wang, Xie, Li, Fonseca, Tian: Sample-Efficient Neural Architecture Search by Learning Actions for Monte
    Carlo Tree Search. TPAMI 2021. https://arxiv.org/abs/1906.06832
"""

import math
import sys
from collections import deque
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate
from surrogate_nas.strategies.reinforcement.rewards import RunningRank

#: Completions drawn for each value when a node is opened, rows drawn for all its values at most, and further rounds
#: for a node whose completions are all used up.
TRIES, MOST_ROWS, ROUNDS = 3, 512, 4

#: Random rows drawn at once where the tree has nothing left to say.
BLOCK = 64

#: The middle rank: what is expected of a node before anything below was told.
MIDDLE = 0.5


@final
class Node:
    """All architectures whose first genes are the same.

    Attributes:
        depth: Number of genes that are decided.
        value: The last of them.
        visits: Architectures below that were told, or asked for and not told yet [liu2020].
        mean: Mean reward of those told.
        results: Those told, as lists of genes with their rewards.
        is_open: Whether it has got its children.
        children: By value of the next gene, as far as something new may be below.
        waiting: Completions to try first.
    """

    __slots__ = ("children", "depth", "is_open", "mean", "results", "value", "visits", "waiting")

    def __init__(self, depth: int, value: int) -> None:
        self.depth = depth
        self.value = value
        self.visits = 0
        self.mean = MIDDLE
        self.results: list[tuple[list[int], float]] = []
        self.is_open = False
        self.children: dict[int, Node] = {}
        self.waiting: deque[Candidate] = deque()

    def add(self, row: list[int], reward: float) -> None:
        """Take in a result."""
        self.results.append((row, reward))
        self.visits += 1
        self.mean += (reward - self.mean) / len(self.results)

    def most_promising(self, exploration: float) -> "Node":
        """The child with the largest ``mean + exploration * sqrt(log(visits of this node) / visits of the child)``.

        This bound is UCB1 [auer2002], there with the square root of 2; a child without visits comes first.
        """
        width = exploration * math.sqrt(math.log(max(1, self.visits)))
        best, highest = self, -math.inf
        for child in self.children.values():
            if not child.visits:
                return child
            bound = child.mean + width / math.sqrt(child.visits)
            if bound > highest:
                best, highest = child, bound
        return best


@final
class MonteCarloTreeSearch(Strategy):
    """Upper confidence bounds applied to trees [kocsis2006]: genes are decided in order, by what came of it so far.

    From the root, each step goes to the child with the largest upper confidence bound, until one that was never
    visited; the other genes are then drawn at random (the rollout), and the row is proposed. What is told counts for
    every node above it. When a node is visited again it is opened: it gets a child for each value of the next gene
    for which a valid row was found, and they inherit the results that are known already, also earlier ones. A node
    below which nothing new is left is closed.

    A rollout draws each gene's value with odds of ``exp(mean reward of the value / temperature)`` [finnsson2008], and
    uniformly among the valid rows where that leads to none: of long rows the tree reaches the first few genes only.

    Differs from [kocsis2006]: the reward is the score's rank among those told before, so that it lies between 0 and 1
    as UCB1 wants it; results of rollouts are kept for nodes that are opened later; rows asked for and not told yet
    count as visits. A failed evaluation has reward 0. AlphaX [wang2020] has such a tree with a network that predicts
    the outcome of rollouts; LaNAS [wang2021] learns how to split the space instead of going gene by gene.

    Args:
        space: Where the architectures come from.
        exploration: Weight of the width of confidence bounds. [auer2002] has the square root of 2, for endless play;
            the default suits some hundred evaluations.
        temperature: How close rollouts keep to values that did well; None draws uniformly.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row" or "canonical", what counts as the same; None leaves it to the run, else "canonical".

    Attributes:
        root: The tree.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        exploration: float = 0.2,
        temperature: float | None = 0.1,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        if not 0 <= exploration < math.inf:
            raise InvalidInputError(f"exploration: expected a finite number of at least 0, got {exploration}")
        if temperature is not None and not 0 < temperature < math.inf:
            raise InvalidInputError(f"temperature: expected above 0, or None for uniform rollouts, got {temperature}")
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.exploration = exploration
        self.temperature = temperature
        self.root = Node(0, -1)
        self._rank = RunningRank()
        self._asked: dict[bytes, list[list[Node]]] = {}
        shape = (space.n_genes, int(space.cardinalities.max()))
        self._exists = np.where(np.arange(shape[1]) < space.cardinalities[:, None], 0.0, -np.inf)
        self._total, self._count = np.full(shape, MIDDLE), np.ones(shape)  # as if each value had been told once
        self._gene = np.arange(space.n_genes)
        self._codes: npt.NDArray[np.int64] | None = None
        self._pool: deque[Candidate] = deque()

    def _propose(self, n: int) -> Proposal:
        return self._fill(n, lambda k: self._descend())

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        for genes, row, score in zip(X, X.tolist(), scores.tolist(), strict=True):
            reward = self._rank.add(score)
            self._total[self._gene, genes] += reward
            self._count[self._gene, genes] += 1
            for node in self._was_asked(genes.tobytes()):
                node.visits -= 1  # it comes back as a result
            below: Node | None = self.root
            while below is not None:
                below.add(row, reward)
                below = below.children.get(row[below.depth]) if below.children else None

    def _was_asked(self, row: bytes) -> list[Node]:
        """Where a row was asked for from, if it was."""
        paths = self._asked.get(row)
        if not paths:
            return []
        if len(paths) == 1:
            del self._asked[row]
        return paths.pop()

    def _descend(self) -> list[bytes]:
        """One new row, from below the most promising nodes that still have one."""
        path = [self.root]
        while True:
            node = path[-1]
            if (node.visits or node is self.root) and node.depth < self.space.n_genes:
                if not node.is_open:
                    self._open(path)
                if node.children:
                    path.append(node.most_promising(self.exploration))
                    continue
            elif taken := self._roll_out(path):
                break
            if node is self.root:  # completions are found at random, so some rows may be left
                return self.ledger.draw(1, self._sample, self._rng, self._pool, BLOCK)
            path.pop()
            del path[-1].children[node.value]
        for node in path:
            node.visits += 1
        self._asked.setdefault(taken[0], []).append(path)
        return taken

    def _roll_out(self, path: list[Node]) -> list[bytes]:
        """A new row below the last node of a path; none if none is found."""
        node, begin = path[-1], np.array([[n.value for n in path[1:]]], dtype=np.int16)
        taken = self.ledger.claim(node.waiting, 1)
        for _ in range(ROUNDS if node.depth < self.space.n_genes else 1):
            if not taken:
                node.waiting.extend(self.ledger.screen(self._uniform(np.repeat(begin, TRIES, axis=0))))
                taken = self.ledger.claim(node.waiting, 1)
        return taken

    def _open(self, path: list[Node]) -> None:
        """Give the last node of a path its children, with what is known of them and completions to try."""
        node = path[-1]
        values = self._rng.permutation(int(self.space.cardinalities[node.depth]))
        children = {value: Node(node.depth + 1, value) for value in values.tolist()}
        for row, reward in node.results:
            children[row[node.depth]].add(row, reward)
        tries = max(1, min(TRIES, MOST_ROWS // len(children)))
        for draw in (self._uniform,) if self.temperature is None else (self._likely, self._uniform):
            bare = [value for value, child in children.items() if not child.visits and not child.waiting]
            if bare:
                begin = np.array([[*(n.value for n in path[1:]), value] for value in bare * tries], dtype=np.int16)
                for candidate in self.ledger.screen(draw(begin)):
                    gene = candidate.row[2 * node.depth : 2 * node.depth + 2]  # two bytes each
                    children[int.from_bytes(gene, sys.byteorder)].waiting.append(candidate)
        node.is_open = True
        node.children = {value: child for value, child in children.items() if child.waiting or child.visits}

    def _likely(self, begin: Rows) -> Rows:
        """Rows that begin as given, the other genes by the odds of their values; those that come out valid."""
        k = begin.shape[1]
        odds = self._total[k:] / self._count[k:] / (self.temperature or 1.0) + self._exists[k:]
        noise = -np.log(self._rng.standard_exponential((len(begin), *odds.shape)))  # the largest of the sums wins
        X = np.concatenate([begin, (odds + noise).argmax(axis=2).astype(np.int16)], axis=1)
        return X[self.space.valid(X)]

    def _uniform(self, begin: Rows) -> Rows:
        """Random valid rows that begin as given; some are missing where there is none, or none was found by chance."""
        k = begin.shape[1]
        if self._codes is None:
            listed = self.ledger.listed() if self.space.has_codes else None
            self._codes = np.empty(0, dtype=np.int64) if listed is None else np.sort(self.space.codes(listed))
        if len(self._codes):  # rows that begin alike are neighbours
            radix = self.space.radix
            low = begin.astype(np.int64) @ radix[:k]
            first, end = np.searchsorted(self._codes, [low, low + radix[k - 1]])
            at = first + (self._rng.random(len(low)) * (end - first)).astype(np.int64)
            return self.space.from_codes(self._codes[at[first < end]])
        X = self.ledger.sample(len(begin), self._rng)
        X[:, :k] = begin
        return X[self.space.valid(X)]

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)
