"""Cells that are labelled graphs: NAS-Bench-101's counts and hashes, exact classes, edits."""

import itertools
import pickle
from collections import Counter, defaultdict

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import Operation, Skeleton
from surrogate_nas.spaces.dag_cell.space import DagCellSpace
from surrogate_nas.testing.space import CHECKS

CONV3 = Operation("conv3x3-bn-relu", "convolution", 3, True, 9.0, (("normalised", 1.0),))
CONV1 = Operation("conv1x1-bn-relu", "convolution", 1, True, 1.0, (("normalised", 1.0),))
POOL = Operation("maxpool3x3", "pooling", 3)
OPERATIONS = (CONV3, CONV1, POOL)
SKELETON = Skeleton("image", (3, 3, 3), (128, 256, 512))

#: The cell of the benchmark's paper that resembles Inception, and a chain of convolutions.
REFERENCES = {
    "inception-like": "[0,0,0,0,3,1+2+4+5] conv1x1-bn-relu|maxpool3x3|" + "conv3x3-bn-relu|" * 3 + "output",
    "chain": "[0,1,2] conv3x3-bn-relu|conv3x3-bn-relu|output",
}

OFFICIAL = DagCellSpace("official", OPERATIONS, 7, 9, SKELETON, references=REFERENCES, size=423_624)
FIVE = DagCellSpace("five nodes", OPERATIONS, 5, 9, SKELETON)
FOUR = DagCellSpace("four nodes", (CONV3, POOL), 4, 5, SKELETON)
SPACES = [
    OFFICIAL,
    FIVE,
    FOUR,
    DagCellSpace("one operation", (POOL,), 3, 3, SKELETON),
    DagCellSpace("one edge", (POOL, CONV1), 3, 1, SKELETON),
    DagCellSpace("few edges", (CONV3, CONV1, POOL, Operation("pass", "identity")), 6, 6, SKELETON),
    DagCellSpace("eight nodes", (POOL,), 8, 8, SKELETON),
]

