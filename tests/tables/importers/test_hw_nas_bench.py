"""HW-NAS-Bench's pickle: written here as published, with the benchmark's published numbers where there are any."""

import pickle

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers.hw_nas_bench import read_hw_nas_bench, read_hw_nas_bench_fbnet
from surrogate_nas.tables.safe_pickle import RefusedGlobalError

TASKS = ("cifar10", "cifar100", "ImageNet16-120")
COSTS = (
    "edgegpu_latency", "edgegpu_energy", "raspi4_latency", "edgetpu_latency", "pixel3_latency", "eyeriss_latency",
    "eyeriss_energy", "eyeriss_arithmetic_intensity", "fpga_latency", "fpga_energy",
)  # fmt: skip

#: Costs of the first architecture on CIFAR-10, as the benchmark's documentation prints them.
FIRST = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
PUBLISHED = {
    "edgegpu_latency": 5.807418537139893, "edgegpu_energy": 24.226614330768584, "raspi4_latency": 10.481976820010459,
    "edgetpu_latency": 0.9571811309997429, "pixel3_latency": 3.6058499999999998, "eyeriss_latency": 3.645620000000001,
    "eyeriss_energy": 0.6872827644999999, "fpga_latency": 2.57296, "fpga_energy": 18.01072,
}  # fmt: skip

#: Size, input channels, output channels and stride of each layer of FBNet's space, from its paper.
LAYERS = {
    "cifar100": [
        (32, 16, 16, 1), (32, 16, 24, 1), *[(32, 24, 24, 1)] * 3, (32, 24, 32, 2), *[(16, 32, 32, 1)] * 3,
        (16, 32, 64, 2), *[(8, 64, 64, 1)] * 3, (8, 64, 112, 1), *[(8, 112, 112, 1)] * 3, (8, 112, 184, 2),
        *[(4, 184, 184, 1)] * 3, (4, 184, 352, 1),
    ],
    "ImageNet": [
        (112, 16, 16, 1), (112, 16, 24, 2), *[(56, 24, 24, 1)] * 3, (56, 24, 32, 2), *[(28, 32, 32, 1)] * 3,
        (28, 32, 64, 2), *[(14, 64, 64, 1)] * 3, (14, 64, 112, 1), *[(14, 112, 112, 1)] * 3, (14, 112, 184, 2),
        *[(7, 184, 184, 1)] * 3, (7, 184, 352, 1),
    ],
}  # fmt: skip
AROUND = {
    "cifar100": [
        "ConvNorm_H32_W32_Cin3_Cout16_kernel3_stride1_group1", "ConvNorm_H4_W4_Cin352_Cout1504_kernel1_stride1_group1",
        "AvgP_H4_W4_Cin1504_Cout1504_kernel4_stride1", "FC_Cin1504_Cout100",
    ],
    "ImageNet": [
        "ConvNorm_H224_W224_Cin3_Cout16_kernel3_stride2_group1",
        "ConvNorm_H7_W7_Cin352_Cout1984_kernel1_stride1_group1",
        "AvgP_H7_W7_Cin1984_Cout1984_kernel7_stride1", "FC_Cin1984_Cout1000",
    ],
}  # fmt: skip

#: The benchmark's blocks in its order: kernel, expansion, groups; None is a skip.
BLOCKS = [(3, 1, 1), (3, 1, 2), (3, 3, 1), (3, 6, 1), (5, 1, 1), (5, 1, 2), (5, 3, 1), (5, 6, 1), None]


def block_key(layer, block):
    size, inputs, outputs, stride = layer
    at = f"H{size}_W{size}_Cin{inputs}_Cout{outputs}"
    if block is None:
        return f"Skip_{at}_stride{stride}"
    kernel, exp, group = block
    return f"ConvBlock_{at}_exp{exp}_kernel{kernel}_stride{stride}_group{group}"


