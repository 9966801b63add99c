"""Graphs of rows of choices: a chain of the operations that the choices stand for.

Several choices may make up one node: a choice that names an operation, and others that refine it. The
operations of all combinations (a chain of layers has thousands) are listed once, at first use.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.choices.choice import KERNEL, Choice
from surrogate_nas.spaces.choices.counting import Automaton, Rows
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import INPUT, OUTPUT, Operation
from surrogate_nas.spaces.text import check_names

#: Ids of operations are int16.
MAX_OPERATIONS = 2**15 - 1

#: Combinations that one node is looked up in, those included that no row has.
MAX_PLACES = 2**20

#: A node: the choice that names its operation, and the choice whose presence it depends on (often the same).
Node = tuple[str, str]


class _Slot(NamedTuple):
    """A place in the chain, and how the values of its genes lead to an operation.

    Attributes:
        genes: The gene that names the operation, then those that refine it.
        anchor: The gene that has to be made for the node to exist.
        anchor_first: Its value from which on it is made.
        offsets: By value of the naming gene where its block of operations starts.
        strides: By value of the naming gene the step that each refining gene takes in the block; (values, refining).
        sizes: By value of the naming gene the number of values of each refining gene; (values, refining).
        ids: Number in the vocabulary, -1 for no node.
    """

    genes: list[int]
    anchor: int
    anchor_first: int
    offsets: npt.NDArray[np.int64]
    strides: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]


@final
class ChainGraphs:
    """Rows as chains of operations, and back."""

    def __init__(self, name: str, choices: Sequence[Choice], automaton: Automaton, nodes: Sequence[Node]) -> None:
        """List the operations.

        Args:
            name: Name of the space, for messages.
            choices: One per gene.
            automaton: The valid rows.
            nodes: The chain.
        """
        self.name, self.choices, self.automaton = name, choices, automaton
        self._number = {choice.name: gene for gene, choice in enumerate(choices)}
        found: dict[str, Operation] = {INPUT.name: INPUT}
        listed: dict[str, list[str]] = {}
        known: dict[object, list[str]] = {}  # layers of a chain are alike
        for what, _ in nodes:
            gene = self._number[what]
            alike = self._likeness(gene)
            if alike not in known:
                places = sum(math.prod(self._block(gene, value)) for value in range(choices[gene].cardinality))
                if places > MAX_PLACES:
                    raise InvalidInputError(
                        f"space {name!r}: expected at most {MAX_PLACES:,} combinations of {what!r} and what refines "
                        f"it, got {places:,}; give some of these choices a node of their own"
                    )
                known[alike] = [self._enter(op, found) for op in self._operations(gene)]
            listed[what] = known[alike]
        check_names([*dict.fromkeys(op.name for what in listed for op in self._named(self._number[what]))], "")
        if len(found) >= MAX_OPERATIONS:
            raise InvalidInputError(
                f"space {name!r}: expected at most {MAX_OPERATIONS:,} different operations, got {len(found):,}; "
                "let fewer choices make up one node"
            )
        self.vocabulary = (*found.values(), OUTPUT)
        ids = {op: i for i, op in enumerate(found)} | {"": -1}
        self._slots = [self._slot(what, where, np.array([ids[op] for op in listed[what]])) for what, where in nodes]

    def graphs(self, X: Rows) -> GraphBatch:
        """Graphs of valid rows; node 1 + i stands for place i of the chain."""
        ops = np.full((len(X), len(self._slots) + 2), -1, dtype=np.int16)
        ops[:, 0], ops[:, -1] = 0, len(self.vocabulary) - 1
        for place, slot in enumerate(self._slots, start=1):
            main = X[:, slot.genes[0]]
            # A gene that does not belong to the chosen option has stride 0.
            at = slot.offsets[main] + (slot.strides[main] * X[:, slot.genes[1:]]).sum(axis=1)
            ops[:, place] = np.where(X[:, slot.anchor] >= slot.anchor_first, slot.ids[at], -1)
        mask = ops >= 0
        width = ops.shape[1]
        places = np.where(mask, np.arange(width), width)
        # For each place the first one behind it that exists.
        following = np.minimum.accumulate(places[:, ::-1], axis=1)[:, ::-1][:, 1:]
        adjacency = np.zeros((len(X), width, width), dtype=bool)
        row, node = np.nonzero(mask[:, :-1])
        adjacency[row, node, following[row, node]] = True
        return GraphBatch(ops, adjacency, mask, self.vocabulary)

    def rows(self, batch: GraphBatch) -> Rows:
        """Rows of graphs whose operations are those of this space.

        Raises:
            InvalidInputError: A graph is no chain that a valid row stands for.
        """
        rows = np.zeros((len(batch), len(self.choices)), dtype=np.int16)
        for i in range(len(batch)):
            rows[i] = self._row(batch.ops[i][batch.mask[i]][1:-1].tolist())
        valid = self.automaton.walk(rows)[:, -1] >= 0
        again = self.graphs(rows[valid])
        good = np.zeros(len(batch), dtype=bool)
        for i, made in zip(np.flatnonzero(valid).tolist(), range(len(again)), strict=True):
            kept, wanted = again.mask[made], batch.mask[i]
            good[i] = (
                np.array_equal(again.ops[made][kept], batch.ops[i][wanted])
                and np.array_equal(again.adjacency[made][kept][:, kept], batch.adjacency[i][wanted][:, wanted])
            )  # fmt: skip
        for i in np.flatnonzero(~good)[:1]:
            names = " -> ".join(self.vocabulary[op].name for op in batch.ops[i][batch.mask[i]])
            raise InvalidInputError(
                f"graph {i}: expected the chain of an architecture of space {self.name!r}, got the operations "
                f"{names[:200]} with {int(batch.adjacency[i].sum())} edges; build it like space.graphs(X).to_networkx()"
            )
        return rows

    def _row(self, ops: list[int]) -> list[int]:
        """Row whose nodes are these, as far as there is one: each operation goes to the first place that has it."""
        row: list[int | None] = [None] * len(self.choices)
        left = iter([*ops, -1])
        op = next(left)
        for slot, places in zip(self._slots, self._inverse, strict=True):
            at = int(places[op]) if op >= 0 else -1
            if at < 0 or (slot.anchor != slot.genes[0] and (row[slot.anchor] or 0) < slot.anchor_first):
                continue
            main = int(np.searchsorted(slot.offsets, at, side="right")) - 1
            values = [main, *(self._refinement(slot, main, at, j) for j in range(len(slot.genes) - 1))]
            if any(row[gene] not in (None, value) for gene, value in zip(slot.genes, values, strict=True)):
                continue
            for gene, value in zip(slot.genes, values, strict=True):
                row[gene] = value
            op = next(left)
        return self._completed(row)

    @staticmethod
    def _refinement(slot: _Slot, main: int, at: int, j: int) -> int:
        stride, size = int(slot.strides[main, j]), int(slot.sizes[main, j])
        return (at - int(slot.offsets[main])) // stride % size if stride else 0

    def _completed(self, row: list[int | None]) -> list[int]:
        """Choices that no node shows: the option without a node where the choice is made, else 0."""
        state, out = 0, []
        for choice, step, value in zip(self.choices, self.automaton.steps, row, strict=True):
            if value is None:
                silent = [i for i in range(len(choice.texts)) if choice.operation(i) is None]
                made = state >= 0 and step.active[state] and not choice.optional and choice.operations is not None
                value = choice.first + silent[0] if silent and (made or not choice.first) else 0
            out.append(value)
            state = int(step.next[state, step.run_of[value]]) if state >= 0 else -1
        return out

    @cached_property
    def _inverse(self) -> list[npt.NDArray[np.int64]]:
        """For each place of the chain: where each operation of the vocabulary stands in its list, or -1."""
        out = []
        for slot in self._slots:
            places = np.full(len(self.vocabulary), -1)
            listed = np.flatnonzero(slot.ids >= 0)[::-1]  # the first of equal ones is written last and stays
            places[slot.ids[listed]] = listed
            out.append(places)
        return out

    def _slot(self, what: str, where: str, ids: npt.NDArray[np.int64]) -> _Slot:
        gene, anchor = self._number[what], self._number[where]
        refining = self._refining(gene)
        blocks = [self._block(gene, value) for value in range(self.choices[gene].cardinality)]
        lengths = [math.prod(sizes) for sizes in blocks]
        strides = np.zeros((len(blocks), len(refining)), dtype=np.int64)
        for value, sizes in enumerate(blocks):
            for j, size in enumerate(sizes):
                strides[value, j] = math.prod(sizes[j + 1 :]) if size > 1 else 0
        return _Slot(
            genes=[gene, *refining],
            anchor=anchor,
            anchor_first=self.choices[anchor].first,
            offsets=np.cumsum([0, *lengths[:-1]]),
            strides=strides,
            sizes=np.array(blocks, dtype=np.int64).reshape(len(blocks), len(refining)),
            ids=ids,
        )

    def _refining(self, gene: int) -> list[int]:
        return [g for g, choice in enumerate(self.choices) if choice.refines == self.choices[gene].name]

    def _block(self, gene: int, value: int) -> list[int]:
        """How many values each refining gene can have beside this value of the naming gene."""
        refining = [self.choices[g] for g in self._refining(gene)]
        return [c.cardinality if self._possible(gene, value, c) else 1 for c in refining]

    def _possible(self, gene: int, value: int, refining: Choice) -> bool:
        choice = self.choices[gene]
        wanted: Mapping[str, Sequence[str | float] | None] = refining.when
        if value < choice.first:
            return False
        if choice.name not in wanted:
            return True
        options = wanted[choice.name]
        return options is None or choice.texts[value - choice.first] in map(str, options)

    def _operations(self, gene: int) -> Iterator[Operation | None]:
        """Operations of all combinations of a naming gene and those that refine it, in the order of the blocks."""
        choice, refining = self.choices[gene], [self.choices[g] for g in self._refining(gene)]
        for value in range(choice.cardinality):
            base = choice.operation(value - choice.first) if value >= choice.first else None
            shared = isinstance(choice.operations, Operation)
            own = [(choice, value - choice.first)] if base is not None and (shared or choice.sets) else []
            possible = [self._possible(gene, value, c) for c in refining]
            certain = [
                p and not c.optional and set(c.when) <= {choice.name} for p, c in zip(possible, refining, strict=True)
            ]
            for combination in itertools.product(*map(range, self._block(gene, value))):
                options = [v - c.first for c, v in zip(refining, combination, strict=True)]
                if base is None or any(c and o < 0 for c, o in zip(certain, options, strict=True)):
                    yield None  # no valid row has this
                    continue
                chosen = [(c, o) for c, o, p in zip(refining, options, possible, strict=True) if p and o >= 0]
                yield refined(base, own + chosen)

    def _likeness(self, gene: int) -> object:
        """What the operations of a choice depend on: equal for choices that have the same ones."""
        own, refining = self.choices[gene], [self.choices[g] for g in self._refining(gene)]
        possible = [[self._possible(gene, value, c) for value in range(own.cardinality)] for c in refining]
        certain = [not c.optional and set(c.when) <= {own.name} for c in refining]
        looks = [(c.options, c.sets, c.log, c.first) for c in (own, *refining)]
        return own.operations, str(looks), str(possible), str(certain)

    def _named(self, gene: int) -> list[Operation]:
        found = [self.choices[gene].operation(i) for i in range(len(self.choices[gene].texts))]
        return [op for op in found if op is not None]

    def _enter(self, op: Operation | None, found: dict[str, Operation]) -> str:
        if op is None:
            return ""
        if found.setdefault(op.name, op) != op:
            raise InvalidInputError(
                f"space {self.name!r}: expected one meaning per operation, got two of {op.name!r}; rename one"
            )
        return op.name


def refined(base: Operation, chosen: Sequence[tuple[Choice, int]]) -> Operation:
    """An operation with the options of choices that specify it, e.g. conv(64,3).

    Args:
        base: What all have in common; its cost is that at kernel 1 where a choice sets the kernel.
        chosen: Choices and the numbers of their options.
    """
    if not chosen:
        return base
    kernel, cost, traits, settings = base.kernel, base.cost, dict(base.traits), dict(base.settings)
    for choice, option in chosen:
        if choice.sets and choice.levels is not None:
            settings[choice.sets] = float(choice.levels[option])
        if choice.sets == KERNEL and choice.levels is not None:
            kernel = int(choice.levels[option])
            cost *= kernel
        elif choice.sets:
            traits[choice.sets] = float(choice.scaled[option])
    name = f"{base.name}({','.join(choice.texts[option] for choice, option in chosen)})"
    numbers = tuple(sorted(settings.items()))
    return Operation(name, base.kind, kernel, base.has_weights, cost, tuple(sorted(traits.items())), numbers)
