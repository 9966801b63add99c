"""Cells that are labelled graphs with operations on nodes, each network once: NAS-Bench-101 and its kin."""

from surrogate_nas.spaces.dag_cell.space import DagCellSpace

__all__ = ["DagCellSpace"]
