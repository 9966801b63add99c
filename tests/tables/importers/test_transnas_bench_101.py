"""TransNAS-Bench-101's ``.pth`` file: written here as published."""

import copy

import numpy as np
import pytest
import torch

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers.transnas_bench_101 import (
    read_transnas_bench_101,
    read_transnas_macro,
    read_transnas_micro,
)
from surrogate_nas.tables.safe_pickle import RefusedGlobalError

CLASSIFICATION = ("top1", "top5", "loss")
METRICS = {
    "class_scene": CLASSIFICATION,
    "class_object": CLASSIFICATION,
    "room_layout": ("loss", "neg_loss"),
    "jigsaw": CLASSIFICATION,
    "segmentsemantic": ("loss", "acc", "mIoU"),
    "normal": ("ssim", "l1_loss"),
    "autoencoder": ("ssim", "l1_loss"),
}
EPOCHS = {"jigsaw": 3} | dict.fromkeys(("class_scene", "class_object", "room_layout"), 5)
ARCHITECTURES = {
    "micro": ["64-41414-1_02_333", "64-41414-3_33_212", "64-41414-0_00_001"],
    "macro": ["64-1234-basic", "64-43243-basic", "64-2311-basic"],
}
SPLITS = {"train": "train", "valid": "val", "test": "test"}
INFO = ("inference_time", "encoder_params", "model_params", "model_FLOPs", "encoder_FLOPs")


def names(task):
    return [f"{split}_{metric}" for split in SPLITS for metric in METRICS[task]] + ["time_elapsed"]


def training(rng, task):
    epochs = EPOCHS.get(task, 6)
    metrics = {name: rng.uniform(0.1, 0.9, epochs).tolist() for name in names(task)}
    metrics["time_elapsed"] = np.cumsum(rng.uniform(50, 60, epochs)).tolist()
    return {
        "total_epochs": epochs,
        "model_info": {name: float(rng.uniform(1, 9)) for name in INFO},
        "metrics": metrics,
    }


@pytest.fixture(scope="module")
def content():
    rng = np.random.default_rng(0)
    return {
        "metrics_dict": {task: names(task) for task in METRICS},
        "info_names": list(INFO),
        "task_list": list(METRICS),
        "data": {
            space: {text: {task: training(rng, task) for task in METRICS} for text in texts}
            for space, texts in ARCHITECTURES.items()
        },
    }


def save(content, path, *, zipped=False):
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def change(content, *path, to):
    """A copy of the content with one value replaced."""
    changed = copy.deepcopy(content)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = to
    return changed


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("cells", ["micro", "macro"])
def test_every_number_is_read(content, tmp_path, cells, zipped, listener):
    file = save(content, tmp_path / "transnas-bench_v10141024.pth", zipped=zipped)
    table = read_transnas_bench_101(file, cells=cells, progress=listener, partial=True)
    assert listener.lines == []
    assert listener.counts == [(1, 3), (2, 3), (3, 3)]
    assert table.tasks == tuple(METRICS)
    assert table.name == f"transnas-{cells}"
    assert table.space is get_space(f"transnas-{cells}")
    X = table.space.parse(ARCHITECTURES[cells])
    for i, text in enumerate(ARCHITECTURES[cells]):
        for task, result in content["data"][cells][text].items():
            for name in names(task)[:-1]:
                split, _, metric = name.partition("_")
                which = {"task": task, "metric": {"top1": "accuracy"}.get(metric, metric), "split": SPLITS[split]}
                y = result["metrics"][name]
                assert table.query(X[i], **which) == y[-1]  # the source's "final"
                epochs, curve = table.curve(X[i], **which)
                assert tuple(epochs) == tuple(range(1, len(y) + 1))
                np.testing.assert_array_equal(curve[0], np.float32(y))  # the source's "list"
                assert curve.max() == np.float32(max(y))  # the source's "best"
            assert table.query(X[i], task=task, metric="train_time") == result["metrics"]["time_elapsed"][-1]
            for ours, theirs in (("latency", "inference_time"), ("params", "model_params"), ("flops", "model_FLOPs")):
                assert table.query(X[i], task=task, metric=ours) == result["model_info"][theirs]
            assert table.query(X[i], task=task, metric="encoder_flops") == result["model_info"]["encoder_FLOPs"]


def test_each_space_has_its_own_reader(content, tmp_path):
    file = save(content, tmp_path / "t.pth")
    for read_space, cells in ((read_transnas_micro, "micro"), (read_transnas_macro, "macro")):
        table = read_space(file, partial=True)
        assert table.space.format(table.X) == ARCHITECTURES[cells]
        with pytest.raises(InvalidInputError, match="got 3"):
            read_space(file)


def test_units_directions_and_schedules(content, tmp_path):
    table = read_transnas_bench_101(save(content, tmp_path / "t.pth"), cells="micro", partial=True)
    kept = {c.metric: (c.unit, c.direction) for c in table.columns}
    assert kept == {
        "accuracy": ("%", "max"), "top5": ("%", "max"), "acc": ("%", "max"), "mIoU": ("%", "max"), "ssim": ("1", "max"),
        "loss": ("", "min"), "neg_loss": ("", "max"), "l1_loss": ("", "min"), "train_time": ("s", "min"),
        "latency": ("s", "min"), "params": ("", "min"), "flops": ("", "min"), "encoder_params": ("", "min"),
        "encoder_flops": ("", "min"),
    }  # fmt: skip
    schedules = {(c.task, c.epochs) for c in table.columns if c.split}
    assert schedules == {(task, EPOCHS.get(task, 6)) for task in METRICS}
    assert {c.seed for c in table.columns} == {None}
    assert {task: table.default_metric(task) for task in table.tasks} == {
        "class_scene": "accuracy", "class_object": "accuracy", "jigsaw": "accuracy", "room_layout": "neg_loss",
        "segmentsemantic": "mIoU", "normal": "ssim", "autoencoder": "ssim",
    }  # fmt: skip


