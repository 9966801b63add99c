"""The text form of labelled directed acyclic graphs: ``[0,0+1,1+2] conv|pool|output``."""

import itertools
import re

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import OUTPUT
from surrogate_nas.spaces.text import malformed, shorten, unknown_operation

TEXT_FORM = re.compile(r"\[([^\]]*)\] (\S+)")


class DagText:
    """Reads and writes cells: what each node reads in brackets, then the name on each node, the output last.

    Node 0 is the input, node k the k-th name.
    """

    def __init__(self, operations: list[str], max_nodes: int) -> None:
        """Prepare look-ups, so that reading and writing a text is a few of them.

        Args:
            operations: Names of operations; operation k is label k + 1.
            max_nodes: Nodes of the largest cell, input and output included.
        """
        self.operations = operations
        self.max_nodes = max_nodes
        self.labels = {name: k for k, name in enumerate(operations, start=1)}
        #: Text of each set of nodes, by the set as bits.
        self.sets = ["+".join(str(a) for a in range(max_nodes) if s >> a & 1) for s in range(2 ** (max_nodes - 1))]
        #: For each number of earlier nodes the sets among them: one bit per node, by text.
        self.bits = [{self.sets[s]: [s >> a & 1 for a in range(n)] for s in range(1, 2**n)} for n in range(max_nodes)]

    def write(self, reads: list[int], labels: list[int]) -> str:
        """Text of a cell.

        Args:
            reads: What each node reads as bits, shape (v,), the output last.
            labels: Labels of inner nodes, shape (v - 2,), those that exist first.
        """
        names = [self.operations[k - 1] for k in labels if k]
        sets = [self.sets[s] for s in (*reads[1 : len(names) + 1], reads[-1])]
        return f"[{','.join(sets)}] {'|'.join([*names, OUTPUT.name])}"

    def read(self, text: str) -> list[int]:
        """Edges (by target, then source) and labels of a cell as it is written.

        Raises:
            InvalidInputError: It does not follow the form.
        """
        match = TEXT_FORM.fullmatch(text.strip())
        sets, names = (match[1].split(","), match[2].split("|")) if match else ([], [""])
        spare = self.max_nodes - 1 - len(names)  # places between the last operation and the output
        try:
            if spare < 0 or len(sets) != len(names) or names[-1] != OUTPUT.name:
                raise KeyError
            labels = [self.labels[name] for name in names[:-1]]
            columns = [self.bits[b][s] for b, s in enumerate(sets, start=1)]
        except KeyError:
            raise self._diagnosis(text, sets, names) from None
        empty = [[0] * b for b in range(len(names), self.max_nodes - 1)]
        return [*itertools.chain(*columns[:-1], *empty, columns[-1]), *[0] * spare, *labels, *[0] * spare]

    def _diagnosis(self, text: str, sets: list[str], names: list[str]) -> InvalidInputError:
        remedy = f"write it like '[0,0+1,1+2] {self.operations[0]}|{self.operations[-1]}|{OUTPUT.name}'"
        if not sets:
            expected = (
                f"what each node reads in brackets, a blank, and operations with | between them, {OUTPUT.name} last"
            )
            return malformed(text, expected, "something else", remedy)
        if names[-1] != OUTPUT.name:
            return malformed(text, f"{OUTPUT.name!r} as the last name", shorten(names[-1]), remedy)
        for name in names[:-1]:
            if name not in self.labels:
                return unknown_operation(text, name, self.operations)
        if len(names) > self.max_nodes - 1:
            return malformed(text, f"at most {self.max_nodes - 2} operations", str(len(names) - 1), remedy)
        if len(sets) != len(names):
            return malformed(text, f"{len(names)} sets of nodes, one for each name", str(len(sets)), remedy)
        b = next(b for b, s in enumerate(sets, start=1) if s not in self.bits[b])
        expected = f"numbers from 0 to {b - 1}, ascending, with + between them, as what {names[b - 1]} reads"
        return malformed(text, expected, shorten(sets[b - 1]), remedy)
