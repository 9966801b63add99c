"""Weighted ensembles of source models: weights by rank agreement (RGPE-like) or by evidence (as in model averaging).

References:
    M. Feurer et al., "Practical transfer learning for Bayesian optimization", arXiv:1802.02219.
"""

from typing import Any, Self

import numpy as np

from across_tasks.sources import Sources

#: Bootstrap samples of the support, and support rows that weigh as much as the wish for equal weights.
BOOTSTRAPS, EQUAL = 200, 10

#: Penalties tried by the model from scratch, smallest leave-one-out error wins.
PENALTIES = 10.0 ** np.arange(-2, 2, 0.5)


class RankWeighted:
    """Each model weighs as often as it orders a bootstrap sample of the support best; shrunk to equal weights."""

    def fit(self, sources: Sources) -> Self:
        """Keep the sources' denoised scores."""
        self.sources = sources
        self.models = sources.denoised / np.maximum(sources.denoised.std(axis=0), 1e-6)
        self.guess = sources.guess(list(range(self.models.shape[1])))
        return self

    def predict(self, support: Any, y: Any, test: Any) -> Any:
        """Weighted mean of source models and of one from scratch."""
        if not len(y):
            return self.guess[test]
        own, left_out = from_scratch(self.sources.features, support, y, test)
        inside = np.column_stack([self.models[support], self.guess[support], left_out])
        outside = np.column_stack([self.models[test], self.guess[test], own])
        weights = rank_weights(inside, y, np.random.default_rng(0))
        share = len(y) / (len(y) + EQUAL)
        return outside @ (share * weights + (1 - share) / len(weights))


class EvidenceWeighted:
    """Each model, regressed on the support, weighs as its marginal likelihood says, at a temperature."""

    #: Evidence counts for this share of the rows: the models err alike, row after row.
    TEMPER = 0.3

    def fit(self, sources: Sources) -> Self:
        """Keep the sources' denoised scores."""
        self.sources = sources
        all_ = list(range(sources.denoised.shape[1]))
        self.guess = sources.guess(all_)
        self.models = np.column_stack([sources.denoised / np.maximum(sources.denoised.std(axis=0), 1e-6), self.guess])
        return self

    def predict(self, support: Any, y: Any, test: Any) -> Any:
        """Average over models."""
        if not len(y):
            return self.guess[test]
        own, left_out = from_scratch(self.sources.features, support, y, test)
        inside = np.column_stack([self.models[support], left_out])
        outside = np.column_stack([self.models[test], own])
        slopes = inside.T @ y / ((inside**2).sum(axis=0) + 2.0)
        residual = ((y[:, None] - inside * slopes) ** 2).mean(axis=0)
        evidence = -0.5 * self.TEMPER * len(y) * np.log(residual)
        weights = np.exp(evidence - evidence.max())
        return outside @ (slopes * weights / weights.sum())


def rank_weights(predictions: Any, y: Any, rng: np.random.Generator) -> Any:
    """Share of bootstrap samples in which each column of (n, models) misorders the fewest pairs."""
    wins = np.zeros(predictions.shape[1])
    above = y[:, None] > y[None, :]
    wrong = (predictions.T[:, :, None] <= predictions.T[:, None, :]) & above
    for _ in range(BOOTSTRAPS):
        counts = np.bincount(rng.integers(0, len(y), len(y)), minlength=len(y)).astype(float)
        loss = np.einsum("mab,a,b->m", wrong, counts, counts, optimize=True)
        best = loss == loss.min()
        wins += best / best.sum()
    return wins / BOOTSTRAPS


def from_scratch(features: Any, support: Any, y: Any, test: Any) -> tuple[Any, Any]:
    """Kernel ridge regression: predictions at test rows, and left-out ones at the support."""
    a, b = features[support] / np.sqrt(features.shape[1]), features[test] / np.sqrt(features.shape[1])
    near, cross = kernel(a, a), kernel(b, a)
    best = (np.inf, None, None)
    for penalty in PENALTIES:
        inverse = np.linalg.inv(near + penalty * np.eye(len(y)))
        weights = inverse @ y
        residual = weights / np.diag(inverse)
        best = min(best, (float(residual @ residual), cross @ weights, y - residual), key=lambda found: found[0])
    return best[1], best[2]


def kernel(a: Any, b: Any, length: float = 0.7) -> Any:
    """Linear plus Gaussian."""
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return (a @ b.T + np.exp(-0.5 * np.maximum(squared, 0.0) / length**2)).astype(np.float64)
