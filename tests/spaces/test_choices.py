"""Spaces of conditional choices against brute force: what is valid, how many, in which order, and what an edit is."""

import itertools
import json
import pickle
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError
from surrogate_nas.spaces import Operation, Skeleton, get_space
from surrogate_nas.spaces.choices.choice import Choice, Limit
from surrogate_nas.spaces.choices.space import ChoiceSpace
from surrogate_nas.spaces.definition import define_space, describe_space
from surrogate_nas.testing.space import CHECKS

A, B, C = Operation("a", "convolution", 3, True, 1.0), Operation("b", "linear", 0, True, 2.0), Operation("c", "pooling")
SKELETON = Skeleton("tabular")


def choice(name, options, operations=None, before="", **more):
    """A choice whose options are operations of its own name, so that graphs never mix them up."""
    if operations is None and "refines" not in more:
        operations = Operation(f"{name}-", "linear", 0, True, 1.0)
    return Choice(name, options, before=before or f" {name}=", operations=operations, **more)


# A branch with a parameter each, one that both have, and one that depends on two choices at once.
BRANCHES = ChoiceSpace(
    "branches",
    [
        choice("kind", ["x", "y"], before="kind="),
        choice("p", [1, 2, 4, 8], when={"kind": ["x"]}),
        choice("q", ["u", "v", "w"], when={"kind": ["y"]}),
        choice("r", ["0", "1"], when={"kind": None}),
        choice("s", ["l", "m"], when={"kind": ["x"], "r": ["1"]}),
    ],
    SKELETON,
)

OPTIONAL = ChoiceSpace(
    "optional",
    [
        choice("n", ["1", "2", "3"], optional=True),
        choice("m", [10, 20, 30], optional=True, when={"n": ["2", "3"]}),
        choice("k", ["a", "b"], when={"m": [20, 30]}),
        choice("z", ["a", "b"], needs={"a": {"n": ["1"]}}),
    ],
    SKELETON,
)

LIMITED = ChoiceSpace(
    "limited",
    [choice(f"c{i}", [0, 1, 2, 3], log=False) for i in range(4)],
    SKELETON,
    limits=[
        Limit({f"c{i}": {k: k for k in range(4)} for i in range(4)}, least=3, most=5),
        Limit({f"c{i}": {2: 2, 3: 3} for i in (0, 2)}, least=2, most=6, product=True),
    ],
    prefix="<",
    suffix=">",
)

# Whether a choice is made depends on a number, so that not every number can move.
GATED = ChoiceSpace(
    "gated",
    [
        choice("width", [1, 2, 3, 4], before="w"),
        choice("gate", ["on", "off"], when={"width": [2, 3]}),
        choice("depth", [1, 3, 9], when={"gate": ["on"]}, refines="gate", sets="depth"),
    ],
    SKELETON,
)

SPACES = [
    BRANCHES,
    OPTIONAL,
    LIMITED,
    GATED,
    ChoiceSpace("one row", [choice("only", ["this"], before="only ")], SKELETON),
    ChoiceSpace(
        "silent", [Choice("a", ["-", "a"], operations=[None, A]), Choice("b", ["b", "c"], operations=[B, C])], SKELETON
    ),
    ChoiceSpace(
        "repeated",
        [Choice("x", ["a", "b"], operations=[A, B]), Choice("y", ["-", "c"], operations=[None, C])],
        SKELETON,
        nodes=["x", "y", ["x", "x"], ["y", "x"]],
    ),
    ChoiceSpace("many genes", [choice(f"g{i}", [1, 2, 3], before="" if i else "#") for i in range(45)], SKELETON),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=3, deadline=None)
def test_contract(space, check, seed):
    check(space, np.random.default_rng(seed))


def permits(conditions, chosen):
    return all(
        chosen[name] is not None and (options is None or chosen[name] in map(str, options))
        for name, options in conditions.items()
    )


