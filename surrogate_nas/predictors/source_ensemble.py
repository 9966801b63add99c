"""Models of earlier tasks and one of the new task, weighted by how well each orders the new task's scores."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError, TaskData
from surrogate_nas.core.statistics import normal_scores
from surrogate_nas.core.threads import one_thread
from surrogate_nas.encodings import StandardFeatures
from surrogate_nas.predictors.base import Floats
from surrogate_nas.predictors.boosted import BoostedTrees
from surrogate_nas.predictors.gaussian_process import GaussianProcess
from surrogate_nas.spaces.base import Rows, SearchSpace

#: Spaces with no more rows than this are predicted once and looked up from then on.
REMEMBERED = 50_000

#: Fewest scores from which an order can be judged; with fewer, all sources weigh the same.
FEWEST = 3

#: A source is left out where its median loss is above this quantile of the target model's.
TAIL = 0.95


@final
class SourceModels:
    """One model per source, boosted trees on graph features, fitted once; any number of ensembles share them.

    Args:
        space: The space of the rows.
        sources: Rows and scores by task, as pairs ``(X, y)`` (higher is better) or :class:`TaskData`; those measured
            in another space are left out.

    Attributes:
        names: The sources, in the order of the columns of :meth:`predict`.
    """

    def __init__(
        self, space: SearchSpace, sources: Mapping[str, TaskData | tuple[npt.ArrayLike, npt.ArrayLike]]
    ) -> None:
        data = {name: TaskData.of(value) for name, value in sources.items()}
        data = {name: task for name, task in data.items() if task.space is None or task.space is space}
        if not data:
            raise InvalidInputError("SourceModels: expected at least one measured task of the space, got none")
        self.space = space
        self.names = tuple(data)
        self._features = StandardFeatures(space).fit()
        with one_thread():
            self._models = [self._fit(task) for task in data.values()]
        self._table = self._compute(space.enumerate()) if space.size <= REMEMBERED else None

    def predict(self, X: Rows) -> Floats:
        """What each source would make of rows, as normal scores among its own, higher is better; shape (n, T)."""
        return self._compute(X) if self._table is None else self._table[self.space.index(X)]

    def _fit(self, task: TaskData) -> BoostedTrees:
        trees = BoostedTrees(n_estimators=100, learning_rate=0.1, n_models=1)
        sign = 1.0 if task.direction == "max" else -1.0
        return trees.fit(self._features.transform(task.X), normal_scores(sign * task.y))

    def _compute(self, X: Rows) -> Floats:
        features = self._features.transform(X)
        return np.column_stack([model.predict(features) for model in self._models])


@final
class SourceEnsemble:
    """Ranking-weighted ensemble [feurer2018]: sources and a Gaussian process of the target, by their ranking loss.

    Bootstrap samples of the target's scores are drawn; a model weighs as often as it misorders the fewest pairs, the
    target's own judged by what it predicts of scores left out. Its share grows with the scores it has seen.

    Differs from [feurer2018]: the scores are resampled, not the models' predictions, as models of whole tables hardly
    doubt themselves. And the deviation is the target process's alone, as in the two-stage transfer surrogate
    [wistuba2016]: sources are sure, but of another task.

    Args:
        sources: Fitted on other tasks.
        n_samples: Bootstrap samples.
        random_state: Seed of these samples.

    Attributes:
        direction: Higher is better.
        weights_: Of each source, then of the target's own model, shape (T + 1,).

    References:
        [feurer2018] Feurer, Letham, Hutter, Bakshy: Practical Transfer Learning for Bayesian Optimization.
        arXiv:1802.02219.
        [wistuba2016] Wistuba, Schilling, Schmidt-Thieme: Two-Stage Transfer Surrogate Model for Automatic
        Hyperparameter Optimization. ECML 2016.
    """

    direction: ClassVar[Direction] = "max"

    def __init__(self, sources: SourceModels, *, n_samples: int = 100, random_state: int = 0) -> None:
        self.sources = sources
        self.n_samples = n_samples
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Weigh the models by rows (n, d) and scores (n,), higher is better; none at all are fine."""
        rows, scores = self.sources.space.rows(X), np.asarray(y, dtype=np.float64)
        n_sources = len(self.sources.names)
        spread = float(scores.std()) if len(scores) else 0.0
        self.center_, self.scale_ = (float(scores.mean()), spread) if spread > 0 else (float(scores.sum()), 1.0)
        self.process_: GaussianProcess | None = None
        self.weights_ = np.append(np.full(n_sources, 1 / n_sources), 0.0)
        if len(scores) >= FEWEST and spread > 0:
            self._weigh(rows, (scores - self.center_) / self.scale_)
        return self

    def predict(self, X: npt.ArrayLike, *, return_std: bool = False) -> Any:
        """Expected scores in the target's unit, shape (m,); with ``return_std`` a pair with their deviations (m,)."""
        rows = self.sources.space.rows(X)
        mean = self.sources.predict(rows) @ self.weights_[:-1]
        std = np.ones(len(rows))
        if self.process_ is not None and (return_std or self.weights_[-1] > 0):
            own, std = self.process_.predict(self._features(rows), return_std=True)
            mean = mean + self.weights_[-1] * own
        mean = self.center_ + self.scale_ * mean
        return (mean, self.scale_ * std) if return_std else mean

    def _weigh(self, rows: Rows, scores: Floats) -> None:
        groups = StandardFeatures(self.sources.space).groups
        with one_thread():
            process = GaussianProcess(groups=groups, standardize=False, max_rows=len(rows))
            self.process_ = process.fit(self._features(rows), scores)
        left_out = scores - self.process_.leave_one_out()[0]
        rng = np.random.default_rng(self.random_state)
        losses = ranking_losses(
            np.column_stack([self.sources.predict(rows), left_out]), scores, rng, n_samples=self.n_samples
        )
        self.weights_ = ranking_weights(losses)

    def _features(self, rows: Rows) -> npt.NDArray[np.float32]:
        return StandardFeatures(self.sources.space).fit().transform(rows)


def ranking_losses(predictions: Floats, scores: Floats, rng: np.random.Generator, *, n_samples: int) -> Floats:
    """Pairs of scores that each model puts in the wrong order or ties, in each bootstrap sample.

    Args:
        predictions: Of each model, shape (n, m).
        scores: Shape (n,).
        rng: Random stream.
        n_samples: Number of samples S.

    Returns:
        Shape (S, m).
    """
    n = len(scores)
    wrong = (predictions.T[:, :, None] <= predictions.T[:, None, :]) & (scores[:, None] > scores[None, :])
    drawn = rng.integers(n, size=(n_samples, n))
    counts = (drawn[:, :, None] == np.arange(n)).sum(axis=1, dtype=np.float64)  # how often each score was drawn
    return np.einsum("sa,mab,sb->sm", counts, wrong.astype(np.float64), counts, optimize=True)


def ranking_weights(losses: Floats) -> Floats:
    """Share of the samples in which each model has the least loss; those that tie share one.

    Args:
        losses: Shape (S, m); the last model is the target's own, which sources have to keep up with: one whose median
            loss is in the upper tail of the target's is left out, or bad sources would win by their number.

    Returns:
        Shape (m,), with sum one.
    """
    hopeless = np.median(losses, axis=0) > np.quantile(losses[:, -1], TAIL)
    hopeless[-1] = False
    kept = np.where(hopeless, np.inf, losses)
    best = kept == kept.min(axis=1, keepdims=True)
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0), dtype=np.float64)
