"""Multilayer perceptrons on features, many of them trained as one program."""

from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from surrogate_nas.predictors.inputs import Floats, Regressor, check_features, check_training
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.torch_ensemble import (
    Parameters,
    Schedule,
    from_arrays,
    rows_seen,
    squared_loss,
    to_arrays,
    train,
)

#: Rows per update, and the learning rate.
BATCH, LEARNING_RATE = 64, 1e-2

#: Standardised features are cut here: far outside of what was seen a perceptron goes on in a straight line.
FARTHEST = 5.0

#: How many rows that were predicted well the slope starts from, and the smallest slope, which still keeps the order.
PRIOR_ROWS, LEAST_SLOPE = 2.0, 0.02

#: Standard deviations to divide by are at least this.
TINY = 1e-12

#: Rows predicted at once.
BLOCK = 4096


@final
class MLPEnsemble(Regressor):
    """Perceptrons of two hidden layers, each trained without one fold of the rows; their mean predicts.

    Every network starts from other random weights and sees other rows, and so they differ where little is
    known. Rows that a network had to do without say how far its outputs are to be trusted: all are drawn towards
    the mean by the slope that fits those rows best. The standard deviation has two parts: how far networks are from
    each other, and how far each was from its left-out rows.

    Args:
        n_models: Number of networks, also of folds.
        hidden: Units per hidden layer.
        epochs: Passes over the rows, or as many updates where all rows fit into one.
        weight_decay: Pull of weights towards zero, relative to the learning rate.
        random_state: Seed.

    References:
        B. Lakshminarayanan et al., Simple and scalable predictive uncertainty estimation using deep ensembles,
        NIPS 2017, arXiv:1612.01474. Differs: squared loss and left-out rows in place of a learned variance.
    """

    def __init__(
        self,
        *,
        n_models: int = 8,
        hidden: int = 64,
        epochs: int = 150,
        weight_decay: float = 0.5,
        random_state: int = 0,
    ) -> None:
        self.n_models = n_models
        self.hidden = hidden
        self.epochs = epochs
        self.weight_decay = weight_decay
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train all networks.

        Args:
            X: Features, shape (n, f).
            y: Scores, shape (n,).
            sample_weight: Weight per row, shape (n,).
        """
        rows, scores, weight = check_training(self, X, y, sample_weight)
        generator = torch.Generator().manual_seed(self.random_state)
        self.X_center_, self.X_scale_ = rows.mean(axis=0), _positive(rows.std(axis=0))
        self.center_, self.scale_ = float(scores.mean()), float(_positive(np.atleast_1d(scores.std()))[0])
        target = (scores - self.center_) / self.scale_
        seen = rows_seen(len(rows), self.n_models, generator)
        shares = np.ones(len(rows)) if weight is None else weight / weight.mean()
        self.constant_ = bool(np.ptp(scores) == 0)
        self.parameters_ = self._train(rows, target, seen * torch.from_numpy(shares), generator)
        model, row = np.nonzero(~seen.numpy())
        self.slope_ = 1.0
        left_out = (self._each(rows)[model, row] - self.center_) / self.scale_
        slope = (left_out @ target[row] + PRIOR_ROWS) / (left_out @ left_out + PRIOR_ROWS)
        self.slope_ = max(LEAST_SLOPE, float(slope))
        each = self._each(rows)
        error = np.abs(scores[row] - each[model, row])
        self.noise_ = float(np.sqrt(np.mean(error**2))) if len(row) else float(scores.std())
        self.errors_ = error / np.maximum(np.hypot(each.std(axis=0)[row], self.noise_), TINY)
        return self

    def _predict(self, X: Any, return_std: bool) -> Floats | tuple[Floats, Floats]:
        each = self._each(check_features(self, X))
        mean = each.mean(axis=0)
        return (mean, np.hypot(each.std(axis=0), self.noise_)) if return_std else mean

    def gradient(self, X: Any) -> tuple[Floats, Floats]:
        """Means and their exact gradients.

        Args:
            X: Features, shape (n, f).

        Returns:
            Means of shape (n,), as :meth:`predict` gives them, and their derivatives of shape (n, f).
        """
        rows = np.asarray(
            X, dtype=np.float64
        )  # asked for many times in a row, so scikit-learn's checks would cost most
        if self.constant_:
            return np.full(len(rows), self.center_), np.zeros_like(rows)
        parameters = {name: tensor.double() for name, tensor in self.parameters_.items()}
        features = torch.from_numpy(self._standardised(rows)).requires_grad_()
        mean = _outputs(parameters, features).mean(dim=0)
        (slopes,) = torch.autograd.grad(mean.sum(), features)
        scale = self.slope_ * self.scale_
        inside = np.abs((rows - self.X_center_) / self.X_scale_) < FARTHEST  # beyond, features are cut
        return mean.detach().numpy() * scale + self.center_, slopes.numpy() * (inside * scale / self.X_scale_)

    def left_out_errors(self) -> Floats:
        """Errors of left-out rows in standard deviations, without sign, shape (k,); none where all rows were seen."""
        return self.errors_

    def _train(self, rows: Floats, target: Floats, weight: Tensor, generator: torch.Generator) -> Parameters:
        features = torch.from_numpy(self._standardised(rows)).float()
        goal, shares = torch.from_numpy(target).float(), weight.float()
        start = _initial(self.n_models, features.shape[1], self.hidden, generator)

        def loss(parameters: Parameters, part: Tensor) -> Tensor:
            return squared_loss(_outputs(parameters, features[part]), goal[part], shares[:, part])

        steps = self.epochs * -(-len(rows) // BATCH)
        return train(start, loss, len(rows), Schedule(steps, BATCH, LEARNING_RATE, self.weight_decay), generator)

    @torch.no_grad()
    def _each(self, rows: Floats) -> Floats:
        """What each network predicts, shape (models, n); in double precision, so that batches do not matter."""
        if self.constant_:
            return np.full((self.n_models, len(rows)), self.center_)
        parameters = {name: tensor.double() for name, tensor in self.parameters_.items()}
        features = torch.from_numpy(self._standardised(rows))
        blocks = [_outputs(parameters, features[start : start + BLOCK]) for start in range(0, len(rows), BLOCK)]
        each: Floats = torch.cat(blocks, dim=1).numpy()
        return each * (self.slope_ * self.scale_) + self.center_

    def _standardised(self, rows: Floats) -> Floats:
        return np.clip((rows - self.X_center_) / self.X_scale_, -FARTHEST, FARTHEST)

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        values = {"params": self.get_params(deep=False), "center": self.center_, "scale": self.scale_}
        values |= {"noise": self.noise_, "constant": self.constant_, "slope": self.slope_}
        arrays = {"X_center": self.X_center_, "X_scale": self.X_scale_, "errors": self.errors_}
        return State(values, arrays | to_arrays(self.parameters_))

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        values, arrays = state.values, state.arrays
        made = cls(**values["params"])
        made.center_, made.scale_ = float(values["center"]), float(values["scale"])
        made.noise_, made.constant_ = float(values["noise"]), bool(values["constant"])
        made.slope_ = float(values["slope"])
        made.X_center_, made.X_scale_, made.errors_ = arrays["X_center"], arrays["X_scale"], arrays["errors"]
        made.parameters_ = from_arrays(arrays)
        made.n_features_in_ = len(made.X_center_)
        return made


def _initial(m: int, n_features: int, hidden: int, generator: torch.Generator) -> Parameters:
    sizes = [n_features, hidden, hidden, 1]
    made: Parameters = {}
    for layer, (read, given) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        scale = (2 / read) ** 0.5 if layer < len(sizes) - 2 else read**-0.5
        made[f"weight {layer}"] = torch.randn(m, read, given, generator=generator) * scale
        made[f"bias {layer}"] = torch.zeros(m, 1, given)
    return made


def _outputs(parameters: Parameters, features: Tensor) -> Tensor:
    """Outputs of m networks for rows of shape (b, f) that all of them read; (m, b)."""
    layers = len(parameters) // 2
    states = features.expand(len(parameters["bias 0"]), -1, -1)
    for layer in range(layers):
        states = torch.baddbmm(parameters[f"bias {layer}"], states, parameters[f"weight {layer}"])
        if layer < layers - 1:
            states = torch.relu(states)
    return states[..., 0]


def _positive(deviations: Floats) -> Floats:
    """Standard deviations to divide by: 1 where nothing varies."""
    return np.where(deviations > 1e-12, deviations, 1.0)
