"""What every method learns from, and the episodes in which sources play the new task.

Notation: N rows, p features, T sources, n support rows. A *guess* is the weighted vote of sources on a task that is
equally like each of them, as MetaPredictor uses it without scores.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

#: Variance of a source that is its own: keeps the votes of sources that agree from cancelling.
APART = 0.5


@dataclass(frozen=True)
class Sources:
    """Measured tasks on the rows of one space.

    Attributes:
        features: Columns of deviation one, (N, p).
        scores: Latent scores with mean zero and variance one, NaN where not measured, (N, T).
        denoised: Denoised scores, deviation over the space being reliability, (N, T).
        descriptors: Numbers that describe the data sets of the sources, (T, k).
        target: The same of the new task, (k,).
    """

    features: Any
    scores: Any
    denoised: Any
    descriptors: Any
    target: Any

    @property
    def complete(self) -> list[int]:
        """Sources measured at every row: those that can play the new task."""
        return [t for t in range(self.scores.shape[1]) if not np.isnan(self.scores[:, t]).any()]

    def guess(self, kept: list[int]) -> Any:
        """Vote of some sources, deviation one, (N,)."""
        s = self.denoised[:, kept]
        covariance = np.atleast_2d(np.cov(s.T))
        votes = np.linalg.solve(covariance + APART * np.eye(len(kept)), s.var(axis=0))
        return (s @ votes / np.sqrt(votes @ covariance @ votes)).astype(np.float32)


class Episode(NamedTuple):
    """A source, or a mixture of sources, that plays the new task.

    Attributes:
        rows: Positions of support rows and, after them, of rows to predict.
        kept: Sources that may be used.
        y: Scores of the rows.
    """

    rows: Any
    kept: list[int]
    y: Any


def draw(sources: Sources, rng: np.random.Generator, m: int, *, mixed: float = 0.5, dropped: float = 0.3) -> Episode:
    """Draw m rows of a task made of one to three sources, with (some of) the other sources to predict it from.

    Args:
        sources: Where it comes from.
        rng: Random stream.
        m: Number of rows.
        mixed: Probability that the task is a convex mixture.
        dropped: Probability that some of the other sources are hidden too.
    """
    k = int(rng.integers(2, 4)) if rng.random() < mixed else 1
    played = rng.choice(sources.complete, min(k, len(sources.complete) - 1), replace=False)
    kept = [t for t in range(sources.scores.shape[1]) if t not in played]
    if len(kept) > 3 and rng.random() < dropped:
        kept = sorted(rng.choice(kept, int(rng.integers(3, len(kept))), replace=False).tolist())
    rows = rng.choice(len(sources.scores), m, replace=False)
    y = sources.scores[np.ix_(rows, played)] @ rng.dirichlet(np.ones(len(played)))
    return Episode(rows, kept, ((y - y.mean()) / y.std()).astype(np.float32))


class Method(Protocol):
    """Learns once per task left out; predicts from any support."""

    def fit(self, sources: Sources) -> Self:
        """Learn from the sources."""

    def predict(self, support: Any, y: Any, test: Any) -> Any:
        """Scores of test rows, higher is better; ``y`` are latent scores of the support rows."""
