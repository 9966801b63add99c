"""BOHB: Hyperband whose new architectures come from a model of where the good ones are.

References:
    [falkner2018] Falkner, Klein, Hutter: BOHB: Robust and Efficient Hyperparameter Optimization at Scale.
    ICML 2018. https://arxiv.org/abs/1807.01774
    [aitchison1976] Aitchison, Aitken: Multivariate binary discrimination by the kernel method. Biometrika 63, 1976.
    [li2003] Li, Racine: Nonparametric estimation of distributions with categorical and continuous data.
    Journal of Multivariate Analysis 86, 2003.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats
from surrogate_nas.strategies.ledger import Key, Predicate
from surrogate_nas.strategies.multi_fidelity.halving import BracketSearch, Rung
from surrogate_nas.strategies.multi_fidelity.hyperband import hyperband_brackets

#: How much wider the kernels are that candidates are drawn from than those that rate them, as in [falkner2018].
WIDER = 3.0
#: Standard deviation of a kernel over an ordered gene, before it shrinks with n: that of uniform values on [0, 1].
SPREAD = 12**-0.5


@final
class BOHB(BracketSearch):
    """BOHB [falkner2018]: the brackets of :class:`Hyperband`, filled with what a density ratio expects to be good.

    Of the longest schedule that was told often enough, the best share ``good`` gives one density of rows, the
    others a second one. Candidates are drawn from the first (with wider kernels), and the one where the ratio of the
    first to the second is highest is tried. One in three is random, which keeps Hyperband's guarantees.

    Differs from [falkner2018]: kernels are chosen for genes. Their widths shrink with n at the rate of [li2003], an
    ordered gene is near to what lies near on its scale, and what is drawn is a valid row.

    Args:
        space: Where the architectures come from.
        levels: Training lengths in epochs, the shortest first, such as (1, 3, 9, 27, 81).
        eta: One in ``eta`` goes on to the next level; None takes the mean ratio of two levels.
        good: Share of what was told that counts as good.
        candidates: Rows that are rated for one proposal.
        random_share: Probability that a new architecture is random.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: What counts as the same, see ``ledger.Key``; None leaves it to the run, else "canonical".
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        levels: Sequence[int] = (),
        eta: float | None = None,
        good: float = 0.15,
        candidates: int = 64,
        random_share: float = 1 / 3,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        if not 0 < good < 1 or not 0 <= random_share <= 1 or candidates < 1:
            raise InvalidInputError(
                f"BOHB: expected 0 < good < 1, 0 <= random_share <= 1 and candidates of at least 1, got good={good}, "
                f"random_share={random_share} and candidates={candidates}"
            )
        super().__init__(space, levels=levels, eta=eta, random_state=random_state, allowed=allowed, key=key)
        self.good = good
        self.candidates = candidates
        self.random_share = random_share
        self._round = hyperband_brackets(levels, eta)
        self._least = space.n_genes + 1
        self._model: DensityRatio | None = None
        self._model_of = (0, 0)

    def _rungs(self, number: int) -> Sequence[Rung]:
        return self._round[number % len(self._round)]

    def _new(self) -> bytes:
        model = self._density_ratio()
        if model is None or self._rng.random() < self.random_share:
            return self._random()

        def promising(k: int) -> Rows:
            few = self.ledger.n_listed < self.space.size  # hardly any of what is drawn around good rows
            rows = self.ledger.sample(k, self._rng) if few else model.sample(k, self._rng)
            return rows[np.argsort(-model.log_ratio(rows), kind="stable")]

        return self.ledger.draw(1, promising, self._rng, deque(), self.candidates)[0]

    def _density_ratio(self) -> "DensityRatio | None":
        """The model of the longest schedule that has enough results; None where no schedule has."""
        for epochs, results in reversed(self.results.items()):
            n = int(np.isfinite(list(results.values())).sum()) if len(results) >= self._least + 2 else 0
            if n < self._least + 2:
                continue
            if self._model_of != (epochs, len(results)):  # results only grow
                scores = np.nan_to_num(np.array(list(results.values())), nan=-np.inf)  # failed = worst
                rows = self.ledger.rows(results)[np.argsort(-scores, kind="stable")]
                n_good = min(n, max(self._least, int(self.good * len(rows))))
                n_bad = min(len(rows), max(self._least, len(rows) - n_good))
                self._model = DensityRatio.of(self.space, rows[:n_good], rows[-n_bad:])
                self._model_of = epochs, len(results)
            return self._model
        return None


