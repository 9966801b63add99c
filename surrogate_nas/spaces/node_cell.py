"""Cells with operations on nodes, each of which reads one earlier node: labelled rooted trees."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import Rows
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import INPUT, OUTPUT, Operation
from surrogate_nas.spaces.skeleton import Skeleton
from surrogate_nas.spaces.tabulated import Codes, TabulatedSpace
from surrogate_nas.spaces.text import check_names, malformed, shorten, texts_of, unknown_operation

if TYPE_CHECKING:  # a slow import that few callers need
    import networkx as nx

#: ``wiring[i]`` is what operation i reads: 0 = the input of the cell, k = operation k - 1.
Wiring = tuple[int, ...]

#: A renaming: which listed wiring results, and which old operation comes to each new place.
Move = tuple[int, tuple[int, ...]]

#: A star of that many equal places can be written in 40,320 ways, and each is tried once.
MAX_NODES = 8

TEXT_FORM = re.compile(r"\[([^\]]*)\]\s*(\S+)")


@final
class NodeCellSpace(TabulatedSpace):
    """One wiring of a list, and one operation per node; operations that nobody reads feed the output.

    A row is (wiring, operation 0, operation 1, ...). The text form is ``[0,1,2,1] gcn|gin|fc|cheb``:
    what each operation reads (0 = the input, k = operation k - 1, counted from one), then the operations.
    Any tree of earlier nodes may be written; it is renamed to the wiring of the list that it equals.

    Two rows mean the same network if they agree after (1) every identity that another operation reads,
    that has no sibling, or that passes on the raw input, moved to a chain right behind the input, and
    (2) nodes are renamed. The canonical row is the first by code. Only canonical rows are valid, and
    only if an operation other than identity occurs. These are the rules of NAS-Bench-Graph, stated for
    any list of trees; where a list lacks the tree that (1) leads to, identities stay where they are.
    """

    def __init__(
        self,
        name: str,
        operations: Sequence[Operation],
        wirings: Sequence[Sequence[int]],
        skeleton: Skeleton,
        allowed_operations: Sequence[str] | None = None,
        references: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a space of cells.

        Args:
            name: Name in the catalogue, or the user's own.
            operations: What a node can carry; kind "identity" passes on.
            wirings: Input lists, all of one length: entry i is 0 for the cell's input, k for operation k - 1.
            skeleton: What stands around the cell.
            allowed_operations: Names of the operations that valid rows may use; None allows all. The encoding
                of rows does not depend on it.
            references: Hand-made architectures by name, in text form.
        """
        self.operations = tuple(operations)
        self.wirings: tuple[Wiring, ...] = tuple(tuple(int(k) for k in w) for w in wirings)
        self.skeleton = skeleton
        self.references = dict(references or {})
        self.allowed_operations = (
            tuple(op.name for op in operations) if allowed_operations is None else tuple(allowed_operations)
        )
        self.n_nodes = len(self.wirings[0]) if self.wirings else 0
        self.gene_names = ("wiring", *(f"op{i}" for i in range(self.n_nodes)))
        self.vocabulary = (INPUT, *self.operations, OUTPUT)
        self._check()
        super().__init__(name, [len(self.wirings)] + [len(self.operations)] * self.n_nodes)

    def parse(self, texts: str | Sequence[str]) -> Rows:
        """Read strings such as ``[0,1,2,1] gcn|gin|fc|cheb``; ``parse(format(X)) == X`` exactly."""
        return np.array([self._parse_one(t) for t in texts_of(texts, self.name)], dtype=np.int16).reshape(
            -1, self.n_nodes + 1
        )

    def format(self, X: npt.ArrayLike) -> list[str]:
        """Write rows as strings such as ``[0,1,2,1] gcn|gin|fc|cheb``."""
        names = [op.name for op in self.operations]
        wirings = [_brackets(w) for w in self.wirings]
        return [f"{wirings[w]} {'|'.join(names[g] for g in genes)}" for w, *genes in self._checked(X).tolist()]

    def graphs(self, X: npt.ArrayLike) -> GraphBatch:
        """Rows as trees whose leaves meet in the output; node 1 + i stands for operation i."""
        rows = self._checked(X)
        n, k = len(rows), self.n_nodes
        wired = np.zeros((len(self.wirings), k + 2, k + 2), dtype=bool)
        for w, wiring in enumerate(self.wirings):
            wired[w, wiring, np.arange(1, k + 1)] = True
            wired[w, :, -1] = ~wired[w].any(axis=1)
        wired[:, -1, -1] = False
        ops = np.zeros((n, k + 2), dtype=np.int16)
        ops[:, 1:-1] = rows[:, 1:] + 1
        ops[:, -1] = len(self.vocabulary) - 1
        return GraphBatch(ops, wired[rows[:, 0]], np.ones((n, k + 2), dtype=bool), self.vocabulary)

    def from_networkx(self, graphs: "Sequence[nx.DiGraph[Any]]") -> Rows:
        """Canonical rows of graphs as ``graphs(X).to_networkx()`` writes them, whatever their nodes are called.

        Raises:
            InvalidInputError: A graph is not the graph of a cell of this space.
        """
        rows = []
        for i, graph in enumerate(graphs):
            batch = GraphBatch.from_networkx([graph], self.vocabulary)
            wired, ops = batch.adjacency[0], batch.ops[0, 1:-1] - 1
            wiring = wired[:, 1:-1].argmax(axis=0)
            expected = np.zeros_like(wired)
            expected[wiring, np.arange(1, len(ops) + 1)] = True
            expected[1:-1, -1] = ~expected[1:-1].any(axis=1)
            if len(ops) != self.n_nodes or (wired != expected).any():
                raise InvalidInputError(
                    f"graph {i}: expected {self.n_nodes} operations, each of which reads one node, and an output that "
                    f"reads those which no operation reads, got {graph}; build it like space.graphs(X).to_networkx()"
                )
            rows.append(self._listed(tuple(wiring.tolist()), ops.tolist(), f"graph {i}"))
        return self.canonical(np.array(rows, dtype=np.int16).reshape(-1, self.n_nodes + 1))

    @cached_property
    def _is_identity(self) -> npt.NDArray[np.bool_]:
        return np.array([op.kind == "identity" for op in self.operations])

    def _members(self) -> npt.NDArray[np.bool_]:
        codes = np.arange(self._total)
        ops = self.from_codes(codes)[:, 1:]
        allowed = np.array([op.name in self.allowed_operations for op in self.operations])
        return (self._canonical_of_all == codes) & ~self._is_identity[ops].all(axis=1) & allowed[ops].all(axis=1)

    def _canonical_codes(self) -> Codes:
        # Rows of equal wiring and with identities in the same places share their renamings.
        codes = np.arange(self._total)
        rows = self.from_codes(codes).astype(np.int64)
        places = self._is_identity[rows[:, 1:]] @ (1 << np.arange(self.n_nodes))
        group = (rows[:, 0] << self.n_nodes) | places
        out = codes.copy()
        order = np.argsort(group, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
            wiring, identities = rows[members[0], 0], self._is_identity[rows[members[0], 1:]]
            ops = rows[members, 1:]
            first = np.full(len(members), self._total)
            for target, sources in self._moves(self.wirings[wiring], tuple(identities.tolist())):
                first = np.minimum(first, target * self.radix[0] + ops[:, sources] @ self.radix[1:])
            out[members] = first
        return out

    def _moves(self, wiring: Wiring, identities: tuple[bool, ...]) -> list[Move]:
        """Every way to write a tree with a wiring of the list, after identities were moved to the input."""
        moved, sources = move_identities(wiring, identities)
        renamed = [(target, tuple(sources[s] for s in places)) for target, places in self._renamings(moved)]
        return renamed or self._renamings(wiring)

    def _renamings(self, wiring: Wiring) -> list[Move]:
        """Every listed wiring that equals ``wiring`` up to the names of nodes, with the renaming."""
        if wiring not in self._known_renamings:
            self._known_renamings[wiring] = [
                (target, order) for target, listed in enumerate(self.wirings) for order in renamings(wiring, listed)
            ]
        return self._known_renamings[wiring]

    @cached_property
    def _known_renamings(self) -> dict[Wiring, list[Move]]:
        return {}

    def _listed(self, wiring: Wiring, ops: list[int], what: str) -> list[int]:
        """Row of a tree: as it stands if its wiring is listed, else the first row by code that equals it."""
        if wiring in self.wirings:
            return [self.wirings.index(wiring), *ops]
        rows = [[target, *(ops[s] for s in sources)] for target, sources in self._renamings(wiring)]
        if not rows:
            raise InvalidInputError(
                f"{what}: expected one of the wirings {', '.join(map(_brackets, self.wirings))} up to the names of "
                f"nodes, got {_brackets(wiring)}"
            )
        return min(rows)

    def _checked(self, X: npt.ArrayLike) -> Rows:
        rows = self.rows(X)
        if not self.in_range(rows).all():
            raise InvalidInputError(
                f"X: expected a wiring from 0 to {len(self.wirings) - 1} and operations from 0 to "
                f"{len(self.operations) - 1}, got values from {rows.min()} to {rows.max()}; see space.cardinalities"
            )
        return rows

    def _parse_one(self, text: str) -> list[int]:
        wiring, _, names = text.partition(" ")
        try:  # what ``format`` writes, at the price of a few look-ups
            row = [self._wiring_numbers[wiring], *(self._numbers[name] for name in names.split("|"))]
        except KeyError:
            return self._parse_slowly(text)
        return row if len(row) == self.n_genes else self._parse_slowly(text)

    def _parse_slowly(self, text: str) -> list[int]:
        """Read a text with other blanks or a tree that is not listed, or say what is wrong with it."""
        remedy = f"write it like {self._example}"
        match = TEXT_FORM.fullmatch(text.strip())
        if not match:
            expected = f"{self.n_nodes} inputs in brackets, a blank, and {self.n_nodes} operations with | between them"
            start = TEXT_FORM.match(text.strip())
            got = f"{shorten(text.strip()[start.end() :])} behind them" if start else "something else"
            raise malformed(text, expected, got, remedy)
        inputs = [s.strip() for s in match[1].split(",")]
        wiring = tuple(int(s) if s.isdecimal() and len(s) < 4 else -1 for s in inputs)
        if len(wiring) != self.n_nodes or any(not 0 <= s <= i for i, s in enumerate(wiring)):
            expected = f"{self.n_nodes} inputs, each 0 or the number of an earlier operation"
            raise malformed(text, expected, shorten(match[1]), remedy)
        names = match[2].split("|")
        if len(names) != self.n_nodes:
            raise malformed(text, f"{self.n_nodes} operations", str(len(names)), remedy)
        for name in names:
            if name not in self._numbers:
                raise unknown_operation(text, name, self._numbers)
        return self._listed(wiring, [self._numbers[n] for n in names], f"architecture {shorten(text)}")

    @cached_property
    def _wiring_numbers(self) -> dict[str, int]:
        return {_brackets(w): k for k, w in reversed(list(enumerate(self.wirings)))}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {op.name: k for k, op in enumerate(self.operations) if op.name in self.allowed_operations}

    @cached_property
    def _example(self) -> str:
        """A valid architecture in the text form, for messages."""
        return repr(self.format(self._valid_rows[len(self._valid_rows) // 2])[0])

    def _check(self) -> None:
        check_names([op.name for op in self.operations], "|")
        if not self.n_nodes:
            raise InvalidInputError(
                "wirings: expected at least one list of inputs, got none; add one such as [0, 1, 1]"
            )
        if self.n_nodes > MAX_NODES:
            raise InvalidInputError(
                f"wirings: expected at most {MAX_NODES} inputs each, got {self.n_nodes}; shorten them"
            )
        for wiring in self.wirings:
            if len(wiring) != self.n_nodes or any(not 0 <= s <= i for i, s in enumerate(wiring)):
                raise InvalidInputError(
                    f"wiring {_brackets(wiring)}: expected {self.n_nodes} inputs, each 0 or the number of an earlier "
                    "operation; count operations from 1"
                )
        unknown = set(self.allowed_operations) - {op.name for op in self.operations}
        if unknown:
            raise InvalidInputError(
                f"allowed_operations: expected names among {', '.join(op.name for op in self.operations)}, "
                f"got {', '.join(sorted(unknown))}; drop or rename them"
            )
        if all(op.kind == "identity" for op in self.operations if op.name in self.allowed_operations):
            raise InvalidInputError(
                "operations: expected one that is no identity among those allowed, got none; add one"
            )


def renamings(wiring: Wiring, listed: Wiring) -> list[tuple[int, ...]]:
    """Every way to write one tree as another.

    Args:
        wiring: What each operation reads.
        listed: What each operation is to read.

    Returns:
        For each way and each place of ``listed`` the operation of ``wiring`` that comes there.
    """
    partial: list[tuple[int, ...]] = [()]
    for source in listed:
        longer = []
        for order in partial:
            read = order[source - 1] + 1 if source else 0
            longer += [(*order, old) for old in range(len(wiring)) if wiring[old] == read and old not in order]
        partial = longer
    return partial


def _brackets(wiring: Wiring) -> str:
    return f"[{','.join(map(str, wiring))}]"


def move_identities(wiring: Wiring, identities: Sequence[bool]) -> tuple[Wiring, tuple[int, ...]]:
    """Move identities that compute nothing of their own to a chain right behind the input.

    An identity stays only where it is a leaf beside siblings and below another operation: there it hands an
    intermediate result to the output.

    Args:
        wiring: What each operation reads.
        identities: Which operations are identities.

    Returns:
        The new wiring, and for each of its places the old operation that stands there.
    """
    reads = list(wiring)
    moved: list[int] = []
    for i in (i for i, identity in enumerate(identities) if identity):
        rest = [j for j in range(len(reads)) if j != i and j not in moved]
        readers = [j for j in rest if reads[j] == i + 1]
        alone = not any(reads[j] == reads[i] for j in rest)
        if readers or alone or reads[i] == 0:
            moved.append(i)
            for j in readers:
                reads[j] = reads[i]
    kept = [i for i in range(len(reads)) if i not in moved]
    place = {0: len(moved)} | {old + 1: len(moved) + 1 + new for new, old in enumerate(kept)}
    return (*range(len(moved)), *(place[reads[i]] for i in kept)), (*moved, *kept)
