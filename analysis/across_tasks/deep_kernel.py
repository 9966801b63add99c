"""Deep kernel transfer: a Gaussian process on learned features, trained to predict sources from other sources.

By itself, and with four networks; what MetaPredictor has taken over of it is ``predictors/transfer/kernel.py``.

References:
    M. Patacchiola et al., "Bayesian meta-learning for the few-shot setting via deep kernels", arXiv:1910.05199.
"""

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from across_tasks.sources import Sources, draw

#: Episodes, and rows to predict in each. A first version lost .02 of tau at 100 rows with 1500
#: instead of 300: the network learns the sources by heart.
EPISODES, QUERIES = 600, 128

#: Sizes of the network, and rate at which inputs and units are dropped.
HIDDEN, LEARNED, DROP = 128, 32, 0.2

#: Factors on the covariance and on the noise, and slopes of the mean, among which the support chooses.
FACTORS, SLOPES = 2.0 ** np.arange(-2, 4), (0.0, 0.5, 1.0, 1.5)


class DeepKernel:
    """Kernel on source scores, on raw features and on learned ones; every weight by predictive likelihood.

    Args:
        seed: Of first weights and episodes.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, sources: Sources) -> Self:
        """Train on episodes."""
        torch.manual_seed(self.seed)
        rng = np.random.default_rng(self.seed)
        self.features = torch.tensor(sources.features)
        self.denoised = torch.tensor(sources.denoised)
        self.guess = torch.tensor(sources.guess(list(range(sources.denoised.shape[1]))))
        self.net = nn.Sequential(
            nn.Linear(sources.features.shape[1], HIDDEN),
            nn.SiLU(),
            nn.Dropout(DROP),
            nn.Linear(HIDDEN, HIDDEN),
            nn.SiLU(),
            nn.Dropout(DROP),
            nn.Linear(HIDDEN, LEARNED),
        )
        # Logarithms: constant, sources, similar sources, features, learned, near in both; noise; slope; two lengths.
        self.log = nn.Parameter(torch.tensor([-3.0, -1.0, -2.0, -1.0, -1.5, -1.0, -1.0, -0.7, 0.0, 0.0]))
        groups = [{"params": self.net.parameters(), "lr": 1e-3, "weight_decay": 1e-2}, {"params": [self.log]}]
        optimiser = torch.optim.AdamW(groups, lr=2e-2, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPISODES)
        for _ in range(EPISODES):
            n = int(np.exp(rng.uniform(np.log(8), np.log(100))))
            episode = draw(sources, rng, n + QUERIES)
            guess = torch.tensor(sources.guess(episode.kept)[episode.rows])
            x, s = self.features[episode.rows], self.denoised[episode.rows][:, episode.kept]
            loss = -self._likelihood(n, self.net(x), x, s, guess, torch.tensor(episode.y))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        self.net.eval()
        with torch.no_grad():
            self.learned = torch.cat([self.net(part) for part in self.features.split(4096)])
        return self

    @torch.no_grad()
    def predict(self, support: Any, y: Any, test: Any) -> Any:
        """Condition on the support, at the scale, noise and slope that it makes most probable."""
        if not len(y):
            return self.guess[test].numpy()
        near = self._covariance(support, support).double()
        guess = (self.log[7].exp() * self.guess[support]).double()
        values, vectors = torch.linalg.eigh(near)
        values = values.clamp(min=0.0)
        seen, guessed = vectors.T @ torch.tensor(y), vectors.T @ guess
        best = (-np.inf, 1.0, 1.0, 1.0)
        for scale in FACTORS:
            for factor in FACTORS:
                spread = scale * values + factor * float(self.log[6].exp())
                for slope in SLOPES:
                    fit = ((seen - slope * guessed) ** 2 / spread + spread.log()).sum()
                    away = np.log(scale) ** 2 + np.log(factor) ** 2 + 4 * (slope - 1) ** 2
                    best = max(best, (float(-0.5 * (fit + away)), scale, factor, slope))
        _, scale, factor, slope = best
        spread = scale * values + factor * float(self.log[6].exp())
        weights = vectors @ ((seen - slope * guessed) / spread)
        mean = slope * self.log[7].exp() * self.guess[test] + scale * self._covariance(test, support) @ weights.float()
        return mean.numpy()

    def _covariance(self, a: Any, b: Any) -> Tensor:
        return self._kernel(
            (self.learned[a], self.features[a], self.denoised[a]), (self.learned[b], self.features[b], self.denoised[b])
        )

    def _kernel(self, a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Tensor:
        learned, plain, sources = (u @ v.T / u.shape[1] for u, v in zip(a, b, strict=True))
        amplitude = self.log.exp()
        similar = _gaussian(a[2], b[2], amplitude[8])
        near = similar * _gaussian(a[0], b[0], amplitude[9])
        parts = (torch.ones_like(plain), sources, similar, plain, learned, near)
        return sum(k * part for k, part in zip(amplitude[:6], parts, strict=True))

    def _likelihood(self, n: int, learned: Tensor, x: Tensor, s: Tensor, guess: Tensor, y: Tensor) -> Tensor:
        """Mean predictive log likelihood of the rows after the first n, given those."""
        k = self._kernel((learned, x, s), (learned, x, s))
        noise, slope = self.log[6].exp(), self.log[7].exp()
        lower = torch.linalg.cholesky(k[:n, :n] + noise * torch.eye(n))
        half = torch.linalg.solve_triangular(lower, k[:n, n:], upper=False)
        rest = torch.linalg.solve_triangular(lower, (y - slope * guess)[:n, None], upper=False)
        mean = slope * guess[n:] + (half.T @ rest)[:, 0]
        variance = (k.diagonal()[n:] - (half**2).sum(dim=0)).clamp(min=1e-4) + noise
        return -0.5 * ((y[n:] - mean) ** 2 / variance + variance.log()).mean()


class FourKernels:
    """Mean of four networks that differ by their seed alone."""

    def fit(self, sources: Sources) -> Self:
        """Train all four."""
        self.kernels = [DeepKernel(seed).fit(sources) for seed in range(4)]
        return self

    def predict(self, support: Any, y: Any, test: Any) -> Any:
        """Mean of their predictions."""
        return np.mean([kernel.predict(support, y, test) for kernel in self.kernels], axis=0)


def _gaussian(a: Tensor, b: Tensor, length: Tensor) -> Tensor:
    squared = (a**2).sum(dim=1)[:, None] + (b**2).sum(dim=1)[None] - 2 * a @ b.T
    return torch.exp(-0.5 * squared.clamp(min=0.0) / (a.shape[1] * length**2))