#: Hashes that the benchmark's own code computes; the first one stands with its cell in the published file.
HASHES = [
    (
        "[0,1,2,0,0+3+4,2+5] conv3x3-bn-relu|maxpool3x3|conv3x3-bn-relu|conv3x3-bn-relu|conv1x1-bn-relu|output",
        "00005c142e6f48ac74fdcf73e3439874",
    ),
    ("[0] output", "043721b9c7fe8c5fad811d47d83132ec"),
    ("[0,0+1] conv1x1-bn-relu|output", "09fc2d10bdd6225e167a6f81a22a3f06"),
    ("[0,0+1] maxpool3x3|output", "6f6257bc3b12d87b8736e81cd4b7ed8b"),
    ("[0,0+1] conv3x3-bn-relu|output", "d32d0b26d534203b48d866facd98cc3e"),
    ("[0,1,2] conv1x1-bn-relu|conv3x3-bn-relu|output", "d0a5ff67e269a1ac4f305c618a88ac85"),
    ("[0,1,2] conv3x3-bn-relu|conv1x1-bn-relu|output", "96794a104891b22bf4f2abbdd7c3e90f"),
    ("[0,1,2] maxpool3x3|conv3x3-bn-relu|output", "3835552b2806f980e414bef37786ea06"),
    ("[0,1,1+2] conv1x1-bn-relu|maxpool3x3|output", "81f5a40841c2dfc0dcad2cf76c88e80e"),
    ("[0,0+1,2,0+1+3] conv3x3-bn-relu|conv3x3-bn-relu|conv3x3-bn-relu|output", "93a96df5b79cf5b84c0fe94c1e2fb7a1"),
    ("[0,0,0+1+2,1+3] maxpool3x3|conv3x3-bn-relu|conv1x1-bn-relu|output", "e4ae03390b962416037cb82391d2724b"),
    ("[0,0+1,1+2,0+2+3] conv3x3-bn-relu|conv1x1-bn-relu|conv1x1-bn-relu|output", "6cbecb09b5e261f5c151cfa47e31c2ab"),
    ("[0,0+1,1,2+3] conv1x1-bn-relu|conv3x3-bn-relu|maxpool3x3|output", "0a61a51de5fa2797306b6c7dd25cb750"),
    ("[0,0+1,0+1+2,0+3] conv3x3-bn-relu|maxpool3x3|conv1x1-bn-relu|output", "f007dfe06017dcb52eb914c2de9775a5"),
    (
        "[0,0+1,2,2,0+2+3+4] maxpool3x3|conv3x3-bn-relu|conv3x3-bn-relu|conv3x3-bn-relu|output",
        "15adf77686c899afac793a79ab10e2c8",
    ),
    ("[0,0,1+2,3,0+1+4] maxpool3x3|maxpool3x3|maxpool3x3|maxpool3x3|output", "4a0ae8f914bf259c10e771689d52229b"),
    (
        "[0,0+1,0,2,2+3+4] conv3x3-bn-relu|maxpool3x3|conv1x1-bn-relu|conv3x3-bn-relu|output",
        "8af1e7b82ef4f1f2d5df56becf41683c",
    ),
    (
        "[0,1,2,3,2+4] conv3x3-bn-relu|conv3x3-bn-relu|maxpool3x3|conv1x1-bn-relu|output",
        "66e501fbc009c901e0ab0c85ccbf9172",
    ),
    (
        "[0,1,0+2,0+1+3,0+4] conv3x3-bn-relu|maxpool3x3|conv3x3-bn-relu|maxpool3x3|output",
        "7ce84e6ec36dbbf5a59d397d0cf47e7d",
    ),
    (
        "[0,0+1,1+2,2,0+3+4] conv3x3-bn-relu|conv3x3-bn-relu|maxpool3x3|conv3x3-bn-relu|output",
        "e29e045a0847c01e3d6104f771cd1822",
    ),
    (
        "[0,1,1+2,1+3,4,1+5] maxpool3x3|maxpool3x3|maxpool3x3|conv3x3-bn-relu|maxpool3x3|output",
        "19b72d8e1cde6ef6810057abfade64da",
    ),
    (
        "[0,1,2,3,3,0+2+4+5] maxpool3x3|maxpool3x3|maxpool3x3|maxpool3x3|conv1x1-bn-relu|output",
        "c121c3cc03f3007672cd3203ee5177c8",
    ),
    (
        "[0,1,0+2,2,3+4,4+5] conv3x3-bn-relu|maxpool3x3|conv3x3-bn-relu|conv3x3-bn-relu|maxpool3x3|output",
        "2dee0e007799d9092cd426923b56ce45",
    ),
    (
        "[0,1,1+2,2+3,0+4,5] conv1x1-bn-relu|conv1x1-bn-relu|conv3x3-bn-relu|conv1x1-bn-relu|conv3x3-bn-relu|output",
        "4011d4cc19a32ccbf66f18b363da249a",
    ),
    (
        "[0,1,1,2,0+4,3+4+5] conv3x3-bn-relu|maxpool3x3|conv1x1-bn-relu|maxpool3x3|conv3x3-bn-relu|output",
        "c1620094db4c3cd08f0566375a085fa4",
    ),
    (
        "[0,1,0+1+2,3,2+4,5] conv3x3-bn-relu|maxpool3x3|conv3x3-bn-relu|maxpool3x3|conv1x1-bn-relu|output",
        "4e0b5507348b5b8c137a30c538707cc3",
    ),
    (
        "[0,1,2,3,0+3+4,3+5] conv1x1-bn-relu|conv1x1-bn-relu|conv3x3-bn-relu|maxpool3x3|conv3x3-bn-relu|output",
        "91bd4eeefa6283dbe319c512ae86909b",
    ),
    (
        "[0,1,2,3,3+4,1+4+5] conv1x1-bn-relu|conv1x1-bn-relu|conv1x1-bn-relu|maxpool3x3|maxpool3x3|output",
        "b3d9daef5d429cbb892faa1506e5130e",
    ),
    (
        "[0,0+1,2,1+3,2,4+5] conv1x1-bn-relu|maxpool3x3|conv3x3-bn-relu|conv1x1-bn-relu|conv3x3-bn-relu|output",
        "427d100268fe5b089c46f4cbe665dea9",
    ),
    (
        "[0,1,2,3,0+1+4,3+5] conv1x1-bn-relu|maxpool3x3|conv1x1-bn-relu|conv3x3-bn-relu|maxpool3x3|output",
        "24b8f1bce54e9c5530760e782e0c4615",
    ),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=5)
