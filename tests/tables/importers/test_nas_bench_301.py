"""NAS-Bench-301's results, one JSON file per training, in folders and in an archive."""

import copy
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers import read_source
from surrogate_nas.tables.importers.nas_bench_301 import read_nas_bench_301

DARTS = "NetworkSelectorDatasetInfo:darts:"
CURVES = ("train_accuracy", "train_cross_entropy", "val_accuracy", "test_accuracy")


@pytest.fixture(scope="module")
def configs() -> list[dict[str, str]]:
    """Architectures as the benchmark writes them."""
    space = get_space("nas-bench-301")
    return [space.to_config(x) for x in space.sample(3, 0, unique=True)]


def result(config: dict[str, str], seed: int, *, epochs: int = 100, curves: int = 0) -> dict[str, object]:
    """One file's content, with the keys of the published ones and made-up numbers."""
    rng = np.random.default_rng(seed)
    train, val, test = np.round(rng.uniform(80, 99, 3), 3).tolist()
    content: dict[str, object] = {
        "final_metric_score": -val,
        "optimized_hyperparamater_config": {
            "CreateImageDataLoader:batch_size": 96,
            "ImageAugmentation:cutout": "True",
            "NetworkSelectorDatasetInfo:network": "darts",
            f"{DARTS}auxiliary": "True",
            f"{DARTS}drop_path_prob": 0.2,
            f"{DARTS}init_channels": 32,
            f"{DARTS}layers": 8,
            "OptimizerSelector:sgd:learning_rate": 0.025,
            "SimpleLearningrateSchedulerSelector:cosine_annealing:T_max": epochs,
            **config,
        },
        "budget": epochs,
        "info": [
            {
                "train_loss": 0.5,
                "train_accuracy": train,
                "val_accuracy": val,
                "epochs": epochs - 2,
                "model_parameters": 1_000_000 + sum(map(ord, "".join(config.values()))),
                "dataset_id": 0,
            }
        ],
        "test_accuracy": test,
        "runtime": int(rng.integers(5_000, 9_000)),
    }
    if curves:
        logs = {f"Train/{name}": np.round(rng.uniform(10, 99, curves), 3).tolist() for name in CURVES}
        content["learning_curves"] = logs | {"Train/learning_rate": [0.1] * curves, "Other/tag": "text"}
    return content


@pytest.fixture
def results(configs) -> dict[str, dict[str, object]]:
    """Two optimisers; the first architecture was trained three times, once with another schedule."""
    return {
        "nb_301/bananas/results_2.json": result(configs[0], 0, curves=98),
        "nb_301/bananas/results_10.json": result(configs[1], 1, curves=97),
        "nb_301/rs/results_0_ti.json": result(configs[0], 2, curves=98),
        "nb_301/rs/results_1.json": result(configs[2], 3),
        "nb_301/rs/results_2.json": result(configs[0], 4, epochs=50),
    }


@pytest.fixture
def folder(tmp_path, results) -> Path:
    for name, content in results.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    (tmp_path / "data" / "nb_301" / "README.md").write_text("not a result")
    return tmp_path / "data"


def check(table, configs, results):
    space = table.space
    X = space.from_config(configs)
    np.testing.assert_array_equal(table.X, X)
    first, second, again, third, short = results.values()
    nan = float("nan")
    for epochs, seed, trained in ((100, 0, [first, second, third]), (100, 1, [again, None, None]), (50, 0, [short])):
        trained = [*trained, None, None][:3]
        at = {"task": "cifar10", "epochs": epochs, "seed": seed}
        for split in ("train", "val"):
            expected = [t["info"][0][f"{split}_accuracy"] if t else nan for t in trained]
            np.testing.assert_array_equal(table.query(X, metric="accuracy", split=split, **at), expected)
        for metric, split, key in (("accuracy", "test", "test_accuracy"), ("train_time", "", "runtime")):
            expected = [t[key] if t else nan for t in trained]
            np.testing.assert_array_equal(table.query(X, metric=metric, split=split, **at), expected)
    expected = [r["info"][0]["model_parameters"] / 1e6 for r in (first, second, third)]
    np.testing.assert_array_equal(table.query(X, task="cifar10", metric="params"), expected)
    for name in CURVES:
        split, metric = name.split("_", 1)
        for seed, trained in ((0, [first, second, None]), (1, [again, None, None])):
            curve = table.curve(X, task="cifar10", metric=metric, split=split, epochs=100, seed=seed)
            assert curve.epochs == tuple(range(1, 101))
            for values, content in zip(curve.values, trained, strict=True):
                expected = np.full(100, nan, dtype=np.float32)
                log = content["learning_curves"][f"Train/{name}"] if content else []
                expected[: len(log)] = log
                np.testing.assert_array_equal(values, expected)


def test_a_folder_of_folders_is_read_number_by_number(folder, configs, results):
    table = read_source("nas-bench-301", folder, partial=True)
    check(table, configs, results)
    column = table.column(task="cifar10", metric="accuracy", split="val", epochs=100, seed=0)
    assert (column.unit, column.direction) == ("%", "max")


