"""NATS-Bench's folders and single files: written here as published, read by us and, where installed, by its own API."""

import bz2
import copy
import os
import pickle
import tarfile

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers import nats_bench
from surrogate_nas.tables.importers.nats_bench import read_nats_bench
from surrogate_nas.tables.safe_pickle import RefusedGlobalError

#: The published schedules have 12 and 200, or 1, 12 and 90, epochs.
TOPOLOGY = {"12": 12, "200": 4}
SIZE = {"01": 1, "12": 12, "90": 3}

SPLITS = {
    "cifar10-valid": {"train": "train", "x-valid": "val", "ori-test": "test"},
    "cifar10": {"train": "train", "ori-test": "test"},
    "cifar100": {"train": "train", "x-valid": "val", "x-test": "test", "ori-test": "val+test"},
    "ImageNet16-120": {"train": "train", "x-valid": "val", "x-test": "test", "ori-test": "val+test"},
}


@pytest.fixture(scope="module")
def topologies(writers):
    return writers.records(writers.TOPOLOGIES, TOPOLOGY)


@pytest.fixture(scope="module")
def folder(writers, topologies, tmp_path_factory):
    return writers.write_folder(
        tmp_path_factory.mktemp("nats") / "NATS-tss-v1_0-3ffb9-simple", writers.TOPOLOGIES, topologies
    )


@pytest.fixture(scope="module")
def table(folder):
    return read_nats_bench(folder, partial=True)


def assert_api_agrees(api, table, texts):
    """What NATS-Bench's own API says of every training is what the table says."""
    for i, text in enumerate(texts):
        assert api[i] == text
        X = table.space.parse([text])
        api.get_cost_info(
            i, "cifar10"
        )  # in fast mode, the API reads an architecture's file at the first question that needs it
        for hp in api.avaliable_hps:
            for task, sets in SPLITS.items():
                results = api.query_meta_info_by_index(i, hp)
                epochs = results.get_total_epoch(task)
                for seed in results.get_dataset_seeds(task):
                    at = {"task": task, "epochs": epochs, "seed": seed}
                    for name, split in sets.items():
                        for epoch in range(epochs):
                            theirs = results.get_metrics(task, name, iepoch=epoch, is_random=seed)
                            if epochs > 1:
                                after, curve = table.curve(X, metric="accuracy", split=split, **at)
                                assert curve[0, list(after).index(epoch + 1)] == np.float32(theirs["accuracy"])
                        assert table.query(X, metric="accuracy", split=split, **at) == theirs["accuracy"]
                        assert table.query(X, metric="loss", split=split, **at) == theirs["loss"]
                    seconds = api.get_more_info(i, task, hp=hp, is_random=seed)["train-all-time"]
                    assert table.query(X, metric="train_time", **at) == pytest.approx(seconds, rel=1e-12)
                costs = api.get_cost_info(i, task, hp=hp)
                for ours, theirs in (("params", "params"), ("flops", "flops"), ("latency", "latency")):
                    assert table.query(X, task=task, metric=ours) == costs[theirs]


def test_every_number_of_a_folder_is_read(writers, topologies, table):
    assert table.name == "nats-tss"
    assert table.space is get_space("nas-bench-201")
    assert table.tasks == tuple(SPLITS)
    assert table.space.format(table.X) == writers.TOPOLOGIES
    for i, schedules in topologies.items():
        for record in schedules.values():
            for (task, seed), result in record["all_results"].items():
                at = {"task": task, "epochs": result["epochs"], "seed": seed}
                for name, split in SPLITS[task].items():
                    _, curve = table.curve(table.X[i], metric="accuracy", split=split, **at)
                    keys = (
                        range(result["epochs"]) if name == "train" else [f"{name}@{e}" for e in range(result["epochs"])]
                    )
                    published = result["train_acc1es"] if name == "train" else result["eval_acc1es"]
                    np.testing.assert_array_equal(curve[0], np.float32([published[k] for k in keys]))
                    y = table.query(table.X[i], metric="accuracy", split=split, **at)
                    assert y == published[keys[-1]]


def test_latency_that_all_trainings_share_is_one_column(table):
    (column,) = [c for c in table.columns if c.task == "cifar100" and c.metric == "latency"]
    assert (column.epochs, column.seed, column.unit) == (None, None, "s")
    assert table.query(table.X, task="cifar100", metric="latency").tolist() == [0.0125] * 4


