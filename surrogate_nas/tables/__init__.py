"""Measured results of real trainings."""

from surrogate_nas.tables.table import Table

__all__ = ["Table"]
