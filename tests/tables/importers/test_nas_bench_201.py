"""NAS-Bench-201's ``.pth`` files: written here as published, read by us and, where it is installed, by its own API."""

import copy
import os
import pickle
import warnings
import zipfile

import numpy as np
import pytest
import torch

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers.nas_bench_201 import read_nas_bench_201
from surrogate_nas.tables.safe_pickle import RefusedGlobalError

SCHEDULES = {"less": 3, "full": 5}

#: What the benchmark calls its sets, and what a split is called here.
SPLITS = {
    "cifar10-valid": {"train": "train", "x-valid": "val", "ori-test": "test"},
    "cifar10": {"train": "train", "ori-test": "test"},
    "cifar100": {"train": "train", "x-valid": "val", "x-test": "test", "ori-test": "val+test"},
    "ImageNet16-120": {"train": "train", "x-valid": "val", "x-test": "test", "ori-test": "val+test"},
}


def save(content, path, *, zipped=False):
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.fixture(scope="module")
def content(writers):
    return writers.single(writers.TOPOLOGIES, writers.records(writers.TOPOLOGIES, SCHEDULES, old=("full",)))


@pytest.fixture(scope="module")
def file(content, tmp_path_factory):
    return save(content, tmp_path_factory.mktemp("nb201") / "NAS-Bench-201-v1_1-096897.pth")


@pytest.fixture(scope="module")
def table(file):
    return read_nas_bench_201(file, partial=True)


def assert_table_holds(table, content):
    """Every number of a file stands in the table, where it belongs, and no other."""
    told = 0
    for i, text in enumerate(content["meta_archs"]):
        X = table.space.parse([text])
        for record in content["arch2infos"][i].values():
            for (task, seed), result in record["all_results"].items():
                at = {"task": task, "epochs": result["epochs"], "seed": seed}
                for name, split in SPLITS[task].items():
                    last = result["epochs"] - 1
                    accuracy = (
                        result["train_acc1es"][last] if name == "train" else result["eval_acc1es"][f"{name}@{last}"]
                    )
                    loss = result["train_losses"][last] if name == "train" else result["eval_losses"][f"{name}@{last}"]
                    assert table.query(X, metric="accuracy", split=split, **at) == accuracy
                    assert table.query(X, metric="loss", split=split, **at) == loss
                    told += 2
                if result["train_times"] is not None:
                    assert table.query(X, metric="train_time", **at) == sum(result["train_times"].values())
                    told += 1
                assert table.query(X, task=task, metric="params") == result["params"]
                assert table.query(X, task=task, metric="flops") == result["flop"]
    scores = [c for c in table.columns if c.metric not in ("params", "flops", "latency")]
    kept = sum(
        len(table.data(task=c.task, metric=c.metric, split=c.split, epochs=c.epochs, seed=c.seed)[1]) for c in scores
    )
    assert kept == told


@pytest.mark.parametrize("zipped", [False, True])
def test_every_number_is_read(content, tmp_path, zipped):
    table = read_nas_bench_201(save(content, tmp_path / "nb201.pth", zipped=zipped), partial=True)
    assert_table_holds(table, content)
    assert table.tasks == tuple(SPLITS)
    assert table.name == "nas-bench-201"
    assert table.space is get_space("nas-bench-201")


def test_units_and_directions(table):
    kept = {(c.metric, c.unit, c.direction) for c in table.columns}
    assert kept == {
        ("accuracy", "%", "max"), ("loss", "", "min"), ("train_time", "s", "min"), ("latency", "s", "min"),
        ("params", "million", "min"), ("flops", "million", "min"),
    }  # fmt: skip


def test_latency_is_the_mean_over_its_measurements(content, table):
    X = table.space.parse(content["meta_archs"][:1])
    short = content["arch2infos"][0]["less"]["all_results"]["cifar10", 777]
    long = content["arch2infos"][0]["full"]["all_results"]["cifar10", 777]
    for result in (short, long):
        y = table.query(X, task="cifar10", metric="latency", epochs=result["epochs"], seed=777)
        assert y == pytest.approx(sum(result["latency"]) / len(result["latency"]))


def test_seeds_are_never_filled_in(content, table):
    X = table.space.parse(content["meta_archs"])
    y = table.query(X, task="cifar100", metric="accuracy", split="val", epochs=3, seed=888)
    assert np.isnan(y).tolist() == [True, False, True, False]


