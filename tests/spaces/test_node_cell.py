"""Cells with operations on nodes: the official rules of NAS-Bench-Graph, and the same rules on other trees."""

import hashlib
from itertools import permutations, product

import networkx as nx
import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import NodeCellSpace, Operation, Skeleton, get_space
from surrogate_nas.spaces.node_cell import move_identities

TREES = list(product([0], [0, 1], [0, 1, 2], [0, 1, 2, 3]))
SKELETON = Skeleton("graph")
A, B = Operation("a", "graph", 1, True, 1.0), Operation("b", "linear", 0, True, 1.0)
THROUGH = Operation("through", "identity")


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-graph")


def hashes(X):
    """The benchmark's own numbers: the digits of a row."""
    return np.asarray(X, dtype=np.int64) @ 10 ** np.arange(4, -1, -1)


def digest(numbers):
    return hashlib.sha256(np.asarray(numbers).astype("<i4").tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("nas-bench-graph", 26_206, "3b038e62e3e8647cb4089df95636859b1a4e44bd4da8e04b695370ea8a7e7607"),
        ("nas-bench-graph-proteins", 2_021, "706b89deefa6691283719224f86a4055b3c86afb8000a3a1faa63204e3c67d51"),
    ],
)
def test_valid_rows_are_the_keys_of_the_published_files(name, size, expected):
    # Digest of the sorted keys of cora.bench and proteins.bench in the PyPI package nas-bench-graph 1.4.0.
    space = get_space(name)
    assert space.size == size
    assert digest(np.sort(hashes(space.enumerate()))) == expected


def test_canonical_form_is_the_official_one_for_every_tree_and_operations(space):
    # Digest of Arch(tree, operations).valid_hash() of the PyPI package nas-bench-graph 1.4.0, over the 24 trees in
    # lexicographic order and, for each, all 9 ** 4 choices of operations in lexicographic order.
    names = [op.name for op in space.operations]
    endings = ["|".join(ops) for ops in product(names, repeat=4)]
    X = space.parse([f"[{','.join(map(str, tree))}] {ending}" for tree in TREES for ending in endings])
    assert len(X) == 24 * 9**4
    assert digest(hashes(space.canonical(X))) == "878db61e0ecc2f39d607cf4137595cfa27677fb2337f68708851129c8ede297f"


@pytest.mark.parametrize(
    ("text", "official"),
    [  # printed by the PyPI package
        ("[0,1,1,0] gat|skip|gcn|gcn", 20118),
        ("[0,1,0,3] sage|sage|gin|skip", 68424),
        ("[0,1,0,2] sage|gcn|skip|gat", 88410),
        ("[0,1,2,1] gin|skip|skip|skip", 78288),
        ("[0,1,1,3] graph|cheb|arma|skip", 78635),
        ("[0,0,0,2] gcn|gcn|fc|skip", 58117),
        ("[0,1,0,1] skip|gcn|gcn|skip", 78811),
    ],
)
def test_examples_of_official_canonical_forms(space, text, official):
    assert hashes(space.canonical(space.parse(text)))[0] == official


def test_proteins_allows_five_operations_and_keeps_the_encoding(space):
    narrow = get_space("nas-bench-graph-proteins")
    X = narrow.enumerate()
    assert space.valid(X).all()
    assert {space.operations[k].name for k in np.unique(X[:, 1:])} == {"gcn", "sage", "arma", "fc", "skip"}
    assert space.format(X[:50]) == narrow.format(X[:50])
    allowed = np.isin(space.enumerate()[:, 1:], np.unique(X[:, 1:])).all(axis=1)
    np.testing.assert_array_equal(narrow.valid(space.enumerate()), allowed)
    with pytest.raises(InvalidInputError, match="gcn, sage, arma, fc, skip, got 'gat'"):
        narrow.parse("[0,1,2,3] gat|gcn|gcn|gcn")


def test_only_identities_is_no_architecture(space):
    X = space.parse([f"[{','.join(map(str, tree))}] skip|skip|skip|skip" for tree in TREES])
    assert not space.valid(X).any()
    assert (space.canonical_index(X) == -1).all()
    assert len(np.unique(space.canonical(X), axis=0)) == 1


def test_every_operation_has_attributes(space):
    for op in space.operations:
        assert op.has_weights == (op.cost > 0)
        assert (op.kernel > 0) == (op.kind == "graph")
    assert len({(op.kind, op.kernel, op.cost, op.traits) for op in space.operations}) == len(space.operations)


def test_texts_with_other_blanks_and_other_trees_are_read(space):
    np.testing.assert_array_equal(space.parse(" [0, 1,2 ,3]   gat|gcn|gin|cheb\n"), [[8, 0, 1, 2, 3]])
    # [0,1,2,1] is [0,1,1,2] with its last two operations swapped.
    assert space.format(space.parse("[0,1,2,1] gcn|gin|fc|cheb")) == ["[0,1,1,2] gcn|gin|cheb|fc"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[0,1,2,3] gcn|gcn|gcn|gcnn", "got 'gcnn'; did you mean 'gcn'?"),
        ("[0,1,2,3] gcn|gcn|gcn", "expected 4 operations, got 3"),
        ("[0,1,2] gcn|gcn|gcn", "expected 4 inputs, each 0 or the number of an earlier operation, got '0,1,2'"),
        ("[0,1,2,4] gcn|gcn|gcn|gcn", "each 0 or the number of an earlier operation, got '0,1,2,4'"),
        ("[0,1,2,-1] gcn|gcn|gcn|gcn", "each 0 or the number of an earlier operation, got '0,1,2,-1'"),
        ("[0,1,2,x] gcn|gcn|gcn|gcn", "each 0 or the number of an earlier operation, got '0,1,2,x'"),
        ("[0,1,2,3] gcn|gcn|gcn|fc more", "got ' more' behind them"),
        ("gcn|gcn|gcn|fc", "expected 4 inputs in brackets, a blank, and 4 operations"),
        ("", "write it like '["),
    ],
)
def test_malformed_text_says_what_is_wrong(space, text, said):
    with pytest.raises(InvalidInputError) as caught:
        space.parse(text)
    assert said in str(caught.value)


