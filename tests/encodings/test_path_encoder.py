"""Paths against plain enumeration, and what is cut where there are too many."""

import networkx as nx
import numpy as np
import pytest

from surrogate_nas.encodings import PathEncoder
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.paths import Contracted
from surrogate_nas.spaces import get_space

CELL = get_space("nas-bench-201")


def paths_of(space, rows):
    """Sequences of operations from the input to the output of each row, by enumeration."""
    graphs = Contracted.of(coarse(space.graphs(space.canonical(rows))))
    names = [op.name for op in graphs.vocabulary]
    end, found = len(graphs.ops) - 1, []
    for i in range(len(rows)):
        graph = nx.DiGraph(list(map(tuple, np.argwhere(graphs.counts[:, :, i]))))
        there = graph.has_node(0) and graph.has_node(end)
        paths = nx.all_simple_paths(graph, 0, end) if there else []
        found.append(
            {" > ".join(["input", *(names[graphs.ops[v, i]] for v in path[1:-1]), "output"]) for path in paths}
        )
    return found


def found_by(encoder, rows):
    names = encoder.get_feature_names_out()
    return [set(names[row > 0]) for row in encoder.transform(rows)]


def test_a_small_space_has_a_column_for_every_path():
    rows = CELL.sample(500, np.random.default_rng(3))
    encoder = PathEncoder(CELL).fit()
    assert len(encoder.get_feature_names_out()) == 1 + 3 + 9 + 27
    assert found_by(encoder, rows) == paths_of(CELL, rows)


@pytest.mark.parametrize("name", ["nas-bench-101", "nas-bench-301", "nas-bench-graph", "chain", "mlp"])
def test_long_paths_are_cut_to_a_beginning(name):
    space = get_space(name)
    rows = space.sample(100, np.random.default_rng(3))
    encoder = PathEncoder(space, max_paths=100).fit()
    known = set(encoder._names())
    for found, paths in zip(found_by(encoder, rows), paths_of(space, rows), strict=True):
        expected = set()
        for path in paths:
            if path in known:
                expected.add(path)
                continue
            steps = path.split(" > ")
            beginnings = (" > ".join([*steps[:length], "..."]) for length in range(len(steps) - 1, 0, -1))
            expected.add(next(beginning for beginning in beginnings if beginning in known))
        assert found == expected & set(encoder.get_feature_names_out())


def test_no_more_paths_than_asked_for():
    encoder = PathEncoder(get_space("nas-bench-101"), max_paths=20).fit()
    assert len(encoder.next_) == 20
    assert len(encoder.get_feature_names_out()) <= 2 * 20


def test_short_and_frequent_paths_come_first():
    encoder = PathEncoder(CELL, max_paths=3).fit()
    assert len(encoder.next_) == 3
    assert all(name.count(" > ") <= 2 for name in encoder._names())
