"""Cells with operations on edges: NAS-Bench-201's strings, counts and classes."""

import pickle
from collections import defaultdict
from itertools import permutations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import EdgeCellSpace, Operation, Skeleton, get_space
from surrogate_nas.spaces.isomorphism import without_identities
from surrogate_nas.testing.space import CHECKS

TRANSNAS = EdgeCellSpace(
    "transnas",
    [
        Operation("none", "none"),
        Operation("skip_connect", "identity"),
        Operation("nor_conv_1x1", "convolution", 1, True, 1.0),
        Operation("nor_conv_3x3", "convolution", 3, True, 9.0),
    ],
    4,
    Skeleton("image", stages=(2, 2, 2, 2, 2), channels=(128, 128, 256, 256, 512)),
    digit_form="64-41414-{}_{}{}_{}{}{}",
    strided_input=True,
)

EXAMPLE = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|none~2|"


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-201")


@pytest.fixture(scope="module")
def everything(space):
    return space.enumerate()


def test_rows_follow_the_official_string(space):
    np.testing.assert_array_equal(space.parse(EXAMPLE), [[4, 2, 1, 2, 1, 0]])
    assert space.format([[4, 2, 1, 2, 1, 0]]) == [EXAMPLE]
    assert space.gene_names == ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")
    np.testing.assert_array_equal(space.parse(f" {EXAMPLE}\n"), space.parse(EXAMPLE))


def test_every_row_is_an_architecture(space, everything):
    assert space.size == len(everything) == 15_625
    assert len(set(space.format(everything))) == 15_625


def test_canonical_form_makes_5425_classes(space, everything):
    assert len(np.unique(space.canonical_index(everything))) == 5_425
    complete = (space.live(everything) | (everything == 0)).all(axis=1)
    assert complete.sum() == 9_445, "architectures without dead edges"
    assert len(np.unique(space.canonical_index(everything[complete]))) == 5_425


def test_weights_agree_within_each_class(space, everything):
    cost = np.array([op.cost for op in space.operations])
    total = (cost[everything] * space.live(everything)).sum(axis=1)
    np.testing.assert_array_equal(total, total[space.canonical_index(everything)])


def test_published_parameter_counts_agree_within_each_class(space, shared_data):
    import pandas as pd

    params = pd.read_parquet(shared_data / "nas-bench-201-zero-cost-cifar10.parquet", columns=["params"])["params"]
    X = space.parse(params.index)
    classes = space.canonical_index(X)
    assert len(np.unique(classes)) == 5_425
    assert not params.groupby(classes).agg(np.ptp).any()
    assert params.groupby(np.array(space.unique_strings(X))).agg(np.ptp).any(), "the unique string merges too much"


def test_unique_strings_are_the_published_ones(space, everything):
    assert len(set(space.unique_strings(everything))) == 6_466
    assert space.unique_strings(space.parse(EXAMPLE)) == ["#+(0)@avg_pool_3x3+(0)@nor_conv_1x1"]


def test_canonical_row_has_no_dead_edge_and_fewest_live_ones(space, everything):
    canonical = space.canonical(everything)
    assert (space.live(canonical) | (canonical == 0)).all()
    assert (space.live(canonical).sum(axis=1) <= space.live(everything).sum(axis=1)).all()


@pytest.mark.parametrize(
    ("text", "same"),
    [
        # A dead edge more: node 1 is not read, or reads nothing.
        ("|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
         "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"),
        ("|none~0|+|none~0|nor_conv_3x3~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|",
         "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"),
        # An identity on the way.
        ("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|",
         "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|avg_pool_3x3~1|none~2|"),
        # Nodes 1 and 2 renamed.
        ("|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|none~0|avg_pool_3x3~1|skip_connect~2|",
         "|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|avg_pool_3x3~2|"),
    ],
)  # fmt: skip
def test_same_networks(space, text, same):
    a, b = space.canonical(space.parse([text, same]))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        # One convolution read twice has half the weights of two convolutions.
        ("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|",
         "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"),
        # x + x is not x.
        ("|skip_connect~0|+|none~0|none~1|+|skip_connect~0|skip_connect~1|none~2|",
         "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"),
    ],
)  # fmt: skip
def test_different_networks(space, text, other):
    a, b = space.canonical(space.parse([text, other]))
    assert (a != b).any()


