"""The contract of a search space, as checks that any space can be run through, also a user's own.

    import numpy as np
    import pytest
    from surrogate_nas.testing.space import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(my_space, np.random.default_rng(0))

Rows are drawn from the random stream, so that many streams try many architectures. They are
read-only: a method that changes its arguments fails.
"""

import copy
import itertools
import math
from collections.abc import Callable

import networkx as nx
import numpy as np

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError
from surrogate_nas.spaces.base import MAX_LISTED, Rows, SearchSpace

#: Architectures that one check looks at.
BATCH = 24

#: Spaces up to this size are looked through completely where a check needs it.
LARGEST = 100_000


def rows_of(space: SearchSpace, rng: np.random.Generator, n: int = BATCH) -> Rows:
    """Valid rows that nobody can write to."""
    X = space.sample(n, rng)
    X.flags.writeable = False
    return X


def raw_rows_of(space: SearchSpace, rng: np.random.Generator, n: int = BATCH) -> Rows:
    """Rows with genes in range, valid or not, that nobody can write to."""
    X = rng.integers(0, space.cardinalities, size=(n, space.n_genes)).astype(np.int16)
    X.flags.writeable = False
    return X


def message(action: Callable[[], object]) -> str:
    """The message with which ``action`` refuses its input."""
    try:
        action()
    except InvalidInputError as error:
        return str(error)
    raise AssertionError("expected an InvalidInputError, got none")


def check_description(space: SearchSpace, rng: np.random.Generator) -> None:
    """What a space says about itself fits together."""
    assert space.cardinalities.shape == (space.n_genes,) == (len(space.gene_names),)
    assert (space.cardinalities >= 1).all()
    assert 0 < space.size <= math.prod(space.cardinalities.tolist())
    assert space.ordinal.shape == (space.n_genes,)
    assert space.name in repr(space)
    assert len(space.skeleton.stages) == len(space.skeleton.channels)
    assert copy.deepcopy(space).size == space.size


def check_references(space: SearchSpace, rng: np.random.Generator) -> None:
    """Hand-made architectures are architectures of the space, each a different one."""
    rows = space.parse(list(space.references.values()))
    assert space.valid(space.canonical(rows)).all()
    assert len(np.unique(space.keys(space.canonical(rows)))) == len(space.references)


def check_enumerate(space: SearchSpace, rng: np.random.Generator) -> None:
    """All valid rows, each once, at the position that ``index`` says."""
    if space.size > LARGEST:
        return
    X = space.enumerate()
    assert X.shape == (space.size, space.n_genes)
    assert X.dtype == np.int16
    assert space.valid(X).all()
    assert len(np.unique(X, axis=0)) == len(X)
    np.testing.assert_array_equal(space.index(X), np.arange(len(X)))
    X[:] = 0  # a copy: what one caller does to it is no other caller's concern
    assert space.valid(space.enumerate()).all()


def check_positions(space: SearchSpace, rng: np.random.Generator) -> None:
    """Positions and rows are the same thing; where a space is too large to list, all the more."""
    X = rows_of(space, rng)
    positions = space.index(X)
    assert all(0 <= p < space.size for p in positions.tolist())
    np.testing.assert_array_equal(space.at(positions), X)
    drawn = [int(rng.random() * (space.size - 1)) for _ in range(BATCH)] + [0, space.size - 1]
    rows = space.at(drawn)
    assert rows.dtype == np.int16
    assert space.valid(rows).all()
    assert space.index(rows).tolist() == drawn
    assert space.at([]).shape == (0, space.n_genes)
    for wrong in ([space.size], [-1], [0.5], ["0"], [[0]]):
        assert "expected" in message(lambda p=wrong: space.at(p))  # type: ignore[misc]
    if space.size > MAX_LISTED:
        assert "sample" in message(space.enumerate)


def check_text_round_trip(space: SearchSpace, rng: np.random.Generator) -> None:
    """What was written is read back exactly."""
    X = rows_of(space, rng)
    texts = space.format(X)
    np.testing.assert_array_equal(space.parse(texts), X)
    np.testing.assert_array_equal(space.parse(texts[0]), X[:1])
    assert space.parse(texts).dtype == np.int16
    assert space.parse([]).shape == (0, space.n_genes)
    assert all("\n" not in text for text in texts)
    distinct = {row.tobytes() for row in X}
    assert len(set(texts)) == len(distinct)


