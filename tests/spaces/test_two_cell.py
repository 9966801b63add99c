"""Spaces of a normal and a reduction cell: DARTS's genotypes, NAS-Bench-301's configurations, classes, edits."""

import math
from collections import defaultdict
from itertools import combinations, permutations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogate_nas.core import InvalidInputError
from surrogate_nas.encodings import DepthFeatures, GraphFeatures
from surrogate_nas.spaces import Operation, Skeleton
from surrogate_nas.spaces.isomorphism import network_hashes
from surrogate_nas.spaces.two_cell.genotype import CHUNK
from surrogate_nas.spaces.two_cell.space import TwoCellSpace
from surrogate_nas.testing.space import CHECKS

SEPARABLE, DILATED = (("separable", 1.0),), (("dilated", 1.0),)
OPERATIONS = (
    Operation("max_pool_3x3", "pooling", 3),
    Operation("avg_pool_3x3", "pooling", 3, traits=(("mean", 1.0),)),
    Operation("skip_connect", "identity"),
    Operation("sep_conv_3x3", "convolution", 5, True, 2.0, SEPARABLE),
    Operation("sep_conv_5x5", "convolution", 9, True, 2.8, SEPARABLE),
    Operation("dil_conv_3x3", "convolution", 5, True, 1.0, DILATED),
    Operation("dil_conv_5x5", "convolution", 9, True, 1.4, DILATED),
)
POOL, SKIP, CONV = OPERATIONS[0], OPERATIONS[2], OPERATIONS[3]
SKELETON = Skeleton("image", stages=(2, 2, 2), channels=(32, 64, 128), output_merge="concatenate", reduction="cell")

# The cells that the papers print, word by word.
DARTS_V1 = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], "
    "reduce_concat=[2, 3, 4, 5])"
)
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
    "reduce_concat=[2, 3, 4, 5])"
)
PC_DARTS = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1), "
    "('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)], normal_concat=range(2, 6), "
    "reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2), "
    "('sep_conv_3x3', 0), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)], reduce_concat=range(2, 6))"
)
GDAS = (
    "Genotype(normal=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('sep_conv_5x5', 2), "
    "('sep_conv_3x3', 3), ('skip_connect', 0), ('sep_conv_5x5', 4), ('sep_conv_3x3', 3)], normal_concat=range(2, 6), "
    "reduce=[('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('sep_conv_5x5', 2), ('sep_conv_5x5', 1), "
    "('dil_conv_5x5', 2), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_5x5', 1)], reduce_concat=range(2, 6))"
)
REFERENCES = {"DARTS, first order": DARTS_V1, "DARTS, second order": DARTS_V2, "PC-DARTS": PC_DARTS, "GDAS": GDAS}

DARTS = TwoCellSpace("darts", OPERATIONS, 4, skeleton=SKELETON, references=REFERENCES)
SMALL = TwoCellSpace("three nodes", (CONV, SKIP), 3, skeleton=SKELETON)
SPACES = [
    DARTS,
    SMALL,
    TwoCellSpace("tiny", (CONV, POOL), 2, skeleton=SKELETON),
    TwoCellSpace("three of three", (SKIP, CONV, POOL), 3, 3, 3, skeleton=SKELETON),
    TwoCellSpace("a tree", (SKIP, CONV), 3, 1, 1, skeleton=SKELETON),
    TwoCellSpace("one operation", (CONV,), 2, skeleton=SKELETON),
    TwoCellSpace("one architecture", (CONV,), 1, skeleton=SKELETON),
    TwoCellSpace("beyond 64 bits", OPERATIONS, 5, skeleton=SKELETON),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=3, deadline=None)
def test_contract(space, check, seed):
    check(space, np.random.default_rng(seed))


def test_number_of_rows():
    cell = math.prod(math.comb(k, 2) * 7**2 for k in range(2, 6))
    assert cell == 1_037_664_180
    assert DARTS.size == cell**2 == 1_076_746_950_455_072_400
    assert DARTS.n_genes == 24
    assert SPACES[-1].size == (cell * 15 * 7**2) ** 2 > 2**63


