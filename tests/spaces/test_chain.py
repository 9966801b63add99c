"""Published and common spaces of sequences, as the builders make them: sizes, official texts, rules, contract."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import differential_evolution, minimize

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import Operation, Skeleton, get_space
from surrogate_nas.spaces.choices.chain import Layer, Parameter, Total, chain_space, mlp_space, sequence_space
from surrogate_nas.testing.space import CHECKS


def inverted(name, kernel, expansion, groups=1):
    """A block of a MobileNet: 1x1 to e times the width, a depthwise kernel, and back; cost against e = 1."""
    traits = (("depthwise", 1.0), ("expansion", expansion / 6), ("normalised", 1.0), ("grouped", float(groups > 1)))
    return Operation(name, "convolution", kernel, True, float(expansion) / groups, traits)


SIZES = sequence_space(
    "sizes",
    {"first": 8, "last": 64, "step": 8},
    5,
    Operation("conv", "convolution", 3, True, 9.0, (("normalised", 1.0),)),
    Skeleton("image"),
    sets="width",
    separator=":",
    position="channels",
    references={"widest": "64:64:64:64:64"},
)

BLOCKS = sequence_space(
    "blocks",
    ["0", "1", "2"],
    8,
    [Operation("Identity", "identity"), inverted("MB3_K3", 3, 3), inverted("MB6_K5", 5, 6)],
    Skeleton("image", (2, 3, 3), (64, 128, 256)),
    references={"all MB6_K5": "22222222"},
)

MODULES = sequence_space(
    "modules",
    ["1", "2", "3", "4"],
    (4, 6),
    [
        Operation("module", "convolution", 3, True, 1.0),
        Operation("module_wider", "convolution", 3, True, 2.0, (("doubles_channels", 1.0),)),
        Operation("module_smaller", "convolution", 3, True, 1.0, (("halves_resolution", 1.0),)),
        Operation(
            "module_wider_smaller",
            "convolution",
            3,
            True,
            2.0,
            (("doubles_channels", 1.0), ("halves_resolution", 1.0)),
        ),
    ],
    Skeleton("image"),
    totals=[Total({"3": 1, "4": 1}, least=1, most=4), Total({"2": 1, "4": 1}, least=1, most=3)],
    prefix="64-",
    suffix="-basic",
    position="module",
)

FBNET_BLOCKS = ["k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip"]
MOBILE = sequence_space(
    "mobile",
    FBNET_BLOCKS,
    22,
    [
        inverted("k3_e1", 3, 1),
        inverted("k3_e1_g2", 3, 1, 2),
        inverted("k3_e3", 3, 3),
        inverted("k3_e6", 3, 6),
        inverted("k5_e1", 5, 1),
        inverted("k5_e1_g2", 5, 1, 2),
        inverted("k5_e3", 5, 3),
        inverted("k5_e6", 5, 6),
        Operation("skip", "identity"),
    ],
    Skeleton("image", (1, 4, 4, 4, 4, 4, 1), (16, 24, 32, 64, 112, 184, 352)),
    separator="|",
    references={"k3_e6 throughout": "|".join(["k3_e6"] * 22)},
)

LAYERS = [
    Layer(
        Operation("conv", "convolution", 1, True, 1.0),
        [
            Parameter("filters", {"first": 16, "last": 256}, sets="width"),
            Parameter("kernel", {"first": 3, "last": 11}, sets="kernel"),
        ],
        after=["conv", "pool"],
    ),
    Layer(Operation("dense", "linear", 0, True, 1.0), [Parameter("units", {"first": 16, "last": 1024}, sets="width")]),
    Layer(
        Operation("pool", "pooling"),
        [Parameter("size", {"first": 2, "last": 5}, sets="kernel")],
        after=["conv", "pool"],
        divides="size",
    ),
]
CHAIN = chain_space(
    "chain", LAYERS, 10, Skeleton("sequence"), references={"small": "conv(64,3)-pool(2)-conv(128,3)-dense(128)"}
)

MLP = mlp_space(
    "mlp",
    [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024],
    6,
    [Operation(name, "activation") for name in ("relu", "gelu", "silu", "tanh")],
    [Operation("none", "none"), Operation("batch", "normalisation"), Operation("layer", "normalisation")],
    [0, 0.1, 0.25, 0.5],
    Skeleton("tabular"),
    references={"two of 128": "128-128 relu none dropout(0)"},
)

SPACES = [SIZES, BLOCKS, MODULES, MOBILE, CHAIN, MLP]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=3, deadline=None)
def test_contract(space, check, seed):
    check(space, np.random.default_rng(seed))


def test_published_sizes():
    assert SIZES.size == 32_768
    assert BLOCKS.size == 6_561
    assert MODULES.size == 3_256
    assert MOBILE.size == 9**22 > 2**63
    assert MLP.size == sum(15**k for k in range(1, 7)) * 4 * 3 * 4


def test_size_of_chains_by_another_count():
    """Dense layers come last; before them convolutions and pools with a product of at most 128."""
    n_conv, n_dense, longest = 241 * 9, 1009, 10
    fronts = {1: 1}  # by product of pools: fronts of the length at hand
    total = 0
    for front in range(longest + 1):
        n_fronts = sum(fronts.values())
        total += n_fronts * sum(n_dense**back for back in range(longest - front + 1) if front + back)
        grown: dict[int, int] = {}
        for product, count in fronts.items():
            for factor, ways in ((1, n_conv), (2, 1), (3, 1), (4, 1), (5, 1)):
                if product * factor <= 128:
                    grown[product * factor] = grown.get(product * factor, 0) + count * ways
        fronts = grown
    assert CHAIN.size == total


@pytest.mark.parametrize(
    ("space", "text", "row"),
    [
        (SIZES, "64:8:16:64:24", [7, 0, 1, 7, 2]),
        (BLOCKS, "00120121", [0, 0, 1, 2, 0, 1, 2, 1]),
        (MODULES, "64-1234-basic", [0, 1, 2, 3, 0, 0]),
        (MODULES, "64-111134-basic", [0, 0, 0, 0, 3, 4]),
        (MOBILE, "|".join(FBNET_BLOCKS * 2 + ["skip"] * 4), [*range(9), *range(9), 8, 8, 8, 8]),
        (MLP, "64-128-32 relu batch dropout(0.1)", [6 + 1 - 1, 9, 5, 0, 0, 0, 0, 1, 1]),
    ],
)
def test_official_texts(space, text, row):
    np.testing.assert_array_equal(space.parse(text), [row])
    assert space.format([row]) == [text]


def test_rows_of_a_chain():
    row = CHAIN.parse("conv(64,3)-pool(2)-dense(128)")[0]
    named = dict(zip(CHAIN.gene_names, row.tolist(), strict=True))
    made = {name: value for name, value in named.items() if value}  # kind 1, always made, counts from 0: a convolution
    assert made == {
        "filters 1": 49, "kernel 1": 1, "kind 2": 3, "size 2": 1, "kind 3": 2, "units 3": 113,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("space", "text"),
    [
        (MODULES, "64-123-basic"),  # too short
        (MODULES, "64-1212121-basic"),
        (MODULES, "64-1111-basic"),  # never smaller
        (MODULES, "64-1133-basic"),  # never wider
        (MODULES, "64-2222-basic"),
        (MODULES, "64-444411-basic"),  # four times wider
        (MODULES, "32-1234-basic"),
        (CHAIN, "dense(16)-conv(16,3)"),
        (CHAIN, "dense(16)-pool(2)"),
        (CHAIN, "pool(5)-pool(5)-pool(5)-pool(2)"),
        (CHAIN, "-".join(["conv(16,3)"] * 11)),
        (CHAIN, "conv(257,3)"),
        (CHAIN, "conv(64,3"),
        (CHAIN, "conv(064,3)"),
        (MLP, "63 relu none dropout(0)"),
        (MLP, "64- relu none dropout(0)"),
        (MLP, " relu none dropout(0)"),
        (SIZES, "64:64:64:64"),
    ],
)
def test_impossible_architectures_are_refused(space, text):
    with pytest.raises(InvalidInputError, match="expected") as caught:
        space.parse(text)
    assert "\n" not in str(caught.value)


def test_impossible_rows_of_a_chain_are_not_valid():
    x = CHAIN.parse("conv(64,3)-pool(5)-pool(5)-dense(128)")[0]
    number = {name: gene for gene, name in enumerate(CHAIN.gene_names)}
    for name, value in (
        ("kind 1", 1), ("kind 1", 2), ("kind 2", 0), ("kind 4", 0), ("units 1", 5), ("filters 1", 0), ("kind 6", 1),
        ("units 4", 0), ("kind 5", 1),
    ):  # fmt: skip
        broken = x.copy()
        broken[number[name]] = value
        assert not CHAIN.valid(broken).any(), name
        with pytest.raises(InvalidInputError, match="expected an architecture"):
            CHAIN.graphs(broken)
    assert CHAIN.valid(x).all()


def test_pools_leave_something_to_pool():
    texts = ["-".join(["pool(2)"] * 7), "pool(5)-pool(5)-pool(5)"]
    assert CHAIN.valid(CHAIN.parse(texts)).all()
    with pytest.raises(InvalidInputError, match="as kind 8, got '-pool"):
        CHAIN.parse("-".join(["pool(2)"] * 8))
    with pytest.raises(InvalidInputError, match=r"one of 2, 3 \(.*\) as size 4"):
        chain_space("short", LAYERS, 4, Skeleton("sequence"), length=24).parse("pool(2)-pool(2)-pool(2)-pool(4)")


def test_graph_of_a_chain():
    batch = CHAIN.graphs(CHAIN.parse(["conv(64,5)-pool(2)-dense(128)", "dense(1024)"]))
    assert len(batch.vocabulary) == 2 + 241 * 9 + 1009 + 4
    assert len({op.name for op in batch.vocabulary}) == len(batch.vocabulary)
    graph = batch.to_networkx()[0]
    assert [graph.nodes[v]["op"] for v in sorted(graph)] == ["input", "conv(64,5)", "pool(2)", "dense(128)", "output"]
    named = {op.name: op for op in batch.vocabulary}
    assert named["conv(64,5)"].kernel == 5
    assert named["conv(64,5)"].cost == 5.0
    assert dict(named["conv(64,5)"].traits) == {"width": pytest.approx(np.log(64 / 16) / np.log(256 / 16))}
    assert dict(named["dense(1024)"].traits) == {"width": 1.0}
    assert not named["pool(2)"].has_weights
    assert CHAIN.graphs(CHAIN.sample(3, 0)).vocabulary is batch.vocabulary


def test_graph_of_an_mlp():
    graph = MLP.graphs(MLP.parse("64-128 gelu layer dropout(0.1)")).to_networkx()[0]
    names = [graph.nodes[v]["op"] for v in sorted(graph)]
    layer = ["layer", "gelu", "dropout(0.1)"]
    assert names == ["input", "linear(64)", *layer, "linear(128)", *layer, "output"]
    plain = MLP.graphs(MLP.parse("64-128 gelu none dropout(0)")).to_networkx()[0]
    assert [plain.nodes[v]["op"] for v in sorted(plain)] == [
        "input", "linear(64)", "gelu", "linear(128)", "gelu", "output",
    ]  # fmt: skip


def test_a_chain_of_other_operations_is_refused():
    graph = MLP.graphs(MLP.parse("64-128 gelu layer dropout(0.1)")).to_networkx()[0]
    mixed = graph.copy()
    mixed.nodes[min(v for v in graph if graph.nodes[v]["op"] == "gelu")]["op"] = "relu"
    shortcut = graph.copy()
    shortcut.add_edge(min(graph), max(graph))
    for wrong in (mixed, shortcut):
        with pytest.raises(InvalidInputError, match="expected the chain of an architecture"):
            MLP.from_networkx([wrong])


def test_a_chain_grows_and_shrinks_at_its_end():
    x = CHAIN.parse("conv(64,3)-pool(2)")
    texts = set(CHAIN.format(CHAIN.neighbors(x)))
    assert {"conv(64,3)", "conv(64,3)-pool(2)-dense(77)", "conv(64,3)-conv(16,11)", "conv(65,3)-pool(2)"} <= texts
    assert "conv(64,3)-pool(2)-dense(77)-dense(77)" not in texts
    assert len(texts) == 240 + 8 + 4 + 3 + (241 * 9 + 1009) + 1 + (241 * 9 + 1009 + 4)
    rows, rng = np.repeat(x, 500, axis=0), np.random.default_rng(0)
    for _ in range(60):
        rows = CHAIN.mutate(rows, rng)
    assert CHAIN.valid(rows).all()
    counts = np.bincount([text.count("-") + 1 for text in CHAIN.format(rows)])
    assert (counts[1:11] > 0).sum() >= 6, "walks reach short and long chains"


def test_large_spaces_are_fast():
    X = CHAIN.sample(2000, 0)
    CHAIN.graphs(X[:1])
    started = time.perf_counter()
    CHAIN.neighbors(X[0])
    assert time.perf_counter() - started < 0.5  # takes 0.02
    started = time.perf_counter()
    CHAIN.index(CHAIN.mutate(X, 0))
    CHAIN.graphs(X)
    CHAIN.parse(CHAIN.format(X))
    assert time.perf_counter() - started < 3  # takes 0.2


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_relaxed_rows_round_trip_and_stay_valid(seed):
    rng = np.random.default_rng(seed)
    for space in (SIZES, CHAIN, MLP):
        X = space.sample(20, rng)
        if space is CHAIN:  # uniform samples hardly ever have several pools, which is where the limit binds
            pools = ["pool(2)-pool(3)-pool(4)-pool(5)-dense(20)", "pool(5)-pool(5)-pool(2)"]
            X = np.concatenate([X, CHAIN.parse(pools)])
        Z = space.relax(X)
        assert ((Z >= 0) & (Z <= 1)).all()
        np.testing.assert_array_equal(space.from_relaxed(Z, X), X)
        moved = space.from_relaxed(rng.uniform(-0.5, 1.5, size=Z.shape), X)
        assert space.valid(moved).all()
        fixed = ~space.ordinal
        np.testing.assert_array_equal(moved[:, fixed], X[:, fixed])
        first = np.array([choice.first for choice in space.choices])
        np.testing.assert_array_equal(np.less(moved, first), np.less(X, first))


def test_a_limit_moves_numbers_to_the_nearest_that_fit():
    X = CHAIN.parse(["pool(2)-pool(2)-pool(2)-pool(2)"])
    assert CHAIN.format(CHAIN.from_relaxed(np.ones_like(CHAIN.relax(X)), X)) == ["pool(5)-pool(5)-pool(2)-pool(2)"]


def test_nearest_option_is_that_of_the_scale():
    x = MLP.parse("64-128 relu none dropout(0)")
    scale = np.log([8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024])
    scale = (scale - scale[0]) / (scale[-1] - scale[0])
    z = np.random.default_rng(0).random((200, 7))
    rows = MLP.from_relaxed(z, x)
    np.testing.assert_array_equal(rows[:, 0], np.abs(scale - z[:, :1]).argmin(axis=1))
    np.testing.assert_array_equal(rows[:, 8], np.abs(np.array([0, 0.2, 0.5, 1.0]) - z[:, 6:]).argmin(axis=1))
    assert (rows[:, 2:6] == 0).all()


def test_searches_for_widths_in_the_relaxed_space():
    """Widths with the smallest error of a made-up score, by slopes on the scales and by trials of rows."""
    goal = "256-96-24 relu batch dropout(0.1)"
    best = MLP.relax(MLP.parse(goal))[0]
    start = MLP.parse("16-16-16 relu batch dropout(0)")
    made = MLP.relax(MLP.parse("1024-1024-1024 relu batch dropout(0.5)"))[0] > 0

    def error(z):
        return float(((z - best) ** 2)[made].sum())

    bounds = [(0, 1)] * len(best)
    found = minimize(error, MLP.relax(start)[0], bounds=bounds, method="L-BFGS-B").x
    assert MLP.format(MLP.from_relaxed(found, start)) == [goal]
    tried = differential_evolution(
        lambda z: error(MLP.relax(MLP.from_relaxed(z, start))[0]), bounds, seed=0, maxiter=60, popsize=6, polish=False
    )
    assert MLP.format(MLP.from_relaxed(tried.x, start)) == [goal]


@pytest.mark.parametrize(
    "build",
    [
        lambda: sequence_space("x", ["a"], 0, Operation("a", "linear"), Skeleton("tabular")),
        lambda: sequence_space("x", ["a"], (3, 2), Operation("a", "linear"), Skeleton("tabular")),
        lambda: sequence_space("x", {"from": 1}, 3, Operation("a", "linear"), Skeleton("tabular")),
        lambda: chain_space("x", LAYERS, 0, Skeleton("sequence")),
        lambda: mlp_space("x", [8], 0, [], [], [0], Skeleton("tabular")),
        lambda: CHAIN.from_relaxed(np.zeros((1, 3)), CHAIN.sample(1, 0)),
        lambda: SIZES.from_relaxed(np.full((1, 5), np.nan), SIZES.sample(1, 0)),
    ],
)
def test_bad_declarations(build):
    with pytest.raises(InvalidInputError, match="expected"):
        build()


def test_identities_move_within_a_stage_as_nas_bench_macro_counts_them():
    """Its authors trained 3,969 of the 6,561 and copied the rest: zeros behind a stage's first layer go to its end."""
    space = get_space("nas-bench-macro")
    X = space.enumerate()
    canonical = space.canonical(X)
    assert len(np.unique(space.keys(canonical))) == 3_969
    for row, text in zip(canonical[::97], space.format(X[::97]), strict=True):
        stages = text[:2], text[2:5], text[5:]
        moved = "".join(s[0] + s[1:].replace("0", "") + "0" * s[1:].count("0") for s in stages)
        assert space.format(row) == [moved]


def test_blocks_of_fbnet_skip_anywhere_in_a_stage():
    space = get_space("hw-fbnet")
    rest = "|".join(["k3_e1"] * 17)
    one, other = space.parse([f"k3_e1|k3_e3|skip|k5_e3|k5_e6|{rest}", f"k3_e1|k3_e3|k5_e3|k5_e6|skip|{rest}"])
    np.testing.assert_array_equal(space.canonical(one), space.canonical(other))
    first = space.parse(f"k3_e1|skip|k3_e3|k5_e3|k5_e6|{rest}")
    np.testing.assert_array_equal(space.canonical(first), first)


@pytest.mark.parametrize(
    ("length", "stages", "said"), [(4, (2, 3), "add up to 4 positions"), ((3, 4), (4,), "add up to 3 positions")]
)
def test_stages_that_do_not_fit(length, stages, said):
    blocks = [Operation("a", "identity"), Operation("b", "pooling")]
    with pytest.raises(InvalidInputError, match=said):
        sequence_space("x", ["a", "b"], length, blocks, Skeleton("image"), stages=stages)
