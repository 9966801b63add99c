"""Networks written down layer by layer: published sizes, every space, odd sizes, what a user's own space may hold."""

import inspect
import textwrap
import tomllib
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.networks.layers import ChannelShuffle
from surrogate_nas.spaces import SearchSpace


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def build(space: SearchSpace, text: str, shape: tuple[int, ...], outputs: int, **overrides: Any) -> nn.Module:
    return sn.build_network(space, space.parse(text)[0], shape, outputs, **overrides)


# "8:8:8:16:40" is architecture 12 of the size space, whose parameters NATS-Bench's own notebook
# (notebooks/create-query-sss.ipynb) prints. The other files of results were not at hand: those counts are of the layers
# that the benchmarks' own code builds, NAS-Bench-Macro's train/model.py, HW-NAS-Bench's fbnet_models/model_infer.py and
# TransNASBench's net_infer/net_macro.py, put together a second time; so were outputs at equal weights.
FBNET_MIX = (
    "k3_e1|k3_e1_g2|k3_e3|k3_e6|k5_e1|k5_e1_g2|k5_e3|k5_e6|skip|k3_e1|k3_e1_g2|k3_e3|k3_e6|k5_e1|k5_e1_g2|k5_e3|k5_e6|"
    "skip|skip|k5_e6|k3_e1_g2|skip"
)
SIZES = [
    ("nats-sss", "8:8:8:16:40", 32, 10, 67_378),
    ("nas-bench-macro", "00000000", 32, 10, 387_882),
    ("nas-bench-macro", "11111111", 32, 10, 1_588_874),
    ("nas-bench-macro", "01202110", 32, 10, 1_234_282),
    ("hw-fbnet", "|".join(["k3_e6"] * 22), 224, 1000, 5_591_256),
    ("hw-fbnet", "|".join(["skip"] * 22), 224, 1000, 2_785_080),
    ("hw-fbnet", FBNET_MIX, 224, 1000, 3_669_336),
    ("transnas-macro", "64-1444-basic", 256, 75, 11_224_939),
    ("transnas-macro", "64-2311-basic", 256, 75, 2_343_915),
    ("transnas-macro", "64-333122-basic", 256, 75, 3_268_587),
]


@pytest.mark.parametrize(("name", "text", "size", "classes", "expected"), SIZES)
def test_sizes_are_those_of_the_benchmarks(name: str, text: str, size: int, classes: int, expected: int) -> None:
    with torch.device("meta"):  # counts need no memory
        assert parameters(build(sn.get_space(name), text, (3, size, size), classes)) == expected


def test_layers_stand_where_the_benchmarks_have_them() -> None:
    network = build(sn.get_space("nas-bench-macro"), "10200000", (3, 32, 32), 10)
    first = [type(m).__name__ for m in network.get_submodule("body.0")]
    assert first == ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d"]
    assert network.get_submodule("body.0.3").stride == (2, 2)
    assert isinstance(network.get_submodule("body.1"), nn.Identity)
    assert isinstance(network.get_submodule("body.5"), nn.Sequential)  # the third stage's first, one convolution
    assert [type(m).__name__ for m in network.get_submodule("head")][:3] == ["Conv2d", "BatchNorm2d", "ReLU"]


def test_grouped_channels_take_turns() -> None:
    x = torch.arange(6.0).reshape(1, 6, 1)
    assert ChannelShuffle(2)(x).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert ChannelShuffle(3)(x).flatten().tolist() == [0, 2, 4, 1, 3, 5]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 5), (2, 20), (1, 1, 1)])
@pytest.mark.parametrize("name", ["nats-sss", "nas-bench-macro", "hw-fbnet", "transnas-macro", "chain", "mlp"])
def test_every_space_trains_on_inputs_of_any_size(name: str, shape: tuple[int, ...]) -> None:
    space = sn.get_space(name)
    batch = torch.randn(3, *shape)
    for x in space.sample(5, np.random.default_rng(0)):
        network = sn.build_network(space, x, shape, 4, width_factor=1 / 16)
        logits = network(batch)
        assert logits.shape == (3, 4)
        logits.sum().backward()


def test_a_chain_reads_as_its_text_says() -> None:
    network = build(sn.get_space("chain"), "conv(16,5)-pool(3)-dense(20)", (2, 10), 3)
    convolution = 2 * 16 * 5 + 2 * 16  # no bias, scale and shift of the normalisation
    dense = 4 * 16 * 20 + 20  # of ten positions, parts of three leave four
    assert parameters(network) == convolution + dense + 20 * 3 + 3
    layers = [m for m in network.modules() if not list(m.children())]
    assert [type(m).__name__ for m in layers] == [
        "Sequential", "Conv1d", "BatchNorm1d", "ReLU", "MaxPool1d", "Flatten", "Linear", "ReLU", "Sequential", "Linear",
    ]  # fmt: skip
    short = build(sn.get_space("chain"), "pool(5)-pool(5)-pool(5)-conv(16,11)", (2, 3), 3)
    assert short(torch.randn(2, 2, 3)).shape == (2, 3)