def test_printed_genotypes_are_read(rng):
    ops, states = DARTS._decode(DARTS.parse(DARTS_V2))
    names = [
        [(DARTS.operations[o].name, s) for o, s in zip(*edges, strict=True)]
        for edges in zip(ops[0, 0], states[0, 0], strict=True)
    ]
    assert names == [
        [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)],
        [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)],
        [("skip_connect", 0), ("sep_conv_3x3", 1)],
        [("skip_connect", 0), ("dil_conv_3x3", 2)],
    ]
    assert DARTS.format(DARTS.parse(PC_DARTS))[0].startswith(
        "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1)"
    )


@pytest.mark.parametrize("text", [DARTS_V1, PC_DARTS])
def test_spelling_does_not_matter(text):
    row = DARTS.parse(text)
    ranged = text.replace("[2, 3, 4, 5]", "range(2, 6)")
    spellings = [
        ranged.replace("range(2, 6)", "[2, 3, 4, 5]"),
        ranged.replace(" ", ""),
        ranged.replace("'", '"'),
        ranged.replace("=[", " = [\n  ").replace(")]", "),\n  ]").replace("6))", "6),\n)"),
        f"\n {ranged} ",
    ]
    for spelling in spellings:
        np.testing.assert_array_equal(DARTS.parse(spelling), row)
    many = [ranged] * CHUNK + spellings + [ranged] * CHUNK
    np.testing.assert_array_equal(DARTS.parse(many), np.repeat(row, len(many), axis=0))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("'dil_conv_3x3', 1)], normal", "'sep_conv_7x7', 1)], normal", "got 'sep_conv_7x7'; did you mean"),
        ("normal_concat=range(2, 6)", "normal_concat=[3, 4, 5]", "expected normal_concat=range(2, 6), got '[3,4,5]'"),
        (
            "reduce_concat=range(2, 6)",
            "reduce_concat=range(2, 5)",
            "expected reduce_concat=range(2, 6), got 'range(2,5)'",
        ),
        (
            "[('sep_conv_3x3', 1), ",
            "[('sep_conv_3x3', 0), ",
            "expected different states for node 2 of normal, got 0, 0",
        ),
        (
            "[('sep_conv_3x3', 1), ",
            "[('sep_conv_3x3', 2), ",
            "expected a state from 0 to 1 for node 2 of normal, got 2",
        ),
        ("[('sep_conv_3x3', 1), ", "[", "expected 8 pairs in normal, got 7"),
        ("[('sep_conv_3x3', 1), ", "[('sep_conv_3x3', -1), ", "expected normal=[('op', 0), ('op', 1), ...]"),
        (", reduce_concat=range(2, 6)", "", "write it as Python prints it"),
        ("reduce=", "upsample=", "write it as Python prints it"),
        ("Genotype(", "__import__('os').system(", "write it as Python prints it"),
    ],
)
def test_malformed_genotypes_say_what_is_wrong(old, new, said):
    assert PC_DARTS.count(old) >= 1
    with pytest.raises(InvalidInputError) as caught:
        DARTS.parse([PC_DARTS, PC_DARTS.replace(old, new, 1)])
    assert said in str(caught.value)


def test_hostile_texts_take_no_time():
    for text in (PC_DARTS * 2000 + "x", "Genotype(normal=[" * 10**5, PC_DARTS.replace("[", "[" * 10**5)):
        with pytest.raises(InvalidInputError):
            DARTS.parse(text)


