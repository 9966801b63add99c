"""Spaces of choices made one after the other, some of them conditional, with limits on what they add up to."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, UnknownNameError, as_generator
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import MAX_LISTED, Positions, Rows, SearchSpace, check_positions
from surrogate_nas.spaces.choices import edits
from surrogate_nas.spaces.choices.choice import Choice, Limit
from surrogate_nas.spaces.choices.counting import Automaton
from surrogate_nas.spaces.choices.graphs import ChainGraphs, Node
from surrogate_nas.spaces.choices.text import TextForm
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import Operation
from surrogate_nas.spaces.skeleton import Skeleton
from surrogate_nas.spaces.text import shorten, texts_of

if TYPE_CHECKING:  # a slow import that few callers need
    import networkx as nx

#: Rows that are moved at once where limits bind: each keeps a table of the states it can still be completed from.
CHUNK = 4096


@final
class ChoiceSpace(SearchSpace):
    """One gene per choice; a row is valid if it answers exactly the choices that it has to, within the limits.

    A choice that is always made has gene values 0 to k - 1. One that is optional or stands under a condition
    has 1 to k, and 0 where it is not made. Everything that is countable is counted exactly, however large the
    space is: ``size``, ``index``, ``at`` and uniform samples.

    One edit gives another option to one choice; choices that are then no longer made become 0, those that are
    now made take any option, and an optional choice neither appears nor disappears in consequence. Two rows mean
    the same network only where ``interchangeable`` says so.

    Where choices are numbers (widths, kernels), :meth:`relax` and :meth:`from_relaxed` lead to the unit cube
    and back, for searches that move in it.
    """

    scope = "network"

    def __init__(
        self,
        name: str,
        choices: Sequence[Choice],
        skeleton: Skeleton,
        *,
        limits: Sequence[Limit] = (),
        nodes: Sequence[str | Sequence[str]] | None = None,
        prefix: str = "",
        suffix: str = "",
        interchangeable: Sequence[Sequence[str]] = (),
        references: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a space.

        Args:
            name: Name in the catalogue, or the user's own.
            choices: In the order in which they are made and written.
            skeleton: What stands around the chain of operations.
            limits: What totals over several choices have to keep.
            nodes: The chain of the graph: names of choices that have operations; or pairs of such a name and the
                choice with which the node exists, for an operation that stands behind every layer. None takes
                each choice with operations once, in order.
            prefix: Text in front of the first choice.
            suffix: Text behind the last one.
            interchangeable: Groups of names of neighbouring choices among which an identity may stand anywhere: it
                passes on what it reads, so that rows which differ in that alone mean the same network.
            references: Hand-made architectures by name, in text form.

        Raises:
            InvalidInputError: The choices do not fit together, or no row is valid.
        """
        self.name = name
        self.choices = tuple(choices)
        self.limits = tuple(limits)
        self.skeleton = skeleton
        self.prefix, self.suffix = prefix, suffix
        self.references = dict(references or {})
        self.gene_names = tuple(choice.name for choice in self.choices)
        for gene, twice in enumerate(self.gene_names):
            if twice in self.gene_names[:gene]:
                raise InvalidInputError(
                    f"choices: expected names of their own, got two called {shorten(twice)}; rename one"
                )
        if not self.choices:
            raise InvalidInputError("choices: expected one or more with names of their own, got none; add one")
        self.cardinalities = np.array([choice.cardinality for choice in self.choices], dtype=np.int64)
        self.cardinalities.flags.writeable = False  # a space is shared by all who ask for it
        self.genewise = not any(choice.optional or choice.when for choice in self.choices)
        self.nodes = self._checked_nodes(nodes)
        self.interchangeable = tuple(tuple(group) for group in interchangeable)
        self._idle = self._idle_values()
        self.size  # noqa: B018  (choices that do not fit together are refused here, not at first use)

    def __getstate__(self) -> dict[str, object]:
        # Tables are quicker computed again than sent to another process.
        cached = {k for c in type(self).__mro__ for k, v in vars(c).items() if isinstance(v, cached_property)}
        return {k: v for k, v in self.__dict__.items() if k not in cached}

    @property
    def size(self) -> int:
        """Number of valid rows, a Python integer of any magnitude."""
        return self._automaton.size

    @property
    def scales(self) -> tuple[npt.NDArray[np.float64] | None, ...]:
        """Per gene, where its options lie on a scale from 0 to 1; None where they are no numbers."""
        return tuple(None if choice.levels is None else choice.scaled for choice in self.choices)

    @property
    def levels(self) -> tuple[npt.NDArray[np.float64] | None, ...]:
        """Per gene the numbers that its options stand for, in order; None where they are no numbers."""
        return tuple(choice.levels for choice in self.choices)

    def valid(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell for each row whether it belongs to the space; shape (n,)."""
        rows = self.rows(X)
        out = self.in_range(rows)
        out[out] = self._automaton.walk(rows[out])[:, -1] >= 0
        return out

    def canonical(self, X: npt.ArrayLike) -> Rows:
        """Each row with the identities of :attr:`interchangeable` choices behind the others; shape (n, d).

        A row with a gene out of range maps to itself.
        """
        out = self.rows(X).copy()
        if not self._idle:
            return out
        inside = self.in_range(out)
        for genes, idle in self._idle:
            block = out[inside][:, genes]
            behind = np.argsort(idle[block], axis=1, kind="stable")  # the others keep their order
            out[np.flatnonzero(inside)[:, None], genes] = np.take_along_axis(block, behind, axis=1)
        return out

    def parse(self, texts: str | Sequence[str]) -> Rows:
        """Read texts, ``parse(format(X)) == X`` exactly.

        Raises:
            InvalidInputError: A text does not follow the form or means no valid row; the message shows where.
        """
        rows = [self._text_form.read(text) for text in texts_of(texts, self.name)]
        return np.array(rows, dtype=np.int16).reshape(-1, self.n_genes)

    def format(self, X: npt.ArrayLike) -> list[str]:
        """Write valid rows as texts."""
        return self._text_form.write(self._checked(X))

    def enumerate(self) -> Rows:
        """All valid rows in ascending order; shape (size, d).

        Raises:
            InvalidInputError: The space is too large to list.
        """
        if self.size > MAX_LISTED:
            raise self.too_large_to_list()
        return self._automaton.rows_at(np.arange(self.size))

    def index(self, X: npt.ArrayLike) -> Positions:
        """Position of each row in the enumeration, -1 where it is not valid; shape (n,)."""
        rows = self.rows(X)
        good = self.valid(rows)
        out = np.full(len(rows), -1, dtype=self._automaton.dtype)
        out[good] = self._automaton.positions(rows[good])
        return out

    def at(self, positions: npt.ArrayLike) -> Rows:
        """The rows at positions of the enumeration, ``index(at(p)) == p``; shape (n, d)."""
        return self._automaton.rows_at(check_positions(positions, self.size))

    def _draw(self, n: int, rng: np.random.Generator) -> Rows:
        return self._automaton.draw(n, rng)

    def distance(self, x: npt.ArrayLike, Y: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """How many edits lead from row ``x`` to each row of ``Y``, if what lies between is valid; shape (n,).

        Counts the choices that differ. One that is only made in one of two rows counts if it is optional: otherwise
        it follows from another that differs.
        """
        row, rows = self.row(x), self.rows(Y)
        counts = self._always_counts | ((row > 0) & (rows > 0))
        return ((rows != row) & counts).sum(axis=1, dtype=np.int64)

    def neighbors(self, x: npt.ArrayLike) -> Rows:
        """All valid rows one edit away from the valid row ``x``; shape (m, d).

        Raises:
            InvalidInputError: ``x`` is not valid, or has more than a million neighbours.
        """
        return edits.neighbors(self._automaton, self._checked(self.row(x))[0])

    def mutate(self, X: npt.ArrayLike, rng: RandomState) -> Rows:
        """One random edit per row: a choice with another option, one of these, and what has to be chosen then.

        Each is drawn uniformly, except that an optional choice that is made is left out half of the time; what leads
        to no valid row is drawn again. A row without any neighbour comes back unchanged.
        """
        return edits.mutate(self._automaton, self._checked(X), as_generator(rng))

    def crossover(self, A: npt.ArrayLike, B: npt.ArrayLike, rng: RandomState) -> Rows:
        """Take each gene from one of two parents at random, from the other where only that leads to a valid row.

        A child that cannot be completed is drawn again, and at last replaced by its first parent.

        Args:
            A: First parents, shape (n, d).
            B: Second parents, shape (n, d).
            rng: Random stream, or a seed.
        """
        a, b = self.parents(A, B)
        return edits.crossover(self._automaton, self._checked(a), self._checked(b), as_generator(rng))

    def relax(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Numbers of valid rows on scales from 0 to 1, widths by their logarithms; 0 where a choice is not made.

        A continuous search moves these m coordinates and reads them back with :meth:`from_relaxed`; one that needs no
        slope may score the rows themselves, one that follows slopes scores the coordinates and reads the last ones::

            z = differential_evolution(lambda z: score(space.from_relaxed(z, x)), [(0, 1)] * m).x

        Args:
            X: Rows, shape (n, d).

        Returns:
            float64 of shape (n, m), one column per ordinal gene, in the order of ``np.flatnonzero(space.ordinal)``.
        """
        rows = self._checked(X)
        out = np.zeros((len(rows), int(self.ordinal.sum())))
        for column, gene in enumerate(np.flatnonzero(self.ordinal)):
            choice = self.choices[gene]
            out[:, column] = np.append(choice.scaled, 0.0)[rows[:, gene] - choice.first]  # -1, not made, finds the 0
        return out

    def from_relaxed(self, Z: npt.ArrayLike, X: npt.ArrayLike) -> Rows:
        """Move the numbers of valid rows to the nearest options; ``from_relaxed(relax(X), X) == X`` exactly.

        Which choices are made, and those that are no numbers, stay as they are. Where a limit forbids the nearest
        option, the nearest with which the rest can stay is taken, gene by gene, so that the result is valid.

        Args:
            Z: Places on the scales of :meth:`relax`, shape (n, m); what lies outside 0..1 goes to the end of its scale.
            X: Rows that say everything else, shape (n, d), or one for all.
        """
        rows = self._checked(X)
        places = np.atleast_2d(np.asarray(Z, dtype=np.float64))
        columns = np.flatnonzero(self.ordinal)
        rows = np.repeat(rows, len(places), axis=0) if len(rows) == 1 else rows
        if places.shape != (len(rows), len(columns)) or np.isnan(places).any():
            raise InvalidInputError(
                f"Z: expected numbers of shape ({len(rows)}, {len(columns)}), one column per ordinal gene, got "
                f"shape {places.shape}{' with NaN' if np.isnan(places).any() else ''}; see space.relax"
            )
        wanted = np.zeros(rows.shape)
        wanted[:, columns] = places
        out = rows.copy()
        for gene in columns:
            choice = self.choices[gene]
            nearest = choice.first + np.searchsorted((choice.scaled[1:] + choice.scaled[:-1]) / 2, wanted[:, gene])
            out[:, gene] = np.where(rows[:, gene] >= choice.first, nearest, rows[:, gene])
        scales = [choice.scaled if choice.levels is not None else None for choice in self.choices]
        todo = np.flatnonzero(~self.valid(out))
        for part in np.split(todo, range(CHUNK, len(todo), CHUNK)):
            out[part] = edits.moved(self._automaton, rows[part], wanted[part], scales)
        return out

    def graphs(self, X: npt.ArrayLike) -> GraphBatch:
        """Valid rows as chains of operations; a node that a row does not have is masked."""
        return self._chains.graphs(self._checked(X))

    def from_networkx(self, graphs: "Sequence[nx.DiGraph[Any]]") -> Rows:
        """Canonical rows of graphs as ``graphs(X).to_networkx()`` writes them, whatever their nodes are called.

        Raises:
            InvalidInputError: A graph is not the graph of an architecture of this space.
        """
        return self.canonical(self._chains.rows(GraphBatch.from_networkx(graphs, self._chains.vocabulary)))

    def _idle_values(self) -> list[tuple[list[int], npt.NDArray[np.bool_]]]:
        """Per group of interchangeable choices their genes, and which of the values are identities."""
        found = []
        for group in self.interchangeable:
            for name in group:
                if name not in self.gene_names:
                    raise UnknownNameError.of("choice in interchangeable", name, self.gene_names)
            members = [self.choices[self.gene_names.index(name)] for name in group]
            first = members[0] if members else None
            if first is None or any(m.first or m.texts != first.texts or m.refines for m in members):
                raise InvalidInputError(
                    f"interchangeable: expected choices that are always made, all of the same options, got "
                    f"{', '.join(group) or 'none'}"
                )
            kinds = [first.operation(i) for i in range(len(first.texts))]
            idle = np.array([op is not None and op.kind == "identity" for op in kinds])
            found.append(([self.gene_names.index(name) for name in group], idle))
        return found

    @cached_property
    def _automaton(self) -> Automaton:
        return Automaton(self.name, self.choices, self.limits)

    @cached_property
    def _text_form(self) -> TextForm:
        return TextForm(self.choices, self.limits, self._automaton, self.prefix, self.suffix)

    @cached_property
    def _chains(self) -> ChainGraphs:
        return ChainGraphs(self.name, self.choices, self._automaton, self.nodes)

    @cached_property
    def _always_counts(self) -> npt.NDArray[np.bool_]:
        """Genes whose every difference is an edit of its own; bool of shape (d,)."""
        return np.array([choice.optional or not choice.first for choice in self.choices])

    def _checked(self, X: npt.ArrayLike) -> Rows:
        rows = self.rows(X)
        for i in np.flatnonzero(~self.valid(rows))[:1]:
            raise InvalidInputError(
                f"X, row {i}: expected an architecture of space {self.name!r}, got {shorten(rows[i].tolist())}; "
                "space.valid(X) tells which rows are"
            )
        return rows

    def _checked_nodes(self, nodes: Sequence[str | Sequence[str]] | None) -> tuple[Node, ...]:
        named = {choice.name: choice for choice in self.choices}
        listed = [choice.name for choice in self.choices if choice.operations is not None] if nodes is None else nodes
        out: list[Node] = []
        for node in listed:
            pair = (node, node) if isinstance(node, str) else tuple(node)
            if len(pair) != 2 or any(part not in named for part in pair) or named[pair[0]].operations is None:
                raise InvalidInputError(
                    f"nodes: expected a choice with operations, or a pair of one and the choice it stands with, "
                    f"got {shorten(node)}; the choices are {', '.join(named)[:200]}"
                )
            out.append((pair[0], pair[1]))
        shown = {what for what, _ in out}
        refined = {choice.refines for choice in self.choices}
        for gene, choice in enumerate(self.choices):
            if choice.name not in refined:
                self._check_operations(choice)
            if choice.refines:
                self._check_refinement(choice, {c.name: c for c in self.choices[:gene]}.get(choice.refines))
            if choice.name not in shown and choice.refines not in shown:
                raise InvalidInputError(
                    f"nodes: expected every choice to show in the graph, got none for {choice.name!r}; name it there"
                )
        return tuple(out)

    @staticmethod
    def _check_operations(choice: Choice) -> None:
        if isinstance(choice.operations, Operation) or choice.sets:
            return  # told apart by their options
        found = [choice.operation(i) for i in range(len(choice.texts))]
        names = [op.name for op in found if op is not None]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise InvalidInputError(
                    f"choice {choice.name!r}: expected operations with names of their own, got two called "
                    f"{shorten(name)}; rename one, or write a single table that all options share"
                )

    @staticmethod
    def _check_refinement(choice: Choice, refined: Choice | None) -> None:
        if refined is None or refined.operations is None:
            raise InvalidInputError(
                f"choice {choice.name!r}: expected an earlier choice with operations to refine, got "
                f"{choice.refines!r}; name one of those before it"
            )
        if refined.first and refined.name not in choice.when:
            raise InvalidInputError(
                f"choice {choice.name!r}: expected when={{{refined.name!r}: ...}}, got no such condition; what "
                "refines a choice that is not always made cannot be made without it"
            )
        options = choice.when.get(refined.name)
        for i, text in enumerate(refined.texts):
            if refined.operation(i) is None and (options is None or text in map(str, options)):
                raise InvalidInputError(
                    f"choice {choice.name!r}: expected options of {refined.name!r} with an operation to refine, got "
                    f"{text!r} among them, which has none; leave it out of when"
                )
