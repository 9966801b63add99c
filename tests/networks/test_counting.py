"""Parameters and multiplications against numbers counted by hand, published ones and torch's own counter."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import surrogate_nas as sn
from surrogate_nas.core.statistics import spearman
from surrogate_nas.networks import count_flops, count_parameters


def test_layers_are_counted_as_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),  # 4 x 4 positions, 8 of 27 products each
        nn.ReLU(),
        nn.Conv2d(8, 8, 5, padding=2, groups=4, bias=False),  # 2 channels of 25 positions
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 5),
    )
    assert count_parameters(network) == (3 * 9 * 8 + 8) + 2 * 25 * 8 + (32 * 5 + 5)
    products = 16 * 8 * 27 + 16 * 8 * 2 * 25 + 32 * 5
    assert count_flops(network, (3, 7, 8)) == products
    assert count_flops(network, (3, 7, 8), elementwise=True) == products + 16 * 8 + 4 * 8 * 4


def test_cells_are_counted_as_by_hand() -> None:
    # One cell of 4 channels on 6 x 6 positions: a 3x3 and a 1x1 convolution, behind the stem and before the classifier.
    space = sn.get_space("nas-bench-201")
    x = space.parse("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|skip_connect~2|")[0]
    network = sn.build_network(space, x, (2, 6, 6), 3, channels=4, stages=(1,))
    assert count_flops(network, (2, 6, 6)) == 36 * (2 * 9 * 4 + 4 * 9 * 4 + 4 * 4) + 4 * 3
    assert count_parameters(network) == 4 * (18 + 36 + 4) + 4 * 2 * 4 + (4 * 3 + 3)
    x = sn.get_space("mlp").parse("16-8 relu layer dropout(0.1)")[0]
    perceptron = sn.build_network(sn.get_space("mlp"), x, 10, 3)
    assert count_flops(perceptron, 10) == 10 * 16 + 16 * 8 + 8 * 3


# Millions as published: cifar10, cifar100 and ImageNet16-120 in issue 24 of the benchmark's repository, a cell with its
# parameters in issue 36, an architecture of the size space in notebooks/create-query-sss.ipynb. They add the last bias.
FIRST = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
OTHER = "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"


@pytest.mark.parametrize(
    ("name", "text", "size", "classes", "flops", "params"),
    [
        ("nas-bench-201", FIRST, 32, 10, 15.64737, None),
        ("nas-bench-201", FIRST, 32, 100, 15.65322, None),
        ("nas-bench-201", FIRST, 16, 120, 3.91948, None),
        ("nas-bench-201", OTHER, 32, 10, 113.95137, 0.802426),
        ("nats-sss", "8:8:8:16:40", 32, 10, 7.991706, 0.067378),
    ],
)
def test_published_counts_come_out(
    name: str, text: str, size: int, classes: int, flops: float, params: float | None
) -> None:
    space = sn.get_space(name)
    with torch.device("meta"):
        network = sn.build_network(space, space.parse(text)[0], (3, size, size), classes)
        assert count_flops(network, (3, size, size)) + classes == round(flops * 1e6)
    if params is not None:
        assert count_parameters(network) == round(params * 1e6)


def test_published_proxies_are_equal_but_for_a_constant(shared_data: Path) -> None:
    published = pd.read_parquet(shared_data / "nas-bench-201-zero-cost-cifar10.parquet").sample(25, random_state=1)
    space = sn.get_space("nas-bench-201")
    networks = [sn.build_network(space, x, (3, 32, 32), 10) for x in space.parse(list(published.index))]
    ours = np.array([count_flops(network, (3, 32, 32), elementwise=True) for network in networks])
    products = np.array([count_flops(network, (3, 32, 32)) for network in networks])
    assert set(np.round(published["flops"].to_numpy() * 1e6) - ours) == {5184}
    assert spearman(products, published["flops"].to_numpy()) > 0.98


SHAPES = {
    "nas-bench-101": (3, 32, 32), "nas-bench-201": (2, 50), "nas-bench-301": (3, 32, 32), "transnas-micro": (3, 64, 64),
    "nats-sss": (3, 32, 32), "nas-bench-macro": (3, 32, 32), "hw-fbnet": (1, 40), "transnas-macro": (3, 64, 64),
    "chain": (3, 128), "mlp": (20,),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_torch_counts_the_same(name: str) -> None:
    space, shape = sn.get_space(name), SHAPES[name]
    for x in space.sample(1, np.random.default_rng(0)):
        with torch.device("meta"):
            network = sn.build_network(space, x, shape, 4).eval()
            with FlopCounterMode(display=False) as counter:
                network(torch.randn(1, *shape))
            assert 2 * count_flops(network, shape) == counter.get_total_flops()
        trained = dict(network.named_parameters())
        state = network.state_dict()
        assert count_parameters(network) == sum(v.numel() for k, v in state.items() if k in trained)


def test_graph_networks_are_counted_per_node() -> None:
    space = sn.get_space("nas-bench-graph")
    network = sn.build_network(space, space.parse("[0,1,2,3] gcn|fc|skip|gin")[0], 5, 3, channels=8)
    edges = torch.zeros((2, 1), dtype=torch.int64)
    assert count_flops(network, 5, edges) == 5 * 8 + 8 * 8 + 8 * 8 + 8 * 3  # GCN, fully connected, GIN, classifier


def test_a_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    network.train()
    network[1].eval()  # frozen by its owner
    before = {k: v.clone() for k, v in network.state_dict().items()}
    count_flops(network, 3)
    assert [m.training for m in network] == [True, False, True]
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert not any(m._forward_hooks for m in network.modules())
