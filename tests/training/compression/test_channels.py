"""Filters that matter to nobody can go: then the smaller network gives the same answers, whatever its wiring."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.compression import prune_filters
from surrogate_nas.training.compression.channels import trace_channels

CASES = [
    ("nas-bench-201", (1, 8, 8), {"stages": (1, 1, 1), "channels": (8, 16, 32)}),
    ("nas-bench-201", (2, 20), {"stages": (1, 1), "channels": (4, 6)}),
    ("nas-bench-101", (3, 16, 16), {"stages": (1, 1, 1), "channels": (8, 16, 32)}),
    ("nas-bench-301", (3, 16, 16), {"stages": (1, 1, 1), "channels": (4, 8, 16)}),
    ("nas-bench-macro", (3, 16, 16), {}),
    ("hw-fbnet", (3, 32, 32), {}),
    ("mlp", (12,), {}),
]


def built(name, shape, overrides, seed):
    space = sn.get_space(name)
    x = space.sample(1, np.random.default_rng(seed))[0]
    torch.manual_seed(seed)
    return sn.build_network(space, x, shape, 5, **overrides).eval()


def silenced(network, shape, share):
    """The same network in which a share of each family of channels is zero wherever it is computed."""
    channels = trace_channels(network, shape)
    gone = {g for family in channels.families() for g in family[: int(share * len(family))].tolist()}
    layers = dict(network.named_modules())
    with torch.no_grad():
        for name, groups in channels.writes.items():
            silent = [i for i, g in enumerate(groups.tolist()) if g in gone]
            layers[name].weight[silent] = 0
            if layers[name].bias is not None:
                layers[name].bias[silent] = 0
        for name, groups in channels.reads.items():
            if isinstance(layers[name], _BatchNorm):
                layers[name].bias[[i for i, g in enumerate(groups.tolist()) if g in gone]] = 0
    return gone


@pytest.mark.parametrize(("name", "shape", "overrides"), CASES, ids=[f"{c[0]}-{len(c[1])}" for c in CASES])
def test_removing_silent_channels_changes_no_answer(name, shape, overrides):
    for seed in range(2):
        network = built(name, shape, overrides, seed)
        gone = silenced(network, shape, 0.4)
        smaller = prune_filters(network, shape, 0.4)
        x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            torch.testing.assert_close(smaller(x), network(x), rtol=1e-4, atol=1e-5)
        sizes = [sum(p.numel() for p in n.parameters()) for n in (network, smaller)]
        assert sizes[1] < sizes[0] or not gone


def test_groups_of_a_network_one_can_see():
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv1d(2, 3, 1), nn.Conv1d(2, 3, 1)
            self.c = nn.Conv1d(6, 4, 1)
            self.last = nn.Linear(4 * 5, 2)

        def forward(self, x):
            both = self.a(x) + self.b(x)
            return self.last(torch.flatten(self.c(torch.cat([both, self.a(x)], dim=1)), 1))

    # torch.flatten is not known: what it reads stays; nn.Flatten is.
    channels = trace_channels(Small(), (2, 5))
    a, b, c = (channels.writes[name].tolist() for name in "abc")
    assert a == b  # added, and the first of them called twice
    assert channels.reads["c"].tolist() == a + a  # beside each other
    assert set(c) <= channels.fixed
    assert [family.tolist() for family in channels.families()] == [a]


def test_flattened_channels_go_with_all_their_positions():
    network = nn.Sequential(nn.Conv1d(1, 4, 1), nn.Flatten(), nn.Linear(12, 2)).eval()
    with torch.no_grad():
        network[0].weight[1], network[0].bias[1] = 0, 0
    smaller = prune_filters(network, (1, 3), 0.25)
    assert smaller[2].in_features == 9
    x = torch.randn(2, 1, 3)
    torch.testing.assert_close(smaller(x), network(x))
    assert network[2].in_features == 12  # stays as it is


def test_inputs_and_answers_stay_and_one_channel_of_each_layer():
    network = built(*CASES[0], seed=1)
    smaller = prune_filters(network, (1, 8, 8), 0.999)
    assert smaller.classifier.out_features == 5
    assert smaller(torch.zeros(2, 1, 8, 8)).shape == (2, 5)
    assert all(m.out_channels >= 1 for m in smaller.modules() if isinstance(m, _ConvNd))


def test_what_cannot_be_traced_is_refused():
    class Choosy(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(InvalidInputError, match="channels can be traced, got Choosy"):
        prune_filters(Choosy(), (3,), 0.5)
    with pytest.raises(InvalidInputError, match="share: expected a number from 0 to below 1"):
        prune_filters(nn.Linear(2, 2), (2,), 1.0)