def test_the_archive_is_read_without_unpacking(folder, configs, results, tmp_path):
    path = tmp_path / "nb_301.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in results.items():
            archive.writestr(name, json.dumps(content))
        archive.writestr("nb_301/README.md", "not a result")
    check(read_nas_bench_301(path, partial=True), configs, results)
    data = path.read_bytes()
    for end in range(0, len(data), 101):
        path.write_bytes(data[:end])
        with pytest.raises(InvalidInputError, match=r"nb_301\.zip: .*expected"):
            read_nas_bench_301(path, partial=True)


def test_one_file_is_read_alone(folder, results):
    path = folder / "nb_301" / "rs" / "results_1.json"
    table = read_nas_bench_301(path, partial=True)
    assert table.query(table.X, task="cifar10", metric="accuracy", split="test").tolist() == [
        results["nb_301/rs/results_1.json"]["test_accuracy"]
    ]


def test_members_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("surrogate_nas.tables.importers.nas_bench_301._MAX_BYTES", 1000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("results_0.json", " " * 10**6)
    with pytest.raises(InvalidInputError, match=r"bomb\.zip: results_0\.json: expected at most 1,000 bytes"):
        read_nas_bench_301(path, partial=True)


def test_wherever_a_file_ends_it_is_named_and_refused(folder):
    path = folder / "nb_301" / "rs" / "results_1.json"
    data = path.read_bytes()
    for end in range(0, len(data), 37):
        path.write_bytes(data[:end])
        with pytest.raises(InvalidInputError, match=r"data: nb_301/rs/results_1\.json: .*expected") as error:
            read_nas_bench_301(folder, partial=True)
        assert "\n" not in str(error.value)


def _set(content, *keys, value):
    *path, last = keys
    for key in path:
        content = content[key]
    if value is None:
        del content[last]
    else:
        content[last] = value


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (["optimized_hyperparamater_config"], None, "optimized_hyperparamater_config: expected an object"),
        (["optimized_hyperparamater_config", f"{DARTS}layers"], None, "layers: expected an integer from 1"),
        (["optimized_hyperparamater_config", f"{DARTS}edge_normal_0"], "conv", "edge"),
        (["info"], [], "expected 'info' with one training"),
        (["info", 0, "val_accuracy"], None, "val accuracy: expected a number"),
        (["info", 0, "val_accuracy"], 150.0, "expected 0 to 100"),
        (["test_accuracy"], "high", "test accuracy: expected a number"),
        (["runtime"], None, "runtime: expected a number"),
        (["budget"], 0, "budget: expected an integer from 1"),
        (["learning_curves"], [1, 2], "learning_curves: expected an object"),
        (["learning_curves"], {"Train/val_accuracy": []}, "expected 1 to 100 numbers"),
        (["learning_curves"], {"Train/val_accuracy": [1.0] * 101}, "expected 1 to 100 numbers"),
        (["learning_curves"], {"Train/val_accuracy": ["a"]}, "expected a number"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, configs, keys, value, said):
    content = copy.deepcopy(result({**configs[0], f"{DARTS}edge_normal_0": "skip_connect"}, 0))
    _set(content, *keys, value=value)
    path = tmp_path / "results_0.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InvalidInputError, match=said) as error:
        read_nas_bench_301(path, partial=True)
    assert str(error.value).startswith(str(path))


def test_a_bad_architecture_among_many_is_named(folder):
    path = folder / "nb_301" / "rs" / "results_1.json"
    content = json.loads(path.read_text())
    edge = next(k for k in content["optimized_hyperparamater_config"] if k.startswith(f"{DARTS}edge"))
    content["optimized_hyperparamater_config"][edge] = "conv_9x9"
    path.write_text(json.dumps(content))
    with pytest.raises(InvalidInputError, match=r"data: nb_301/rs/results_1\.json: .*conv_9x9"):
        read_nas_bench_301(folder, partial=True)


def test_networks_of_different_sizes_are_not_mixed(folder, configs):
    content = result(configs[1], 9)
    content["optimized_hyperparamater_config"][f"{DARTS}layers"] = 20
    (folder / "results_9.json").write_text(json.dumps(content))
    with pytest.raises(InvalidInputError, match="one depth and width, got 8 layers of 32 channels, 20 layers of 32"):
        read_nas_bench_301(folder, partial=True)


def test_parameters_that_contradict_each_other_are_refused(folder, configs):
    content = result(configs[0], 9)
    content["info"][0]["model_parameters"] += 1
    (folder / "results_9.json").write_text(json.dumps(content))
    with pytest.raises(InvalidInputError, match=r"results_\d+\.json: expected .* million parameters as in another"):
        read_nas_bench_301(folder, partial=True)


def test_empty_and_missing_places_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="found none"):
        read_nas_bench_301(tmp_path, partial=True)
    with pytest.raises(InvalidInputError, match="expected a readable file"):
        read_nas_bench_301(tmp_path / "none", partial=True)


def test_a_part_has_to_be_wanted(folder, monkeypatch, listener):
    with pytest.raises(InvalidInputError, match=r"about 60,000 results, got 5; .*partial=True \(--partial\)") as error:
        read_nas_bench_301(folder)
    assert "\n" not in str(error.value)
    monkeypatch.setattr("surrogate_nas.tables.importers.nas_bench_301.FEWEST", 5)
    assert len(read_nas_bench_301(folder, progress=listener)) == 3
    assert listener.lines == ["data: 5 results of 3 architectures"]
