"""NAS-Bench-Graph's pickles: light ones with means, full ones with every epoch."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers import read_source
from surrogate_nas.tables.importers.nas_bench_graph import read_nas_bench_graph, read_task, restore_ties

SPACE = get_space("nas-bench-graph")

#: Published keys: the digits are wiring and operations.
KEYS = [10_000, 88_887, 35_712, 0]


def rows(keys: list[int]) -> np.ndarray:
    return np.array([[int(d) for d in f"{key:05d}"] for key in keys])


def light(keys: list[int], seed: int = 0) -> dict[int, dict[str, float]]:
    """What the package's light files hold; parameters are NumPy scalars there."""
    rng = np.random.default_rng(seed)
    return {
        key: {
            "valid_perf": round(float(rng.random()), 4),
            "perf": round(float(rng.random()), 4),
            "latency": float(rng.random()),
            "para": np.float64(round(rng.random(), 6)),
        }
        for key in keys
    }


def full(keys: list[int], seed: int = 0) -> dict[int, dict[str, object]]:
    """What the full files hold: seven numbers for every epoch."""
    rng = np.random.default_rng(seed)
    return {
        key: {"dur": rng.random((5, 7)).round(4).tolist(), "latency": float(rng.random()), "para": float(rng.random())}
        for key in keys
    }


@pytest.fixture
def write(tmp_path):
    def to_file(name: str, content: object, protocol: int = 3) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=protocol))
        return path

    return to_file


def test_a_light_file_is_read_number_by_number(write):
    published = light(KEYS)
    table = read_source("nas-bench-graph", write("cora.bench", published), partial=True)
    assert len(table) == len(KEYS)
    for field, asked in {
        "valid_perf": {"metric": "accuracy", "split": "val"},
        "perf": {"metric": "accuracy", "split": "test"},
        "latency": {"metric": "latency"},
        "para": {"metric": "params"},
    }.items():
        got = table.query(rows(KEYS), task="cora", seed="mean", **asked)
        np.testing.assert_array_equal(got, [published[k][field] for k in KEYS])
    assert table.columns[0].unit == "1"


def test_a_folder_has_one_task_per_file_in_the_benchmarks_order(write, tmp_path):
    write("proteins.bench", light([11_111]))
    write("citeseer.bench", light(KEYS))
    write("notes.txt", b"ignored")
    table = read_nas_bench_graph(tmp_path, partial=True)
    assert table.tasks == ("citeseer", "proteins")
    assert table.default_metric("proteins") == "roc_auc"
    assert len(table) == len(KEYS) + 1
    assert np.isnan(table.query(rows(KEYS), task="proteins", metric="roc_auc", split="val")).all()


def test_an_archive_is_read_like_a_folder(tmp_path):
    path = tmp_path / "package.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("nas_bench_graph/light/cs.bench", pickle.dumps(light(KEYS)))
        file.writestr("nas_bench_graph/readbench.py", "import os")
    assert read_nas_bench_graph(path, partial=True).tasks == ("cs",)


def test_full_files_have_seeds_and_curves(write, tmp_path):
    published = {seed: full(KEYS, seed) for seed in range(2)}
    for seed, content in published.items():
        write(f"photo{seed}.bench", content)
    published[1][KEYS[0]]["dur"] = published[1][KEYS[0]]["dur"][:3]  # ended early
    write("photo1.bench", published[1])
    table = read_nas_bench_graph(tmp_path, partial=True)
    names = [("accuracy", "train"), ("accuracy", "val"), ("accuracy", "test")]
    names += [("loss", "train"), ("loss", "val"), ("loss", "test"), ("best_accuracy", "test")]
    for seed, content in published.items():
        for i, (metric, split) in enumerate(names):
            curve = table.curve(rows(KEYS), task="photo", metric=metric, split=split, epochs=5, seed=seed)
            assert curve.epochs == (1, 2, 3, 4, 5)
            for key, got in zip(KEYS, curve.values, strict=True):
                expected = np.full(5, np.nan, dtype=np.float32)
                log = [epoch[i] for epoch in content[key]["dur"]]
                expected[: len(log)] = log
                np.testing.assert_array_equal(got, expected)
    last = table.query(rows(KEYS[1:]), task="photo", metric="accuracy", split="val", epochs=5, seed=1)
    np.testing.assert_array_equal(last, np.float32([published[1][k]["dur"][-1][1] for k in KEYS[1:]]))
    ended = table.query(rows(KEYS[:1]), task="photo", metric="accuracy", split="val", epochs=5, seed=1)
    assert np.isnan(ended).all()
    got = table.query(rows(KEYS), task="photo", metric="latency", seed=0)
    np.testing.assert_array_equal(got, [published[0][k]["latency"] for k in KEYS])
    assert "figshare" in table.info.source


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_hostile_pickles_run_nothing(write, tmp_path):
    target = tmp_path / "harmed"
    for content in ({0: Hostile(target)}, {0: {"dur": Hostile(target)}}, Hostile(target)):
        with pytest.raises(InvalidInputError, match=r"cora\.bench.*allow-list"):
            read_nas_bench_graph(write("cora.bench", content))
    assert not target.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["cora.bench"]