def test_contract(space, check, seed):
    check(space, np.random.default_rng(seed))


def n_nodes(space, X):
    return 2 + (X[:, len(space.edges) :] > 0).sum(axis=1)


def test_published_numbers_of_cells():
    assert np.bincount(n_nodes(FIVE, FIVE.enumerate())).tolist() == [0, 0, 1, 6, 84, 2_441]
    assert FIVE.size == 2_532
    X = OFFICIAL.enumerate()
    assert np.bincount(n_nodes(OFFICIAL, X)).tolist() == [0, 0, 1, 6, 84, 2_441, 62_010, 359_082]
    assert len(X) == OFFICIAL.size
    assert (np.diff(OFFICIAL.codes(X)) > 0).all()
    counted = DagCellSpace("counted", OPERATIONS, 7, 9, SKELETON)
    assert counted.size == len(X), "by counting orbits, without the list"


def test_rows_read_as_documented():
    assert FOUR.gene_names == ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3", "op1", "op2")
    row = FOUR.parse("[0,0+1,1+2] maxpool3x3|conv3x3-bn-relu|output")
    assert row.tolist() == [[1, 1, 1, 0, 1, 1, 2, 1]]
    assert FOUR.parse("[0] output").tolist() == [[0, 0, 0, 1, 0, 0, 0, 0]]
    assert FOUR.parse("[0,0+1] maxpool3x3|output").tolist() == [[1, 0, 0, 1, 1, 0, 2, 0]]


def test_text_of_any_order_is_read_as_the_canonical_row():
    a = FIVE.parse("[0,0,2,1+3] conv1x1-bn-relu|maxpool3x3|conv3x3-bn-relu|output")
    b = FIVE.parse(" [0,1,0,2+3] maxpool3x3|conv3x3-bn-relu|conv1x1-bn-relu|output\n")
    np.testing.assert_array_equal(a, b)
    loose = FIVE.parse("[0,0+1,1] maxpool3x3|conv1x1-bn-relu|output")
    np.testing.assert_array_equal(loose, FIVE.parse("[0,1] maxpool3x3|output"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[0,1] maxpool3x3", "expected 'output' as the last name, got 'maxpool3x3'"),
        ("[0,1] maxpool|output", "did you mean 'maxpool3x3'?"),
        ("[0,1,2] maxpool3x3|output", "expected 2 sets of nodes, one for each name, got 3"),
        ("[0,2] maxpool3x3|output", "expected numbers from 0 to 1, ascending, with + between them, as what output"),
        ("[0,1+0] maxpool3x3|output", "got '1+0'"),
        ("[,0] maxpool3x3|output", "expected numbers from 0 to 0, ascending, with + between them, as what maxpool3x3"),
        ("[0,0,0,0,1+2+3+4] maxpool3x3|maxpool3x3|maxpool3x3|maxpool3x3|output", "at most 3 operations, got 4"),
        ("0,1 maxpool3x3|output", "what each node reads in brackets"),
    ],
)
def test_text_errors_say_what_is_wrong(text, said):
    with pytest.raises(InvalidInputError) as error:
        FIVE.parse(text)
    assert said in str(error.value)