def is_valid(space, row):
    """The definition, word by word."""
    chosen = {}
    for c, value in zip(space.choices, row, strict=True):
        active = permits(c.when, chosen)
        made = value >= c.first
        if made and not active:
            return False
        if not made and active and not c.optional:
            return False
        chosen[c.name] = c.texts[value - c.first] if made else None
        if made and not permits(c.needs.get(chosen[c.name], {}), chosen):
            return False
    for limit in space.limits:
        total = int(limit.product)
        for name, amounts in limit.amounts.items():
            amount = {str(k): v for k, v in amounts.items()}.get(chosen[name], int(limit.product))
            total = total * amount if limit.product else total + amount
        if (limit.least is not None and total < limit.least) or (limit.most is not None and total > limit.most):
            return False
    return True


def brute_force(space):
    every = np.array(list(itertools.product(*map(range, space.cardinalities))), dtype=np.int16)
    return every, np.array([is_valid(space, row) for row in every.tolist()])


@pytest.mark.parametrize("space", [BRANCHES, OPTIONAL, LIMITED, GATED], ids=lambda space: space.name)
def test_rows_are_those_of_the_definition(space):
    every, good = brute_force(space)
    np.testing.assert_array_equal(space.valid(every), good)
    np.testing.assert_array_equal(space.enumerate(), every[good])  # in ascending order
    assert space.size == good.sum()
    np.testing.assert_array_equal(space.index(every), np.where(good, np.cumsum(good) - 1, -1))


@st.composite
def declared_spaces(draw):
    """Spaces that nobody would write by hand."""
    names = [f"c{i}" for i in range(draw(st.integers(1, 4)))]
    options = ["a", "b", "c"]
    some = st.lists(st.sampled_from(options), min_size=1, max_size=2, unique=True)
    choices = []
    for i, name in enumerate(names):
        earlier = names[:i]
        when = (
            {e: draw(st.none() | some) for e in draw(st.sets(st.sampled_from(earlier), max_size=2))} if earlier else {}
        )
        needs = {"c": {draw(st.sampled_from(earlier)): draw(some)}} if earlier and draw(st.booleans()) else {}
        choices.append(choice(name, options, optional=draw(st.booleans()), when=when, needs=needs))
    amounts = {name: {"a": draw(st.integers(1, 2)), "b": 3} for name in draw(st.sets(st.sampled_from(names)))}
    bounds = draw(st.tuples(st.none() | st.integers(0, 3), st.none() | st.integers(1, 9)))
    return choices, [Limit(amounts, *bounds, product=draw(st.booleans()))] if amounts else []


