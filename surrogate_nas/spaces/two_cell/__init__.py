"""A normal and a reduction cell, written as genotypes: DARTS, NAS-Bench-301 and their kin."""

from surrogate_nas.spaces.two_cell.space import TwoCellSpace

__all__ = ["TwoCellSpace"]
