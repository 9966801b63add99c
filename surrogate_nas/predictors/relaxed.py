"""A predictor that can be climbed: defined on relaxed architectures too, with exact gradients."""

from typing import Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError
from surrogate_nas.predictors.base import BasePredictor, Floats
from surrogate_nas.predictors.mlp_ensemble import MLPEnsemble
from surrogate_nas.predictors.state import State
from surrogate_nas.spaces.base import SearchSpace


@final
class RelaxedPredictor(BasePredictor):
    """Perceptrons on one-hot genes, and on the places of ordered genes on their scales (``space.scales``).

    Both are linear in one-hot genes. So the score is defined for *relaxed* architectures as well, in which a gene is
    a weighting of its values, and has a gradient there: what ``strategies.GradientAscent`` climbs. Where each gene
    has one value of weight 1, it is what :meth:`predict` says.

    Knows nothing of graphs: for ranking architectures take AutoPredictor.

    Args:
        space: The space of the rows.
        n_models: Number of networks, see :class:`MLPEnsemble`.
        hidden: Units per hidden layer.
        epochs: Passes over the rows.
        direction: "max" if a higher score is better.
        random_state: Seed.
    """

    space: SearchSpace

    def __init__(
        self,
        space: SearchSpace,
        *,
        n_models: int = 5,
        hidden: int = 32,
        epochs: int = 60,
        direction: Direction = "max",
        random_state: int = 0,
    ) -> None:
        self.space = space
        self.n_models = n_models
        self.hidden = hidden
        self.epochs = epochs
        self.direction = direction
        self.random_state = random_state

    def gradient(self, P: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Expected scores of relaxed architectures, and their exact gradients.

        Args:
            P: Weights of all values of all genes, gene by gene, shape (n, k) with k the sum of the cardinalities.

        Returns:
            Scores in the unit of ``y``, shape (n,), and their derivatives with respect to ``P``, shape (n, k).

        Raises:
            InvalidInputError: Not fitted, fitted with side features, or ``P`` has another shape.
        """
        if not hasattr(self, "n_extra_") or self.n_extra_:
            raise InvalidInputError("gradient: expected a predictor that was fitted without side features")
        weights = np.asarray(P, dtype=np.float64)
        k = int(self.space.cardinalities.sum())
        if weights.ndim != 2 or weights.shape[1] != k:
            raise InvalidInputError(
                f"P: expected weights of shape (n, {k}), one per gene and value, got {weights.shape}"
            )
        places = self._places()
        values, slopes = self.regressor_.gradient(np.concatenate([weights, weights @ places], axis=1))
        return values, slopes[:, :k] + slopes[:, k:] @ places.T

    def _fit(self, X: npt.NDArray[Any], y: Floats, extra: Floats | None, sample_weight: Floats | None) -> None:
        if self.space is None:
            raise InvalidInputError(
                "RelaxedPredictor: expected a search space, got None; MLPEnsemble learns from floats"
            )
        self.regressor_ = MLPEnsemble(
            n_models=self.n_models, hidden=self.hidden, epochs=self.epochs, random_state=self.random_state
        )
        self.regressor_.fit(self._floats(X, extra), y, sample_weight)

    def _predict(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        floats = self._floats(X, extra)
        if return_std:
            mean, std = self.regressor_.predict(floats, return_std=True)
            return mean, std
        return self.regressor_.predict(floats), None

    def _left_out_errors(self) -> Floats:
        return self.regressor_.left_out_errors()

    def _floats(self, X: npt.NDArray[Any], extra: Floats | None) -> Floats:
        cardinalities = self.space.cardinalities
        values = np.concatenate([np.arange(c) for c in cardinalities])
        weights = (np.repeat(X, cardinalities, axis=1) == values).astype(np.float64)
        parts = [weights, weights @ self._places(), *([] if extra is None else [extra])]
        return np.concatenate(parts, axis=1)

    def _places(self) -> Floats:
        """For every gene and value its place on the scale of an ordered gene, shape (k, number of ordered genes).

        A choice that is not made is at 0; that it is not made, its own weight says.
        """
        ordered = [(gene, scale) for gene, scale in enumerate(self.space.scales) if scale is not None]
        ends = np.cumsum(self.space.cardinalities)
        places = np.zeros((int(ends[-1]), len(ordered)))
        for column, (gene, scale) in enumerate(ordered):
            places[ends[gene] - len(scale) : ends[gene], column] = scale
        return places

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        params = {name: value for name, value in self.get_params(deep=False).items() if name != "space"}
        return State(
            values={"params": params, "n_extra": self.n_extra_},
            parts={"space": self.space, "regressor": self.regressor_},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        made = cls(state.parts["space"], **state.values["params"])
        made.regressor_ = state.parts["regressor"]
        made.n_extra_ = int(state.values["n_extra"])
        return made