def test_wirings_that_a_list_lacks_are_refused():
    space = NodeCellSpace("chains", [A, B], [(0, 1, 2)], SKELETON)
    with pytest.raises(InvalidInputError, match=r"expected one of the wirings \[0,1,2\] .* got \[0,0,0\]"):
        space.parse("[0,0,0] a|a|b")
    graph = NodeCellSpace("stars", [A, B], [(0, 0, 0)], SKELETON).graphs([[0, 0, 0, 1]]).to_networkx()
    with pytest.raises(InvalidInputError, match=r"graph 0: expected one of the wirings"):
        space.from_networkx(graph)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([A], []), "wirings: expected at least one"),
        (([A], [(0, 2)]), r"wiring \[0,2\]: expected 2 inputs"),
        (([A], [(0, 1), (0, 1, 2)]), r"wiring \[0,1,2\]: expected 2 inputs"),
        (([], [(0, 1)]), "operations: expected at least one"),
        (([A, A], [(0, 1)]), "operation 1: expected a name of its own"),
        (([Operation("a|b", "graph")], [(0, 1)]), "operation 0: expected a name of its own"),
        (([THROUGH], [(0, 1)]), "expected one that is no identity"),
        (([A], [tuple(range(9))]), "wirings: expected at most 8 inputs each, got 9"),
        (([A, B, *(Operation(f"op{i}", "graph") for i in range(8))], [tuple(range(8))]), "expected 1 to 4,194,304"),
    ],
)
def test_descriptions_that_make_no_space(arguments, said):
    with pytest.raises(InvalidInputError, match=said):
        NodeCellSpace("x", *arguments, SKELETON)


def test_allowed_operations_have_to_exist():
    with pytest.raises(InvalidInputError, match="expected names among a, b, got c; drop"):
        NodeCellSpace("x", [A, B], [(0, 1)], SKELETON, ["a", "c"])


def test_classes_without_identities_are_those_of_labelled_graphs():
    """On all six trees of three operations, equal canonical rows and isomorphic graphs are the same thing."""
    trees = list(product([0], [0, 1], [0, 1, 2]))
    space = NodeCellSpace("every tree", [A, B], trees, SKELETON)
    X = space.from_codes(np.arange(space.cardinalities.prod()))
    graphs = space.graphs(X).to_networkx()
    numbers = space.canonical_index(X)
    for i, j in product(range(len(X)), repeat=2):
        same = nx.is_isomorphic(graphs[i], graphs[j], lambda a, b: a["op"] == b["op"])
        assert same == (numbers[i] == numbers[j])


def test_canonical_form_does_not_depend_on_the_order_of_nodes(space):
    rng = np.random.default_rng(0)
    names = [op.name for op in space.operations]
    for _ in range(200):
        tree, ops = TREES[rng.integers(24)], rng.choice(names, 4)
        texts = []
        for order in permutations(range(4)):
            place = {0: 0} | {old + 1: new + 1 for new, old in enumerate(order)}
            renamed = [place[tree[old]] for old in order]
            if all(source <= i for i, source in enumerate(renamed)):  # still in topological order
                texts.append(f"{renamed} {'|'.join(ops[list(order)])}")
        assert len(np.unique(space.canonical(space.parse(texts)), axis=0)) == 1


@pytest.mark.parametrize(
    ("wiring", "identities", "moved", "sources"),
    [
        ((0, 1, 2), (False, True, False), (0, 1, 2), (1, 0, 2)),  # read by another: contracted
        ((0, 1, 1), (False, False, True), (0, 1, 1), (0, 1, 2)),  # hands an intermediate result to the output: stays
        ((0, 1, 2), (False, False, True), (0, 1, 2), (2, 0, 1)),  # alone at the end: contracted
        ((0, 0, 1), (False, True, False), (0, 1, 2), (1, 0, 2)),  # passes on the raw input: contracted
        ((0, 1, 1), (False, True, True), (0, 1, 1), (0, 1, 2)),  # two of a kind side by side: both stay
        ((0, 1, 1, 2), (False, True, True, True), (0, 1, 2, 2), (1, 0, 2, 3)),  # the one in between goes, leaves stay
    ],
)
def test_move_identities(wiring, identities, moved, sources):
    assert move_identities(wiring, identities) == (moved, sources)


def test_identities_stay_where_the_list_lacks_the_tree_without_them():
    # Moving the identity behind the input would make (0, 0) a chain, which is not listed.
    space = NodeCellSpace("pairs", [A, THROUGH], [(0, 0)], SKELETON)
    assert space.format(space.enumerate()) == ["[0,0] a|a", "[0,0] a|through"]
    np.testing.assert_array_equal(space.canonical([[0, 1, 0]]), [[0, 0, 1]])
