"""NAS-Bench-Suite-Zero's files: proxies as columns, NASLib's tuples as architectures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers import read_source
from surrogate_nas.tables.importers.suite_zero import read_suite_zero

#: Published pairs of NASLib's tuple and the official text, over all operations and edges.
PAIRS = {
    "(4, 0, 3, 1, 4, 3)": "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|",
    "(1, 3, 4, 1, 1, 3)": "|none~0|+|nor_conv_1x1~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|",
    "(2, 0, 4, 2, 1, 0)": "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|avg_pool_3x3~0|none~1|skip_connect~2|",
    "(3, 4, 1, 4, 0, 0)": "|nor_conv_1x1~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|none~0|skip_connect~1|skip_connect~2|",
    "(0, 1, 0, 2, 2, 4)": "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|avg_pool_3x3~2|",
}  # fmt: skip
PROXIES = ("epe_nas", "flops", "params", "synflow")


def entry(seed: int, *, failed: tuple[str, ...] = (), value: float = -1e8) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    scores = {p: {"score": float(rng.uniform(1, 100)), "time": float(rng.uniform(0, 2))} for p in PROXIES}
    for proxy in failed:
        scores[proxy]["score"] = value
    return {"id": seed, "val_accuracy": round(float(rng.uniform(50, 95)), 3), **scores}


@pytest.fixture
def write(tmp_path):
    def to_file(content: object, name: str = "zc_nasbench201.json") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return to_file


def test_every_score_and_second_is_read(write):
    content = {
        "cifar10": {key: entry(i) for i, key in enumerate(PAIRS)},
        "ninapro": {key: entry(10 + i) for i, key in enumerate(list(PAIRS)[:2])},
    }
    table = read_source("suite-zero", write(content), partial=True)
    assert table.tasks == ("cifar10", "ninapro")
    assert table.default_metric("cifar10") == "val_accuracy"
    X = table.space.parse(list(PAIRS.values()))
    for task, of in content.items():
        n = len(of)
        for proxy in PROXIES:
            got = table.query(X, task=task, metric=proxy)
            np.testing.assert_array_equal(got[:n], [e[proxy]["score"] for e in of.values()])
            assert np.isnan(got[n:]).all()
            got = table.query(X, task=task, metric=f"{proxy}_time")
            np.testing.assert_array_equal(got[:n], [e[proxy]["time"] for e in of.values()])
        got = table.query(X, task=task, metric="val_accuracy", split="val")
        np.testing.assert_array_equal(got[:n], [e["val_accuracy"] for e in of.values()])
    assert table.column(task="cifar10", metric="synflow_time").unit == "s"
    assert table.column(task="cifar10", metric="flops").spec.direction == "min"
    assert "id" not in table.metrics


@pytest.mark.parametrize("value", [-1e8, float("nan"), float("inf"), float("-inf")])
def test_failed_proxies_are_missing_values(write, value):
    content = {"cifar10": {key: entry(i, failed=("synflow", "flops"), value=value) for i, key in enumerate(PAIRS)}}
    table = read_suite_zero(write(content), partial=True)
    for metric in ("synflow", "flops"):
        assert np.isnan(table.query(table.X, task="cifar10", metric=metric)).all()
    assert not np.isnan(table.query(table.X, task="cifar10", metric="params")).any()


def test_tuples_mean_the_published_networks(shared_data, tmp_path):
    """Scores published under tuples against the same scores published under official texts, for 9,445 networks.

    Parameters and FLOPs follow from the network, so that a wrong order of edges or operations would show.
    """
    published = pd.read_parquet(shared_data / "nas-bench-201-zero-cost-cifar10.parquet")
    space = get_space("nas-bench-201")
    X = space.parse(published.index.tolist())
    names = [op.name for op in space.operations]
    theirs = [("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3").index(n) for n in names]
    edges = {(0, 1): 0, (0, 2): 1, (1, 2): 2, (0, 3): 3, (1, 3): 4, (2, 3): 5}
    order = [edges[e] for e in sorted(edges)]
    keys = [str(tuple(theirs[g] for g in row)) for row in X[:, order].tolist()]
    assert set(PAIRS) <= set(keys)
    content = {
        "cifar10": {
            key: {column: {"score": v} for column, v in row.items()} | {"val_accuracy": 0.0}
            for key, row in zip(keys, published.to_dict("records"), strict=True)
        }
    }
    path = tmp_path / "zc_nasbench201.json"
    path.write_text(json.dumps(content))
    table = read_suite_zero(path, partial=True)
    for column in published:
        expected = published[column].where(published[column] != -1e8).to_numpy()
        np.testing.assert_array_equal(table.query(X, task="cifar10", metric=column), expected)


def test_two_tuples_of_one_module_have_seeds(write):
    """NAS-Bench-101's rows are classes of equal graphs, of which a file may hold two."""
    chain = "(0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 3, 1)"
    other = "(0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 4, 1)"
    line = "(0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 2, 1)"
    content = {"cifar10": {chain: entry(0), other: entry(1), line: entry(2)}}
    table = read_suite_zero(write(content, "zc_nasbench101.json"), partial=True)
    assert len(table) == 2
    got = [table.query(table.X, task="cifar10", metric="synflow", seed=s) for s in (0, 1)]
    scores = [e["synflow"]["score"] for e in content["cifar10"].values()]
    np.testing.assert_array_equal(got, [[scores[0], scores[2]], [scores[1], np.nan]])


