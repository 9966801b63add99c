"""Path statistics against a plain enumeration of all paths, and signal flow against cells solved by hand."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.operation_sets import operation_sets
from surrogate_nas.encodings.paths import FACTORS, Contracted, path_statistics, path_weights, signal_flow
from surrogate_nas.spaces import get_space, list_spaces


def paths_of(graphs: Contracted, i: int) -> list[tuple[list[int], int]]:
    """All input-output paths of graph i: operations of the inner nodes, and how many parallel paths they stand for."""
    graph = nx.DiGraph()
    graph.add_edges_from((int(a), int(b)) for a, b in np.argwhere(graphs.counts[:, :, i]))
    end = len(graphs.ops) - 1
    if not (graph.has_node(0) and graph.has_node(end)):
        return []
    found = []
    for path in nx.all_simple_paths(graph, 0, end):
        parallel = int(np.prod([graphs.counts[a, b, i] for a, b in pairwise(path)]))
        found.append(([int(graphs.ops[v, i]) for v in path[1:-1]], parallel))
    return found


@pytest.fixture(scope="module", params=list_spaces())
def case(request):
    space = get_space(request.param)
    graphs = Contracted.of(coarse(space.graphs(space.sample(60, np.random.default_rng(1)))))
    sets, names = operation_sets(graphs.vocabulary, pairs=False)
    assert len(set(names)) == len(names)
    states = np.array([op.kind == "state" for op in graphs.vocabulary])  # paths within a set lead through them
    return graphs, sets, states, graphs.members(sets)


def test_path_statistics_agree_with_enumeration(case):
    graphs, sets, states, members = case
    found = path_statistics(graphs, members)
    for i in range(graphs.ops.shape[1]):
        paths = [ops for ops, _ in paths_of(graphs, i)]
        for s, chosen in enumerate(sets):
            within = [int(chosen[ops].sum()) for ops in paths if (chosen | states)[ops].all()]
            numbers = [int(chosen[ops].sum()) for ops in paths]
            assert found.shortest[s, i] == min(within, default=-1)
            assert found.longest[s, i] == max(within, default=-1)
            assert found.least[s, i] == min(numbers, default=-1)
            assert found.most[s, i] == max(numbers, default=-1)


def test_path_weights_agree_with_enumeration(case):
    graphs, sets, states, members = case
    within, *powers = path_weights(graphs, members)
    for i in range(graphs.ops.shape[1]):
        paths = paths_of(graphs, i)
        for s, chosen in enumerate(sets):
            assert within[s, i] == sum(p for ops, p in paths if (chosen | states)[ops].all())
            for factor, weights in zip(FACTORS, powers, strict=True):
                expected = sum(p * factor ** int(chosen[ops].sum()) for ops, p in paths)
                assert weights[s, i] == pytest.approx(expected, rel=1e-5)


def test_contraction_leaves_the_graphs_as_they_are():
    space = get_space("nas-bench-201")
    for n in (1, 20):
        batch = space.graphs(np.full((n, 6), 1, dtype=np.int16))
        before = batch.adjacency.copy()
        Contracted.of(batch)
        np.testing.assert_array_equal(batch.adjacency, before)


@pytest.mark.parametrize(
    ("text", "mass", "depth", "convolutions"),
    [
        # Nothing reaches the output.
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 0.0, [0, 0, 0], 0.0),
        # The input itself, once.
        ("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|", 1.0, [1, 0, 0], 0.0),
        # x + conv(x): half of the signal passed one convolution.
        ("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|", 1.0, [1, 0, 0], 0.0),
        ("|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|skip_connect~1|none~2|", 2.0, [0.5, 0.5, 0], 0.5),
        # conv(x + conv(x)): a convolution brings the sum back to a unit, half of which passed two.
        ("|nor_conv_1x1~0|+|skip_connect~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|", 1.0, [0, 0.5, 0.5], 1.5),
    ],
)
def test_signal_flow_of_small_cells(text, mass, depth, convolutions):
    space = get_space("nas-bench-201")
    graphs = Contracted.of(space.graphs(space.parse(text)))
    flow = signal_flow(graphs)
    names = [op.name for op in graphs.vocabulary]
    np.testing.assert_allclose(flow.mass, [mass])
    np.testing.assert_allclose(flow.depth[:3, 0], depth)
    np.testing.assert_allclose(flow.visits[names.index("nor_conv_1x1"), 0], convolutions)
