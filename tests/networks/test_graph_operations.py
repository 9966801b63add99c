"""A fixed graph's prepared products compute what torch-geometric computes edge by edge."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from surrogate_nas.networks import StaticGraph
from surrogate_nas.networks.dropout import Dropout
from surrogate_nas.networks.graph_operations import GRAPH_OPERATIONS


@pytest.fixture(scope="module")
def edges() -> torch.Tensor:
    """Random directed edges among 30 nodes; node 29 has none at all."""
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, 29, size=(120, 2)), axis=0)
    return torch.from_numpy(pairs[pairs[:, 0] != pairs[:, 1]].T.copy())


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(30, 6, generator=torch.Generator().manual_seed(0))


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    # Sums of some ten float32 values of order one, in another order.
    return torch.allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", GRAPH_OPERATIONS)
def test_static_graph_gives_the_same_values_and_gradients(name: str, edges: torch.Tensor, x: torch.Tensor) -> None:
    layer = GRAPH_OPERATIONS[name](6, 8)
    x = x.requires_grad_()
    weight = torch.randn(30, 6 if name == "skip" else 8)
    plain, static = layer(x, edges), layer(x, StaticGraph(edges, 30))
    assert close(plain, static)
    wanted = [x, *layer.parameters()]
    for a, b in zip(
        torch.autograd.grad((plain * weight).sum(), wanted, allow_unused=True),
        torch.autograd.grad((static * weight).sum(), wanted, allow_unused=True),
        strict=True,
    ):
        # Weights that a layer holds without using them (ARMA's, with one layer) have no gradient either way.
        assert (a is None and b is None) or (a is not None and b is not None and close(a, b))


@pytest.mark.parametrize("name", GRAPH_OPERATIONS)
def test_stacked_layers_equal_single_ones(name: str, edges: torch.Tensor, x: torch.Tensor) -> None:
    layers = [GRAPH_OPERATIONS[name](6, 8) for _ in range(3)]
    graph = StaticGraph(edges, 30)
    parameters, buffers = stack_module_state(layers)
    stacked = vmap(lambda p, b: functional_call(layers[0], (p, b), (x, graph)), randomness="different")
    together = stacked(parameters, buffers) if parameters else x.expand(3, -1, -1)
    alone = [layer(x, graph) for layer in layers]
    assert close(together, torch.stack(alone))
    if not parameters:
        return
    first = torch.autograd.grad(together.square().sum(), list(parameters.values()), allow_unused=True)
    single = torch.autograd.grad(alone[1].square().sum(), list(layers[1].parameters()), allow_unused=True)
    for a, b in zip(first, single, strict=True):
        assert b is None or close(a[1], b)


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    drop = Dropout(0.25)
    x = torch.ones(400, 250)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        y = drop(x)
    # 100,000 draws: six standard deviations of the share are .008.
    assert abs(float((y == 0).float().mean()) - 0.25) < 0.01
    assert set(y.unique().tolist()) == {0.0, float(np.float32(4 / 3))}
    assert drop.eval()(x) is x


def test_dropout_passes_gradients_where_it_kept_values() -> None:
    drop = Dropout(0.5)
    x = torch.ones(50, requires_grad=True)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        y = drop(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


def test_dropout_draws_anew_for_each_stacked_network() -> None:
    drop = Dropout(0.5)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        y = vmap(drop, randomness="different")(torch.ones(3, 64))
    assert not torch.equal(y[0], y[1])
    assert not torch.equal(y[1], y[2])