def test_genotypes_of_two_cells(write):
    normal = [(0, 2), (1, 3), (0, 3), (1, 4), (2, 5), (0, 6), (3, 0), (1, 1)]
    reduce = [(1, 0), (0, 1), (2, 2), (1, 3), (0, 4), (3, 5), (4, 6), (2, 0)]
    key = str((tuple(normal), tuple(reduce)))
    table = read_suite_zero(write({"cifar10": {key: entry(0)}}, "zc_nasbench301.json"), partial=True)
    ops = ["max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"]
    ops += ["dil_conv_3x3", "dil_conv_5x5"]
    cells = [[(ops[op], state) for state, op in cell] for cell in (normal, reduce)]
    text = f"Genotype(normal={cells[0]}, normal_concat=range(2, 6), reduce={cells[1]}, reduce_concat=range(2, 6))"
    np.testing.assert_array_equal(table.X, table.space.parse([text]))


def test_micro_cells_of_transnas(write):
    table = read_suite_zero(write({"jigsaw": {"(1, 2, 3, 0, 1, 2)": entry(0)}}, "zc_transbench101_micro.json"))
    assert table.space.format(table.X) == ["64-41414-1_23_012"]


def test_macro_networks_of_transnas(write):
    content = {"jigsaw": {"(1, 2, 3, 4, 0, 0)": entry(0), "(1, 1, 1, 3, 2, 4)": entry(1)}}
    table = read_suite_zero(write(content, "zc_transbench101_macro.json"))
    assert table.space.format(table.X) == ["64-1234-basic", "64-111324-basic"]


def test_the_space_can_be_named(write):
    content = {"cifar10": {key: entry(i) for i, key in enumerate(PAIRS)}}
    path = write(content, "renamed.json")
    with pytest.raises(UnknownNameError, match=r"renamed\.json: unknown space of NAS-Bench-Suite-Zero 'renamed'"):
        read_suite_zero(path)
    for space in ("nasbench201", "nas-bench-201"):
        table = read_suite_zero(path, space=space, partial=True)
        assert (len(table), table.space.name) == (len(PAIRS), "nas-bench-201")
    with pytest.raises(UnknownNameError, match="unknown space of NAS-Bench-Suite-Zero 'nas-bench-2011'.*did you mean"):
        read_suite_zero(path, space="nas-bench-2011")


