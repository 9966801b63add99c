"""NAS-Bench-Macro's JSON file."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.tables.importers import read_source
from surrogate_nas.tables.importers.nas_bench_macro import read_nas_bench_macro


def entry(accuracies: list[float], params: int = 3_468_426, flops: int = 88_345_088) -> dict[str, object]:
    """What the benchmark's collecting script writes for one architecture."""
    return {
        "test_acc": accuracies,
        "mean_acc": float(np.mean(accuracies)),
        "std": float(np.std(accuracies)),
        "params": params,
        "flops": flops,
    }


def content(names: list[str]) -> dict[str, dict[str, object]]:
    rng = np.random.default_rng(0)
    counts = [(int(p), int(f)) for p, f in rng.integers(10**6, 10**7, (len(names), 2))]
    scores = np.round(rng.uniform(80, 94, (len(names), 3)), 2).tolist()
    return {n: entry(s, *c) for n, s, c in zip(names, scores, counts, strict=True)}


@pytest.fixture
def write(tmp_path):
    def to_file(content: object) -> Path:
        path = tmp_path / "nas-bench-macro_cifar10.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return to_file


def test_every_number_of_the_whole_file_is_read(write):
    names = ["".join(digits) for digits in itertools.product("012", repeat=8)]
    published = content(names[::-1])  # the file's order is its own
    table = read_source("nas-bench-macro", write(published))
    assert len(table) == table.space.size == 3**8
    X = table.space.parse(list(published))
    at = {"task": "cifar10", "metric": "accuracy", "split": "test"}
    for seed in range(3):
        expected = [e["test_acc"][seed] for e in published.values()]
        np.testing.assert_array_equal(table.query(X, **at, seed=seed), expected)
    np.testing.assert_array_equal(table.query(X, **at, seed="mean"), [e["mean_acc"] for e in published.values()])
    for metric in ("params", "flops"):
        expected = np.array([e[metric] for e in published.values()]) / 1e6
        np.testing.assert_array_equal(table.query(X, task="cifar10", metric=metric), expected)
        assert table.column(task="cifar10", metric=metric).unit == "million"


def test_a_part_is_read_on_request(write):
    published = content(["00000000", "01201201"])
    with pytest.raises(InvalidInputError, match=r"expected 6,561 architectures, got 2; .*partial=True"):
        read_nas_bench_macro(write(published))
    assert len(read_nas_bench_macro(write(published), partial=True)) == 2


def test_a_rounded_mean_is_accepted_and_the_exact_one_kept(write):
    published = content(["00000000", "01201201"])
    exact = [e["mean_acc"] for e in published.values()]
    for e in published.values():
        e["mean_acc"] = round(e["mean_acc"], 2)
    table = read_nas_bench_macro(write(published), partial=True)
    at = {"task": "cifar10", "metric": "accuracy", "split": "test", "seed": "mean"}
    np.testing.assert_array_equal(table.query(table.space.parse(list(published)), **at), exact)


def test_an_architecture_given_twice_is_refused(write):
    twice = json.dumps(content(["00000000"]))[1:-1]
    with pytest.raises(
        InvalidInputError, match=r"cifar10\.json: expected each key .* once, got '00000000' again"
    ) as error:
        read_nas_bench_macro(write(f"{{{twice}, {twice}}}".encode()), partial=True)
    assert "\n" not in str(error.value)


def test_wherever_the_file_ends_it_is_refused(write):
    data = json.dumps(content(["00000000", "01201201"])).encode()
    for end in range(0, len(data), 9):
        with pytest.raises(InvalidInputError, match=r"cifar10\.json: expected complete JSON"):
            read_nas_bench_macro(write(data[:end]), partial=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "expected an object"),
        ({}, "expected an object"),
        ({"00000000": [1]}, "00000000: expected an object"),
        ({"0000000": entry([1.0, 2.0, 3.0])}, "row 0"),
        ({"00000003": entry([1.0, 2.0, 3.0])}, "row 0"),
        ({"00000000": entry([1.0, 2.0])}, "'test_acc' with 3 numbers"),
        ({"00000000": entry([1.0, 2.0, 3.0]) | {"test_acc": [1.0, 2.0, "3"]}}, "test_acc: expected a number"),
        ({"00000000": entry([1.0, 2.0, 3.0]) | {"mean_acc": 2.5}}, "expected the mean"),
        ({"00000000": entry([1.0, 2.0, 3.0]) | {"mean_acc": 2.02}}, "expected the mean"),
        ({"00000000": entry([1.0, 2.0, 300.0])}, "expected 0 to 100"),
        ({"00000000": entry([1.0, 2.0, 3.0]) | {"params": None}}, "params: expected a number"),
        ({"00000000": entry([1.0, 2.0, 3.0]) | {"flops": -1}}, "expected 0"),
        (b"\xff\xfe{}", "expected complete JSON"),
        (b"[" * 100_000, "expected complete JSON"),
    ],
)
def test_files_of_another_kind_are_refused(write, content, said):
    with pytest.raises(InvalidInputError, match=said) as error:
        read_nas_bench_macro(write(content), partial=True)
    assert "\n" not in str(error.value)
    assert "nas-bench-macro_cifar10.json: " in str(error.value)


def test_unreadable_paths_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(InvalidInputError, match="expected a readable file"):
            read_nas_bench_macro(path)