class DensityRatio(NamedTuple):
    """Two kernel densities over the rows of a space.

    Attributes:
        space: The space.
        good: Rows of the first density, shape (n, d).
        bad: Rows of the second density, shape (m, d).
        good_kernels: Probability of value v around value u of gene j, shape (d, c, c) at [j, u, v]; rows sum to 1.
        bad_kernels: The same for the second density.
    """

    space: SearchSpace
    good: Rows
    bad: Rows
    good_kernels: Floats
    bad_kernels: Floats

    @classmethod
    def of(cls, space: SearchSpace, good: Rows, bad: Rows) -> "DensityRatio":
        """Densities of two sets of rows, with kernels as wide as their numbers suggest."""
        return cls(space, good, bad, *(kernels(space, len(rows)) for rows in (good, bad)))

    def log_ratio(self, X: Rows) -> Floats:
        """log(first density / second density) of rows, shape (n,)."""
        return log_density(X, self.good, self.good_kernels) - log_density(X, self.bad, self.bad_kernels)

    def sample(self, k: int, rng: np.random.Generator) -> Rows:
        """Rows drawn around good ones, with wider kernels; a row that is not valid is replaced by a mutant."""
        centres = self.good[rng.integers(len(self.good), size=k)]
        wide = kernels(self.space, len(self.good), WIDER).cumsum(axis=2)[np.arange(centres.shape[1]), centres]
        drawn = (rng.random((*centres.shape, 1)) > wide).sum(axis=2).astype(np.int16)
        rows = np.minimum(drawn, self.space.cardinalities - 1).astype(np.int16)  # sums of a row may end below 1
        wrong = ~self.space.valid(rows)
        rows[wrong] = self.space.mutate(centres[wrong], rng)
        return rows


def log_density(X: Rows, centres: Rows, kernel: Floats) -> Floats:
    """Log of the mean, over centres, of the product of each gene's kernel; shape (n,)."""
    gene = np.arange(X.shape[1])
    with np.errstate(divide="ignore"):  # zeros beyond a gene's own values, which no row has
        logs = np.log(kernel)[gene, centres, X[:, None]].sum(axis=2)
    highest = logs.max(axis=1, keepdims=True)
    density: Floats = highest[:, 0] + np.log(np.exp(logs - highest).mean(axis=1))
    return density


def kernels(space: SearchSpace, n: int, width: float = 1.0) -> Floats:
    """Kernels over the values of each gene, for a density of ``n`` rows.

    An unordered gene keeps its value with probability 1 - lambda, and takes any other one with lambda / (c - 1)
    [aitchison1976]; one with a scale follows a normal curve on it. A value that is off the scale is far from all.

    Args:
        space: The space of the genes.
        n: Number of rows; kernels narrow as n grows.
        width: Factor on the widths.

    Returns:
        Shape (d, c, c) at [gene, centre, value] with c the highest cardinality; zero beyond a gene's own. Each row
        sums to 1.
    """
    c = int(space.cardinalities.max())
    out = np.zeros((space.n_genes, c, c))
    for j, (m, scale) in enumerate(zip(space.cardinalities.tolist(), space.scales, strict=True)):
        if scale is None:
            share = min(1.0, width * n ** (-2 / (4 + space.n_genes)))
            kernel = (1 - share) * np.eye(m) + share / m  # share 1 = uniform
        else:
            h = width * SPREAD * n ** (-1 / (4 + space.n_genes))
            apart = np.ones((m, m)) - np.eye(m)
            off = m - len(scale)
            apart[off:, off:] = scale[:, None] - scale
            kernel = np.exp(-0.5 * (apart / h) ** 2)
            kernel /= kernel.sum(axis=1, keepdims=True)
        out[j, :m, :m] = kernel
    return out
