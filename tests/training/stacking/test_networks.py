"""Several networks as one compute and learn what each does by itself, in every family of spaces."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from surrogate_nas.networks import build_network
from surrogate_nas.spaces import get_space
from surrogate_nas.training.stacking.layers import Pass
from surrogate_nas.training.stacking.networks import StackedNetworks
from surrogate_nas.training.stacking.schedule import schedule
from surrogate_nas.training.stacking.tracing import Unstackable, trace

#: Space, shape of an input, overrides of the skeleton: cells on edges, on nodes, two cells, chains.
FAMILIES = {
    "edge cells": ("nas-bench-201", (1, 8, 8), {"channels": (4, 8, 8), "stages": (1, 1, 1)}),
    "edge cells on sequences": ("transnas-micro", (2, 12), {"channels": (4, 4, 4, 8, 8), "stages": (1,) * 5}),
    "node cells of shared width": ("nas-bench-101", (1, 6, 6), {"channels": (12, 12, 24), "stages": (1, 1, 1)}),
    "two cells, auxiliary classifier": (
        "nas-bench-301", (1, 8, 8), {"channels": (2, 4, 4), "stages": (1, 1, 1), "auxiliary": True},
    ),
    "inverted residuals": ("nas-bench-macro", (1, 8, 8), {"width_factor": 0.25}),
    "widths": ("nats-sss", (1, 4, 4), {}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def double():
    """In double precision rounding is far smaller than any mistake."""
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    yield
    torch.set_default_dtype(torch.float32)


def networks_of(family: str, k: int) -> tuple[list[nn.Module], tuple[int, ...]]:
    name, shape, overrides = FAMILIES[family]
    space = get_space(name)
    torch.manual_seed(0)
    rows = space.sample(k, np.random.default_rng(1))
    return [build_network(space, x, shape, 3, **overrides) for x in rows], shape


def answers(network: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    given = getattr(network, "both_logits", network)(x)
    return [a for a in (given if isinstance(given, tuple) else (given,)) if a is not None]


@pytest.mark.parametrize("family", FAMILIES)
def test_steps_give_each_network_the_weights_that_it_gets_by_itself(family):
    networks, shape = networks_of(family, 4)
    stacked = StackedNetworks(networks, torch.zeros(2, *shape))
    together = torch.optim.SGD(stacked.parameters, lr=0.05, momentum=0.9)
    apart = [torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9) for network in networks]
    for _ in range(3):
        x = torch.randn(8, 4, *shape)
        outputs = stacked(x, Pass(training=True))
        own = [answers(network.train(), x[:, i]) for i, network in enumerate(networks)]
        for j, output in enumerate(outputs):
            torch.testing.assert_close(output, torch.stack([of[j] for of in own], dim=1), rtol=1e-7, atol=1e-7)
        together.zero_grad()
        sum(o.square().mean((0, 2)).sum() for o in outputs).backward()
        together.step()
        for of, optimiser in zip(own, apart, strict=True):
            optimiser.zero_grad()
            sum(o.square().mean() for o in of).backward()
            optimiser.step()
    for i, network in enumerate(networks):
        state = network.state_dict()
        assert list(stacked.state(i)) == list(state)
        for name, tensor in stacked.state(i).items():
            torch.testing.assert_close(tensor, state[name], rtol=1e-6, atol=1e-6, msg=name)
    x = torch.randn(5, *shape)
    given = stacked(x[:, None].expand(-1, 4, *shape), Pass(training=False))[0]
    torch.testing.assert_close(given[:, 2], answers(networks[2].eval(), x)[0], rtol=1e-6, atol=1e-6)


def test_dropout_draws_what_each_network_would_draw():
    space = get_space("mlp")
    layers = [x for x in space.sample(400, np.random.default_rng(0)) if "dropout" in space.format(x)[0]]
    networks = [build_network(space, x, (5,), 3) for x in layers[:4]]
    assert any(isinstance(module, nn.Dropout) for network in networks for module in network.modules())
    stacked = StackedNetworks(networks, torch.zeros(2, 5))
    x = torch.randn(8, len(networks), 5)
    own = []
    for i, network in enumerate(networks):
        torch.manual_seed(i)
        own.append(network.train()(x[:, i]))
    streams = [torch.Generator().manual_seed(i) for i in range(len(networks))]
    torch.testing.assert_close(stacked(x, Pass(training=True, streams=streams))[0], torch.stack(own, dim=1))


def test_nothing_of_a_network_that_diverged_reaches_the_others():
    networks, shape = networks_of("edge cells", 4)
    x = torch.randn(8, 4, *shape)
    gradients = []
    for poison in (0.0, torch.nan):
        stacked = StackedNetworks(networks, torch.zeros(2, *shape))
        kept = []
        with torch.no_grad():
            for layer in stacked.layers:
                mine = torch.tensor([owner == 1 for owner in layer.owners])
                for tensor in layer.tensors.values():
                    if tensor.requires_grad:
                        tensor[mine] += poison
                        kept.append((tensor, ~mine))
        output = stacked(x, Pass(training=True))[0]
        assert bool(output[:, 1].isnan().any()) == bool(poison)
        assert not output[:, [0, 2, 3]].isnan().any()
        output.square().mean((0, 2)).sum().backward()
        gradients.append([tensor.grad[others] for tensor, others in kept])
    for clean, beside in zip(*gradients, strict=True):
        assert torch.equal(clean, beside)


def test_operations_hardly_grow_in_number_with_networks():
    class Counting(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += not func.is_view
            return func(*args, **(kwargs or {}))

    counts = {}
    for k in (1, 16, 32):
        networks, shape = networks_of("edge cells", k)
        stacked = StackedNetworks(networks, torch.zeros(2, *shape))
        with Counting() as counted:
            stacked(torch.randn(2, k, *shape), Pass(training=True))[0].sum().backward()
        counts[k] = counted.count
    assert counts[32] < 1.2 * counts[16] < 32 / 4 * counts[1]


def test_calls_of_equal_kind_are_one_step():
    networks, shape = networks_of("edge cells", 12)
    programs = [trace(network, torch.zeros(2, *shape)) for network in networks]
    plan = schedule(programs)
    assert sum(len(step.members) for step in plan.steps) == sum(len(program.calls) for program in programs)
    assert len(plan.steps) < sum(len(program.calls) for program in programs) / 4
    stem = [step for step in plan.steps if step.call.module == "stem.0"]
    assert [len(step.members) for step in stem] == [12]


def test_what_is_not_known_is_refused():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            return torch.fft.fft(self.layer(x)).real

    with pytest.raises(Unstackable, match="fft"):
        trace(Odd(), torch.zeros(2, 3))


def test_a_layer_of_two_calls_is_refused():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            return self.layer(self.layer(x))

    with pytest.raises(Unstackable, match="twice"):
        trace(Twice(), torch.zeros(2, 3))
