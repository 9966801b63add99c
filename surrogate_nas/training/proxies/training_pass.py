"""One forward and few backward passes over a batch, which all proxies that read the same gradients share."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.proxies.codes import Agreement
from surrogate_nas.training.proxies.fisher import FisherHook
from surrogate_nas.training.proxies.layers import ACTIVATIONS, Copy, gradients, hooks, layers_of, modes, weighted

#: What a pass can find out beside the weights and what the network answers.
GRADIENTS, CURVATURE, FISHER, JACOBIAN, CODES = "gradients", "curvature", "fisher", "jacobian", "codes"


@final
@dataclass(frozen=True, eq=False)
class TrainingPass:
    """What was found; what was not asked for is empty, zero or None.

    Attributes:
        targets: Class per sample, int64 (n,); or a number, float32.
        weights: Weights w of convolutions and linear layers.
        gradients: The gradient g of the loss by each of them.
        curvature: H g for each of them, H the Hessian of the loss.
        fisher: Fisher information of all channels, see :class:`FisherHook`.
        jacobian: Gradient of the sum of a sample's outputs by the sample, float64 (n, values).
        agreement: In how many activations two samples agree, float64 (n, n).
    """

    targets: Tensor
    weights: list[Tensor]
    gradients: list[Tensor]
    curvature: list[Tensor]
    fisher: float
    jacobian: Tensor | None
    agreement: Tensor | None


def training_pass(network: nn.Module, inputs: Tensor, targets: Tensor, needs: frozenset[str]) -> TrainingPass:
    """Run the network as it is trained: normalisations use the batch, the loss is the mean over it.

    Args:
        network: Takes a batch, gives (n, outputs).
        inputs: A batch (n, ...).
        targets: Its classes (n,), int64, for the cross-entropy; or numbers, float32, for the squared error.
        needs: What to find out.

    Raises:
        InvalidInputError: The network does not give one row of scores per sample, or a class is beyond them.
    """
    copy, fisher, agreement = Copy.of(network), FisherHook(), Agreement()
    weights = copy.weights(network)
    inputs = inputs.detach().requires_grad_(JACOBIAN in needs)
    watching = []
    if CODES in needs:
        watching += [a.register_forward_pre_hook(agreement) for a in layers_of(network, ACTIVATIONS)]
    if FISHER in needs:
        watching += [layer.register_forward_hook(fisher.watch) for layer in weighted(network).values()]
    backward = bool(needs - {CODES})
    with modes(network, batch_statistics=True), hooks(watching), torch.set_grad_enabled(backward):
        outputs = copy.run(network, inputs)
    _check_outputs(outputs, targets)
    found: list[Tensor] = []
    curved: list[Tensor] = []
    jacobian = None
    if JACOBIAN in needs:
        (of_inputs,) = gradients(outputs.sum(), [inputs], keep=True)
        jacobian = of_inputs.flatten(1).double()
    if needs & {GRADIENTS, CURVATURE, FISHER}:
        curvature = CURVATURE in needs
        with hooks(fisher.listen()):
            found = gradients(_loss(outputs, targets), weights, differentiable=curvature)
        if curvature:
            along = sum(((g.detach() * g).sum() for g in found), torch.zeros((), device=inputs.device))
            curved = gradients(along, weights)
    return TrainingPass(
        targets,
        [w.detach() for w in weights],
        [g.detach() for g in found],
        curved,
        fisher.total(),
        jacobian,
        agreement.counts,
    )


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():
        return F.mse_loss(outputs[:, 0], targets)
    return F.cross_entropy(outputs, targets)


def _check_outputs(outputs: Tensor, targets: Tensor) -> None:
    if outputs.ndim != 2 or len(outputs) != len(targets):
        raise InvalidInputError(
            f"network: expected one row of scores per sample, shape ({len(targets)}, outputs), got shape "
            f"{tuple(outputs.shape)}"
        )
    if not targets.is_floating_point() and not 0 <= int(targets.min()) <= int(targets.max()) < outputs.shape[1]:
        raise InvalidInputError(
            f"targets: expected classes from 0 to {outputs.shape[1] - 1}, as many as the network has outputs, got "
            f"{int(targets.min())} to {int(targets.max())}"
        )
