"""Names and the spaces they stand for."""

import pytest

from surrogate_nas.core import UnknownNameError
from surrogate_nas.spaces import KINDS, get_space, list_spaces


def test_the_catalogue_lists_its_spaces():
    assert {"nas-bench-201", "nas-bench-graph", "nas-bench-graph-proteins"} <= set(list_spaces())
    assert list_spaces() == sorted(list_spaces())


@pytest.mark.parametrize("name", list_spaces())
def test_a_name_always_gives_the_same_object(name):
    assert get_space(name) is get_space(name)
    assert get_space(name).name == name


@pytest.mark.parametrize("name", ["nas-bench-202", "", None, 3, ["nas-bench-201"]])
def test_unknown_names_list_the_known_ones(name):
    with pytest.raises(UnknownNameError, match="nas-bench-201, .*nas-bench-graph, nas-bench-graph-proteins"):
        get_space(name)


@pytest.mark.parametrize("name", list_spaces())
def test_operations_are_described(name):
    space = get_space(name)
    for op in space.graphs(space.sample(1, 0)).vocabulary:
        assert op.kind in KINDS
        assert op.has_weights == (op.cost > 0)
        assert all(0 <= value <= 1 for _, value in op.traits)


def test_shared_spaces_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        get_space("nas-bench-201").cardinalities[0] = 1


def test_published_skeleton_of_the_image_cells():
    skeleton = get_space("nas-bench-201").skeleton
    assert (skeleton.input_kind, skeleton.stages, skeleton.channels) == ("image", (5, 5, 5), (16, 32, 64))
    assert (skeleton.merge, skeleton.output_merge, skeleton.reduction) == ("sum", "sum", "residual")


def test_published_skeleton_of_the_graph_cells():
    skeleton = get_space("nas-bench-graph").skeleton
    assert (skeleton.input_kind, skeleton.stages, skeleton.output_merge) == ("graph", (1,), "concatenate")
