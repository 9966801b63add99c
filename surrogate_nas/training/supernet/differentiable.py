"""DARTS: architecture and weights trained together, as one differentiable network.

References:
    [darts] Liu, Simonyan, Yang. DARTS: Differentiable Architecture Search. ICLR 2019. https://arxiv.org/abs/1806.09055
    [beta] Ye et al. beta-DARTS: Beta-Decay Regularization for Differentiable Architecture Search. CVPR 2022.
        https://arxiv.org/abs/2203.01665
    [robust] Zela et al. Understanding and Robustifying Differentiable Architecture Search. ICLR 2020.
        https://arxiv.org/abs/1909.09656
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from surrogate_nas.core import InvalidInputError, SurrogateNASError, choose
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.networks import MixedNetwork
from surrogate_nas.networks.mixed_network import wiring_of
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.spaces.operations import is_number
from surrogate_nas.training.datasets import ArrayDataset
from surrogate_nas.training.device import isolated, resolve_device
from surrogate_nas.training.optimisation import make_optimiser, set_step_size
from surrogate_nas.training.recipe import Recipe, default_recipe
from surrogate_nas.training.supernet.architecture_weights import ArchitectureWeights, Batch, Loss
from surrogate_nas.training.tensors import SplitTensors, split_tensors
from surrogate_nas.training.trainer import Trainer

Regularisation = Literal["none", "beta-decay"]

#: How the weights are trained [darts].
PUBLISHED: dict[str, Any] = {
    "epochs": 50, "optimiser": "sgd", "learning_rate": 0.025, "weight_decay": 3e-4, "momentum": 0.9,
    "schedule": "cosine", "batch_size": 64, "clip_norm": 5.0,
}  # fmt: skip

#: Adam on the alphas [darts]: step size, decay rates of its means, L2 penalty; and how many steps it made there.
RATE, BETAS, DECAY, STEPS = 3e-4, (0.5, 0.999), 1e-3, 50 * 391

#: Highest factor of beta-decay; it grows linearly from 0 [beta].
STRENGTH = 50.0


class DartsEpoch(NamedTuple):
    """Where the search stood after an epoch.

    Attributes:
        epoch: Epochs done.
        train_loss: Mean loss of the mixture on the half that trains the weights.
        val_loss: The same on the half that trains the architecture.
        skip_share: Share of identities among the operations of the architecture it stands for; where it goes to
            one, the search has collapsed [robust].
        skip_weight: Mean weight of identities in the mixture.
        free_share: Share of operations without weights (identities, poolings, none) in the architecture.
        x: That architecture, a row.
    """

    epoch: int
    train_loss: float
    val_loss: float
    skip_share: float
    skip_weight: float
    free_share: float
    x: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class DartsResult:
    """What a search found.

    Attributes:
        x: The architecture, int16 of shape (d,).
        weights: Weights of operations at the end, float64 of shape (places, operations) per kind of cell; in spaces
            of two cells the last operation is "nothing".
        history: One entry per epoch.
        seconds: Wall time.
    """

    x: npt.NDArray[np.int16]
    weights: tuple[npt.NDArray[np.float64], ...]
    history: tuple[DartsEpoch, ...]
    seconds: float


def darts(
    space: SearchSpace,
    dataset: str | ArrayDataset = "digits",
    *,
    order: int = 1,
    regularisation: Regularisation = "none",
    strength: float = STRENGTH,
    architecture_rate: float | None = None,
    recipe: Recipe | Mapping[str, Any] | None = None,
    epochs: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> DartsResult:
    """Search by gradients on the architecture itself [darts].

    The training samples are halved: one half trains the weights, the other the architecture; validation and test
    data are not looked at. Edges take the operation of the greatest weight; in spaces of two cells each state reads
    through its strongest edges, "nothing" apart.

    Differs from [darts]: poolings have no normalisation of their own.

    Args:
        space: Of cells with operations on their edges, or of two cells.
        dataset: Name of a data set, or one of one's own; a classification's or a regression's.
        order: 1 takes the weights as the best for any architecture; 2 looks one step of training ahead, at two and
            a half times the cost.
        regularisation: "none", under which the search is known to collapse to identities; or "beta-decay" [beta].
        strength: Factor of the regularisation at the end; it grows linearly from 0.
        architecture_rate: Step size of Adam on the architecture; None lets it go as far in all steps together as
            it did in the 19,550 steps of [darts].
        recipe: How the weights are trained: all of it, or what differs from [darts], by name.
        epochs: Passes over the first half; None takes the recipe's.
        seed: Of weights, halves and the order of samples.
        device: "auto", "cpu", "cuda" or "cuda:1".
        progress: Told after every epoch.

    Raises:
        InvalidInputError: The space has no mixed networks, or an argument does not fit.
        SurrogateNASError: The loss did not stay finite.
    """
    wiring_of(space)
    choose("regularisation", regularisation, dict.fromkeys(get_args(Regularisation)))
    if order not in (1, 2):
        raise InvalidInputError(f"order: expected 1 or 2, got {order!r}")
    for name, value in (("strength", strength), ("architecture_rate", architecture_rate)):
        if value is not None and not is_number(value, 0.0):
            raise InvalidInputError(f"{name}: expected a number of at least 0, got {value!r}")
    trainer = _trainer(space, dataset, recipe, epochs, device)
    if order == 2 and trainer.settings.optimiser != "sgd":
        raise InvalidInputError(
            f"optimiser: expected 'sgd' for the second order, whose step is looked ahead, got "
            f"{trainer.settings.optimiser!r}"
        )
    shown, where, begin = progress or Silent(), resolve_device(device), time.perf_counter()
    with isolated(where):
        search = _Search(trainer, where, seed, order, strength * (regularisation != "none"), architecture_rate)
        history = []
        for epoch in range(1, trainer.settings.epochs + 1):
            history.append(search.epoch(epoch))
            shown.track("darts", epoch, trainer.settings.epochs, f"skip share {history[-1].skip_share:.2f}")
    x = np.array(history[-1].x, dtype=np.int16)
    return DartsResult(x, tuple(search.state.mixture()), tuple(history), time.perf_counter() - begin)


class _Search:
    """A search that is under way."""

    def __init__(
        self, trainer: Trainer, device: torch.device, seed: int, order: int, strength: float, rate: float | None
    ) -> None:
        data, self.recipe, space = trainer.data, trainer.settings, trainer.space
        assert isinstance(data, ArrayDataset)  # noqa: S101 (the trainer accepts nothing else for these spaces)
        init, halves, self.ordering = np.random.SeedSequence(seed).generate_state(3).tolist()
        torch.manual_seed(init)
        shape, overrides = data.input_shape, self.recipe.overrides(space.skeleton)
        network = MixedNetwork(space, shape, data.num_outputs, overrides).to(device).train()
        self.state = ArchitectureWeights(network, self._loss_of(data), device)
        self.order, self.strength = order, strength
        self.skips = np.array([op.kind == "identity" for op in network.wiring.offered])
        self.free = np.array([not op.has_weights for op in network.wiring.offered])
        self.split: SplitTensors = split_tensors(data, device)[0]
        shuffled = np.random.default_rng(halves).permutation(len(self.split.train))
        self.halves = [self.split.train[torch.from_numpy(h).to(device)] for h in np.array_split(shuffled, 2)]
        self.batches = -(-len(self.halves[0]) // (self.recipe.batch_size or len(self.halves[0])))
        self.optimiser = make_optimiser(self.state.weights, self.recipe)
        rate = RATE * STEPS / (self.recipe.epochs * self.batches) if rate is None else rate
        self.architect = torch.optim.Adam(self.state.alphas, lr=rate, betas=BETAS, weight_decay=DECAY)

    def epoch(self, epoch: int) -> DartsEpoch:
        """One pass over the half that trains the weights."""
        losses = []
        for step, (train, val) in enumerate(self._pairs(epoch)):
            done = (epoch - 1 + step / self.batches) / self.recipe.epochs
            set_step_size(self.optimiser, self.recipe, done)
            val_loss, gradients = self._architecture_gradients(train, val)
            decay = self.state.beta_decay() if self.strength else [torch.zeros(())] * len(gradients)
            for alpha, gradient, pull in zip(self.state.alphas, gradients, decay, strict=True):
                alpha.grad = gradient + self.strength * done * pull.to(gradient)
            self.architect.step()
            train_loss, gradients = self.state.weight_gradients(train)
            for weight, gradient in zip(self.state.weights, gradients, strict=True):
                weight.grad = gradient
            if self.recipe.clip_norm is not None:
                nn.utils.clip_grad_norm_(self.state.weights, self.recipe.clip_norm)
            self.optimiser.step()
            losses.append((float(train_loss), float(val_loss)))
        train_loss, val_loss = np.mean(losses, axis=0).tolist()
        if not math.isfinite(train_loss) or not math.isfinite(val_loss):
            raise SurrogateNASError(f"darts: the loss was not finite at epoch {epoch}; lower learning_rate")
        mixture, wiring = self.state.mixture(), self.state.network.wiring
        chosen = wiring.operations(mixture)
        return DartsEpoch(
            epoch, train_loss, val_loss,
            skip_share=float(self.skips[chosen].mean()),
            skip_weight=float(np.mean([cell[:, : len(self.skips)][:, self.skips].sum(axis=1) for cell in mixture])),
            free_share=float(self.free[chosen].mean()),
            x=tuple(wiring.derive(mixture).tolist()),
        )  # fmt: skip

    def _architecture_gradients(self, train: Batch, val: Batch) -> tuple[Tensor, list[Tensor]]:
        if self.order == 1:
            return self.state.first_order(val)
        memory = self.optimiser.state
        moved = [memory[w].get("momentum_buffer", torch.zeros_like(w)) for w in self.state.weights]
        velocities = [self.recipe.momentum * m for m in moved]
        rate = self.optimiser.param_groups[0]["lr"]
        return self.state.second_order(train, val, rate, self.recipe.weight_decay, velocities)

    def _pairs(self, epoch: int) -> Iterator[tuple[Batch, Batch]]:
        """A batch of each half, step by step, in an order that depends on seed and epoch alone."""
        draw = torch.Generator().manual_seed(int(np.random.SeedSequence((self.ordering, epoch)).generate_state(1)[0]))
        orders = [half[torch.randperm(len(half), generator=draw).to(half.device)] for half in self.halves]
        for pair in zip(*(order.tensor_split(self.batches) for order in orders), strict=True):
            yield self.split.batch(pair[0]), self.split.batch(pair[1])

    def _loss_of(self, data: ArrayDataset) -> Loss:
        if data.regression:
            return lambda answers, y: F.mse_loss(answers.squeeze(1), y)
        return lambda answers, y: F.cross_entropy(answers, y, label_smoothing=self.recipe.label_smoothing)


def _trainer(
    space: SearchSpace,
    dataset: str | ArrayDataset,
    recipe: Recipe | Mapping[str, Any] | None,
    epochs: int | None,
    device: str,
) -> Trainer:
    """Whoever would train the architectures alone, with the recipe of the weights."""
    trainer = Trainer(space=space, dataset=dataset, device=device)
    if not isinstance(recipe, Recipe):
        kind, own = trainer.data.input_kind, trainer.data.recipe
        recipe = default_recipe(kind, own).changed(PUBLISHED).changed(recipe or {})
        if recipe.batch_size is not None:
            half = len(trainer.data.splits[0].train) // 2
            recipe = recipe.changed({"batch_size": min(recipe.batch_size, half)})
    return Trainer(space=space, dataset=dataset, epochs=epochs, recipe=recipe, device=device)
