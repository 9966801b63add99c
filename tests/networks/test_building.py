"""From rows to networks, and what a wrong row or space is answered with."""

import numpy as np
import pytest
import torch

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.spaces import EdgeCellSpace, NodeCellSpace, Operation, Skeleton

SPACE = sn.get_space("nas-bench-graph")
EDGES = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])


def test_network_maps_nodes_to_classes() -> None:
    x = SPACE.parse("[0,1,2,3] gcn|gat|fc|skip")[0]
    network = sn.build_network(SPACE, x, (5,), 3, channels=16).eval()
    assert network(torch.randn(4, 5), EDGES).shape == (4, 3)


def test_every_wiring_and_operation_runs_in_training_mode() -> None:
    X = SPACE.sample(60, np.random.default_rng(0), unique=True)
    for x in X:
        network = sn.build_network(SPACE, x, 5, 2, channels=8, stem_layers=1, head_layers=1)
        network(torch.randn(4, 5), EDGES).sum().backward()


def test_skips_keep_the_raw_features_until_a_layer_reads_them() -> None:
    x = SPACE.parse("[0,1,2,3] skip|skip|skip|fc")[0]
    network = sn.build_network(SPACE, x, 5, 2, channels=8, dropout=0.0)
    with torch.no_grad():
        features = torch.randn(4, 5)
        layer = network.get_submodule("operations.4")
        expected = network.get_submodule("classifier")(torch.relu(layer(features, EDGES)))
        assert torch.equal(network(features, EDGES), expected)  # training mode: no batch statistics were in the way


def test_a_cell_of_edges_with_graph_operations_sums_its_inputs() -> None:
    space = EdgeCellSpace(
        "mine", [Operation("skip", "identity"), Operation("gcn", "graph", 1, True)], 3,
        Skeleton("graph", channels=(8,), stem_layers=1),
    )  # fmt: skip
    network = sn.build_network(space, space.enumerate()[-1], 5, 2)
    assert network(torch.randn(4, 5), EDGES).shape == (4, 2)


def test_input_kinds_without_networks_say_what_exists() -> None:
    space = EdgeCellSpace("mine", [Operation("skip", "identity"), Operation("fc", "linear")], 3, Skeleton("tabular"))
    with pytest.raises(InvalidInputError, match=r"expected an input kind .*graph \(cell\).*, got 'tabular' \(cell\)"):
        sn.build_network(space, space.enumerate()[0], 5, 2)


@pytest.mark.parametrize("shape", [(3,), (3, 0, 8), (1, 2, 3, 4)])
def test_shapes_that_a_space_does_not_read_are_refused(shape: tuple[int, ...]) -> None:
    space = sn.get_space("nas-bench-201")
    with pytest.raises(
        InvalidInputError, match=r"input_shape: expected \(channels, height, width\) or \(channels, len"
    ):
        sn.build_network(space, space.enumerate()[0], shape, 2)


def test_invalid_rows_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="expected one row"):
        sn.build_network(SPACE, [0, 8, 8, 8, 8], 5, 2)
    with pytest.raises(InvalidInputError, match="expected one row"):
        sn.build_network(SPACE, SPACE.enumerate()[:2], 5, 2)


def test_unknown_overrides_and_operations_are_refused() -> None:
    x = SPACE.enumerate()[0]
    with pytest.raises(UnknownNameError, match="did you mean 'channels'"):
        sn.build_network(SPACE, x, 5, 2, chanels=8)
    odd = NodeCellSpace("odd", [Operation("fc", "linear"), Operation("magic", "graph")], [(0,)], Skeleton("graph"))
    with pytest.raises(InvalidInputError, match="operation 'magic'.*gat, gcn"):
        sn.build_network(odd, [0, 1], 5, 2)
    with pytest.raises(InvalidInputError, match=r"expected \(features,\)"):
        sn.build_network(SPACE, x, (3, 32, 32), 2)


def test_at_most_so_many_cells_are_repeated_and_whole_networks_keep_their_layers() -> None:
    for name, expected in (("nas-bench-201", [5, 11, 17]), ("nas-bench-macro", [8, 8, 8])):
        space = sn.get_space(name)
        x = space.sample(1, np.random.default_rng(0))[0]
        networks = [sn.build_network(space, x, (3, 8, 8), 2, max_cells=n) for n in (1, 3, 0)]
        assert [len(network.get_submodule("body")) for network in networks] == expected  # two reductions
