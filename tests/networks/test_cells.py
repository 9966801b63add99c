"""Networks of convolutional cells: published sizes to the parameter, every space, odd sizes, sequences."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import surrogate_nas as sn
from surrogate_nas.networks.form import Form
from surrogate_nas.networks.layers import make_layer
from surrogate_nas.spaces import DagCellSpace, EdgeCellSpace, Operation, Skeleton


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_parameter_counts_equal_the_published_ones_of_nas_bench_201(shared_data: Path) -> None:
    proxies = pd.read_parquet(shared_data / "nas-bench-201-zero-cost-cifar10.parquet").sample(200, random_state=0)
    space = sn.get_space("nas-bench-201")
    with torch.device("meta"):  # counts need no memory
        counted = [parameters(sn.build_network(space, x, (3, 32, 32), 10)) for x in space.parse(list(proxies.index))]
    assert counted == np.round(proxies["params"].to_numpy() * 1e6).astype(int).tolist()


def test_the_example_of_nas_bench_101_has_its_published_size() -> None:
    # The Inception-like cell of the benchmark's README: 2,694,282 trainable parameters.
    space = sn.get_space("nas-bench-101")
    x = space.parse(space.references["Inception-like"])[0]
    with torch.device("meta"):
        assert parameters(sn.build_network(space, x, (3, 32, 32), 10)) == 2_694_282


SMALL = {"channels": (4, 8, 8), "stages": (1, 1, 1)}
SPACES = {
    "nas-bench-201": SMALL,
    "nas-bench-101": {**SMALL, "stem_width": 4},
    "transnas-micro": {"channels": (8, 8, 16, 16, 32), "stages": (1, 1, 1, 1, 1), "stem_width": 4},
}


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 5), (2, 33)])
@pytest.mark.parametrize("name", SPACES)
def test_every_cell_trains_on_images_and_sequences_of_any_size(name: str, shape: tuple[int, ...]) -> None:
    space = sn.get_space(name)
    batch = torch.randn(2, *shape)
    for x in space.sample(25, np.random.default_rng(0), unique=True):
        network = sn.build_network(space, x, shape, 3, **SPACES[name])
        logits = network(batch)
        assert logits.shape == (2, 3)
        logits.sum().backward()


def test_a_cell_that_lets_nothing_through_gives_the_same_answer_to_all() -> None:
    space = sn.get_space("nas-bench-201")
    network = sn.build_network(space, np.zeros(6, dtype=np.int16), (1, 8, 8), 3, **SMALL).eval()
    logits = network(torch.randn(5, 1, 8, 8))
    assert torch.allclose(logits, logits[:1].expand(5, -1))


def test_a_cell_computes_what_its_edges_say() -> None:
    # Node 3 sums the input and a 3x3 convolution of the pooled input.
    space = sn.get_space("nas-bench-201")
    x = space.parse("|avg_pool_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|")[0]
    cell = sn.build_network(space, x, (2, 6, 6), 3, **SMALL).get_submodule("body.0").eval()
    pool, convolution = cell.get_submodule("layers.1"), cell.get_submodule("layers.3")
    h = torch.randn(2, 4, 6, 6)
    with torch.no_grad():
        assert torch.allclose(cell(h), h + convolution(pool(h)), atol=1e-6)


def test_shared_widths_are_divided_among_the_nodes_that_feed_the_output() -> None:
    space = sn.get_space("nas-bench-101")
    x = space.parse(space.references["Inception-like"])[0]  # four nodes feed the output
    cell = sn.build_network(space, x, (3, 8, 8), 10, channels=(10, 10, 10), stem_width=8).get_submodule("body.0")
    assert [cell.widths[v] for v in cell.reads[cell.last]] == [3, 3, 2, 2]
    assert cell(torch.randn(1, 8, 6, 6)).shape == (1, 10, 6, 6)


@pytest.mark.parametrize("merge", ["sum", "concatenate", "share"])
@pytest.mark.parametrize("activation", ["before", "after"])
def test_own_cells_with_strides_and_any_merge(merge: str, activation: str) -> None:
    operations = [Operation("conv5", "convolution", 5, True, 1.0), Operation("mean", "pooling", 3)]
    skeleton = Skeleton(
        "image", stages=(2, 2), channels=(4, 6), strides=(1, 2), output_merge=merge, activation=activation,
        stem_layers=1, stem_width=3, head_width=7,
    )  # fmt: skip
    space = DagCellSpace("mine", operations, 4, 5, skeleton)
    for x in space.enumerate():
        assert sn.build_network(space, x, (1, 8, 8), 2)(torch.randn(2, 1, 8, 8)).shape == (2, 2)


def test_without_a_stem_the_first_cell_reads_the_input() -> None:
    operations = [Operation("skip", "identity"), Operation("conv", "convolution", 3, True, 1.0)]
    space = EdgeCellSpace("mine", operations, 3, Skeleton("image", channels=(4,)))
    for x in space.enumerate():
        assert sn.build_network(space, x, (3, 9, 9), 2)(torch.randn(2, 3, 9, 9)).shape == (2, 2)


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 2, 7, 8])
@pytest.mark.parametrize(
    "op",
    [
        Operation("conv4", "convolution", 4, True, 1.0),
        Operation("separable", "convolution", 5, True, 1.0, (("separable", 1.0),), (("kernel", 3),)),
        Operation("dilated", "convolution", 5, True, 1.0, (("dilated", 1.0),), (("dilation", 2), ("kernel", 3))),
        Operation("pool", "pooling", 3),
        Operation("mean", "pooling", 3, traits=(("mean", 1.0),)),
        Operation("skip", "identity"),
    ],
    ids=lambda op: op.name,
)
def test_layers_divide_the_length_by_their_stride_and_round_up(
    dims: int, stride: int, length: int, op: Operation
) -> None:
    layer = make_layer(Form(dims), op, 4, 6, stride)
    assert layer(torch.randn(2, 4, *[length] * dims)).shape == (2, 6, *[-(-length // stride)] * dims)