def test_too_many_edges_are_refused_everywhere():
    text = "[0,0+1,0+1+2] maxpool3x3|conv3x3-bn-relu|output"
    with pytest.raises(InvalidInputError, match="at most 5 edges on such paths, got 6 edges on paths"):
        FOUR.parse(text)
    row = np.array([1, 1, 1, 1, 1, 1, 2, 1])
    assert not FOUR.valid(row).any()
    assert not FOUR.valid(FOUR.canonical(row)).any()
    for method in (FOUR.graphs, FOUR.format, FOUR.neighbors, FOUR.module_hashes, FOUR.to_matrix):
        with pytest.raises(InvalidInputError, match="row 0: expected a path .* got 6 edges"):
            method(row)
    with pytest.raises(InvalidInputError, match="row 0: expected a path .* got 0 edges"):
        FOUR.graphs(np.zeros(8, dtype=int))


def test_row_without_a_path_becomes_the_row_of_zeros():
    for row in ([1, 0, 1, 0, 0, 0, 1, 2], [0, 0, 1, 0, 1, 1, 1, 2], [1, 0, 0, 0, 1, 0, 0, 2]):
        assert not FOUR.canonical(row).any()
        assert not FOUR.valid(row).any()


def brute_classes(space):
    """Networks by exhaustive search: each in-range row pruned by networkx and tried against every other."""
    classes = defaultdict(list)
    for row in space.from_codes(np.arange(space.cardinalities.prod())):
        graph = nx.DiGraph()
        graph.add_nodes_from((i, {"op": int(k)}) for i, k in enumerate([-1, *row[len(space.edges) :], -2]))
        graph.add_edges_from(edge for edge, there in zip(space.edges, row, strict=False) if there)
        graph.remove_nodes_from([v for v, op in graph.nodes(data="op") if op == 0])
        last = space.max_nodes - 1
        on_path = ({0} | nx.descendants(graph, 0)) & ({last} | nx.ancestors(graph, last))
        graph = graph.subgraph(on_path if {0, last} <= on_path else [])
        key = tuple(sorted((op, graph.in_degree(v), graph.out_degree(v)) for v, op in graph.nodes(data="op")))
        for other, rows in classes[key]:
            if nx.is_isomorphic(graph, other, node_match=lambda a, b: a["op"] == b["op"]):
                rows.append(row)
                break
        else:
            classes[key].append((graph, [row]))
    return [(graph, np.array(rows)) for listed in classes.values() for graph, rows in listed]


def test_classes_are_those_of_exhaustive_search():
    classes = brute_classes(FOUR)
    seen = set()
    for graph, rows in classes:
        canonical = np.unique(FOUR.canonical(rows), axis=0)
        assert len(canonical) == 1, "one representative for all that are isomorphic"
        seen.add(canonical[0].tobytes())
        cell = 0 < graph.number_of_edges() <= FOUR.max_edges
        assert FOUR.valid(canonical).all() == cell
        assert FOUR.valid(rows).sum() == cell
    assert len(seen) == len(classes), "and none for two that are not"
    assert sum(0 < graph.number_of_edges() <= FOUR.max_edges for graph, _ in classes) == FOUR.size


def random_order(row, space, rng):
    """The same raw graph, loose ends included, with its inner nodes in another topological order."""
    v = space.max_nodes
    labels = row[len(space.edges) :]
    wired = {edge for edge, there in zip(space.edges, row, strict=False) if there}
    order, rest = [0], set(range(1, v - 1))
    while rest:
        free = sorted(b for b in rest if not any((a, b) in wired for a in rest))
        order.append(free[rng.integers(len(free))])
        rest.remove(order[-1])
    order.append(v - 1)
    edges = [(order[a], order[b]) in wired for a, b in space.edges]
    return np.array([*edges, *(labels[i - 1] for i in order[1:-1])], dtype=np.int16)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50)
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_canonical_rows_do_not_depend_on_the_order_of_nodes(space, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, space.cardinalities, size=(8, space.n_genes)).astype(np.int16)
    X[:, : len(space.edges)] &= rng.random((8, len(space.edges))) < rng.uniform(0.3, 1)
    renamed = np.array([random_order(x, space, rng) for x in X])
    np.testing.assert_array_equal(space.canonical(renamed), space.canonical(X))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_equal_canonical_rows_are_isomorphic_graphs(seed):
    rng = np.random.default_rng(seed)
    x = OFFICIAL.sample(1, rng)[0]
    near = OFFICIAL.neighbors(OFFICIAL.mutate(x, rng)[0])  # looks alike, and x is among them
    graph, *others = OFFICIAL.graphs(np.concatenate([x[None], near])).to_networkx()
    same = [nx.is_isomorphic(graph, other, node_match=lambda a, b: a["op"] == b["op"]) for other in others]
    assert same == (near == x).all(axis=1).tolist()
    assert sum(same) == 1