def test_wherever_a_file_ends_it_is_refused(write):
    for name, content in (("cora.bench", light(KEYS)), ("cora0.bench", full(KEYS))):
        data = pickle.dumps(content, protocol=3)
        for end in range(0, len(data), 11):
            with pytest.raises(InvalidInputError, match=rf"{name}: .*expected a complete pickle"):
                read_nas_bench_graph(write(name, data[:end]), partial=True)


def test_truncated_archives_are_refused(tmp_path):
    path = tmp_path / "package.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("nas_bench_graph/light/cs.bench", pickle.dumps(light(KEYS)))
    data = bytearray(path.read_bytes())
    for end in range(0, len(data), 13):
        path.write_bytes(data[:end])
        with pytest.raises(InvalidInputError, match=r"package\.whl: expected"):
            read_nas_bench_graph(path, partial=True)
    for place in range(40, 160):  # inside the compressed member
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        with pytest.raises(InvalidInputError, match=r"package\.whl: "):
            read_nas_bench_graph(path, partial=True)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("cora.bench", [1, 2], "expected a dict from numbers to dicts"),
        ("cora.bench", {"a": {}}, "expected a dict from numbers to dicts"),
        ("cora.bench", {0: 1.5}, "expected a dict from numbers to dicts"),
        ("cora.bench", {}, "expected 26206 architectures, got 0"),
        ("cora.bench", {10**30: {}}, "every key to be another architecture"),
        ("cora.bench", {0: {"perf": 1.0}}, "expected a number as 'valid_perf', got None"),
        ("cora.bench", light(KEYS) | {0: {"valid_perf": "x", "perf": 1, "latency": 1, "para": 1}}, "'valid_perf'"),
        ("cora.bench", light(KEYS) | {0: {"valid_perf": 2.0, "perf": 1, "latency": 1, "para": 1}}, "expected 0 to 1"),
        ("cora0.bench", light(KEYS), "expected 'dur' with 7 numbers per epoch"),
        ("cora0.bench", {0: {"dur": [[1.0] * 6]}}, "expected 'dur' with 7 numbers per epoch"),
        ("cora0.bench", {0: {"dur": [[1.0] * 7, [1.0]]}}, "expected 'dur' with 7 numbers per epoch"),
        ("cora0.bench", {0: {"dur": []}}, "expected 'dur' with 7 numbers per epoch"),
        ("other.bench", light(KEYS), "expected files like cora.bench or cora0.bench, found none"),
    ],
)
def test_files_of_another_kind_are_refused(write, name, content, said):
    with pytest.raises(InvalidInputError, match=said) as error:
        read_nas_bench_graph(write(name, content), partial=True)
    assert "\n" not in str(error.value)
    assert name in str(error.value)


def test_unreadable_paths_and_mixtures_are_refused(write, tmp_path):
    with pytest.raises(InvalidInputError, match="found none"):
        read_nas_bench_graph(tmp_path)
    with pytest.raises(InvalidInputError, match=r"cora\.bench: expected a readable file"):
        read_nas_bench_graph(tmp_path / "cora.bench")
    write("cora.bench", light(KEYS))
    write("cora0.bench", full(KEYS))
    with pytest.raises(InvalidInputError, match="expected light files or full ones, got both"):
        read_nas_bench_graph(tmp_path, partial=True)


def test_missing_and_foreign_architectures_are_refused():
    few = {int("".join(map(str, x))): entry for x, entry in zip(rows(KEYS).tolist(), light(KEYS).values(), strict=True)}
    with pytest.raises(InvalidInputError, match="proteins: expected 2021 architectures, got 4; .*partial=True"):
        read_task(SPACE, "proteins", few)
    entry = few[0]
    for key in (88_888, 99_999, 100_000, -1):
        with pytest.raises(InvalidInputError, match="proteins: expected every key to be another architecture"):
            read_task(SPACE, "proteins", few | {key: entry}, partial=True)


def test_rounding_restores_ties_and_merges_nothing_else():
    thirds = np.array([(0.1 + 0.2 + 0.3) / 3, (0.3 + 0.2 + 0.1) / 3, 0.3, np.nan])
    assert thirds[0] != thirds[1]
    rounded = restore_ties("x", thirds)
    assert rounded[0] == rounded[1]
    assert np.isnan(rounded[3])
    with pytest.raises(InvalidInputError, match="would merge different values"):
        restore_ties("x", np.array([0.5, 0.5 + 2e-11]))


def test_the_benchmarks_own_reader_reads_the_same(write):
    """Values, and which architecture a number stands for."""
    official = pytest.importorskip("nas_bench_graph", reason="the benchmark's package is not installed")
    for name, content in (("cora.bench", light(KEYS)), ("cora0.bench", full(KEYS))):
        path = write(name, content)
        bench = official.read(str(path))
        table = read_nas_bench_graph(path, partial=True)
        seed = 0 if "dur" in bench[KEYS[0]] else "mean"
        for key in bench:
            links, ops = rows([key])[0][0], [list(official.gnn_list)[k] for k in rows([key])[0][1:]]
            assert official.Arch(list(official.link_list[links]), ops).valid_hash() == key
        got = table.query(rows(list(bench)), task="cora", metric="latency", seed=seed)
        np.testing.assert_array_equal(got, [entry["latency"] for entry in bench.values()])