def test_a_files_name_that_says_no_space_is_named_as_the_cause(write):
    path = write({"cifar10": {key: entry(i) for i, key in enumerate(PAIRS)}}, "zc_foo.json")
    with pytest.raises(
        UnknownNameError, match=r"'foo'.*taken from the file's name: .*space=\.\.\. \(--space\)"
    ) as error:
        read_suite_zero(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("file", "expected"),
    [("zc_nasbench101.json", "10,000"), ("zc_nasbench201.json", "15,625"), ("zc_nasbench301.json", "11,221")],
)
def test_a_part_has_to_be_wanted(write, file, expected):
    content = {"cifar10": {f"({i},)": entry(i) for i in range(3)}, "svhn": {"(0,)": entry(0)}}
    with pytest.raises(InvalidInputError, match=rf"{file}: expected {expected} architectures, got 3; .*\(--partial\)"):
        read_suite_zero(write(content, file))


def test_it_says_how_many_it_reads_where_nobody_published_the_number(write, listener):
    read_suite_zero(
        write({"jigsaw": {"(1, 2, 3, 0, 1, 2)": entry(0)}}, "zc_transbench101_micro.json"), progress=listener
    )
    assert listener.lines == ["zc_transbench101_micro.json: 1 architectures, 1 task(s)"]


def test_wherever_the_file_ends_it_is_refused(write):
    data = json.dumps({"cifar10": {"(4, 0, 3, 1, 4, 3)": entry(0)}}).encode()
    for end in range(0, len(data), 9):
        with pytest.raises(InvalidInputError, match=r"zc_nasbench201\.json: expected complete JSON"):
            read_suite_zero(write(data[:end]))


GOOD = "(4, 0, 3, 1, 4, 3)"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "the file: expected an object"),
        ({"cifar10": {}}, "cifar10: expected an object"),
        ({"cifar10": {GOOD: 1.5}}, "expected an object"),
        ({"cifar10": {GOOD: {"synflow": 1.5}}}, "synflow: expected an object"),
        ({"cifar10": {GOOD: {"synflow": {"time": 1.5}}}}, "synflow: expected a number"),
        ({"cifar10": {GOOD: {"synflow": {"score": "high"}}}}, "synflow: expected a number"),
        ({"cifar10": {GOOD: {"val_accuracy": None}}}, "val_accuracy: expected a number"),
        ({"cifar10": {"(4, 0, 3)": entry(0)}}, "expected architectures of 6 numbers"),
        ({"cifar10": {"(4, 0, 3, 1, 4, 5)": entry(0)}}, "expected operations from 0 to 4, got 5"),
        ({"cifar10": {"(4, 0, 3, 1, 4, 12345)": entry(0)}}, "expected operations from 0 to 4, got 12345"),
        ({"cifar10": {"__import__('os')": entry(0)}}, "expected architectures as tuples of numbers"),
        ({"cifar10": {"": entry(0)}}, "expected architectures as tuples of numbers"),
        (b"\x80\x04.", "expected complete JSON"),
    ],
)
def test_files_of_another_kind_are_refused(write, content, said):
    with pytest.raises(InvalidInputError, match=said) as error:
        read_suite_zero(write(content), partial=True)
    assert "\n" not in str(error.value)
    assert "zc_nasbench201.json: " in str(error.value)


def test_tuples_of_another_space_are_refused(write):
    for name in ("zc_nasbench101.json", "zc_nasbench301.json", "zc_transbench101_macro.json"):
        with pytest.raises(InvalidInputError, match=name):
            read_suite_zero(write({"cifar10": {"(7, 7, 7, 7, 7)": entry(0)}}, name), partial=True)


def test_layers_that_do_not_exist_are_refused(write):
    content = {"jigsaw": {"(1, 2, 34)": entry(0)}}
    with pytest.raises(InvalidInputError, match="expected operations from 0 to 4, got 34"):
        read_suite_zero(write(content, "zc_transbench101_macro.json"))


def test_unreadable_paths_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="expected a readable file"):
        read_suite_zero(tmp_path / "zc_nasbench201.json")
