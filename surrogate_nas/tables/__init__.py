"""Measured results of real trainings: tables, their files, and the ones that come with the package."""

from surrogate_nas.tables.catalogue import TableEntry, list_tables, load_table, table_entries
from surrogate_nas.tables.schema import SCHEMA_VERSION, TableInfo
from surrogate_nas.tables.table import Table

__all__ = ["SCHEMA_VERSION", "Table", "TableEntry", "TableInfo", "list_tables", "load_table", "table_entries"]