def renamed(ops, states, space, rng):
    """The same cells with nodes in another order, as lists of pairs in any order within a node."""
    cells = []
    for cell_ops, cell_states in zip(ops, states, strict=True):
        nodes = list(range(space.n_nodes))
        place: dict[int, int] = {}
        while nodes:  # any order in which nodes come after those that they read
            ready = [j for j in nodes if all(s < space.n_inputs or s - space.n_inputs in place for s in cell_states[j])]
            chosen = ready[rng.integers(len(ready))]
            place[chosen] = len(place)
            nodes.remove(chosen)
        pairs = []
        for j in sorted(place, key=place.__getitem__):
            edges = [
                (space.operations[o].name, int(s if s < space.n_inputs else space.n_inputs + place[s - space.n_inputs]))
                for o, s in zip(cell_ops[j], cell_states[j], strict=True)
            ]
            pairs += [edges[e] for e in rng.permutation(len(edges))]
        cells.append(pairs)
    concat = f"range({space.n_inputs}, {space.n_inputs + space.n_nodes})"
    return f"Genotype(normal={cells[0]}, normal_concat={concat}, reduce={cells[1]}, reduce_concat={concat})"


@pytest.mark.parametrize("space", [SPACES[0], SPACES[1], SPACES[3], SPACES[7]], ids=lambda space: space.name)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_renamed_genotypes_have_one_canonical_row(space, seed):
    rng = np.random.default_rng(seed)
    X = space.sample(4, rng)
    again = space.parse([renamed(o, s, space, rng) for o, s in zip(*space._decode(X), strict=True)])
    np.testing.assert_array_equal(space.canonical(again), space.canonical(X))
    assert (space.index(space.canonical(X)) <= space.index(X)).all(), "the first by position"


