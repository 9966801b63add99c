"""What the columns of the encoders mean, and that they come fast enough."""

import time

import numpy as np
import pytest

from surrogate_nas.encodings import AdjacencyEncoder, DepthFeatures, GraphFeatures, OneHotEncoder
from surrogate_nas.encodings.operation_sets import operation_sets
from surrogate_nas.spaces import get_space

CELL = get_space("nas-bench-201")
TREE = get_space("nas-bench-graph")


def columns(encoder, text):
    """Features of one architecture by name."""
    encoder.fit()
    return dict(zip(encoder.get_feature_names_out(), encoder.transform(encoder.space.parse(text))[0], strict=True))


def test_one_hot_marks_each_gene_once():
    encoder = OneHotEncoder(CELL).fit()
    assert len(encoder.get_feature_names_out()) == CELL.cardinalities.sum()
    assert (encoder.transform(CELL.sample(50, np.random.default_rng(0))).sum(axis=1) == CELL.n_genes).all()


def test_adjacency_holds_the_graph():
    found = columns(AdjacencyEncoder(TREE), "[0,1,2,3] gcn|gat|fc|gin")
    assert found["edge 1->2"] == found["node 1=gcn"] == found["node 4=gin"] == 1
    assert found["edge 0->2"] == found["node 1=gin"] == 0


def test_graph_features_of_a_residual_cell():
    # x + conv3(conv1(x)), every node but the output otherwise fed by nothing.
    text = "|nor_conv_1x1~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
    found = columns(GraphFeatures(CELL), text)
    both = "nor_conv_1x1+nor_conv_3x3"
    assert found[f"count {both}"] == found[f"longest {both}"] == found[f"most {both}"] == 2
    assert found[f"shortest {both}"] == found[f"least {both}"] == 0, "the residual connection"
    assert found["read input nor_conv_1x1"] == found["feed output nor_conv_3x3"] == found["input to output"] == 1
    assert found["read input nor_conv_3x3"] == found["count avg_pool_3x3"] == 0
    assert found[f"paths {both}"] == pytest.approx(np.log1p(2))
    assert found[f"paths x2 {both}"] == pytest.approx(np.log1p(1 + 4))


def test_depth_features_of_a_tree():
    found = columns(DepthFeatures(TREE), "[0,1,1,3] gcn|gat|fc|gin")
    assert found["gcn at depth 0"] == found["gat at depth 1"] == found["fc at depth 1"] == found["gin at depth 2"] == 1
    assert found["gat at height 0"] == found["fc at height 1"] == found["gcn at height 2"] == 1
    assert found["gcn -> gat"] == found["gcn -> fc"] == found["fc -> gin"] == found["gin -> output"] == 1
    assert found["gat -> gin"] == found["gcn at depth 1"] == found["gcn at height 1"] == 0


def test_small_vocabularies_give_all_subsets():
    vocabulary = CELL.graphs(CELL.sample(1, np.random.default_rng(0))).vocabulary
    sets, names = operation_sets(vocabulary)
    assert len(sets) == len(names) == 2**3 - 1
    assert not sets[:, [op.kind in ("input", "output", "identity", "none") for op in vocabulary]].any()


def test_large_vocabularies_give_singles_pairs_and_groups():
    vocabulary = TREE.graphs(TREE.sample(1, np.random.default_rng(0))).vocabulary
    sets, names = operation_sets(vocabulary)
    assert len(np.unique(sets, axis=0)) == len(sets)
    assert (sets.sum(axis=1) == 1).sum() == 8
    assert {"gat", "gat+gcn", "any", "trait self_weights"} <= set(names)
    fewer, _ = operation_sets(vocabulary, pairs=False)
    assert len(fewer) < len(sets)


def test_distinct_networks_are_mostly_told_apart():
    rows = CELL.enumerate()
    networks = len(np.unique(CELL.codes(CELL.canonical(rows))))
    assert len(np.unique(GraphFeatures(CELL).fit().transform(rows), axis=0)) > 0.99 * networks


@pytest.mark.parametrize("space", [CELL, TREE], ids=lambda space: space.name)
def test_a_whole_space_is_encoded_at_once(space):
    """The bound is ten times what it takes alone on one core, for a machine under load."""
    rows = space.enumerate()
    encoders = [GraphFeatures(space, pairs=False).fit(), DepthFeatures(space).fit()]
    space.canonical(rows[:1])  # tables of the space are made on first use
    start = time.process_time()
    for encoder in encoders:
        encoder.transform(rows)
    assert time.process_time() - start < 3.0