def content():
    """The dict that the file is, with made-up numbers where none are published."""
    rng, texts = np.random.default_rng(0), [FIRST, FIRST.replace("avg_pool_3x3", "none")]
    config = [{"name": "infer.tiny", "C": 16, "N": 5, "arch_str": text, "num_classes": 10} for text in texts]
    tasks = {t: {"config": config} | {c: rng.uniform(0.1, 30, len(texts)) for c in COSTS} for t in TASKS}
    for name, value in PUBLISHED.items():
        tasks["cifar10"][name][0] = value
    tasks["cifar10"]["edgetpu_latency"][1] = -1.0
    tasks["cifar100"]["raspi4_latency"] = tasks["cifar100"]["raspi4_latency"].tolist()
    keys = {k for t in LAYERS for k in AROUND[t] + [block_key(la, b) for la in LAYERS[t] for b in BLOCKS]}
    lookups = {c: {k: rng.uniform(0.1, 2) for k in sorted(keys)} for c in ("edgegpu_latency", "fpga_energy")}
    return {"nasbench201": tasks, "fbnet": lookups}


def save(content, path, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_number_is_read(tmp_path, protocol):
    published = content()
    table = read_hw_nas_bench(save(published, tmp_path / "HW-NAS-Bench-v1_0.pickle", protocol), partial=True)
    assert table.tasks == TASKS
    assert table.metrics == COSTS
    for task in TASKS:
        for cost in COSTS:
            expected = np.array(published["nasbench201"][task][cost])
            if (task, cost) == ("cifar10", "edgetpu_latency"):
                expected[1] = np.nan
            np.testing.assert_array_equal(table.values(task=task, metric=cost), expected)


def test_published_costs_units_and_directions(tmp_path):
    table = read_hw_nas_bench(save(content(), tmp_path / "hw.pickle"), partial=True)
    x = get_space("nas-bench-201").parse([FIRST])
    for cost, value in PUBLISHED.items():
        assert table.query(x, task="cifar10", metric=cost) == value
    units = {(c.metric.partition("_")[2], c.unit, c.direction) for c in table.columns}
    assert units == {("latency", "ms", "min"), ("energy", "mJ", "min"), ("arithmetic_intensity", "", "max")}
    assert table.measured(table.X, task="cifar10", metric="edgetpu_latency").tolist() == [True, False]


def test_the_whole_benchmark_keeps_its_meaning(shared_data, tmp_path):
    """The published costs on CIFAR-10, put into the official form, come out as they were converted by others."""
    import pandas as pd

    frame = pd.read_parquet(shared_data / "nas-bench-201.parquet").reset_index()
    costs = ("edgegpu_latency", "edgegpu_energy", "edgetpu_latency", "pixel3_latency")
    config = [{"arch_str": text} for text in frame["arch_str"]]
    task = {"config": config} | {c: frame[f"cifar10-{c}"].to_numpy() for c in costs}
    table = read_hw_nas_bench(save({"nasbench201": {"cifar10": task}}, tmp_path / "hw.pickle"))
    assert len(table) == 15_625
    assert table.space.format(table.X) == frame["arch_str"].tolist()
    for cost in costs:
        expected = frame[f"cifar10-{cost}"].replace(-1, np.nan).to_numpy(np.float64)
        np.testing.assert_array_equal(table.values(task="cifar10", metric=cost), expected)
    assert np.isnan(table.values(task="cifar10", metric="edgetpu_latency")).sum() == 4_699


def test_it_says_what_it_leaves_out(tmp_path, listener):
    published = content()
    published["nasbench201"]["cifar10"]["average_hw_metric"] = [1.0, 2.0]
    read_hw_nas_bench(save(published, tmp_path / "hw.pickle"), progress=listener, partial=True)
    assert listener.lines == ["cifar10: left out average_hw_metric, which is no latency, energy, arithmetic_intensity"]
    assert listener.counts == [(1, 3), (2, 3), (3, 3)]


def test_costs_of_fbnet_are_sums_over_its_blocks(tmp_path, listener):
    published = content()
    space = get_space("hw-fbnet")
    X = space.sample(20, np.random.default_rng(1))
    X[0] = 8
    X[1] = 1
    table = read_hw_nas_bench_fbnet(save(published, tmp_path / "hw.pickle"), X, progress=listener)
    assert table.tasks == tuple(LAYERS)
    assert listener.counts == [(1, 2), (2, 2)]
    for cost, lookup in published["fbnet"].items():
        for task, layers in LAYERS.items():
            expected = [
                sum(lookup[k] for k in AROUND[task])
                + sum(lookup[block_key(layer, BLOCKS[gene])] for layer, gene in zip(layers, row, strict=True))
                for row in X.tolist()
            ]
            np.testing.assert_allclose(table.query(X, task=task, metric=cost), expected, rtol=1e-12)
    assert {(c.unit, c.direction) for c in table.columns} == {("ms", "min"), ("mJ", "min")}
    assert "sums over" in table.info.source


def test_a_missing_block_is_one_clear_line(tmp_path):
    published = content()
    del published["fbnet"]["fpga_energy"]["FC_Cin1984_Cout1000"]
    with pytest.raises(InvalidInputError, match=r"hw\.pickle: fpga_energy: expected the cost of FC_Cin1984_Cout1000"):
        read_hw_nas_bench_fbnet(save(published, tmp_path / "hw.pickle"), np.zeros((1, 22), dtype=np.int16))


def test_a_part_of_the_benchmark_has_to_be_wanted(tmp_path):
    with pytest.raises(InvalidInputError, match="expected 15,625 architectures, got 2"):
        read_hw_nas_bench(save(content(), tmp_path / "hw.pickle"))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("nasbench201",), None, "nasbench201: expected a record, got nothing"),
        (("nasbench201",), {1: {}}, "expected names, got 1"),
        (("nasbench201", "cifar10"), [], "cifar10: expected a record"),
        (("nasbench201", "cifar10", "config"), None, "expected 'config' with architectures, got nothing"),
        (("nasbench201", "cifar10", "config"), [{"C": 16}], "expected 'arch_str'"),
        (("nasbench201", "cifar100", "config"), [{"arch_str": "a"}], "architectures of the other data sets"),
        (("nasbench201", "cifar10", "fpga_energy"), "much", "cifar10, fpga_energy: expected numbers, got 'much'"),
        (("nasbench201", "cifar10", "fpga_energy"), ["1", "2"], "expected a number, got '1'"),
        (("nasbench201", "cifar10", "fpga_energy"), np.array([1.0]), "expected 2 numbers"),
        (("nasbench201", "cifar10", "fpga_energy"), np.array([1 + 2j, 0]), "expected 2 numbers"),
        (("nasbench201", "cifar10", "fpga_energy"), [1.0, -2.0], "expected a cost or -1, got -2"),
    ],
)
def test_another_version_is_one_clear_line(tmp_path, path, value, message):
    wrong = content()
    inside = wrong
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_hw_nas_bench(save(wrong, tmp_path / "wrong.pickle"), partial=True)
    assert str(caught.value).startswith(str(tmp_path / "wrong.pickle"))


