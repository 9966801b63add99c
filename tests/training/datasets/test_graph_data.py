"""The data sets that come with the package, and what a wrong graph of one's own is answered with."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training import graph_dataset, list_datasets, load_dataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.arange(40) % 2
EDGES = np.array([[0, 1], [1, 2], [2, 0], [3, 3]])


@pytest.mark.parametrize(
    ("name", "nodes", "classes", "resplits", "sizes"),
    [
        ("digits", 1797, 10, 1, (100, 500, 1197)),
        ("wine", 178, 3, 10, (30, 74, 74)),
        ("breast-cancer", 569, 2, 10, (20, 274, 275)),
    ],
)
def test_sizes(name, nodes, classes, resplits, sizes):
    data = load_dataset(name)
    assert data is load_dataset(name)
    assert data.x.shape[0] == len(data.y) == nodes
    assert data.num_classes == classes
    assert [tuple(map(len, split)) for split in data.splits] == [sizes] * resplits
    for split in data.splits:
        assert len(np.unique(np.concatenate(split))) == nodes
        assert set(np.bincount(data.y[split.train])) == {10}
    assert len({split.train.tobytes() for split in data.splits}) == resplits
    np.testing.assert_allclose(data.x.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(data.x.std(0), 1, atol=1e-5)


@pytest.mark.parametrize("name", list_datasets("graph"))
def test_graphs_are_symmetric_without_loops_or_repeats(name):
    source, target = load_dataset(name).edge_index
    pairs = set(zip(source.tolist(), target.tolist(), strict=True))
    assert len(pairs) == len(source)
    assert pairs == {(b, a) for a, b in pairs}
    assert (source != target).all()
    assert np.bincount(target).min() >= 4


def test_descriptors_of_a_graph_one_can_count():
    data = graph_dataset(X, Y, edges=EDGES, labelled_per_class=5)
    assert data.descriptors() == pytest.approx({
        "nodes": 40, "edges": 6, "features": 3, "classes": 2, "mean_degree": 0.15,
        "degree_spread": np.std([2, 2, 2, *[0] * 37]) / 0.15, "homophily": 2 / 6, "label_rate": 0.25, "resplits": 1,
    })  # fmt: skip


def test_labels_may_be_text_and_neighbours_are_joined_both_ways():
    data = graph_dataset([[0.0], [1.0], [10.0], [11.5]] * 3, list("abab") * 3, k=1, labelled_per_class=1)
    assert sorted(set(data.y.tolist())) == [0, 1]
    assert data.edge_index.shape[0] == 2


def test_given_splits_are_taken():
    data = graph_dataset(X, Y, edges=EDGES, splits=[(range(10), range(10, 20), range(20, 40))])
    assert data.splits[0].test.tolist() == list(range(20, 40))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.where(np.arange(120).reshape(40, 3) == 7, np.nan, X)}, "1 NaN or infinite.*node 2, feature 1"),
        ({"X": X[:, 0]}, r"X: expected numbers of shape \(nodes, features\)"),
        ({"X": [["a"] * 3] * 40}, "X: expected numbers"),
        ({"y": Y[:-1]}, "y: expected one label per node"),
        ({"y": np.zeros(40)}, "at least two classes"),
        ({"y": np.linspace(0, 1, 40)}, "regression targets"),
        ({"y": np.where(Y == 0, np.nan, 1.0)}, "NaN or infinite labels"),
        ({"edges": None}, "either edges=... or k=..., got neither"),
        ({"k": 2}, "got both"),
        ({"edges": [[0, 40]]}, r"node numbers from 0 to 39, got \[0, 40\]"),
        ({"edges": [[-1, 3]]}, "node numbers from 0"),
        ({"edges": [[0.5, 1.0]]}, "integer node numbers"),
        ({"edges": EDGES.T}, r"pairs of nodes, shape \(m, 2\)"),
        ({"edges": None, "k": 40}, "1 to 39 neighbours of 40 nodes, got 40"),
        ({"labelled_per_class": 19}, "at least 21 nodes"),
        ({"labelled_per_class": 0}, "labelled_per_class >= 1"),
        ({"num_val": 30}, "num_val: expected 1 to 29"),
        ({"splits": []}, "one or more"),
        ({"splits": [(range(10), range(10, 20))]}, r"expected \(train, val, test\)"),
        ({"splits": [(range(10), range(5, 20), range(20, 40))]}, "some node twice"),
        ({"splits": [(range(10), [11, 13], range(20, 40))]}, "split 0, val: expected nodes of every class"),
        ({"splits": [(range(10), range(10, 20), range(20, 41))]}, "positions from 0 to 39"),
    ],
)
def test_wrong_input_is_one_line(changes, message):
    arguments = {"X": X, "y": Y, "edges": EDGES, "labelled_per_class": 5} | changes
    with pytest.raises(InvalidInputError, match=message) as caught:
        graph_dataset(**arguments)
    assert "\n" not in str(caught.value)
