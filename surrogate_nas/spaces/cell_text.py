"""Text forms of a cell with operations on edges: names, as NAS-Bench-201 writes them, or digits."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol, final

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import Rows
from surrogate_nas.spaces.text import malformed, shorten, unknown_operation


class CellText(Protocol):
    """Reads and writes rows of one operation per edge."""

    def parse(self, texts: Sequence[str]) -> Rows:
        """Rows of texts, shape (n, edges); a text that does not follow the form is an InvalidInputError."""

    def format(self, rows: Rows) -> list[str]:
        """Texts of rows whose genes are in range."""


@final
class NamedText:
    """``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``: a group per node after the input, in it one ``op~source`` per edge.

    Args:
        names: Names of the operations.
        n_nodes: Nodes of the cell, input and output included.
    """

    def __init__(self, names: Sequence[str], n_nodes: int) -> None:
        self.names = tuple(names)
        self.n_nodes = n_nodes

    def parse(self, texts: Sequence[str]) -> Rows:
        """Rows of texts, shape (n, edges)."""
        n_edges = self.n_nodes * (self.n_nodes - 1) // 2
        return np.array([self._parse_one(t) for t in texts], dtype=np.int16).reshape(-1, n_edges)

    def format(self, rows: Rows) -> list[str]:
        """Texts of rows whose genes are in range."""
        form = "+".join("|" + "".join(f"{{}}~{i}|" for i in range(j)) for j in range(1, self.n_nodes))
        return [form.format(*(self.names[g] for g in row)) for row in rows.tolist()]

    def _parse_one(self, text: str) -> list[int]:
        parts = text.split("|")
        if len(parts) == len(self._pattern):
            try:  # a good text, at the price of a few look-ups
                return [choice[part] for choice, part in zip(self._pattern, parts, strict=True) if choice[part] >= 0]
            except KeyError:
                pass
        stripped = text.strip()
        if stripped != text:
            return self._parse_one(stripped)
        raise self._diagnosis(text)

    @cached_property
    def _pattern(self) -> list[dict[str, int]]:
        """What may stand between the bars of a text, one after the other: genes by text, -1 for separators."""
        pattern: list[dict[str, int]] = []
        for j in range(1, self.n_nodes):
            pattern.append({"+" if pattern else "": -1})
            pattern += [{f"{name}~{i}": k for k, name in enumerate(self.names)} for i in range(j)]
        return [*pattern, {"": -1}]

    def _diagnosis(self, text: str) -> InvalidInputError:
        """Find out what is wrong with a text."""
        form = "+".join("|" + "".join(f"op~{i}|" for i in range(j)) for j in range(1, self.n_nodes))
        remedy = f"write it like {form}"
        groups = text.split("+")
        for j, group in enumerate(groups[: self.n_nodes - 1], start=1):
            parts = group.split("|")
            edges = [part.rpartition("~") for part in parts[1:-1]]
            if (
                len(parts) < 3
                or parts[0]
                or parts[-1]
                or [source for _, _, source in edges] != [str(i) for i in range(j)]
            ):
                expected = "|" + "".join(f"op~{i}|" for i in range(j))
                return malformed(text, f"{expected} as group {j}", shorten(group), remedy)
            for name, _, _ in edges:
                if name not in self.names:
                    return unknown_operation(text, name, self.names)
        return malformed(text, f"{self.n_nodes - 1} groups of operations", str(len(groups)), remedy)


@final
class DigitText:
    """One digit per edge inside a fixed text: ``64-41414-{}_{}{}_{}{}{}`` stands for ``64-41414-1_02_333``.

    Args:
        form: The text, with ``{}`` for each edge, by target node, then by source node.
        n_edges: Edges of the cell.
        n_operations: Operations there are; a digit is the number of one.
    """

    def __init__(self, form: str, n_edges: int, n_operations: int) -> None:
        parts = str(form).split("{}")
        if (
            len(parts) != n_edges + 1
            or not form.isascii()
            or form != form.strip()
            or {*form.replace("{}", "")} & {*"{}"}
        ):
            raise InvalidInputError(
                f"digit_form: expected a text with {{}} for each of {n_edges} edges, got {shorten(form)}; "
                f"write it like {'_'.join(['{}'] * n_edges)}"
            )
        if n_operations > 10:
            raise InvalidInputError(f"digit_form: expected at most 10 operations, got {n_operations}; leave it out")
        self.form = form
        self.n_operations = n_operations
        zeros = np.frombuffer("0".join(parts).encode(), dtype=np.uint8)
        self._places = np.cumsum([len(part) + 1 for part in parts[:-1]]) - 1
        self._literal = np.delete(zeros, self._places)
        self._between = np.delete(np.arange(len(zeros)), self._places)

    def parse(self, texts: Sequence[str]) -> Rows:
        """Rows of texts, shape (n, edges)."""
        width = len(self._places) + len(self._between)
        stripped = [text.strip() for text in texts]
        for text in stripped:
            if len(text) != width or not text.isascii():
                raise self._diagnosis(text)
        letters = np.frombuffer("".join(stripped).encode(), dtype=np.uint8).reshape(-1, width)
        genes = letters[:, self._places] - np.uint8(ord("0"))  # what is below wraps around to a large number
        good = (letters[:, self._between] == self._literal).all(axis=1) & (genes < self.n_operations).all(axis=1)
        for i in np.flatnonzero(~good)[:1]:
            raise self._diagnosis(stripped[i])
        return genes.astype(np.int16)

    def format(self, rows: Rows) -> list[str]:
        """Texts of rows whose genes are in range."""
        return [self.form.format(*row) for row in rows.tolist()]

    def _diagnosis(self, text: str) -> InvalidInputError:
        expected = f"{self.form} with a digit from 0 to {self.n_operations - 1} for each {{}}"
        return malformed(text, expected, "another text", f"write it like {self.form.replace('{}', '0')}")
