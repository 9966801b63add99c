"""Cells as NAS-Bench-301 stores them: one name and value per choice, in the manner of ConfigSpace.

Edges are numbered by the node that reads, then by the state that is read: with two inputs, edges 0 and 1
lead to node 2, edges 2 to 4 to node 3, and so on. ``edge_normal_5`` is the operation on edge 5 of the normal
cell, there only if the edge is; ``inputs_node_normal_4`` the states that node 4 reads, such as ``0_2``, there only
if the node has a choice. The benchmark puts a prefix before each name, and settings of the training beside them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.text import shorten
from surrogate_nas.spaces.two_cell.genotype import CELLS, Genotypes, Indices

#: What the benchmark puts before each name.
PREFIX = "NetworkSelectorDatasetInfo:darts:"

_NAME = re.compile(r"(?:.*:)?(edge|inputs_node)_(\w+)_([0-9]+)")


def read_configs(configs: Sequence[Mapping[str, Any]], form: Genotypes) -> tuple[Indices, Indices]:
    """Read cells from configurations; names of other settings are passed over.

    Args:
        configs: Values by name.
        form: Which cells there are.

    Returns:
        Index of each operation and number of the state that it reads, int16 of shape (n, cells, nodes, edges).

    Raises:
        InvalidInputError: A choice is missing, unknown, or made for an edge that is not there.
    """
    shape = (len(configs), len(CELLS), form.n_nodes, form.edges_per_node)
    ops, states = np.empty(shape, dtype=np.int16), np.empty(shape, dtype=np.int16)
    for i, config in enumerate(configs):
        if not isinstance(config, Mapping):
            raise InvalidInputError(f"configuration {i}: expected a mapping of names to values, got {shorten(config)}")
        given = {
            m.groups(): value for name, value in config.items() if (m := _NAME.fullmatch(name)) and value is not None
        }
        for c, cell in enumerate(CELLS):
            first = 0  # number of the first edge to this node
            for j in range(form.n_nodes):
                states[i, c, j] = _inputs(given, i, cell, form.n_inputs + j, form)
                for e, state in enumerate(states[i, c, j].tolist()):
                    ops[i, c, j, e] = _operation(given, i, cell, first + state, form)
                first += form.n_inputs + j
        for kind, cell, number in given:
            raise InvalidInputError(
                f"configuration {i}: expected values for the edges that its nodes read, got {kind}_{cell}_{number} "
                "besides; leave it out"
            )
    return ops, states


def write_config(ops: Indices, states: Indices, form: Genotypes) -> dict[str, str]:
    """Write one architecture as a configuration.

    Args:
        ops: Index of each operation, shape (cells, nodes, edges).
        states: Number of the state that each reads, ascending per node, same shape.
        form: Which cells there are.
    """
    config = {}
    for c, cell in enumerate(CELLS):
        first = 0
        for j in range(form.n_nodes):
            node = form.n_inputs + j
            read = states[c, j].tolist()
            if node > form.edges_per_node:
                config[f"{PREFIX}inputs_node_{cell}_{node}"] = "_".join(map(str, read))
            for op, state in zip(ops[c, j].tolist(), read, strict=True):
                config[f"{PREFIX}edge_{cell}_{first + state}"] = form.operations[op]
            first += node
    return config


Given = dict[tuple[str, ...], Any]


def _inputs(given: Given, i: int, cell: str, node: int, form: Genotypes) -> list[int]:
    """Take the states that a node reads from what is given."""
    value = given.pop(("inputs_node", cell, str(node)), None)
    if value is None and node == form.edges_per_node:
        return list(range(node))
    parts = value.split("_") if isinstance(value, str) else []
    found = [int(p) for p in parts if p.isascii() and p.isdigit()]
    if (
        len(found) != len(parts)
        or len(found) != form.edges_per_node
        or found != sorted(set(found))
        or found[-1] >= node
    ):
        raise InvalidInputError(
            f"configuration {i}: expected inputs_node_{cell}_{node} to be {form.edges_per_node} states below {node} "
            f"in ascending order, such as {'_'.join(map(str, range(form.edges_per_node)))!r}, got {shorten(value)}"
        )
    return found


def _operation(given: Given, i: int, cell: str, edge: int, form: Genotypes) -> int:
    """Take the operation on an edge from what is given."""
    value = given.pop(("edge", cell, str(edge)), None)
    if value not in form.operations:
        raise InvalidInputError(
            f"configuration {i}: expected edge_{cell}_{edge} among {', '.join(form.operations)}, got {shorten(value)}"
        )
    return form.operations.index(value)
