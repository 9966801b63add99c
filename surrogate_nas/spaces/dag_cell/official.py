"""NAS-Bench-101's own forms of a cell: matrices with lists of operations, and the hash that its files are keyed by."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.dag_cell.isomorphism import Labels, Wired, widened
from surrogate_nas.spaces.operations import INPUT, OUTPUT
from surrogate_nas.spaces.text import shorten


def read_matrices(
    matrices: Sequence[npt.ArrayLike], operations: Sequence[Sequence[str]], known: Sequence[str], max_nodes: int
) -> tuple[Wired, Labels]:
    """Cells of any sizes as one pair of arrays, as they are written; see ``dag_isomorphism``.

    Args:
        matrices: Upper-triangular adjacency matrices of 0 and 1.
        operations: The name on each node, "input" first and "output" last.
        known: Names of operations, in the order in which labels count them.
        max_nodes: Nodes of the largest cell.

    Raises:
        InvalidInputError: Not such matrices and names.
    """
    if len(matrices) != len(operations):
        raise InvalidInputError(
            f"operations: expected one list for each of {len(matrices)} matrices, got {len(operations)}; add them"
        )
    sizes = np.array([len(names) for names in operations], dtype=np.int64)
    for i in np.flatnonzero((sizes < 2) | (sizes > max_nodes)).tolist():
        raise InvalidInputError(
            f"operations {i}: expected 2 to {max_nodes} names, input and output included, got {sizes[i]}; "
            "take another cell"
        )
    wired = np.zeros((len(matrices), max_nodes, max_nodes), dtype=bool)
    labels = np.zeros((len(matrices), max_nodes - 2), dtype=np.int16)
    for v in np.unique(sizes).tolist():  # one array per size: official files hold hundreds of thousands
        members = np.flatnonzero(sizes == v)
        wired[members] = widened(_stacked(matrices, members.tolist(), v), max_nodes)
        labels[members, : v - 2] = _labels(operations, members.tolist(), known)
    return wired, labels


def _stacked(matrices: Sequence[npt.ArrayLike], members: list[int], v: int) -> Wired:
    for i in members:
        shape = _shape(matrices[i])
        if shape != (v, v):
            raise InvalidInputError(
                f"matrix {i}: expected shape ({v}, {v}) for {v} operations, got {shape or 'uneven rows'}; "
                "give one operation per row"
            )
    stacked = np.array([matrices[i] for i in members])
    wrong = ~np.isin(stacked, (0, 1)).all(axis=(1, 2)) | np.tril(stacked != 0).any(axis=(1, 2))
    for at in np.flatnonzero(wrong).tolist():
        raise InvalidInputError(
            f"matrix {members[at]}: expected 0 and 1, every 1 above the diagonal, got {shorten(stacked[at].tolist())}; "
            "let edges lead to later nodes"
        )
    return stacked.astype(bool)


def _shape(matrix: npt.ArrayLike) -> tuple[int, ...]:
    try:
        return np.shape(matrix)
    except ValueError:  # rows of different lengths
        return ()


def _labels(operations: Sequence[Sequence[str]], members: list[int], known: Sequence[str]) -> list[list[int]]:
    number = {name: k for k, name in enumerate(known, start=1)}
    for i in members:
        first, *inner, last = operations[i]
        if (first, last) != (INPUT.name, OUTPUT.name) or not number.keys() >= set(inner):
            raise InvalidInputError(
                f"operations {i}: expected {INPUT.name!r}, then some of {', '.join(known)}, then {OUTPUT.name!r}, "
                f"got {shorten(list(operations[i]))}; mend the names"
            )
    return [[number[name] for name in operations[i][1:-1]] for i in members]


def module_hash(readers: Sequence[Sequence[int]], labels: Sequence[int]) -> str:
    """NAS-Bench-101's hash of a cell: MD5 refined along edges in both directions, one round per node.

    Args:
        readers: For each node the nodes that read it.
        labels: Label of each node: -1 the input, -2 the output, k the k-th operation, counted from 0.
    """
    nodes = range(len(labels))
    sources: list[list[int]] = [[] for _ in nodes]
    for a, targets in enumerate(readers):
        for b in targets:
            sources[b].append(a)
    hashes = [_md5(str((len(readers[v]), len(sources[v]), labels[v]))) for v in nodes]
    for _ in nodes:
        hashes = [
            _md5("|".join(("".join(sorted(hashes[a] for a in sources[v])),
                           "".join(sorted(hashes[b] for b in readers[v])), hashes[v])))
            for v in nodes
        ]  # fmt: skip
    return _md5(str(sorted(hashes)))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