def test_a_large_single_file_says_what_memory_it_needs(tmp_path, listener):
    path = tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    path.touch()
    os.truncate(path, 2**27)  # a hole, which takes no room
    with pytest.raises(InvalidInputError):
        read_nats_bench(path, progress=listener)
    assert "takes about 2.5 GB of memory; the folder NATS-tss-v1_0-3ffb9-simple is read" in listener.lines[-1]


def test_a_single_file_says_the_same(writers, topologies, table, tmp_path, listener):
    path = writers.write_bz2(
        writers.single(writers.TOPOLOGIES, topologies), tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    )
    whole = read_nats_bench(path, progress=listener, partial=True)
    assert not [line for line in listener.lines if "memory" in line]  # nothing to speak of
    assert whole.columns == table.columns
    np.testing.assert_array_equal(whole.X, table.X)
    for c in table.columns:
        which = {"task": c.task, "metric": c.metric, "split": c.split, "epochs": c.epochs, "seed": c.seed}
        np.testing.assert_array_equal(whole.values(**which), table.values(**which))


@pytest.mark.parametrize("fast", [True, False])
def test_its_own_api_reads_the_same(writers, topologies, folder, table, tmp_path, fast):
    api_module = pytest.importorskip("nats_bench", reason="the benchmark's own reader is not installed")
    path = (
        folder
        if fast
        else writers.write_bz2(writers.single(writers.TOPOLOGIES, topologies), tmp_path / "a.pickle.pbz2")
    )
    api = api_module.create(str(path), "tss", fast_mode=fast, verbose=False)
    assert_api_agrees(api, read_nats_bench(path, partial=True), writers.TOPOLOGIES)


def test_the_size_benchmark(writers, tmp_path):
    records = writers.records(writers.SIZES, SIZE)
    folder = writers.write_folder(tmp_path / "NATS-sss-v1_0-50262-simple", writers.SIZES, records)
    table = read_nats_bench(folder, partial=True)
    assert table.name == table.space.name == "nats-sss"
    assert table.space.format(table.X) == writers.SIZES
    assert {c.epochs for c in table.columns if c.metric == "accuracy"} == {1, 12, 3}
    assert {c.epochs for c in table.curves} == {12, 3}  # a schedule of one epoch has no curve


def test_its_own_api_reads_the_same_sizes(writers, tmp_path):
    records = writers.records(writers.SIZES, SIZE)
    folder = writers.write_folder(tmp_path / "sizes", writers.SIZES, records)
    table = read_nats_bench(folder, partial=True)
    api_module = pytest.importorskip("nats_bench", reason="the benchmark's own reader is not installed")
    api = api_module.create(str(folder), "sss", fast_mode=True, verbose=False)
    assert_api_agrees(api, table, writers.SIZES)


def archive_of(folder, path, **options):
    with tarfile.open(path, "w", **options) as archive:
        archive.add(folder, arcname=folder.name)
    return path


def test_the_archive_is_read_as_it_is_downloaded(folder, table, tmp_path):
    again = read_nats_bench(archive_of(folder, tmp_path / "NATS-tss-v1_0-3ffb9-simple.tar"), partial=True)
    assert again.columns == table.columns
    np.testing.assert_array_equal(again.X, table.X)
    for c in table.columns:
        which = {"task": c.task, "metric": c.metric, "split": c.split, "epochs": c.epochs, "seed": c.seed}
        np.testing.assert_array_equal(again.values(**which), table.values(**which))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["NATS-tss-v1_0-3ffb9-simple.tar"], "nothing is unpacked"