def test_curves_count_epochs_from_one(content, table):
    result = content["arch2infos"][1]["less"]["all_results"]["cifar10-valid", 888]
    X = table.space.parse([content["meta_archs"][1]])
    epochs, values = table.curve(X, task="cifar10-valid", metric="accuracy", split="val", epochs=3, seed=888)
    assert tuple(epochs) == (1, 2, 3)
    np.testing.assert_array_equal(values[0], np.float32([result["eval_acc1es"][f"x-valid@{e}"] for e in range(3)]))
    trained = {(c.task, c.split, c.epochs) for c in table.curves}
    assert ("cifar100", "val", 5) in trained
    assert ("cifar100", "test", 5) not in trained  # evaluated after the last epoch alone


def test_curves_can_be_left_out(file, table):
    bare = read_nas_bench_201(file, partial=True, curves=False)
    assert bare.curves == ()
    assert bare.columns == table.columns


def test_its_own_api_reads_the_same(content, file, table):
    api_module = pytest.importorskip("nas_201_api", reason="the benchmark's own reader is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api = api_module.NASBench201API(torch.load(file, weights_only=False), verbose=False)  # our own file
    for i, text in enumerate(content["meta_archs"]):
        X = table.space.parse([api[i]])
        assert api[i] == text
        for hp, epochs in (("12", 3), ("200", 5)):
            for task, sets in SPLITS.items():
                results = api.query_meta_info_by_index(i, hp)
                for seed in results.get_dataset_seeds(task):
                    at = {"task": task, "epochs": epochs, "seed": seed}
                    for name, split in sets.items():
                        theirs = results.get_metrics(task, name, is_random=seed)
                        assert table.query(X, metric="accuracy", split=split, **at) == theirs["accuracy"]
                        assert table.query(X, metric="loss", split=split, **at) == theirs["loss"]
                    times = results.get_metrics(task, "train", is_random=seed)["all_time"]
                    y = table.query(X, metric="train_time", **at)[0] if times else None
                    assert y == (pytest.approx(times, rel=1e-12) if times else None)
                    latency = results.query(task, seed).get_latency()
                    assert table.query(X, metric="latency", **at) == pytest.approx(latency, rel=1e-12)
                costs = results.get_compute_costs(task)
                assert table.query(X, task=task, metric="params") == costs["params"]
                assert table.query(X, task=task, metric="flops") == costs["flops"]


def test_it_says_what_memory_it_needs(file, tmp_path, listener):
    read_nas_bench_201(file, progress=listener, partial=True)
    assert not [line for line in listener.lines if "memory" in line]  # nothing to speak of
    assert listener.counts[-1] == (4, 4)
    large = tmp_path / "large.pth"
    large.touch()
    os.truncate(large, 2**28)  # a hole, which takes no room
    with pytest.raises(InvalidInputError):
        read_nas_bench_201(large, progress=listener)
    assert "takes about 1.5 GB of memory; the folder NATS-tss-v1_0-3ffb9-simple of NATS-Bench" in listener.lines[-1]


def test_a_part_of_the_benchmark_has_to_be_wanted(file):
    with pytest.raises(InvalidInputError, match=r"pth: expected 15,625 architectures, got 4"):
        read_nas_bench_201(file)


def change(content, *path, to):
    """A copy of the content with one value replaced."""
    changed = copy.deepcopy(content)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = to
    return changed


RESULT = ("arch2infos", 0, "less", "all_results", ("cifar10", 777))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("meta_archs",), None, "expected 'meta_archs'"),
        (("meta_archs",), [1, 2, 3, 4], "architectures as text"),
        (("total_archs",), 15_625, "expected 15625 architectures, got 4"),
        (("arch2infos",), [], "expected 'arch2infos'"),
        (("arch2infos", 0), None, "architecture 0: expected a record, got nothing"),
        (("evaluated_indexes",), {0, 1}, "expected 'evaluated_indexes' to list its records"),
        (("arch2infos", 0, "less", "all_results"), "x", "expected 'all_results'"),
        (("arch2infos", 0, "less", "arch_str"), "|none~0|", "architecture 0: expected the results of"),
        (("arch2infos", 0, "less", "all_results"), {"cifar10": {}}, r"expected \(data set, seed\)"),
        ((*RESULT, "epochs"), "3", "expected 'epochs'"),
        ((*RESULT, "epochs"), 10**9, "expected 1 to 1000 epochs"),
        ((*RESULT, "eval_acc1es"), {"ori-test@2": "93"}, "eval_acc1es: expected numbers by epoch"),
        ((*RESULT, "eval_acc1es"), [1.0], "expected a record, got list"),
        ((*RESULT, "eval_acc1es", "ori-test@2"), 193.0, "expected 0 to 100"),
        ((*RESULT, "latency"), 0.5, "expected a list of seconds"),
        ((*RESULT, "flop"), "many", "flop: expected a number"),
        ((*RESULT, "params"), None, "params: expected a number, got nothing"),
    ],
)
def test_another_version_is_one_clear_line(content, tmp_path, path, value, message):
    wrong = save(change(content, *path, to=value), tmp_path / "wrong.pth")
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_nas_bench_201(wrong, partial=True)
    assert str(caught.value).startswith(str(wrong))
    assert str(caught.value).count(str(wrong)) == 1


