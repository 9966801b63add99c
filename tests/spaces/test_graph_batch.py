"""Graphs as padded arrays, and what networkx may bring."""

import networkx as nx
import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import GraphBatch, Operation
from surrogate_nas.spaces.operations import INPUT, OUTPUT

VOCABULARY = (INPUT, Operation("a", "convolution", 3, True, 1.0), Operation("b", "pooling", 3), OUTPUT)


def graph_of(edges, **ops):
    graph = nx.DiGraph(edges)
    nx.set_node_attributes(graph, {int(k[1:]): op for k, op in ops.items()}, "op")
    return graph


def test_arrays_have_to_fit_each_other():
    with pytest.raises(InvalidInputError, match=r"expected adjacency \(2, 3, 3\) and mask \(2, 3\)"):
        GraphBatch(np.zeros((2, 3), dtype=np.int16), np.zeros((2, 3, 2), bool), np.zeros((2, 3), bool), VOCABULARY)


def test_graphs_of_different_sizes_are_padded_before_the_output():
    path = graph_of([(0, 1), (1, 2), (2, 3)], v0="input", v1="a", v2="b", v3="output")
    short = graph_of([(5, 9)], v5="input", v9="output")
    batch = GraphBatch.from_networkx([path, short], VOCABULARY)
    np.testing.assert_array_equal(batch.ops, [[0, 1, 2, 3], [0, -1, -1, 3]])
    np.testing.assert_array_equal(batch.mask, [[True] * 4, [True, False, False, True]])
    np.testing.assert_array_equal(np.argwhere(batch.adjacency), [[0, 0, 1], [0, 1, 2], [0, 2, 3], [1, 0, 3]])
    back = batch.to_networkx()
    assert sorted(back[0].edges) == [(0, 1), (1, 2), (2, 3)]
    assert dict(back[1].nodes(data="op")) == {0: "input", 3: "output"}


def test_no_graphs_make_an_empty_batch():
    batch = GraphBatch.from_networkx([], VOCABULARY)
    assert len(batch) == 0
    assert batch.to_networkx() == []


def test_numbered_nodes_keep_their_order():
    graph = graph_of([(0, k) for k in (2, 10, 9)] + [(k, 11) for k in (2, 10, 9)], v0="input", v2="a", v9="b", v10="a",
                     v11="output")  # fmt: skip
    np.testing.assert_array_equal(GraphBatch.from_networkx([graph], VOCABULARY).ops, [[0, 1, 2, 1, 3]])


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (graph_of([(0, 1), (1, 0)], v0="input", v1="output"), "expected a networkx.DiGraph without cycles"),
        (nx.Graph([(0, 1)]), "expected a networkx.DiGraph without cycles"),
        (nx.MultiDiGraph([(0, 1)]), "expected a networkx.DiGraph without cycles"),
        (3, "expected a networkx.DiGraph without cycles, got '3'"),
        (graph_of([(0, 1)], v0="input", v1="c"), "node 1: expected op among input, a, b, output, got 'c'"),
        (graph_of([(0, 1)], v0="input"), "node 1: expected op among input, a, b, output, got None"),
        (graph_of([(0, 2), (1, 2)], v0="input", v1="input", v2="output"), "got 2 input(s) and 1 output(s)"),
        (graph_of([(0, 1)], v0="input", v1="a"), "got 1 input(s) and 0 output(s)"),
        (graph_of([(0, 1), (1, 2)], v0="a", v1="input", v2="output"), "one input that reads nothing"),
        (nx.DiGraph(), "got 0 input(s) and 0 output(s)"),
    ],
)
def test_foreign_graphs_are_refused(graph, said):
    good = graph_of([(0, 1)], v0="input", v1="output")
    with pytest.raises(InvalidInputError) as caught:
        GraphBatch.from_networkx([good, graph], VOCABULARY)
    assert str(caught.value).startswith("graph 1")
    assert said in str(caught.value)