FIRST = ("data", "micro", "64-41414-1_02_333", "jigsaw")


def read(content, tmp_path, cells="micro"):
    return read_transnas_bench_101(save(content, tmp_path / "t.pth"), cells=cells, partial=True)


def test_elapsed_time_may_be_a_clock_and_must_not_run_backwards(content, tmp_path):
    clock = ["00:01:05", "00:02:10", "01:03:15"]
    table = read(change(content, *FIRST, "metrics", "time_elapsed", to=clock), tmp_path)
    assert table.query(table.X[:1], task="jigsaw", metric="train_time") == 3600 + 3 * 60 + 15
    table = read(change(content, *FIRST, "metrics", "time_elapsed", to=[9.0, 8.0, 9.5]), tmp_path)
    assert np.isnan(table.query(table.X[:1], task="jigsaw", metric="train_time"))


def test_what_was_not_measured_stays_open(content, tmp_path):
    changed = change(content, *FIRST, "model_info", "model_FLOPs", to="")
    changed = change(changed, *FIRST, "metrics", "test_top1", to=[0.5, float("nan")])
    del changed["data"]["micro"]["64-41414-3_33_212"]["normal"]
    table = read(changed, tmp_path)
    assert np.isnan(table.values(task="jigsaw", metric="flops")).tolist() == [True, False, False]
    assert np.isnan(table.values(task="jigsaw", metric="accuracy", split="test")).tolist() == [True, False, False]
    assert np.isnan(table.values(task="normal", metric="ssim", split="val")).tolist() == [False, True, False]
    _, curve = table.curve(table.X[:1], task="jigsaw", metric="accuracy", split="test")
    assert np.isnan(curve[0]).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("data",), None, "expected 'data'"),
        (("metrics_dict",), [], "expected 'metrics_dict'"),
        (("metrics_dict", "jigsaw"), None, "'metrics_dict': expected 'jigsaw'"),
        (("metrics_dict", "jigsaw"), ["top1"], "expected a metric such as 'valid_top1', got 'top1'"),
        (("metrics_dict", "jigsaw"), [7], "expected a metric such as 'valid_top1', got 7"),
        (("data", "micro"), None, "'micro': expected a record, got nothing"),
        (("data", "micro"), {"64-1234-basic": {}}, "64-1234-basic"),
        (FIRST, 3, "64-41414-1_02_333, jigsaw: expected a record"),
        ((*FIRST, "total_epochs"), 3.0, "expected 'total_epochs'"),
        ((*FIRST, "total_epochs"), 10**12, "expected 1 to 1000 epochs"),
        ((*FIRST, "total_epochs"), 2, "expected 2 numbers, one per epoch, got 3"),
        ((*FIRST, "metrics"), {}, "expected 'train_top1'"),
        ((*FIRST, "metrics", "train_top1"), ["a", "b", "c"], "train_top1: expected a number, got 'a'"),
        ((*FIRST, "metrics", "time_elapsed"), ["1 h"], "time_elapsed: expected a number"),
        ((*FIRST, "model_info"), None, "expected 'model_info'"),
        ((*FIRST, "model_info", "model_params"), [1], "model_params: expected a number, got list"),
    ],
)
def test_another_version_is_one_clear_line(content, tmp_path, path, value, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        read(change(content, *path, to=value), tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "t.pth"))


def test_a_part_of_the_benchmark_and_its_space_have_to_be_chosen(content, tmp_path):
    file = save(content, tmp_path / "t.pth")
    with pytest.raises(InvalidInputError, match="expected 4,096 architectures, got 3"):
        read_transnas_bench_101(file, cells="micro")
    with pytest.raises(InvalidInputError, match="expected 3,256 architectures, got 3"):
        read_transnas_bench_101(file, cells="macro")
    with pytest.raises(UnknownNameError, match="expected one of micro, macro"):
        read_transnas_bench_101(file, cells="nano")


@pytest.mark.parametrize("zipped", [False, True])
def test_hostile_and_truncated_files(content, tmp_path, monkeypatch, zipped, hostile):
    monkeypatch.chdir(tmp_path)
    evil = save(change(content, *FIRST, "metrics", "train_top1", to=hostile), tmp_path / "evil.pth", zipped=zipped)
    with pytest.raises(RefusedGlobalError, match=r"evil\.pth: pickle asks for .*system"):
        read_transnas_bench_101(evil, cells="macro", partial=True)
    assert not (tmp_path / "harmed").exists()
    whole = save(content, tmp_path / "t.pth", zipped=zipped).read_bytes()
    for size in np.linspace(0, len(whole) - 1, 30).astype(int):
        (tmp_path / "t.pth").write_bytes(whole[:size])
        with pytest.raises(InvalidInputError, match=r"t\.pth: expected"):
            read_transnas_bench_101(tmp_path / "t.pth", cells="micro", partial=True)