def test_renaming_the_inner_nodes_never_changes_the_class(space, everything):
    place = {edge: e for e, edge in enumerate(space.edges)}
    X = everything[::7]
    swapped = X.copy()
    for e, (i, j) in enumerate(space.edges):
        source, target = (({1: 2, 2: 1}.get(v, v)) for v in (i, j))
        if (source, target) in place:
            swapped[:, place[source, target]] = X[:, e]
    free = X[:, place[1, 2]] == 0  # else the renamed cell has an edge against the order
    np.testing.assert_array_equal(space.canonical_index(X[free]), space.canonical_index(swapped[free]))


@pytest.mark.parametrize("strided_input", [False, True])
def test_classes_are_exactly_those_of_isomorphic_networks(strided_input):
    """Against exhaustive search, where every row is small enough: zero, identity and convolution on four nodes."""
    operations = [
        Operation("zero", "none"),
        Operation("id", "identity"),
        Operation("conv", "convolution", 3, True, 1.0),
    ]
    space = EdgeCellSpace("small", operations, 4, Skeleton("image"), strided_input=strided_input)
    X = space.enumerate()
    graphs = space.graphs(X)
    counts, kept = without_identities(graphs)

    def network(i):
        graph = nx.DiGraph()
        graph.add_nodes_from((int(v), {"op": int(graphs.ops[i, v])}) for v in np.flatnonzero(kept[i]))
        graph.add_edges_from((int(a), int(b), {"n": int(counts[i, a, b])}) for a, b in np.argwhere(counts[i]))
        return graph

    def same(i, j):
        return nx.is_isomorphic(networks[i], networks[j], lambda a, b: a == b, lambda a, b: a == b)

    networks = [network(i) for i in range(len(X))]
    numbers = space.canonical_index(X)
    assert all(same(i, number) for i, number in enumerate(numbers))
    alike = defaultdict(list)
    for number in np.unique(numbers):  # networks of different sizes need no search
        alike[len(networks[number]), int(counts[number].sum())].append(number)
    for group in alike.values():
        assert not any(same(a, b) for a, b in permutations(group, 2) if a < b)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=5)
def test_contract_of_a_space_with_digits(check, seed):
    check(TRANSNAS, np.random.default_rng(seed))


def test_digits_are_read_as_transnas_bench_writes_them():
    """Its documentation: node 1 = skip(0), node 2 = none(0) + 1x1(1), node 3 = 3x3(0) + 3x3(1) + 3x3(2)."""
    row = TRANSNAS.parse("64-41414-1_02_333")
    assert row.tolist() == [[1, 0, 2, 3, 3, 3]]
    assert dict(zip(TRANSNAS.gene_names, row[0].tolist(), strict=True))["1->2"] == 2
    assert TRANSNAS.size == 4096
    X = TRANSNAS.enumerate()
    texts = TRANSNAS.format(X)
    assert texts[0] == "64-41414-0_00_000"
    assert len(set(texts)) == 4096
    np.testing.assert_array_equal(TRANSNAS.parse(texts), X)
    np.testing.assert_array_equal(TRANSNAS.parse([f" {texts[5]}\n"]), X[5:6])


@pytest.mark.parametrize(
    "text", ["64-41414-1_02_334", "64-41414-1_02_33", "64-41414-1_02_3333", "64-41414-1-02_333", "64-1234-basic",
             "64-41414-1_02_33/", "64-41414-1_02_33\N{SUPERSCRIPT THREE}", ""]
)  # fmt: skip
def test_malformed_digits_are_refused(text):
    with pytest.raises(
        InvalidInputError, match=r"expected 64-41414-\{\}_\{\}\{\}_\{\}\{\}\{\} with a digit from 0 to 3"
    ):
        TRANSNAS.parse(["64-41414-1_02_333", text])