def test_classes_are_exactly_those_of_isomorphic_graphs():
    """Against exhaustive search over one cell, the other one held fixed."""
    cell = math.prod(SMALL.cardinalities[: SMALL.n_genes // 2])
    X = SMALL.at(np.arange(cell) * cell)
    assert not X[:, SMALL.n_genes // 2 :].any()
    canonical = SMALL.canonical_index(X)
    graphs = SMALL.graphs(X).to_networkx()
    of_position = dict(zip(SMALL.index(X).tolist(), graphs, strict=True))

    def same(a, b):
        return nx.is_isomorphic(a, b, lambda p, q: p["op"] == q["op"])

    alike = defaultdict(list)
    for graph, number in zip(graphs, canonical.tolist(), strict=True):
        assert same(graph, of_position[number])
    kept = np.unique(canonical)
    hashes = network_hashes(SMALL.graphs(SMALL.at(kept)))
    for number, value in zip(kept.tolist(), hashes.tolist(), strict=True):  # others differ for certain
        alike[value].append(of_position[number])
    for group in alike.values():
        assert not any(same(a, b) for a, b in combinations(group, 2))
    assert len(kept) == 712


def test_number_of_classes_of_a_cell(rng):
    """A cell in which no renaming is possible but the identity is its own class; DARTS has fewer than one in three."""
    X = DARTS.sample(20_000, rng)
    share = (DARTS.canonical(X) == X).all(axis=1).mean()
    assert 0.10 < share < 0.18


def test_sinks_that_pair_their_operations_otherwise_are_different_networks():
    """(a + b, c + d) is not (a + c, b + d), though the same operations read the same states."""
    tail = "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1)"
    form = (
        "Genotype(normal=[{}, " + tail + "], normal_concat=range(2, 6), "
        "reduce=[" + tail + ", " + tail + "], reduce_concat=range(2, 6))"
    )
    one = form.format("('max_pool_3x3', 0), ('avg_pool_3x3', 1), ('dil_conv_3x3', 0), ('dil_conv_5x5', 1)")
    other = form.format("('max_pool_3x3', 0), ('dil_conv_5x5', 1), ('dil_conv_3x3', 0), ('avg_pool_3x3', 1)")
    X = DARTS.parse([one, other])
    assert (DARTS.canonical(X)[0] != DARTS.canonical(X)[1]).any()
    a, b = DARTS.graphs(X).to_networkx()
    assert not nx.is_isomorphic(a, b, lambda p, q: p["op"] == q["op"])
    np.testing.assert_array_equal(DARTS.from_networkx([a, b]), DARTS.canonical(X))


@pytest.mark.parametrize("encoder", [GraphFeatures(DARTS, pairs=False), DepthFeatures(DARTS)], ids=["graph", "depth"])
def test_features_tell_networks_apart_and_twins_alike(encoder, rng):
    X = np.unique(DARTS.canonical(DARTS.sample(1500, rng)), axis=0)
    features = encoder.fit().transform(X)
    assert len(np.unique(features, axis=0)) >= len(X) - 1
    some = X[:50]
    twins = DARTS.parse([renamed(o, s, DARTS, rng) for o, s in zip(*DARTS._decode(some), strict=True)])
    assert (twins != some).any()
    np.testing.assert_array_equal(encoder.transform(twins), features[:50])


def test_features_together_tell_neighbours_apart(rng):
    encoders = [GraphFeatures(DARTS, pairs=False).fit(), DepthFeatures(DARTS).fit()]
    for x in DARTS.sample(5, rng):
        near = np.unique(DARTS.canonical(DARTS.neighbors(x)), axis=0)
        features = np.concatenate([encoder.transform(near) for encoder in encoders], axis=1)
        assert len(np.unique(features, axis=0)) == len(near)


def test_cells_and_inputs_are_not_interchangeable():
    """The two cells differ, and so do the states that they are given."""
    X = DARTS.parse(PC_DARTS)
    half = DARTS.n_genes // 2
    swapped = np.concatenate([X[:, half:], X[:, :half]], axis=1)
    mirrored = DARTS.parse(PC_DARTS.replace(", 0)", ", x)").replace(", 1)", ", 0)").replace(", x)", ", 1)"))
    hashes = network_hashes(DARTS.graphs(np.concatenate([X, swapped, mirrored])))
    assert len(set(hashes.tolist())) == 3


def test_an_identity_that_reads_what_the_reduction_cell_is_given_is_no_identity():
    graphs = DARTS.graphs(DARTS.parse(GDAS.replace("reduce=[('sep_conv_5x5', 0)", "reduce=[('skip_connect', 0)")))
    ops = [graphs.vocabulary[k] for k in graphs.ops[0]]
    strided = [op for op in ops if op.name.startswith("reduce strided")]
    assert [op.kind for op in strided] == ["convolution"]
    assert strided[0].has_weights
    assert sum(op.kind == "identity" for op in ops) == GDAS.count("skip_connect")


def test_neighbours_are_all_rows_at_distance_one():
    x = DARTS.parse(PC_DARTS)[0]
    near = DARTS.neighbors(x)
    assert len(near) == 16 * 6 + 2 * 2 * (0 + 1 + 2 + 3), "operations, then states"
    tiny = SPACES[2]
    everything = tiny.enumerate()
    for start in (0, 1234):
        # Edits counted by walking from neighbour to neighbour.
        found = np.full(len(everything), -1)
        found[start] = 0
        frontier = [start]
        while frontier:
            reached = np.unique(np.concatenate([tiny.index(tiny.neighbors(everything[i])) for i in frontier]))
            reached = reached[found[reached] < 0]
            found[reached] = found[frontier[0]] + 1
            frontier = reached.tolist()
        np.testing.assert_array_equal(tiny.distance(everything[start], everything), found)


def test_the_operation_stays_with_its_edge_when_another_state_is_read():
    x = DARTS.parse(PC_DARTS)[0]  # node 3 of the normal cell: sep_conv_3x3 on 0, dil_conv_3x3 on 1
    texts = DARTS.format(DARTS.neighbors(x))
    moved = [t for t in texts if "('dil_conv_3x3', 1), ('sep_conv_3x3', 2), ('sep_conv_5x5', 0)" in t]
    assert len(moved) == 1


def test_mutants_are_spread_as_the_literature_has_it(rng):
    X = np.repeat(DARTS.parse(GDAS), 40_000, axis=0)
    children = DARTS.mutate(X, rng)
    ops, states = DARTS._decode(children)
    old_ops, old_states = DARTS._decode(X)
    rewired = (states != old_states).any(axis=-1)
    assert rewired.any(axis=(1, 2)).mean() == pytest.approx(0.5, abs=0.02)
    assert not rewired[:, :, 0].any(), "the first node has no choice"
    assert rewired.mean(axis=0)[:, 1:] * 2 == pytest.approx(np.full((2, 3), 1 / 6), abs=0.02)
    kept = ~rewired.any(axis=(1, 2))
    changed = (ops != old_ops)[kept].mean(axis=0)
    assert changed == pytest.approx(np.full(changed.shape, 1 / 16), abs=0.01)


def test_children_take_whole_nodes(rng):
    A, B = DARTS.sample(200, rng), DARTS.sample(200, rng)
    child = DARTS.crossover(A, B, rng).reshape(200, 8, 3)
    from_a, from_b = ((child == parent.reshape(200, 8, 3)).all(axis=2) for parent in (A, B))
    assert (from_a | from_b).all()
    assert from_a.mean() == pytest.approx(0.5, abs=0.1)


# A configuration of NAS-Bench-301 as its data generation publishes it, settings of the training shortened.
CONFIG = {
    "edge_normal_1": "sep_conv_3x3", "edge_normal_0": "skip_connect", "edge_normal_3": "dil_conv_5x5",
    "edge_normal_4": "avg_pool_3x3", "inputs_node_normal_3": "1_2", "edge_normal_8": "sep_conv_3x3",
    "edge_normal_7": "dil_conv_5x5", "inputs_node_normal_4": "2_3", "edge_normal_9": "dil_conv_3x3",
    "edge_normal_10": "dil_conv_3x3", "inputs_node_normal_5": "0_1", "edge_reduce_1": "skip_connect",
    "edge_reduce_0": "dil_conv_3x3", "edge_reduce_2": "max_pool_3x3", "edge_reduce_3": "dil_conv_5x5",
    "inputs_node_reduce_3": "0_1", "edge_reduce_7": "avg_pool_3x3", "edge_reduce_6": "dil_conv_3x3",
    "inputs_node_reduce_4": "1_2", "edge_reduce_11": "sep_conv_3x3", "edge_reduce_9": "sep_conv_3x3",
    "inputs_node_reduce_5": "0_2", "auxiliary": "True", "init_channels": 32, "layers": 8,
}  # fmt: skip
CONFIG = {f"NetworkSelectorDatasetInfo:darts:{name}": value for name, value in CONFIG.items()}
CONFIG |= {"OptimizerSelector:sgd:learning_rate": 0.025}


def test_configurations_of_nas_bench_301():
    row = DARTS.from_config(CONFIG)
    assert DARTS.format(row)[0] == (
        "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('dil_conv_5x5', 1), ('avg_pool_3x3', 2), "
        "('dil_conv_5x5', 2), ('sep_conv_3x3', 3), ('dil_conv_3x3', 0), ('dil_conv_3x3', 1)], "
        "normal_concat=range(2, 6), reduce=[('dil_conv_3x3', 0), ('skip_connect', 1), ('max_pool_3x3', 0), "
        "('dil_conv_5x5', 1), ('dil_conv_3x3', 1), ('avg_pool_3x3', 2), ('sep_conv_3x3', 0), ('sep_conv_3x3', 2)], "
        "reduce_concat=range(2, 6))"
    )
    kept = {name: value for name, value in CONFIG.items() if "edge_" in name or "inputs_node_" in name}
    assert DARTS.to_config(row) == kept
    bare = {name.rpartition(":")[2]: value for name, value in CONFIG.items()}
    np.testing.assert_array_equal(DARTS.from_config([bare, CONFIG]), np.repeat(row, 2, axis=0))
    assert DARTS.from_config([]).shape == (0, 24)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_configurations_lead_back_to_rows(space, rng):
    X = space.sample(20, rng)
    np.testing.assert_array_equal(space.from_config([space.to_config(x) for x in X]), X)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"edge_normal_3": None}, "expected edge_normal_3 among max_pool_3x3, .*, got None"),
        ({"edge_normal_3": "sep_conv_7x7"}, "expected edge_normal_3 among max_pool_3x3, .*, got 'sep_conv_7x7'"),
        ({"inputs_node_reduce_5": "2_0"}, "expected inputs_node_reduce_5 to be 2 states below 5 in ascending order"),
        ({"inputs_node_reduce_5": "0_5"}, "such as '0_1', got '0_5'"),
        ({"inputs_node_reduce_5": None}, "such as '0_1', got None"),
        ({"inputs_node_reduce_5": 12}, "such as '0_1', got 12"),
        ({"edge_normal_13": "sep_conv_3x3"}, "got edge_normal_13 besides; leave it out"),
    ],
)
def test_configurations_that_are_none(change, said):
    prefix = "NetworkSelectorDatasetInfo:darts:"
    with pytest.raises(InvalidInputError, match=f"configuration 1: .*{said}"):
        DARTS.from_config([CONFIG, CONFIG | {prefix + name: value for name, value in change.items()}])
    with pytest.raises(InvalidInputError, match="expected a mapping of names to values"):
        DARTS.from_config(["edge_normal_0"])


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"n_nodes": 0}, "n_nodes: expected 1 to 6, got 0"),
        ({"edges_per_node": 3}, "edges_per_node: expected 1 to 2, got 3"),
        ({"operations": (CONV, Operation("none", "none"))}, "operation 'none': expected one that every edge can carry"),
        ({"operations": (CONV, Operation("sum", "pooling"))}, "operations: expected other names than"),
        ({"operations": (Operation("a'b", "pooling"),)}, "operation 0: expected a name of its own"),
        ({"operations": OPERATIONS, "n_nodes": 6, "n_inputs": 6, "edges_per_node": 4}, "different cells, got"),
    ],
)
def test_descriptions_that_make_no_space(parts, said):
    with pytest.raises(InvalidInputError, match=said):
        TwoCellSpace("x", **({"operations": (CONV,), "n_nodes": 2, "skeleton": SKELETON} | parts))


