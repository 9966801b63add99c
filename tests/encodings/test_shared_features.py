"""One description for all spaces: cells solved by hand, paths against enumeration, names that do not matter."""

import networkx as nx
import numpy as np
import pytest
from scipy.stats import rankdata

from surrogate_nas.encodings import SharedFeatures
from surrogate_nas.spaces import get_space, list_spaces
from surrogate_nas.spaces.choices.chain import sequence_space
from surrogate_nas.spaces.operations import Operation
from surrogate_nas.spaces.skeleton import Skeleton

CELL = get_space("nas-bench-201")
ALL_NAMES = SharedFeatures(CELL).fit().get_feature_names_out().tolist()


def columns(space, texts):
    return dict(zip(ALL_NAMES, SharedFeatures(space).fit().transform(space.parse(texts)).T, strict=True))


@pytest.mark.parametrize("name", list_spaces())
def test_all_spaces_have_the_same_columns(name):
    assert SharedFeatures(get_space(name)).fit().get_feature_names_out().tolist() == ALL_NAMES


def test_a_residual_cell():
    """x + 3x3(1x1(x)): two nodes on one path, and half of the signal goes past both."""
    found = columns(CELL, "|nor_conv_1x1~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|")
    assert found["total working"] == found["most convolution"] == pytest.approx(np.log1p(2))
    assert found["least working"] == found["mean pooling"] == found["total attention"] == 0
    assert found["mean kernel"] == pytest.approx((np.log2(2) + np.log2(4)) / 2)
    assert found["total relative cost"] == pytest.approx(np.log1p(1 / 9 + 1))
    assert found["mean rank of cost"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["first relative kernel"] == pytest.approx(1 / 3)
    assert found["last relative kernel"] == 1
    assert found["signal working"] == pytest.approx(1)
    assert found["signal past no weights"] == pytest.approx(1 / 2)
    assert found["paths"] == pytest.approx(np.log1p(2))
    assert found["paths without working"] == pytest.approx(np.log1p(1))
    assert found["paths of convolution"] == pytest.approx(np.log1p(2)), "the empty product counts as one"
    assert found["paths times weighted"] == pytest.approx(np.log1p(1 + 4))
    assert found["input to output"] == found["read input"] == found["feed output"] == pytest.approx(np.log1p(1))
    assert found["nodes per level"] == 1


def test_states_are_seen_through():
    """In a cell that reads the outputs of two earlier ones, the first operations are those that read either."""
    space = get_space("nas-bench-301")
    rows = space.sample(50, np.random.default_rng(0))
    found = dict(zip(ALL_NAMES, SharedFeatures(space).fit().transform(rows).T, strict=True))
    assert (found["read input"] > 0).mean() > 0.9
    assert found["first weighted"].max() > 0.5


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-101", "nas-bench-301", "nas-bench-graph", "chain"])
def test_paths_agree_with_enumeration(name):
    space = get_space(name)
    rows = space.canonical(space.sample(30, np.random.default_rng(1)))
    found = dict(zip(ALL_NAMES, SharedFeatures(space).fit().transform(rows).T, strict=True))
    batch = space.graphs(rows)
    cost = {op.name: np.log2(1 + op.cost) for op in batch.vocabulary}
    end = batch.ops.shape[1] - 1
    for i, graph in enumerate(batch.to_networkx()):
        paths = list(nx.all_simple_paths(graph, 0, end)) if graph.has_node(0) and graph.has_node(end) else []
        costs = [[cost[graph.nodes[v]["op"]] for v in path[1:-1]] for path in paths]
        assert found["most cost"][i] == pytest.approx(np.log1p(max(map(sum, costs), default=0)), rel=1e-5)
        assert found["least cost"][i] == pytest.approx(np.log1p(min(map(sum, costs), default=0)), rel=1e-5)
        assert found["paths"][i] == pytest.approx(np.log1p(len(paths)), rel=1e-5)
        times = sum(np.prod([2 ** min(c, 1) for c in path]) for path in costs)
        assert found["paths times cost"][i] == pytest.approx(np.log1p(times), rel=1e-5)


def test_quantiles_say_how_much_of_the_space_lies_below():
    rows = CELL.enumerate()
    values = SharedFeatures(CELL).fit().transform(rows)
    where = ALL_NAMES.index("total cost")
    found, exact = values[:, where + len(ALL_NAMES) // 2], values[:, where]
    np.testing.assert_allclose(found, (rankdata(exact) - 0.5) / len(rows), atol=0.05)
    assert (values[:, ALL_NAMES.index("quantile of total attention")] == 0.5).all(), "what never varies is half"


def test_quantiles_can_be_left_out():
    rows = CELL.sample(50, np.random.default_rng(0))
    encoder = SharedFeatures(CELL, quantiles=False).fit()
    assert encoder.get_feature_names_out().tolist() == ALL_NAMES[: len(ALL_NAMES) // 2]
    both = SharedFeatures(CELL).fit().transform(rows)
    np.testing.assert_array_equal(encoder.transform(rows), both[:, : both.shape[1] // 2])


def test_names_of_operations_do_not_matter():
    def space(*names):
        conv, wide = Operation(names[0], "convolution", 3, True, 1.0), Operation(names[1], "convolution", 5, True, 2.0)
        operations = [conv, wide, Operation("-", "identity")]
        return sequence_space(names[0], [op.name for op in operations], 4, operations, Skeleton("image"))

    one, other = space("a", "b"), space("u", "v")
    rows = one.enumerate()
    np.testing.assert_array_equal(
        SharedFeatures(one).fit().transform(rows), SharedFeatures(other).fit().transform(rows)
    )


def test_distinct_networks_are_mostly_told_apart():
    rows = CELL.enumerate()
    networks = len(np.unique(CELL.codes(CELL.canonical(rows))))
    assert len(np.unique(SharedFeatures(CELL).fit().transform(rows), axis=0)) > 0.99 * networks


def test_long_chains_do_not_overflow():
    conv = Operation("conv", "convolution", 3, True, 1.0)
    space = sequence_space("long", ["c", "s"], 150, [conv, Operation("skip", "identity")], Skeleton("image"))
    assert np.isfinite(SharedFeatures(space).fit().transform(np.zeros((2, 150), dtype=np.int16))).all()