def test_an_identity_that_leaves_a_strided_input_is_a_projection():
    """Its reducing cells halve the resolution on all edges from node 0; between later nodes nothing changes."""
    after, before = TRANSNAS.canonical_index(TRANSNAS.parse(["64-41414-3_01_001", "64-41414-0_00_300"]))
    assert after == before, "identities behind the convolution are contracted"
    after, before = TRANSNAS.canonical_index(TRANSNAS.parse(["64-41414-1_03_003", "64-41414-3_00_030"]))
    assert after != before, "an identity before it is kept"
    graph = TRANSNAS.graphs(TRANSNAS.parse("64-41414-1_01_001")).to_networkx()[0]
    assert sorted(op for _, op in graph.nodes(data="op")) == [
        "input", "output", "skip_connect", "skip_connect", "strided skip_connect",
    ]  # fmt: skip
    contracting = EdgeCellSpace("contracting", TRANSNAS.operations, 4, TRANSNAS.skeleton)
    X = TRANSNAS.enumerate()
    fewer = len(np.unique(contracting.canonical_index(X)))
    assert fewer < len(np.unique(TRANSNAS.canonical_index(X))) < 4096


@pytest.mark.parametrize("form", ["{}{}{}", "{}_{}{}_{}{}{", "{0}{}{}{}{}{}{}", "", " {}{}{}{}{}{}"])
def test_digit_forms_that_cannot_hold_a_cell(form):
    with pytest.raises(InvalidInputError, match="digit_form: expected a text with {} for each of 6 edges"):
        EdgeCellSpace("x", TRANSNAS.operations, 4, Skeleton("image"), digit_form=form)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (EXAMPLE.replace("avg_pool_3x3", "avg_pool"), "got 'avg_pool'; did you mean 'avg_pool_3x3'?"),
        (EXAMPLE.replace("|none~2|", "|"), "expected |op~0|op~1|op~2| as group 3"),
        (EXAMPLE.replace("~2", "~1"), "expected |op~0|op~1|op~2| as group 3"),
        (EXAMPLE + "+|none~0|none~1|none~2|none~3|", "expected 3 groups of operations, got 4"),
        (EXAMPLE.rpartition("+")[0], "expected 3 groups of operations, got 2"),
        (EXAMPLE + " more", "as group 3, got '|nor_conv_1x1~0|skip_connect~1|none~2| more'"),
        ("", "write it like |op~0|+|op~0|op~1|+|op~0|op~1|op~2|"),
    ],
)
def test_malformed_text_says_what_is_wrong(space, text, said):
    with pytest.raises(InvalidInputError) as caught:
        space.parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("n_nodes", "names", "said"),
    [
        (1, ["a"], "n_nodes: expected an input and an output"),
        (6, ["a", "b", "c", "d", "e"], "expected 1 to 4,194,304 combinations of genes, got 30,517,578,125"),
        (3, ["a~b"], "operation 0: expected a name of its own"),
        (3, ["input"], "operation 0: expected a name of its own"),
    ],
)
def test_descriptions_that_make_no_space(n_nodes, names, said):
    with pytest.raises(InvalidInputError, match=said):
        EdgeCellSpace("x", [Operation(name, "convolution") for name in names], n_nodes, Skeleton("image"))


def test_a_graph_that_no_cell_has_is_refused(space):
    graph = nx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)])
    names = ["input", *["nor_conv_3x3"] * 4, "output"]  # a path of four operations needs five nodes
    nx.set_node_attributes(graph, dict(enumerate(names)), "op")
    with pytest.raises(InvalidInputError, match="graph 0: expected the graph of a cell of space 'nas-bench-201'"):
        space.from_networkx([graph])


def test_pickling_leaves_the_tables_behind(space, everything):
    space.canonical(everything)
    sent = pickle.dumps(space)
    assert len(sent) < 10_000
    np.testing.assert_array_equal(pickle.loads(sent).canonical(everything), space.canonical(everything))  # noqa: S301
