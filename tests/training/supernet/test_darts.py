"""DARTS: its gradients are those of the paper's formulas, and what it returns depends on the training half alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn import functional as F

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, SurrogateNASError
from surrogate_nas.networks import MixedNetwork
from surrogate_nas.spaces import EdgeCellSpace, Operation, Skeleton
from surrogate_nas.training import array_dataset, load_dataset
from surrogate_nas.training.supernet import darts
from surrogate_nas.training.supernet.architecture_weights import ArchitectureWeights

SPACE = EdgeCellSpace(
    "small",
    [Operation("none", "none"), Operation("skip", "identity"), Operation("conv", "convolution", 3, True, 1.0)],
    3,
    Skeleton("image", stages=(1, 1), channels=(4, 6), stem_layers=1, reduction="residual", last_activation=True),
)


@pytest.fixture
def state() -> ArchitectureWeights:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        # In double precision, so that differences of gradients are exact enough to compare with.
        network = MixedNetwork(SPACE, (1, 6, 6), 3).double().train()
        made = ArchitectureWeights(network, F.cross_entropy, torch.device("cpu"), difference=1e-5)
        made.alphas = [torch.nn.Parameter(torch.randn(3, 3, dtype=torch.float64))]
    return made


def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(12, 1, 6, 6))), torch.from_numpy(rng.integers(0, 3, size=12))


def test_the_first_order_is_the_slope_of_the_loss(state: ArchitectureWeights) -> None:
    _, (gradient,) = state.first_order(batch(1))
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            state.alphas[0][1, 2] += sign * 1e-6
            values.append(float(state.value(batch(1))))
            state.alphas[0][1, 2] -= sign * 1e-6
    assert float(gradient[1, 2]) == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5)


def test_the_second_order_is_the_gradient_through_one_step_of_training(state: ArchitectureWeights) -> None:
    train, val, step_size, decay = batch(1), batch(2), 0.05, 3e-4
    before = [w.detach().clone() for w in state.weights]
    velocities = [torch.full_like(w, 1e-3) for w in state.weights]
    _, (found,) = state.second_order(train, val, step_size, decay, velocities)
    assert all(torch.equal(a, b) for a, b in zip(before, state.weights, strict=True))

    # The same through autograd, twice.
    loss = state.value(train)
    slopes = torch.autograd.grad(loss, state.weights, create_graph=True, allow_unused=True)
    moved = [
        w - step_size * ((0 if g is None else g) + decay * w + v)
        for w, g, v in zip(state.weights, slopes, velocities, strict=True)
    ]
    names = {id(p): name for name, p in state.network.named_parameters()}
    weights = {names[id(w)]: m for w, m in zip(state.weights, moved, strict=True)}
    choices = [list(alpha.softmax(-1)) for alpha in state.alphas]
    ahead = F.cross_entropy(functional_call(state.network, weights, (val[0], choices)), val[1])
    (expected,) = torch.autograd.grad(ahead, state.alphas)
    _, (first,) = state.first_order(val)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-6)
    assert not torch.allclose(first, expected, rtol=0.02, atol=1e-5)


def test_beta_decay_is_the_slope_of_the_smooth_maximum(state: ArchitectureWeights) -> None:
    (expected,) = torch.autograd.grad(state.alphas[0].logsumexp(-1).mean(), state.alphas)
    assert torch.allclose(state.beta_decay()[0], expected)


def test_only_the_training_samples_decide() -> None:
    digits = load_dataset("digits", "image")
    y = digits.y.copy()
    for part in (digits.splits[0].val, digits.splits[0].test):
        y[part] = np.roll(y[part], 1)
    other = replace(digits, y=y)
    first, second = (darts(SPACE, data, epochs=2, seed=3) for data in (digits, other))
    assert first.history == second.history
    assert darts(SPACE, digits, epochs=2, seed=4).history != first.history


@pytest.mark.parametrize("order", [1, 2])
def test_a_search_gives_a_row_and_its_history(order: int) -> None:
    result = darts(SPACE, "digits", order=order, epochs=2)
    assert SPACE.valid(result.x).all()
    assert [h.epoch for h in result.history] == [1, 2]
    assert tuple(result.x) == result.history[-1].x
    assert result.history[1].train_loss < result.history[0].train_loss
    assert result.weights[0].sum(axis=1) == pytest.approx(np.ones(3))
    assert result.history[-1].skip_share == pytest.approx((result.x == 1).mean())
    assert result.history[-1].free_share == pytest.approx((result.x < 2).mean())
    assert result.history[-1].skip_weight == pytest.approx(result.weights[0][:, 1].mean())


def test_beta_decay_keeps_operations_level() -> None:
    free, held = (darts(SPACE, "digits", epochs=3, regularisation=r).weights[0] for r in ("none", "beta-decay"))
    assert held.std() < 0.7 * free.std()


def test_two_cells_are_searched_too() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 30)
    data = array_dataset(rng.normal(size=(60, 1, 6, 6)) + y[:, None, None, None], y, name="blobs")
    space = sn.get_space("nas-bench-301")
    recipe = {"skeleton": {"stages": (1, 1), "channels": (4, 8), "stem_width": 4}}
    result = darts(space, data, recipe=recipe, epochs=1)
    assert space.valid(result.x).all()
    assert [w.shape for w in result.weights] == [(14, 8), (14, 8)]


def test_wrong_input_is_told_in_one_line() -> None:
    with pytest.raises(InvalidInputError, match="order: expected 1 or 2"):
        darts(SPACE, "digits", order=3)
    with pytest.raises(InvalidInputError, match="strength: expected a number"):
        darts(SPACE, "digits", strength=-1.0)
    with pytest.raises(InvalidInputError, match="optimiser: expected 'sgd'"):
        darts(SPACE, "digits", order=2, recipe={"optimiser": "adamw"})
    with pytest.raises(InvalidInputError, match="networks that share weights"):
        darts(sn.get_space("nas-bench-101"), "digits")
    with pytest.raises(SurrogateNASError, match="unknown regularisation"):
        darts(SPACE, "digits", regularisation="dropout")
    with pytest.raises(SurrogateNASError, match="not finite"):
        darts(SPACE, "digits", epochs=1, recipe={"learning_rate": 1e30, "clip_norm": None})