def check_malformed_text(space: SearchSpace, rng: np.random.Generator) -> None:
    """Bad text is refused in one short line that says expected and got."""
    text = space.format(rows_of(space, rng, 1))[0]
    names = [op.name for op in space.graphs(rows_of(space, rng, 1)).vocabulary if op.name in text]
    bad = ["", " ", "\n", text[:-1], text + "x", text + " " + text, text + "|", "+" + text, "x" * 10**6]
    bad += [text * 10**4, "\N{SNOWMAN}\n\0"]
    for longest in sorted(names, key=len)[-1:]:  # texts of digits name no operation
        bad += [text.replace(longest, "no_such_operation"), text.replace(longest, "")]
    for wrong in bad:
        said = message(lambda wrong=wrong: space.parse([text, wrong]))  # type: ignore[misc]
        assert "expected" in said
        assert "got" in said
        assert "\n" not in said
        assert len(said) < 600
    for not_text in (3, None, [None], [text, 3], [b"bytes"], rows_of(space, rng, 2)):
        assert "expected a string" in message(lambda x=not_text: space.parse(x))  # type: ignore[misc]


def check_networkx_round_trip(space: SearchSpace, rng: np.random.Generator) -> None:
    """Graphs lead back to canonical rows, whatever their nodes are called."""
    X = rows_of(space, rng)
    graphs = space.graphs(X).to_networkx()
    np.testing.assert_array_equal(space.from_networkx(graphs), space.canonical(X))
    renamed = []
    for graph in graphs:  # other names in another order: what a graph means does not depend on them
        names = rng.permutation(1000)[: len(graph)]
        mapping = dict(zip(rng.permutation(list(graph)).tolist(), names.tolist(), strict=True))
        renamed.append(nx.relabel_nodes(graph, mapping))
    np.testing.assert_array_equal(space.from_networkx(renamed), space.canonical(X))
    assert space.from_networkx([]).shape == (0, space.n_genes)


def check_foreign_graphs(space: SearchSpace, rng: np.random.Generator) -> None:
    """Graphs that no cell has are refused."""
    graph = space.graphs(rows_of(space, rng, 1)).to_networkx()[0]
    source, target = min(graph), max(graph)
    cycle, unknown, extra, headless = graph.copy(), graph.copy(), graph.copy(), graph.copy()
    cycle.add_edges_from([(source, target), (target, source)])
    unknown.nodes[source]["op"] = "no_such_operation"
    extra.add_nodes_from((1000 + i, {"op": graph.nodes[target]["op"]}) for i in range(2))
    headless.remove_node(source)
    for wrong in (cycle, unknown, extra, headless, nx.DiGraph(), graph.to_undirected(), "a graph"):
        said = message(lambda wrong=wrong: space.from_networkx([wrong]))  # type: ignore[misc]
        assert "expected" in said
        assert "got" in said


def check_canonical(space: SearchSpace, rng: np.random.Generator) -> None:
    """Canonical forms are canonical."""
    X = raw_rows_of(space, rng)
    canonical = space.canonical(X)
    assert canonical.dtype == np.int16
    assert space.in_range(canonical).all()
    np.testing.assert_array_equal(space.canonical(canonical), canonical)
    np.testing.assert_array_equal(space.canonical_index(X), space.index(canonical))
    valid = rows_of(space, rng)
    assert space.valid(space.canonical(valid)).all()


def check_rows_out_of_range(space: SearchSpace, rng: np.random.Generator) -> None:
    """Rows with a gene out of range are known as such and never drawn or written."""
    X = rows_of(space, rng).copy()
    gene = rng.integers(space.n_genes, size=len(X))
    X[np.arange(len(X)), gene] = np.where(rng.random(len(X)) < 0.5, -1, space.cardinalities[gene])
    for rows in (X, X[:1]):
        assert not space.valid(rows).any()
        assert not space.in_range(rows).any()
        assert (space.index(rows) == -1).all()
        assert (space.canonical_index(rows) == -1).all()
        np.testing.assert_array_equal(space.canonical(rows), rows)
        for method in (space.format, space.graphs, space.show):
            assert "expected" in message(lambda m=method, r=rows: m(r))  # type: ignore[misc]
    assert "shape" in message(lambda: space.valid(np.zeros((2, space.n_genes + 1), dtype=np.int16)))
    assert "integers" in message(lambda: space.valid(np.full((2, space.n_genes), 0.5)))