def test_official_hashes():
    texts, hashes = zip(*HASHES, strict=True)
    assert OFFICIAL.module_hashes(OFFICIAL.parse(texts)) == list(hashes)
    X = FIVE.enumerate()
    assert len(set(FIVE.module_hashes(X))) == len(X)


def test_official_matrices():
    matrix = [[0, 1, 1, 1, 0, 1, 0], [0] * 6 + [1], [0] * 6 + [1], [0, 0, 0, 0, 1, 0, 0], [0] * 6 + [1], [0] * 6 + [1]]
    ops = ["input", CONV1.name, CONV3.name, CONV3.name, CONV3.name, POOL.name, "output"]
    small, small_ops = np.array([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]), ["input", "maxpool3x3"]
    rows = OFFICIAL.from_matrix([[*matrix, [0] * 7], small], [ops, [*small_ops, CONV1.name, "output"]])
    assert OFFICIAL.valid(rows).all()
    np.testing.assert_array_equal(rows[:1], OFFICIAL.parse(REFERENCES["inception-like"]))
    pruned, left = OFFICIAL.to_matrix(rows[1])
    assert pruned.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert left == ["input", "maxpool3x3", "output"]
    assert OFFICIAL.from_matrix([], []).shape == (0, OFFICIAL.n_genes)


def test_matrices_round_trip():
    X = OFFICIAL.sample(200, 0)
    matrices, operations = zip(*map(OFFICIAL.to_matrix, X), strict=True)
    np.testing.assert_array_equal(OFFICIAL.from_matrix(matrices, operations), X)


@pytest.mark.parametrize(
    ("matrix", "operations", "said"),
    [
        ([[0, 1], [0, 0]], ["input"], "expected 2 to 5 names"),
        (np.zeros((6, 6)), ["input", *["maxpool3x3"] * 4, "output"], "expected 2 to 5 names"),
        (
            [[0, 1, 1], [0, 0, 1]],
            ["input", "maxpool3x3", "output"],
            "expected shape (3, 3) for 3 operations, got (2, 3)",
        ),
        ([[0, 1], [0]], ["input", "output"], "expected shape (2, 2) for 2 operations, got uneven rows"),
        ([[0, 1], [1, 0]], ["input", "output"], "every 1 above the diagonal"),
        ([[0, 2], [0, 0]], ["input", "output"], "expected 0 and 1"),
        ([[0, 0], [0, 0]], ["input", "output"], "expected a path from input to output"),
        ([[0, 1], [0, 0]], ["output", "input"], "expected 'input', then some of conv3x3-bn-relu"),
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv", "output"], "expected 'input', then some of"),
    ],
)
def test_matrices_that_are_no_cell(matrix, operations, said):
    good = [[0, 1], [0, 0]], ["input", "output"]
    with pytest.raises(InvalidInputError, match=r"^(matrix|operations) 1: ") as error:
        FIVE.from_matrix([good[0], matrix], [good[1], operations])
    assert said in str(error.value)
    with pytest.raises(InvalidInputError, match="expected one list for each of 2 matrices, got 1"):
        FIVE.from_matrix([good[0], matrix], [good[1]])