def test_truncated_archives_are_one_clear_line(folder, tmp_path):
    path = archive_of(folder, tmp_path / "cut.tar")
    whole = path.read_bytes()
    for size in (0, 100, 512, 700, 1536, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(InvalidInputError, match=r"cut\.tar: "):
            read_nats_bench(path, partial=True)
    path.write_bytes(b"no archive at all" * 100)
    with pytest.raises(InvalidInputError, match="expected a complete tar archive"):
        read_nats_bench(path, partial=True)


def test_progress_counts_architectures(folder, listener):
    read_nats_bench(folder, progress=listener, partial=True, curves=False)
    assert listener.lines == []
    assert listener.counts == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_missing_architectures_are_an_error_unless_a_part_is_wanted(writers, topologies, tmp_path):
    some = {i: topologies[i] for i in (1, 3)}
    folder = writers.write_folder(tmp_path / "part", writers.TOPOLOGIES, some)
    with pytest.raises(InvalidInputError, match=r"part: expected 15,625 architectures, got 2; .*partial=True"):
        read_nats_bench(folder)
    table = read_nats_bench(folder, partial=True)
    assert table.space.format(table.X) == [writers.TOPOLOGIES[1], writers.TOPOLOGIES[3]]


def test_files_without_padded_numbers_are_found(writers, topologies, table, tmp_path):
    folder = writers.write_folder(tmp_path / "older", writers.TOPOLOGIES, topologies)
    for i in range(4):
        (folder / f"{i:06d}.pickle.pbz2").rename(folder / f"{i}.pickle.pbz2")
    assert read_nats_bench(folder, partial=True, curves=False).columns == table.columns


@pytest.mark.parametrize("single", [True, False])
def test_a_hostile_file_runs_nothing(writers, topologies, tmp_path, monkeypatch, single, hostile):
    monkeypatch.chdir(tmp_path)
    evil = copy.deepcopy(topologies)
    evil[2]["12"]["all_results"]["cifar10", 777]["arch_config"] = hostile
    if single:
        path = writers.write_bz2(writers.single(writers.TOPOLOGIES, evil), tmp_path / "evil.pickle.pbz2")
    else:
        path = writers.write_folder(tmp_path / "evil", writers.TOPOLOGIES, evil)
    with pytest.raises(RefusedGlobalError, match=r"evil.*: pickle asks for .*system") as caught:
        read_nats_bench(path, partial=True)
    assert single or "000002.pickle.pbz2" in str(caught.value)
    assert not (tmp_path / "harmed").exists()


def test_a_file_that_expands_beyond_all_bounds_is_refused(writers, topologies, tmp_path, monkeypatch):
    folder = writers.write_folder(tmp_path / "bomb", writers.TOPOLOGIES, topologies)
    monkeypatch.setattr(nats_bench, "MEMBER_LIMIT", 2**20)
    writers.write_bz2({"12": bytes(2**24)}, folder / "000001.pickle.pbz2")
    assert (folder / "000001.pickle.pbz2").stat().st_size < 200
    with pytest.raises(InvalidInputError, match=r"bomb: 000001\.pickle\.pbz2: expands to more bytes"):
        read_nats_bench(folder, partial=True)


def test_truncated_files_are_one_clear_line(folder, tmp_path, writers, topologies):
    copied = writers.write_folder(tmp_path / "cut", writers.TOPOLOGIES, topologies)
    for name in ("meta.pickle.pbz2", "000003.pickle.pbz2"):
        whole = (copied / name).read_bytes()
        for size in {*range(12), *np.linspace(12, len(whole) - 1, 12).astype(int).tolist(), len(whole) - 1}:
            (copied / name).write_bytes(whole[:size])
            with pytest.raises(InvalidInputError, match=rf"cut: {name}: expected"):
                read_nats_bench(copied, partial=True, curves=False)
        (copied / name).write_bytes(whole)
    (copied / name).write_bytes(bz2.compress(bz2.decompress(whole) + b"more"))
    with pytest.raises(InvalidInputError, match="got more after it"):
        read_nats_bench(copied, partial=True, curves=False)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ([1], "the file: expected a record, got list"),
        ({"meta_archs": []}, "expected 'meta_archs' with architectures"),
        ({"meta_archs": ["|none~0|"]}, "expected"),
        ({"meta_archs": ["a|b", "c"], "total_archs": 3}, "expected 3 architectures, got 2"),
    ],
)
def test_another_version_is_one_clear_line(writers, topologies, tmp_path, meta, message):
    folder = writers.write_folder(tmp_path / "wrong", writers.TOPOLOGIES, topologies)
    writers.write_bz2(meta, folder / "meta.pickle.pbz2")
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_nats_bench(folder, partial=True)
    assert str(caught.value).startswith(str(folder))


def test_results_of_another_architecture_are_refused(writers, topologies, tmp_path):
    folder = writers.write_folder(tmp_path / "mixed", writers.TOPOLOGIES, topologies)
    (folder / "000001.pickle.pbz2").replace(folder / "000000.pickle.pbz2")
    with pytest.raises(InvalidInputError, match=r"architecture 0: expected the results of \|avg_pool"):
        read_nats_bench(folder, partial=True)


def test_other_places_are_one_clear_line(tmp_path):
    with pytest.raises(InvalidInputError, match=r"meta\.pickle\.pbz2: expected this file, it is missing"):
        read_nats_bench(tmp_path)
    with pytest.raises(InvalidInputError, match="expected a readable file"):
        read_nats_bench(tmp_path / "none.pickle.pbz2")
    (tmp_path / "plain.pickle.pbz2").write_bytes(pickle.dumps({}))
    with pytest.raises(InvalidInputError, match="expected a readable file"):
        read_nats_bench(tmp_path / "plain.pickle.pbz2")
