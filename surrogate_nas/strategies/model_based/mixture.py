"""Several models as one."""

import copy
from typing import Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.strategies.model_based.model_based import Model


@final
class Mixture:
    """Models that are believed alike: the mean of their means, and a deviation that counts how far they disagree.

    Where models err for different reasons, and one of them may be misled altogether, a search should not follow any
    single one. All have to predict on one scale.

    Args:
        *models: At least one. As long as there are no scores the first predicts alone.
    """

    def __init__(self, *models: Model) -> None:
        if not models:
            raise InvalidInputError("Mixture: expected at least one model, got none")
        self.models = models

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Fit a copy of each to rows (n, d) and scores (n,), higher is better."""
        chosen = self.models if len(np.asarray(y)) else self.models[:1]
        self.fitted_ = [copy.copy(model) for model in chosen]
        for model in self.fitted_:
            model.fit(X, y)
        return self

    def predict(self, X: npt.ArrayLike, *, return_std: bool = False) -> Any:
        """Mean over the models, shape (m,); with ``return_std`` a pair with the mixture's deviations (m,)."""
        if not return_std:
            return np.mean([model.predict(X, return_std=False) for model in self.fitted_], axis=0)
        mean, std = np.stack([np.stack(model.predict(X, return_std=True)) for model in self.fitted_], axis=1)
        return mean.mean(axis=0), np.sqrt((std**2).mean(axis=0) + mean.var(axis=0))