@pytest.mark.parametrize("change", ["label", "edge", "extra", "swap"])
def test_graphs_of_no_cells_are_refused(change):
    graph = DARTS.graphs(DARTS.parse(PC_DARTS)).to_networkx()[0]
    by_name = defaultdict(list)
    for v, data in graph.nodes(data=True):
        by_name[data["op"]].append(v)
    if change == "label":  # an operation of the other cell
        graph.nodes[by_name["sep_conv_5x5"][0]]["op"] = "reduce sep_conv_5x5"
    elif change == "edge":  # half of a sum is read
        source, target = next(
            (a, b) for a, b in graph.edges if "conv" in graph.nodes[a]["op"] and "conv" in graph.nodes[b]["op"]
        )
        graph.remove_edge(source, target)
    elif change == "extra":
        graph.add_edge(by_name["c_{k-2}"][0], by_name["sum"][0])
    else:
        graph.nodes[by_name["c_{k-2}"][0]]["op"] = "c_{k-1}"
    with pytest.raises(InvalidInputError, match="graph 0: expected the graph of two cells of space 'darts'"):
        DARTS.from_networkx([graph])


def test_all_orders_of_four_unconnected_nodes_are_one_network():
    """Twenty-four ways to write four nodes that only read what the cell is given."""
    nodes = ["('max_pool_3x3', 0), ('sep_conv_3x3', 1)", "('skip_connect', 0), ('sep_conv_5x5', 1)",
             "('sep_conv_3x3', 0), ('dil_conv_3x3', 1)", "('avg_pool_3x3', 0), ('dil_conv_5x5', 1)"]  # fmt: skip
    head, tail = PC_DARTS.partition("[")[0], PC_DARTS.partition("], normal_concat")[2]
    texts = [f"{head}[{', '.join(order)}], normal_concat{tail}" for order in permutations(nodes)]
    X = DARTS.parse(texts)
    assert len(np.unique(X, axis=0)) == 24
    assert len(np.unique(DARTS.canonical(X), axis=0)) == 1
