"""The text form of DARTS: a ``Genotype`` as Python prints it, read without evaluating anything.

    Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))

Each pair is an operation and the state it reads. States 0 and 1 are the outputs of the two cells before,
state 2 + j is the sum of pairs 2j and 2j + 1; the cell gives the concatenation of all states that it adds.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import combinations
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.text import malformed, shorten, unknown_operation

Indices = npt.NDArray[np.int16]

#: Names of the two cells, in the order in which they are written.
CELLS = ("normal", "reduce")

#: Texts that are taken apart at once: few enough that their pieces stay in the processor's cache.
CHUNK = 512

# What is left after blanks were removed. No part of the pattern can match what another one does, so that it
# takes time proportional to the text, whatever the text is.
_STATES = r"(range\([0-9]+,[0-9]+\)|\[[0-9,]*\])"
_CELL = rf"=\[([^\[\]]*)\],{{0}}_concat={_STATES}"
_FORM = re.compile(f"Genotype\\({','.join(cell + _CELL.format(cell) for cell in CELLS)}\\)")
_PAIR = re.compile(r"\('([^'()]*)',([0-9]{1,4})\)")
_TRAILING_COMMA = re.compile(r",(?=[\])])")


@final
class Genotypes:
    """Reads and writes the genotypes of one space.

    Args:
        operations: Names of the operations.
        n_inputs: States that a cell is given.
        n_nodes: States that it adds.
        edges_per_node: Pairs per added state.
    """

    def __init__(self, operations: Sequence[str], n_inputs: int, n_nodes: int, edges_per_node: int) -> None:
        self.operations = tuple(operations)
        self.n_inputs = n_inputs
        self.n_nodes = n_nodes
        self.edges_per_node = edges_per_node
        self.n_states = n_inputs + n_nodes
        added = range(n_inputs, self.n_states)
        self._all_states = (f"range({added.start}, {added.stop})", f"[{', '.join(map(str, added))}]")

    def parse(self, texts: Sequence[str]) -> tuple[Indices, Indices]:
        """Read genotypes.

        Args:
            texts: Genotypes, the two pairs of a node in either order.

        Returns:
            Index of the operation, and number of the state that it reads, int16 of shape
            (n, cells, nodes, edges) each, in the order in which they are written.

        Raises:
            InvalidInputError: A text is not a genotype of this space.
        """
        pairs = np.empty((len(texts), len(self._tables)), dtype=np.int16)
        for start in range(0, len(texts), CHUNK):
            part = texts[start : start + CHUNK]
            try:
                found = self._look_up(part)
            except (KeyError, ValueError):  # a text that is spelt otherwise, or wrong
                found = self._look_up([self._as_printed(text) for text in part])
            pairs[start : start + CHUNK] = found
        ops, states = np.divmod(pairs.reshape(-1, len(CELLS), self.n_nodes, self.edges_per_node), self.n_states)
        edges = combinations(range(self.edges_per_node), 2)
        twice = np.logical_or.reduce([states[..., a] == states[..., b] for a, b in edges])
        for i, cell, node in np.argwhere(twice)[:1]:
            got = ", ".join(map(str, states[i, cell, node]))
            raise malformed(
                texts[i],
                f"different states for node {node + self.n_inputs} of {CELLS[cell]}",
                got,
                f"let its {self.edges_per_node} operations read {self.edges_per_node} states",
            )
        return ops, states

    def format(self, ops: Indices, states: Indices) -> list[str]:
        """Write genotypes.

        Args:
            ops: Index of each operation, shape (n, cells, nodes, edges).
            states: Number of the state that each reads, same shape.
        """
        if not len(ops):
            return []
        names = [f"('{op}', {state})" for op in self.operations for state in range(self.n_states)]
        pairs = (ops.astype(np.int64) * self.n_states + states).reshape(len(ops), -1)
        columns = (map(names.__getitem__, column.tolist()) for column in pairs.T)
        parts = [f"{cell}=[{', '.join(['{}'] * self.n_pairs)}], {cell}_concat={self._all_states[0]}" for cell in CELLS]
        form = f"Genotype({', '.join(parts)})".format
        return [form(*row) for row in zip(*columns, strict=True)]

    @property
    def n_pairs(self) -> int:
        """Pairs of one cell."""
        return self.n_nodes * self.edges_per_node

    @cached_property
    def _tables(self) -> list[dict[str, int]]:
        """What may stand between two "), (" of a printed text, one after the other: number of the pair by text.

        The pieces at both ends hold what comes before the first pair and after the last one, the first piece of
        the second cell starts with a mark that stands for all that comes between the cells.
        """
        tables = []
        for cell, start in zip(CELLS, ("Genotype(normal=[(", "|"), strict=True):
            for pair in range(self.n_pairs):
                before = start if pair == 0 else ""
                after = f")], reduce_concat={self._all_states[0]})"
                last = pair == self.n_pairs - 1 and cell == CELLS[-1]
                readable = range(self.n_inputs + pair // self.edges_per_node)
                tables.append(
                    {
                        f"{before}'{op}', {state}{after if last else ''}": k * self.n_states + state
                        for k, op in enumerate(self.operations)
                        for state in readable
                    }
                )
        return tables

    def _look_up(self, texts: Sequence[str]) -> Indices:
        """Numbers of the pairs of printed texts, shape (n, pairs of both cells).

        Raises:
            KeyError: A piece of a text is unknown.
            ValueError: A text has more or fewer pieces.
        """
        ranged, listed = self._all_states
        between = f")], normal_concat={ranged}, reduce=[("
        pieces = [t.replace(listed, ranged).replace(between, "), (|").split("), (") for t in texts]
        columns = zip(self._tables, zip(*pieces, strict=True), strict=True)
        found = [np.fromiter(map(table.__getitem__, column), np.int16, len(texts)) for table, column in columns]
        return np.stack(found, axis=1)

    def _as_printed(self, text: str) -> str:
        """The same genotype in the words that Python prints, or the reason why it is none."""
        tight = _TRAILING_COMMA.sub("", "".join(text.split()).replace('"', "'"))
        found = _FORM.fullmatch(tight)
        if not found:
            ranged = self._all_states[0]
            form = f"Genotype(normal=[('op', 0), ...], normal_concat={ranged}, reduce=[...], reduce_concat={ranged})"
            raise malformed(text, form, "another form", "write it as Python prints it")
        allowed = ["".join(states.split()) for states in self._all_states]
        parts = []
        for cell, body, states in zip(CELLS, found.groups()[::2], found.groups()[1::2], strict=True):
            if states not in allowed:
                raise malformed(
                    text,
                    f"{cell}_concat={self._all_states[0]}",
                    shorten(states),
                    "cells that give only some of their nodes are not in this space",
                )
            parts.append(f"{cell}=[{self._pairs(text, cell, body)}], {cell}_concat={self._all_states[0]}")
        return f"Genotype({', '.join(parts)})"

    def _pairs(self, text: str, cell: str, body: str) -> str:
        """Check the pairs of one cell and return them as Python prints them."""
        pairs = _PAIR.findall(body)
        if ",".join(f"('{op}',{state})" for op, state in pairs) != body:
            raise malformed(text, f"{cell}=[('op', 0), ('op', 1), ...]", shorten(body), "write pairs of op and state")
        if len(pairs) != self.n_pairs:
            remedy = f"write {self.edges_per_node} for each of {self.n_nodes} nodes"
            raise malformed(text, f"{self.n_pairs} pairs in {cell}", str(len(pairs)), remedy)
        for k, (op, state) in enumerate(pairs):
            if op not in self.operations:
                raise unknown_operation(text, op, self.operations)
            node = self.n_inputs + k // self.edges_per_node
            if int(state) >= node:
                raise malformed(
                    text, f"a state from 0 to {node - 1} for node {node} of {cell}", state, "read earlier ones"
                )
        return ", ".join(f"('{op}', {int(state)})" for op, state in pairs)