def test_all_positions_or_their_mean_are_read() -> None:
    space = sn.get_space("chain")
    for text in ("conv(16,3)-pool(2)", "conv(16,3)-pool(2)-dense(20)"):
        sizes = [parameters(build(space, text, (1, 8, 8), 5, flatten=flatten)) for flatten in (False, True)]
        assert sizes[1] - sizes[0] == 15 * 16 * (20 if "dense" in text else 5)


def test_perceptrons_are_what_their_text_says() -> None:
    network = build(sn.get_space("mlp"), "64-32 gelu batch dropout(0.25)", (10,), 3)
    assert [str(m).split("(")[0] for m in network.get_submodule("body")] == [
        *("Linear", "BatchNorm1d", "GELU", "Dropout") * 2,
    ]  # fmt: skip
    assert network.get_submodule("body.3").p == 0.25
    assert parameters(network) == (10 * 64 + 64 + 2 * 64) + (64 * 32 + 32 + 2 * 32) + (32 * 3 + 3)
    images = build(sn.get_space("mlp"), "8 relu layer dropout(0)", (1, 8, 8), 10)
    assert images(torch.randn(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize(
    ("name", "shape", "overrides"),
    [
        ("nas-bench-201", (3, 8, 8), {}),
        ("nas-bench-301", (3, 8, 8), {}),
        ("nas-bench-macro", (3, 8, 8), {}),
        ("nats-sss", (3, 8, 8), {}),
        ("chain", (3, 20), {}),
        ("mlp", (30,), {}),
        ("nas-bench-graph", (30,), {}),
    ],
)
def test_all_widths_follow_one_factor(name: str, shape: tuple[int, ...], overrides: dict[str, Any]) -> None:
    space = sn.get_space(name)
    x = space.sample(1, np.random.default_rng(3))[0]
    half, whole = (sn.build_network(space, x, shape, 4, width_factor=factor) for factor in (0.5, 1.0))

    def widths(network: nn.Module) -> list[int]:
        kinds = (nn.Conv1d, nn.Conv2d, nn.Linear)
        return [p.shape[0] for m in network.modules() if isinstance(m, kinds) for p in [m.weight]][:-1]

    assert widths(half) == [max(1, round(w / 2)) for w in widths(whole)]


SMALL_VISION = {
    "family": "choices",
    "name": "small vision",
    "skeleton": {"input_kind": "image", "channels": [8]},
    "choices": [
        {
            "name": "stem",
            "options": ["conv", "patch"],
            "operations": [
                {"name": "conv", "kind": "convolution", "kernel": 3},
                {"name": "patch", "kind": "convolution", "settings": {"downsamples": 1}},
            ],
        },
        {"name": "size", "options": [4, 8], "before": " ", "when": {"stem": ["patch"]}, "refines": "stem",
         "sets": "kernel"},
        {"name": "gate", "options": ["relu", "gelu"], "before": " ",
         "operations": [{"name": "relu", "kind": "activation"}, {"name": "gelu", "kind": "activation"}]},
        {"name": "depth", "options": [2, 3], "before": " depth ", "sets": "repeats",
         "operations": {"name": "block", "kind": "convolution", "kernel": 3, "settings": {"residual": 1}}},
        {"name": "norm", "options": ["batch", "layer"], "before": " ",
         "operations": [{"name": "batch", "kind": "normalisation"},
                        {"name": "layer", "kind": "normalisation", "traits": {"per_sample": 1.0}}]},
        {"name": "dense", "options": [16, 32], "before": " dense ", "optional": True, "sets": "width",
         "operations": {"name": "dense", "kind": "linear"}},
        {"name": "drop", "options": [0.1, 0.5], "before": " drop ", "optional": True, "sets": "rate",
         "operations": {"name": "drop", "kind": "dropout"}},
    ],
}  # fmt: skip


def test_a_space_of_choices_of_ones_own_trains_on_images_and_sequences() -> None:
    space = sn.define_space(SMALL_VISION)
    for x in space.sample(15, np.random.default_rng(0)):
        for shape in [(3, 9, 9), (2, 20)]:
            network = sn.build_network(space, x, shape, 3)
            network(torch.randn(2, *shape)).sum().backward()
    network = build(space, "patch 4 gelu depth 3 layer dense 16 drop 0.5", (3, 9, 9), 2)
    body = [str(m).split("(")[0] for m in network.get_submodule("body")]
    assert body == ["Sequential", "GELU", *["Residual"] * 3, "GroupNorm", "Sequential", "Linear", "Dropout"]
    patches = network.get_submodule("body.0.0.1")
    # Activations and normalisations are choices here, so that a convolution has neither, but a bias.
    assert len(network.get_submodule("body.0")) == 1
    assert patches.bias is not None
    x = torch.zeros(1, 3, 9, 9)
    x[..., 4:8, 4:8] = torch.randn(3, 4, 4)  # one patch and no other
    changed = (network.get_submodule("body.0")(x) - patches.bias[:, None, None]).abs().amax(dim=(0, 1)) > 0
    assert changed.int().tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_the_example_of_the_documentation_trains() -> None:
    text = inspect.getdoc(sn.define_space).split("add up to::")[1].split("Args:")[0]
    space = sn.define_space(tomllib.loads(textwrap.dedent(text)))
    for x in space.enumerate():
        network = sn.build_network(space, x, (3, 9, 9), 2, channels=4)
        network(torch.randn(2, 3, 9, 9)).sum().backward()
    patches = build(space, "patch size 8 depth 2", (3, 9, 9), 2, channels=4).get_submodule("body.0")
    assert patches(torch.randn(1, 3, 9, 9)).shape == (1, 4, 2, 2)


def test_a_layer_is_told_by_its_settings_where_the_stages_do_not_say() -> None:
    operations = [
        {"name": "wide", "kind": "convolution", "kernel": 3, "settings": {"widening": 2, "stride": 2}},
        {"name": "pool", "kind": "pooling", "kernel": 3, "traits": {"mean": 1.0}},
        {"name": "skip", "kind": "identity"},
    ]
    space = sn.define_space(
        {"family": "sequence", "name": "mine", "options": ["w", "p", "s"], "length": 3, "operations": operations,
         "skeleton": {"input_kind": "image", "stem_layers": 1, "stem_width": 4, "activation": "after"}}
    )  # fmt: skip
    network = build(space, "wpw", (1, 8, 8), 2)
    x = network.get_submodule("stem")(torch.randn(2, 1, 8, 8))
    assert network.get_submodule("body")(x).shape == (2, 16, 2, 2)
    assert parameters(build(space, "sss", (1, 8, 8), 2)) == 9 * 4 + 8 + 4 * 2 + 2


def own(kind: str, *operations: dict[str, Any], **skeleton: Any) -> SearchSpace:
    choices = [
        {"name": f"choice {i}", "options": [f"o{i}"], "operations": [operation]}
        for i, operation in enumerate(operations)
    ]
    return sn.define_space(
        {"family": "choices", "name": "own", "choices": choices, "skeleton": {"input_kind": kind, **skeleton}}
    )


LINEAR = {"name": "dense", "kind": "linear"}
CONVOLUTION = {"name": "conv", "kind": "convolution", "kernel": 3}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (own("image", LINEAR, CONVOLUTION), "operation 'conv': expected linear layers where vectors are read"),
        (own("tabular", CONVOLUTION), "operation 'conv': expected linear layers where vectors are read"),
        (own("image", {"name": "pool", "kind": "pooling", "kernel": 2}), "operation 'pool': expected a pooling of odd"),
        (own("image", {"name": "gcn", "kind": "graph"}), "operation 'gcn': expected a kind that convolutional"),
        (
            own("image", {"name": "drop", "kind": "dropout", "settings": {"rate": 1}}),
            "operation 'drop', rate: expected a number from 0 to below 1, got 1",
        ),
        (
            own("image", CONVOLUTION, stages=[1, 1], channels=[4, 8]),
            r"stages: expected one stage .* has \(1\), got 1, 1",
        ),
    ],
)
def test_what_no_network_has_is_refused(space: SearchSpace, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        sn.build_network(space, space.enumerate()[0], (1, 8, 8), 2)


def test_unknown_activations_are_refused() -> None:
    space = own("tabular", LINEAR, {"name": "rellu", "kind": "activation"})
    with pytest.raises(UnknownNameError, match=r"rellu.*did you mean 'relu'"):
        sn.build_network(space, space.enumerate()[0], (4,), 2)


def test_the_cells_of_a_size_space_fit_its_widths() -> None:
    space = sn.get_space("nats-sss")
    with pytest.raises(InvalidInputError, match=r"as many cells and reductions .* \(5\), got 3"):
        build(space, "8:8:8:8:8", (3, 8, 8), 2, stages=(1, 1), channels=(8, 8))


@pytest.mark.parametrize("factor", [0, -1, float("nan"), "half"])
def test_a_factor_of_widths_is_a_number_above_0(factor: object) -> None:
    with pytest.raises(InvalidInputError, match="width_factor: expected a number above 0"):
        build(sn.get_space("mlp"), "8 relu none dropout(0)", (4,), 2, width_factor=factor)
