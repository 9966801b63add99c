"""Measured results of real trainings: tables, their files, and the ones that come with the package."""

from surrogate_nas.tables.catalogue import TableEntry, list_tables, load_table, table_entries
from surrogate_nas.tables.curves import Curve
from surrogate_nas.tables.schema import SCHEMA_VERSION, TableInfo
from surrogate_nas.tables.table import TRAIN_TIME, Table

__all__ = [
    "SCHEMA_VERSION",
    "TRAIN_TIME",
    "Curve",
    "Table",
    "TableEntry",
    "TableInfo",
    "list_tables",
    "load_table",
    "table_entries",
]