def test_truncated_files_are_one_clear_line(tmp_path):
    whole = pickle.dumps(content(), protocol=3)
    cut = tmp_path / "cut.pickle"
    for size in np.linspace(0, len(whole) - 1, 60).astype(int):
        cut.write_bytes(whole[:size])
        with pytest.raises(InvalidInputError, match=r"cut\.pickle: expected a complete pickle"):
            read_hw_nas_bench(cut, partial=True)


@pytest.mark.parametrize("at", ["nasbench201", "fbnet"])
def test_a_hostile_file_runs_nothing(tmp_path, monkeypatch, at, hostile):
    monkeypatch.chdir(tmp_path)
    evil = save(content() | {at: hostile}, tmp_path / "evil.pickle")
    with pytest.raises(RefusedGlobalError, match=r"evil\.pickle: pickle asks for .*system"):
        read_hw_nas_bench(evil, partial=True)
    assert not (tmp_path / "harmed").exists()


def test_arrays_of_objects_are_refused(tmp_path):
    odd = content()
    odd["nasbench201"]["cifar10"]["config"] = np.array([{"arch_str": FIRST}], dtype=object)
    with pytest.raises(RefusedGlobalError, match="only plain numbers are read"):
        read_hw_nas_bench(save(odd, tmp_path / "odd.pickle"), partial=True)