def test_diverged_trainings_and_failed_measurements_are_not_measured(content, tmp_path):
    changed = change(content, *RESULT, "eval_losses", "ori-test@2", to=float("inf"))
    changed = change(changed, *RESULT, "latency", to=[-1.0])
    table = read_nas_bench_201(save(changed, tmp_path / "nb201.pth"), partial=True)
    X = table.space.parse(content["meta_archs"][:1])
    at = {"task": "cifar10", "epochs": 3, "seed": 777}
    assert np.isnan(table.query(X, metric="loss", split="test", **at))
    assert np.isnan(table.query(X, metric="latency", **at))


def test_counts_that_seeds_disagree_on_are_those_of_the_seed_that_counts_right(content, tmp_path):
    changed = change(content, "arch2infos", 1, "less", "all_results", ("cifar10", 777), "params", to=9.0)
    table = read_nas_bench_201(save(changed, tmp_path / "nb201.pth"), partial=True)
    assert table.query(table.X[1], task="cifar10", metric="params") == 1.25
    changed = change(content, "arch2infos", 0, "less", "all_results", ("cifar10", 777), "params", to=9.0)
    table = read_nas_bench_201(save(changed, tmp_path / "nb201.pth"), partial=True)
    assert np.isnan(table.query(table.X[0], task="cifar10", metric="params"))


@pytest.mark.parametrize("zipped", [False, True])
def test_truncated_files_are_one_clear_line(file, content, tmp_path, zipped):
    data = save(content, tmp_path / "whole.pth", zipped=zipped).read_bytes()
    cut = tmp_path / "cut.pth"
    for size in sorted({*range(40), *np.linspace(40, len(data) - 1, 60).astype(int).tolist(), len(data) - 1}):
        cut.write_bytes(data[:size])
        with pytest.raises(InvalidInputError, match=r"cut\.pth: expected"):
            read_nas_bench_201(cut, partial=True)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_hostile_file_runs_nothing(content, tmp_path, monkeypatch, zipped, hostile):
    monkeypatch.chdir(tmp_path)
    evil = save(change(content, *RESULT, "name", to=hostile), tmp_path / "evil.pth", zipped=zipped)
    with pytest.raises(RefusedGlobalError, match=r"evil\.pth: pickle asks for .*system"):
        read_nas_bench_201(evil, partial=True)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("zipped", [False, True])
def test_weights_are_refused_without_a_look_at_them(content, tmp_path, zipped):
    heavy = change(content, *RESULT, "net_state_dict", to={"weight": torch.zeros(4)})
    with pytest.raises(RefusedGlobalError, match=r"torch\._utils\._rebuild_tensor_v2"):
        read_nas_bench_201(save(heavy, tmp_path / "heavy.pth", zipped=zipped), partial=True)


def test_a_storage_of_any_claimed_size_takes_no_memory(tmp_path):
    claim = tmp_path / "claim.pth"
    head = b"".join(pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
    claim.write_bytes(head + b"\x80\x02(X\x07\x00\x00\x00storageJ\xff\xff\xff\x7ftQ." + pickle.dumps([], protocol=2))
    with pytest.raises(RefusedGlobalError, match="outside the file"):
        read_nas_bench_201(claim)
    claim.write_bytes(head + pickle.dumps({}, protocol=2) + pickle.dumps(["0"], protocol=2) + b"\xff" * 8)
    with pytest.raises(InvalidInputError, match="tensors after them"):
        read_nas_bench_201(claim)


def test_archives_that_torch_does_not_write_are_refused(tmp_path):
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(10**6))
    with pytest.raises(InvalidInputError, match="got a compressed one"):
        read_nas_bench_201(bomb)
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("bomb/other", b"")
    with pytest.raises(InvalidInputError, match="without data.pkl"):
        read_nas_bench_201(bomb)


@pytest.mark.parametrize(
    "content", [b"", b"hello", pickle.dumps({"meta_archs": []}), pickle.dumps(0x1950A86A20F9469CFC6C)]
)
def test_other_files_are_one_clear_line(tmp_path, content):
    other = tmp_path / "other.pth"
    other.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"other\.pth: expected"):
        read_nas_bench_201(other)
    with pytest.raises(InvalidInputError, match="expected a readable file"):
        read_nas_bench_201(tmp_path / "none.pth")