def check_batch_equals_loop(space: SearchSpace, rng: np.random.Generator) -> None:
    """A batch gives what its rows give one by one."""
    X = np.concatenate([rows_of(space, rng, 8), raw_rows_of(space, rng, 8)])
    X[-1, rng.integers(space.n_genes)] = -1
    for method in (space.valid, space.index, space.canonical_index, space.canonical, space.in_range):
        np.testing.assert_array_equal(method(X), np.concatenate([method(x) for x in X]))
        assert len(method(X[:0])) == 0
    X = rows_of(space, rng, 8)
    assert space.format(X) == [text for x in X for text in space.format(x)]
    for i, x in enumerate(X):
        one, all_ = space.graphs(x), space.graphs(X)
        np.testing.assert_array_equal(one.ops[0], all_.ops[i])
        np.testing.assert_array_equal(one.adjacency[0], all_.adjacency[i])
        np.testing.assert_array_equal(one.mask[0], all_.mask[i])


def check_codes(space: SearchSpace, rng: np.random.Generator) -> None:
    """Codes, where they fit, and keys tell rows apart."""
    X = raw_rows_of(space, rng)
    if space.has_codes:
        np.testing.assert_array_equal(space.from_codes(space.codes(X)), X)
    else:
        assert "keys" in message(lambda: space.codes(X))
    keys = space.keys(np.concatenate([X, X]))
    np.testing.assert_array_equal(keys[: len(X)], keys[len(X) :])
    assert len(np.unique(keys)) == len(np.unique(X, axis=0))


def check_graphs(space: SearchSpace, rng: np.random.Generator) -> None:
    """Graphs are well formed, and every operation in them matters."""
    X = rows_of(space, rng)
    graphs = space.graphs(X)
    n, v = graphs.ops.shape
    assert len(graphs) == n == len(X)
    assert graphs.adjacency.dtype == graphs.mask.dtype == bool
    assert not np.tril(graphs.adjacency).any(), "edges lead to later nodes"
    assert not (graphs.adjacency & ~graphs.mask[:, :, None]).any(), "no edge leaves a masked node"
    assert not (graphs.adjacency & ~graphs.mask[:, None, :]).any(), "no edge enters a masked node"
    np.testing.assert_array_equal(graphs.ops >= 0, graphs.mask)
    kinds = np.array([op.kind for op in graphs.vocabulary])[graphs.ops]
    assert (kinds[:, 0] == "input").all()
    assert (kinds[:, -1] == "output").all()
    assert not np.isin(kinds[:, 1:-1][graphs.mask[:, 1:-1]], ["input", "output", "none"]).any()
    inner = graphs.mask[:, 1:-1]
    np.testing.assert_array_equal(graphs.adjacency[:, :, 1:-1].any(axis=1), inner, "every operation reads something")
    np.testing.assert_array_equal(graphs.adjacency[:, 1:-1].any(axis=2), inner, "every operation is read")


def check_sample(space: SearchSpace, rng: np.random.Generator) -> None:
    """Samples are valid, uniform, reproducible, and unique where asked for."""
    assert space.valid(space.sample(200, rng)).all()
    assert space.sample(0, rng).shape == (0, space.n_genes)
    n = min(space.size, 50)
    assert len(np.unique(space.sample(n, rng, unique=True), axis=0)) == n
    np.testing.assert_array_equal(
        space.sample(5, np.random.default_rng(7)), space.sample(5, np.random.default_rng(7)), "a seed reproduces"
    )
    try:
        space.sample(space.size + 1, rng, unique=True)
    except SpaceExhaustedError as error:
        assert str(space.size) in str(error)  # noqa: PT017  (the package does not need pytest)
    else:
        raise AssertionError("expected a SpaceExhaustedError, got none")
    _check_uniform(space, rng)