def test_graphs_that_are_no_cell():
    chain = nx.DiGraph([(0, 1), (1, 2)])
    nx.set_node_attributes(chain, {0: "input", 1: "maxpool3x3", 2: "output"}, "op")
    loose, long = chain.copy(), chain.copy()
    loose.add_node(3, op="maxpool3x3")
    loose.add_edge(0, 3)
    long.add_nodes_from((i, {"op": "maxpool3x3"}) for i in range(3, 6))
    long.add_edges_from([(0, 3), (3, 4), (4, 5), (5, 2)])
    np.testing.assert_array_equal(FIVE.from_networkx([chain]), FIVE.parse("[0,1] maxpool3x3|output"))
    with pytest.raises(InvalidInputError, match="graph 1: expected every node on a path"):
        FIVE.from_networkx([chain, loose])
    with pytest.raises(InvalidInputError, match="graph 1: expected at most 5 nodes, got 6"):
        FIVE.from_networkx([chain, long])


def slow_edits(graph, operations):
    """Every cell one edit away, by the definition."""
    source, target = min(graph), max(graph)
    inner = sorted(set(graph) - {source, target})
    for v, op in itertools.product(inner, operations):
        other = graph.copy()
        other.nodes[v]["op"] = op
        if op != graph.nodes[v]["op"]:
            yield other
    for a, b in itertools.permutations(graph, 2):
        other = graph.copy()
        if graph.has_edge(a, b):
            other.remove_edge(a, b)
        else:
            other.add_edge(a, b)
        yield other
        for op in operations:
            other = graph.copy()
            other.add_node(100, op=op)
            other.add_edges_from([(a, 100), (100, b)])
            yield other
    for v in inner:
        if graph.in_degree(v) == graph.out_degree(v) == 1:
            other = graph.copy()
            other.remove_node(v)
            yield other


def is_cell(graph, space):
    inner = [v for v, op in graph.nodes(data="op") if op not in ("input", "output")]
    (source,), (target,) = ([v for v, op in graph.nodes(data="op") if op == end] for end in ("input", "output"))
    return (
        nx.is_directed_acyclic_graph(graph)
        and not graph.in_degree(source)
        and not graph.out_degree(target)
        and all(graph.in_degree(v) and graph.out_degree(v) for v in inner)
        and 0 < graph.number_of_edges() <= space.max_edges
        and len(graph) <= space.max_nodes
    )


def test_neighbours_are_all_cells_one_edit_away():
    names = [op.name for op in FOUR.operations]
    X = FOUR.enumerate()
    for x, graph in zip(X, FOUR.graphs(X).to_networkx(), strict=True):
        expected = FOUR.from_networkx([g for g in slow_edits(graph, names) if is_cell(g, FOUR)])
        np.testing.assert_array_equal(FOUR.neighbors(x), np.unique(expected, axis=0))


def test_edits_reach_every_wiring_of_the_benchmark():
    # Labels may be changed anywhere, so all labelled cells are reached if all wirings are. Where edges are so few
    # that none can be added before one is removed, single cells have no neighbours but for their labels.
    space = DagCellSpace("wirings", (POOL,), OFFICIAL.max_nodes, OFFICIAL.max_edges, SKELETON)
    X = space.enumerate()
    assert len(X) == 2_494
    reached, new = {0}, [0]
    while new:
        near = np.concatenate([space.index(space.neighbors(X[i])) for i in new])
        new = sorted(set(near.tolist()) - reached)
        reached |= set(new)
    assert len(reached) == len(X)


def test_distance_is_one_exactly_for_neighbours():
    X = FOUR.enumerate()
    distances = np.array([FOUR.distance(x, X) for x in X])
    np.testing.assert_array_equal(distances, distances.T)
    np.testing.assert_array_equal(distances == 0, np.eye(len(X), dtype=bool))
    for x, row in zip(X, distances, strict=True):
        np.testing.assert_array_equal(X[row == 1], FOUR.neighbors(x))


def test_distance_counts_edits():
    one, two, three = OFFICIAL.parse(
        ["[0] output", "[0,0+1] maxpool3x3|output", "[0,1,2,3] " + "maxpool3x3|" * 3 + "output"]
    )
    # Three nodes come with six edges, of which two go again, and the edge past them goes, too.
    assert OFFICIAL.distance(one, np.array([two, three])).tolist() == [1, 3 + 2 + 1]
    assert OFFICIAL.distance(three, np.array([one, two])).tolist() == [6, 5]


