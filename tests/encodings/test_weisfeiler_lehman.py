"""Colours against refinement by text, and cells solved by hand."""

import networkx as nx
import numpy as np
import pytest

from surrogate_nas.encodings import WeisfeilerLehman
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.paths import Contracted
from surrogate_nas.encodings.weisfeiler_lehman import _refined
from surrogate_nas.spaces import get_space

CELL = get_space("nas-bench-201")


def named(encoder, text):
    values = encoder.transform(encoder.space.parse(text))[0]
    return dict(zip(encoder.get_feature_names_out(), values, strict=True))


def refined_by_text(graph, rounds):
    """Colours as texts, per round and node: what the number of a colour stands for."""
    colours = [{v: str(graph.nodes[v]["op"]) for v in graph}]
    for _ in range(rounds):
        last = colours[-1]
        colours.append(
            {
                v: f"({last[v]} reads {sorted(last[a] for a, _ in graph.in_edges(v))} "
                f"read by {sorted(last[b] for _, b in graph.out_edges(v))})"
                for v in graph
            }
        )
    return colours


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-101", "nas-bench-301", "nas-bench-graph", "chain"])
def test_colours_are_those_of_refinement_by_text(name):
    space = get_space(name)
    graphs = Contracted.of(coarse(space.graphs(space.sample(40, np.random.default_rng(2)))))
    found = _refined(graphs, 2)
    meaning: list[dict[int, str]] = [{}, {}, {}]
    for i in range(40):
        graph = nx.MultiDiGraph()
        graph.add_nodes_from((v, {"op": graphs.ops[v, i]}) for v in np.flatnonzero(graphs.kept[:, i]))
        graph.add_edges_from(
            (a, b) for a, b in np.argwhere(graphs.counts[:, :, i]) for _ in range(graphs.counts[a, b, i])
        )
        for colours, texts, known in zip(found, refined_by_text(graph, 2), meaning, strict=True):
            for v, text in texts.items():
                assert known.setdefault(int(colours[v, i]), text) == text, "one colour, one neighbourhood"
    for known in meaning:
        assert len(set(known.values())) == len(known), "one neighbourhood, one colour"


def test_every_node_is_counted_once_per_round():
    encoder = WeisfeilerLehman(CELL, iterations=3, max_colours=20)
    rows = CELL.sample(100, np.random.default_rng(0))
    encoder.fit()
    batch = CELL.graphs(CELL.canonical(rows))
    graphs = Contracted.of(batch)
    per_round = np.split(encoder._encode(rows), (encoder.starts_ + np.arange(5))[1:-1], axis=1)
    assert len(per_round) == 4
    for counts in per_round:
        np.testing.assert_array_equal(counts.sum(axis=1), graphs.kept.sum(axis=0))


def test_rounds_see_further_and_further():
    """Two chains of the same operations in another order: the same first colours, other later ones."""
    encoder = WeisfeilerLehman(CELL).fit()
    one = named(encoder, "|nor_conv_1x1~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|avg_pool_3x3~2|")
    other = named(encoder, "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|avg_pool_3x3~2|")
    differ = {name.partition(":")[0] for name in one if one[name] != other[name]}
    assert differ == {"round 1", "round 2"}


def test_without_rounds_operations_are_counted():
    encoder = WeisfeilerLehman(CELL, iterations=0).fit()
    found = named(encoder, "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|")
    assert sorted(value for value in found.values() if value) == [1, 2]


def test_rare_colours_share_a_column():
    encoder = WeisfeilerLehman(CELL, max_colours=5).fit()
    assert len(encoder.colours_) == 3 * 5
    assert (encoder.transform(CELL.enumerate())[:, -1] > 0).any()