@given(declared=declared_spaces(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_any_declaration_means_what_it_says(declared, seed):
    choices, limits = declared
    pretended = SimpleNamespace(choices=choices, limits=limits, cardinalities=[c.cardinality for c in choices])
    every, good = brute_force(pretended)
    if not good.any():
        with pytest.raises(InvalidInputError, match="expected choices that can be made"):
            ChoiceSpace("any", choices, SKELETON, limits=limits)
        return
    space, rng = ChoiceSpace("any", choices, SKELETON, limits=limits), np.random.default_rng(seed)
    np.testing.assert_array_equal(space.valid(every), good)
    rows = every[good]
    np.testing.assert_array_equal(space.enumerate(), rows)
    np.testing.assert_array_equal(space.at(space.index(rows)), rows)
    np.testing.assert_array_equal(space.parse(space.format(rows)), rows)
    np.testing.assert_array_equal(space.from_networkx(space.graphs(rows).to_networkx()), rows)
    assert {row.tobytes() for row in space.sample(space.size * 20, rng)} <= {row.tobytes() for row in rows}
    for x in rows[rng.permutation(len(rows))[:5]]:
        expected = rows[space.distance(x, rows) == 1]
        near = space.neighbors(x)
        assert sorted(map(tuple, near.tolist())) == sorted(map(tuple, expected.tolist()))
    A, B = space.sample(20, rng), space.sample(20, rng)
    children = space.crossover(A, B, rng)
    assert space.valid(children).all()
    assert ((children == A) | (children == B)).all(), "every gene comes from a parent"


@pytest.mark.parametrize("space", [BRANCHES, OPTIONAL, LIMITED, GATED], ids=lambda space: space.name)
def test_samples_are_uniform(space):
    """Chi-squared: 60 standard deviations of slack would be no test, five are exceeded once in a million."""
    n = 400 * space.size
    counts = np.bincount(space.index(space.sample(n, 0)), minlength=space.size)
    statistic = ((counts - 400) ** 2 / 400).sum()
    assert statistic < space.size - 1 + 5 * np.sqrt(2 * (space.size - 1))


def test_mutation_is_uniform_over_choices_then_options_then_consequences():
    x = BRANCHES.parse("kind=x p=1 r=1 s=l")
    drawn = Counter(BRANCHES.format(BRANCHES.mutate(np.repeat(x, 48_000, axis=0), 0)))
    expected = {
        "kind=y q=u r=1": 4_000,
        "kind=x p=4 r=1 s=l": 4_000,
        "kind=x p=1 r=0": 12_000,
        "kind=x p=1 r=1 s=m": 12_000,
    }
    assert len(drawn) == 8
    for text, count in expected.items():
        assert abs(drawn[text] - count) < 6 * np.sqrt(count), text


def test_an_optional_choice_goes_as_easily_as_it_comes():
    space = ChoiceSpace("o", [choice("w", {"first": 1, "last": 500}, optional=True), choice("k", ["a", "b"])], SKELETON)
    drawn = space.mutate(np.repeat(space.parse(" w=7 k=a"), 9_000, axis=0), 0)
    assert abs((drawn[:, 0] == 0).sum() - 2_250) < 6 * np.sqrt(2_250)
    assert abs((drawn[:, 1] == 1).sum() - 4_500) < 6 * np.sqrt(4_500)
    moved = set(drawn[drawn[:, 1] == 0, 0].tolist())
    assert 400 < len(moved) < len(moved | {7}) <= 501


@given(position=st.integers(0, 3**45 - 1))
@settings(deadline=None)
def test_positions_beyond_64_bits(position):
    space = SPACES[-1]
    assert space.size == 3**45 > 2**63
    row = space.at(np.array([position], dtype=object))
    digits = [position // 3 ** (44 - i) % 3 for i in range(45)]
    assert row.tolist() == [digits]
    assert space.index(row).tolist() == [position]
    assert space.index(np.full((1, 45), 3)).tolist() == [-1]
    np.testing.assert_array_equal(space.parse(space.format(row)), row)


def test_numbers_move_only_where_the_rest_can_stay():
    x = GATED.parse("w3 gate=on depth=3")  # width 1 or 4 would take the gate away
    moved = GATED.from_relaxed([[0.0, 0.0], [1.0, 1.0], [0.6, 0.4]], x)
    assert GATED.format(moved) == [
        "w2 gate=on depth=1", "w3 gate=on depth=9", "w2 gate=on depth=3",
    ]  # fmt: skip
    assert GATED.format(GATED.from_relaxed([[1.0, 0.0]], GATED.parse("w1"))) == ["w4"]
    assert [None if level is None else level.tolist() for level in GATED.levels] == [[1, 2, 3, 4], None, [1, 3, 9]]
    assert GATED.ordinal.tolist() == [True, False, True]
    np.testing.assert_allclose(GATED.relax(x), [[np.log(3) / np.log(4), 0.5]])


def test_messages_name_what_would_have_been_possible():
    for text, said in (
        ("<c0=3 c1=3 c2=0 c3=0>", "one of 0, 1, 2 (after ' c1=') as c1"),
        ("kind=x p=3", "one of 1, 2, 4, 8 (after ' p=') as p"),
        (" n=4 z=b", "one of 1, 2, 3 (after ' n=') as n or one of b (after ' z=') as z, got 'n=4 z=b'"),
        ("kind=x p=1 r=0 s=l", "nothing more, got ' s=l' at position 14"),
    ):
        space = LIMITED if text.startswith("<") else OPTIONAL if text.startswith(" n") else BRANCHES
        text = text.replace("<", "< ", 1)
        with pytest.raises(InvalidInputError) as caught:
            space.parse(text)
        assert said in str(caught.value)


def test_unique_samples():
    for space in (BRANCHES, SPACES[-1]):
        n = min(space.size, 500)
        assert len(np.unique(space.sample(n, 0, unique=True), axis=0)) == n
    with pytest.raises(SpaceExhaustedError, match="different ones were asked for"):
        BRANCHES.sample(BRANCHES.size + 1, 0, unique=True)


def test_a_copy_in_another_process_knows_the_same_rows():
    X = OPTIONAL.enumerate()
    OPTIONAL.graphs(X)
    sent = pickle.dumps(OPTIONAL)
    copied = pickle.loads(sent)  # noqa: S301  (our own bytes)
    np.testing.assert_array_equal(copied.enumerate(), X)
    assert copied.format(X) == OPTIONAL.format(X)
    assert len(sent) < 5_000, "tables stay at home"


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_a_definition_that_json_can_hold_builds_an_equal_space(space):
    again = define_space(json.loads(json.dumps(describe_space(space))))
    X = space.sample(50, 0)
    assert again.size == space.size
    assert again.format(X) == space.format(X)
    assert again.graphs(X).vocabulary == space.graphs(X).vocabulary
    np.testing.assert_array_equal(again.graphs(X).adjacency, space.graphs(X).adjacency)


def test_too_many_neighbours_are_refused():
    followers = [choice(f"f{i}", {"first": 1, "last": 200}, when={"root": ["b"]}) for i in range(4)]
    space = ChoiceSpace("wide", [choice("root", ["a", "b"]), *followers], SKELETON)
    assert space.size == 1 + 200**4
    with pytest.raises(InvalidInputError, match="neighbours"):
        space.neighbors(space.at([0]))
    assert space.valid(space.mutate(np.repeat(space.at([0]), 50, axis=0), 0)).all()


def test_a_single_option_needs_no_list():
    def space(text, number):
        return ChoiceSpace(
            "stems",
            [
                choice("stem", ["conv", "patch"]),
                choice("size", [4, 8], when={"stem": text}),
                choice("depth", ["few", "many"], needs={"many": {"size": number}}),
            ],
            SKELETON,
        )

    listed, plain = space(["patch"], [8]), space("patch", 8)
    np.testing.assert_array_equal(plain.enumerate(), listed.enumerate())
    np.testing.assert_array_equal(define_space(describe_space(plain)).enumerate(), listed.enumerate())


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Choice("x", [], operations=A), "1 to"),
        (lambda: Choice("x", ["a", "a"], operations=A), "different options"),
        (lambda: Choice("x", [2, 1], operations=A), "ascending"),
        (lambda: Choice("x", "ab", operations=A), "list of options"),
        (lambda: Choice("x", ["a\nb"], operations=A), "line break"),
        (
            lambda: Choice("x", ["a", "b"], when={"y": "a"}),
            "neither; a graph has to show every choice: write operations = ",
        ),
        (lambda: Choice("x", ["a"], operations=A, when="y"), "x', when: expected a table of earlier choices"),
        (lambda: Choice("x", ["a"], operations=A, needs="y"), "x', needs: expected a table of options"),
        (lambda: Choice("x", ["a"], operations=A, needs={"a": "y"}), "needs of a: expected a table of earlier choices"),
        (lambda: Choice(3, ["a"], operations=A), "choice: expected a name, got 3"),
        (lambda: Choice("x", ["a"], operations=A, refines="y"), "both"),
        (lambda: Choice("x", ["a", "b"], operations=[A]), "one operation for each of 2"),
        (lambda: Choice("x", ["a", "b"], operations=[None, None]), "at most one way to have no operation"),
        (lambda: Choice("x", ["a", "b"], optional=True, operations=[None, A]), "optional=True included"),
        (
            lambda: ChoiceSpace(
                "s", [Choice("x", ["a", "b"], operations=[None, A]), choice("y", [1], refines="x")], SKELETON
            ),
            "got 'a' among them",
        ),
        (
            lambda: ChoiceSpace("s", [choice("x", ["a"], optional=True), choice("y", [1, 2], refines="x")], SKELETON),
            "got no such condition",
        ),
        (
            lambda: ChoiceSpace(
                "s",
                [choice("x", ["a"]), *(choice(f"y{i}", {"first": 1, "last": 200}, refines="x") for i in range(3))],
                SKELETON,
            ).graphs([[0, 0, 0, 0]]),
            "give some of these choices a node of their own",
        ),
        (lambda: Choice("x", [0.5], operations=A, sets="kernel"), "whole numbers"),
        (lambda: Choice("x", ["a"], operations=A, needs={"b": {}}), "options of choice 'x'"),
        (lambda: Limit({"x": {"a": -1}}), "at least 0"),
        (lambda: Limit({"x": {"a": 0}}, product=True), "at least 1"),
        (
            lambda: ChoiceSpace("s", [Choice("x", ["a", "b"], operations=[A, A])], SKELETON),
            "choice 'x': expected operations with names of their own, got two called 'a'",
        ),
        (lambda: ChoiceSpace("s", [], SKELETON), "names of their own"),
        (
            lambda: ChoiceSpace("s", [choice("x", ["a"]), choice("x", ["b"])], SKELETON),
            "got two called 'x'; rename one",
        ),
        (lambda: ChoiceSpace("s", [choice("x", ["a"], when={"y": None})], SKELETON), "an earlier choice, got 'y'"),
        (lambda: ChoiceSpace("s", [choice("x", ["a"], when={"x": None})], SKELETON), "an earlier choice, got 'x'"),
        (
            lambda: ChoiceSpace("s", [choice("x", ["a"]), choice("y", ["a"], when={"x": ["b"]})], SKELETON),
            "options of choice 'x'",
        ),
        (lambda: ChoiceSpace("s", [choice("x", ["a"])], SKELETON, limits=[Limit({"y": {}})]), "name of a choice"),
        (
            lambda: ChoiceSpace("s", [choice("x", ["a"])], SKELETON, limits=[Limit({"x": {}}, least=1)]),
            "relax the limits",
        ),
        (lambda: ChoiceSpace("s", [choice("x", ["a"])], SKELETON, nodes=["y"]), "nodes: expected a choice"),
        (lambda: ChoiceSpace("s", [choice("x", ["a"]), choice("y", ["a"])], SKELETON, nodes=["x"]), "got none for 'y'"),
        (lambda: ChoiceSpace("s", [choice("x", ["a"], refines="y")], SKELETON), "to refine"),
        (lambda: BRANCHES.neighbors([0, 0, 0, 0, 0]), "expected an architecture"),
    ],
)
def test_bad_declarations(build, said):
    with pytest.raises(InvalidInputError, match="expected") as caught:
        build()
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("space", "text", "said"),
    [
        (
            "transnas-macro",
            "64-111111-basic",
            "limit: expected a sum of at least 1 and at most 4 over module 1, .*4 brings 1.*, got 0$",
        ),
        (
            "transnas-macro",
            " 64-333333-basic",
            "limit: expected a sum of at least 1 and at most 4 over module 1, .*, got 6$",
        ),
        (
            "transnas-macro",
            "64-442244-basic",
            "limit: expected a sum of at least 1 and at most 3 over module 1, .*2 brings 1.*, got 6$",
        ),
        ("transnas-macro", "64-111", "expected one of 1, 2, 3, 4 as module 4"),
        ("transnas-macro", "64-11111x", "as module 6, got 'x' at position 8; write it like 64-241413-basic$"),
        (
            "chain",
            "pool(4)" + "-pool(4)" * 3,
            "limit: expected a product of at most 128 over size 1, .*4 brings 4.*, got 256$",
        ),
    ],
)
def test_a_text_that_breaks_a_limit_is_told_which(space, text, said):
    with pytest.raises(InvalidInputError, match=said):
        get_space(space).parse(text)


def test_too_many_states_are_refused():
    choices = [choice(name, {"first": 1, "last": 300}) for name in ("x", "y", "z")]
    amounts = {name: {k: scale * k for k in range(1, 301)} for name, scale in (("x", 1000), ("y", 1), ("z", 1))}
    with pytest.raises(InvalidInputError, match="expected at most 32,768 different states after choice 'y'"):
        ChoiceSpace("s", choices, SKELETON, limits=[Limit(amounts, most=10**6)])