def _check_uniform(space: SearchSpace, rng: np.random.Generator) -> None:
    """Positions of samples are spread evenly, and so is every gene."""
    drawn = space.sample(4000, rng)
    bins = min(space.size, 10)
    placed = np.bincount([p * bins // space.size for p in space.index(drawn).tolist()], minlength=bins)
    starts = [-(-b * space.size // bins) for b in range(bins + 1)]  # the first position of each bin, exactly
    share = np.array([(end - start) / space.size for start, end in itertools.pairwise(starts)])
    seen = placed / len(drawn)
    # Six standard errors: even a thousand values in a thousand runs give no false alarm.
    assert (np.abs(seen - share) <= 6 * np.sqrt(share * (1 - share) / len(drawn)) + 1e-12).all()
    if space.size > LARGEST:
        return
    everything = space.enumerate()
    for gene, cardinality in enumerate(space.cardinalities):
        share = np.bincount(everything[:, gene], minlength=cardinality) / len(everything)
        seen = np.bincount(drawn[:, gene], minlength=cardinality) / len(drawn)
        assert (np.abs(seen - share) <= 6 * np.sqrt(share * (1 - share) / len(drawn)) + 1e-12).all()


def check_neighbors(space: SearchSpace, rng: np.random.Generator) -> None:
    """Neighbours are valid and one edit away, both ways."""
    for x in rows_of(space, rng, 4):
        near = space.neighbors(x)
        assert near.dtype == np.int16
        assert space.valid(near).all()
        assert (space.distance(x, near) == 1).all(), "one edit"
        assert space.distance(x, x).tolist() == [0]
        assert not space.genewise or ((near != x).sum(axis=1) == 1).all(), "one gene"
        assert len(np.unique(near, axis=0)) == len(near)
        for y in near[:3]:
            assert (space.neighbors(y) == x).all(axis=1).any(), "the way back is one edit, too"


def check_mutate(space: SearchSpace, rng: np.random.Generator) -> None:
    """Mutants are valid neighbours."""
    X = rows_of(space, rng)
    children = space.mutate(X, rng)
    assert children.dtype == np.int16
    assert space.valid(children).all()
    for x, child in zip(X, children, strict=True):
        assert space.distance(x, child).tolist() == ([1] if len(space.neighbors(x)) else [0])
    np.testing.assert_array_equal(
        space.mutate(X, np.random.default_rng(7)), space.mutate(X, np.random.default_rng(7)), "a seed reproduces"
    )
    assert space.mutate(X[:0], rng).shape == (0, space.n_genes)


def check_crossover(space: SearchSpace, rng: np.random.Generator) -> None:
    """Children are valid and made of their parents' genes."""
    A, B = rows_of(space, rng), rows_of(space, rng)
    children = space.crossover(A, B, rng)
    assert children.dtype == np.int16
    assert space.valid(children).all()
    assert not space.genewise or ((children == A) | (children == B)).all(), "every gene comes from a parent"
    np.testing.assert_array_equal(space.crossover(A, A, rng), A)


def check_drawing(space: SearchSpace, rng: np.random.Generator) -> None:
    """A picture shows every operation and every edge."""
    x = rows_of(space, rng, 1)
    drawing, graph = space.show(x), space.graphs(x)
    assert drawing.text == space.format(x)[0]
    assert drawing._repr_svg_() == drawing.svg
    assert drawing.svg.startswith("<svg")
    assert drawing.mermaid.count("-->") == graph.adjacency.sum()
    for op in graph.ops[graph.mask]:
        assert graph.vocabulary[op].name in drawing.svg
        assert graph.vocabulary[op].name in drawing.mermaid


#: Every check of the contract; call each as ``check(space, rng)``.
CHECKS: tuple[Callable[[SearchSpace, np.random.Generator], None], ...] = (
    check_description,
    check_enumerate,
    check_positions,
    check_references,
    check_text_round_trip,
    check_malformed_text,
    check_networkx_round_trip,
    check_foreign_graphs,
    check_canonical,
    check_rows_out_of_range,
    check_batch_equals_loop,
    check_codes,
    check_graphs,
    check_sample,
    check_neighbors,
    check_mutate,
    check_crossover,
    check_drawing,
)