def test_mutants_are_spread_evenly_over_neighbours():
    x = FIVE.sample(1, 3)[0]
    near = FIVE.neighbors(x)
    n = 4000
    counts = np.bincount(FIVE.index(FIVE.mutate(np.repeat(x[None], n, axis=0), 0)), minlength=FIVE.size)
    assert set(np.flatnonzero(counts)) <= set(FIVE.index(near))
    share = 1 / len(near)
    assert (np.abs(counts[FIVE.index(near)] / n - share) < 6 * np.sqrt(share * (1 - share) / n)).all()


def test_children_mix_their_parents():
    A, B = OFFICIAL.sample(300, 0), OFFICIAL.sample(300, 1)
    children = OFFICIAL.crossover(A, B, 2)
    other = ~(children == A).all(axis=1) & ~(children == B).all(axis=1)
    assert other.mean() > 0.8
    edges = slice(0, len(OFFICIAL.edges))
    assert (children[:, edges].sum(axis=1) <= (A | B)[:, edges].sum(axis=1)).all()


def test_graphs_mask_what_is_on_no_path():
    graphs = FOUR.graphs([1, 1, 0, 0, 0, 1, 2, 1])  # node 1 is not read
    assert graphs.mask.tolist() == [[True, False, True, True]]
    assert graphs.ops.tolist() == [[0, -1, 1, 3]]
    assert np.argwhere(graphs.adjacency[0]).tolist() == [[0, 2], [2, 3]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_nodes": 2}, "max_nodes: expected 3 to 8"),
        ({"max_nodes": 9}, "max_nodes: expected 3 to 8"),
        ({"max_edges": 0}, "max_edges: expected at least 1"),
        ({"max_nodes": 8, "max_edges": 12}, "few enough to list all wirings of 8 nodes, got 12"),
        ({"operations": ()}, "operations: expected at least one"),
        ({"operations": (POOL, POOL)}, "expected a name of its own"),
        ({"operations": (Operation("zero", "none"),)}, "got kind 'none'"),
        (
            {"operations": [Operation(f"op{i}", "linear") for i in range(50)]},
            "more combinations than can be told apart",
        ),
    ],
)
def test_constructor_refuses(change, said):
    arguments = {"name": "mine", "operations": OPERATIONS, "max_nodes": 7, "max_edges": 9, "skeleton": SKELETON}
    with pytest.raises(InvalidInputError) as error:
        DagCellSpace(**arguments | change)
    assert said in str(error.value)


def test_wrong_size_is_noticed_when_cells_are_listed():
    space = DagCellSpace("mine", OPERATIONS, 4, 9, SKELETON, size=90)
    with pytest.raises(InvalidInputError, match="expected the size given.* got 91 cells"):
        space.enumerate()


def test_too_many_cells_are_refused_when_they_are_listed():
    space = DagCellSpace("mine", [Operation(f"op{i}", "linear") for i in range(30)], 6, 15, SKELETON)
    with pytest.raises(InvalidInputError, match="at most 4,194,304, got 1[0-9,]* cells"):
        space.sample(1, 0)
    assert space.canonical(np.zeros(space.n_genes, dtype=int)).shape == (1, space.n_genes)


def test_spaces_travel_without_their_lists():
    X = OFFICIAL.sample(5, 0)
    packed = pickle.dumps(OFFICIAL)
    assert len(packed) < 10_000
    np.testing.assert_array_equal(pickle.loads(packed).canonical(X), X)  # noqa: S301


def test_operations_are_told_apart():
    rows = FIVE.enumerate()
    used = Counter(tuple(sorted(row)) for row in rows[n_nodes(FIVE, rows) == 3][:, len(FIVE.edges) :].tolist())
    assert used == {(0, 0, 1): 2, (0, 0, 2): 2, (0, 0, 3): 2}
