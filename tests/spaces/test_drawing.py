"""Pictures of architectures, read as XML."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from surrogate_nas.spaces import NodeCellSpace, Operation, Skeleton, get_space, list_spaces
from surrogate_nas.spaces.drawing import COLOURS
from surrogate_nas.spaces.layout import layout
from surrogate_nas.spaces.operations import KINDS

SVG = "{http://www.w3.org/2000/svg}"


def picture(space, x):
    return ET.fromstring(space.show(x).svg)  # noqa: S314  (our own output)


def boxes(svg):
    found = [[float(r.get(k)) for k in ("x", "y", "width", "height")] for r in svg.find(f"{SVG}g").iter(f"{SVG}rect")]
    return np.array(found)


@pytest.mark.parametrize("name", list_spaces())
def test_boxes_stay_apart_and_inside(name, rng):
    space = get_space(name)
    for x in space.sample(40, rng):
        svg = picture(space, x)
        found = boxes(svg)
        assert len(found) == space.graphs(x).mask.sum()
        left, top, width, height = found.T
        apart = (left[:, None] + width[:, None] <= left) | (left + width <= left[:, None])
        apart |= (top[:, None] + height[:, None] <= top) | (top + height <= top[:, None])
        assert (apart | np.eye(len(found), dtype=bool)).all()
        assert (left >= 0).all()
        assert (left + width <= float(svg.get("width"))).all()
        assert (top >= 0).all()
        assert (top + height <= float(svg.get("height"))).all()


def test_names_and_the_text_form_are_shown():
    space = get_space("nas-bench-graph")
    svg = picture(space, space.parse("[0,0,1,2] skip|gcn|cheb|arma"))
    texts = [t.text for t in svg.iter(f"{SVG}text")]
    assert {"input", "skip", "gcn", "cheb", "arma", "output", "concatenate", "identity"} <= set(texts)
    assert texts[-1] == "[0,0,1,2] skip|gcn|cheb|arma"
    assert svg.find(f"{SVG}title").text == "[0,0,1,2] skip|gcn|cheb|arma"


def test_an_architecture_without_a_path_is_drawn_and_says_so():
    space = get_space("nas-bench-201")
    drawing = space.show(np.zeros(6, dtype=int))
    assert "nothing reaches the output" in drawing.svg
    assert "-->" not in drawing.mermaid


def test_names_are_escaped():
    space = NodeCellSpace("odd", [Operation('<&">', "linear", 0, True, 1.0)], [(0,)], Skeleton("tabular"))
    assert '<&">' in [t.text for t in picture(space, [0, 0]).iter(f"{SVG}text")]
    assert '"<&\'>"' in space.show([0, 0]).mermaid


def test_mermaid_of_a_known_architecture():
    space = get_space("nas-bench-graph")
    lines = space.show(space.parse("[0,1,1,1] gcn|gin|fc|skip")).mermaid.splitlines()
    assert lines[:7] == [
        "flowchart LR",
        '  n0(["input"]):::kind_input',
        '  n1["gcn"]:::kind_graph',
        '  n2["gin"]:::kind_graph',
        '  n3["fc"]:::kind_linear',
        '  n4["skip"]:::kind_identity',
        '  n5(["output"]):::kind_output',
    ]
    assert lines[7:14] == [f"  n{a} --> n{b}" for a, b in [(0, 1), (1, 2), (1, 3), (1, 4), (2, 5), (3, 5), (4, 5)]]
    assert all(line.startswith("  classDef ") for line in lines[14:])


def test_every_kind_has_colours():
    assert set(COLOURS) == set(KINDS)


def test_notebooks_show_the_picture():
    space = get_space("nas-bench-graph")
    drawing = space.show(space.enumerate()[0])
    assert drawing._repr_svg_() == drawing.svg
    assert repr(drawing) == f"<Drawing of {drawing.text}>"


def test_layout_of_a_chain_is_a_straight_line():
    plan = layout(np.eye(5, k=1, dtype=bool), np.ones(5, dtype=bool))
    assert plan.places == {v: (v, 0.0) for v in range(5)}
    assert all(lanes == [] for lanes in plan.routes.values())


def test_layout_uncrosses_what_can_be_uncrossed():
    # Two paths whose middle nodes are numbered the other way round.
    adjacency = np.zeros((6, 6), dtype=bool)
    for a, b in [(0, 1), (0, 2), (1, 4), (2, 3), (3, 5), (4, 5)]:
        adjacency[a, b] = True
    plan = layout(adjacency, np.ones(6, dtype=bool))
    assert (plan.places[1][1] < plan.places[2][1]) == (plan.places[4][1] < plan.places[3][1])


def test_an_edge_over_a_column_keeps_clear_of_its_nodes():
    adjacency = np.zeros((4, 4), dtype=bool)
    for a, b in [(0, 1), (1, 2), (2, 3), (0, 3)]:
        adjacency[a, b] = True
    plan = layout(adjacency, np.ones(4, dtype=bool))
    for column, lane in enumerate(plan.routes[0, 3], start=1):
        assert all(abs(lane - height) >= 1 for c, height in plan.places.values() if c == column)


def test_a_cell_that_can_be_drawn_without_crossings_is():
    space = get_space("nas-bench-201")
    graph = space.graphs([[3, 3, 4, 1, 3, 1]])
    plan = layout(graph.adjacency[0], graph.mask[0])
    spans = []
    for (a, b), lanes in plan.routes.items():
        stops = [plan.places[a][1], *lanes, plan.places[b][1]]
        spans += [(plan.places[a][0] + k, *pair) for k, pair in enumerate(zip(stops, stops[1:], strict=False))]
    for column, start, end in spans:
        assert not any(c == column and start < s and end > e for c, s, e in spans)
