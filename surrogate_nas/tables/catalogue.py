"""Tables by name: those that come with the package, and those that were imported on this machine; files by path."""

import tomllib
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.resources import data_folder
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.spaces.catalogue import as_space
from surrogate_nas.tables.sources import imported_path, list_imported, not_imported, sources
from surrogate_nas.tables.table import Table

if TYPE_CHECKING:
    from surrogate_nas.tables.contents import Contents


@dataclass(frozen=True, slots=True)
class TableEntry:
    """What the registry says about an embedded table.

    Attributes:
        name: Name for :func:`load_table`.
        path: Its Parquet file.
        sha256: SHA-256 that the file must have.
        space: Name of its space.
        rows: Number of architectures.
        tasks: Names of its tasks.
        source: Where the numbers come from.
        licence: Their licence.
        citation: What to cite.
    """

    name: str
    path: Path
    sha256: str
    space: str
    rows: int
    tasks: tuple[str, ...]
    source: str
    licence: str
    citation: str


def list_tables() -> list[str]:
    """Names that :func:`load_table` knows: the embedded tables, then those that were imported on this machine."""
    embedded = list(table_entries())
    return embedded + [name for name in list_imported() if name not in embedded]


def table_entries() -> dict[str, TableEntry]:
    """The registry of embedded tables, by name.

    Raises:
        InvalidInputError: The registry is missing or damaged.
    """
    path = data_folder() / "registry.toml"
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _entry(name, path.parent, e) for name, e in content["tables"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInputError(f"{path}: expected the registry of embedded data; install the package again") from None


def load_table(name: "str | PathLike[str]", *, space: SearchSpace | None = None) -> Table:
    """Open an embedded table, or a table file.

    The first time the file is read, checked and kept in the cache in a form that later opens without
    being read; where the cache cannot be written, every time is the first. An embedded table must
    have the SHA-256 that the registry states.

    Args:
        name: One of :func:`list_tables`, or the path of a file that ``Table.to_parquet`` wrote.
        space: Space of a file's rows, or its name or ``.toml`` file, where neither the catalogue nor the file has it.

    Raises:
        UnknownNameError: No such table, and not a path.
        InvalidInputError: The file is missing, damaged, or not a table.
    """
    entries = table_entries()
    space = None if space is None else as_space(space)
    if not isinstance(name, str | PathLike):
        raise InvalidInputError(f"table: expected a name or a path, got {name!r:.80}")
    text = fspath(name)
    if text in entries and isinstance(name, str):
        return _open_embedded(entries[text], space)
    path = Path(text)
    if isinstance(name, str):  # names go before files: a folder may well be called like the benchmark it came from
        known = list_tables()
        if text in known:
            path = imported_path(text)
        elif not path.is_file() and (text in sources() or (len(path.parts) < 2 and not path.suffix)):
            raise not_imported(text, known)
    return open_file(path, space)


def open_file(path: Path, space: SearchSpace | None = None) -> Table:
    """Open a table file through the cache, after all checks the first time.

    Args:
        path: A file that ``Table.to_parquet`` wrote.
        space: Space of its rows; None takes the one of the catalogue that the file names.
    """
    from surrogate_nas.tables.cache import file_identity, open_through_cache

    def read() -> "Contents":
        from surrogate_nas.tables.parquet import read_parquet

        return read_parquet(path, space)

    return Table.of_checked(*open_through_cache(file_identity(path), space, read))


def _open_embedded(entry: TableEntry, space: SearchSpace | None) -> Table:
    from surrogate_nas.tables.cache import open_through_cache

    def read() -> "Contents":
        from surrogate_nas.tables.parquet import file_checksum, read_parquet

        got = file_checksum(entry.path)
        if got != entry.sha256:
            raise InvalidInputError(
                f"{entry.path}: expected SHA-256 {entry.sha256}, got {got}; install the package again"
            )
        return read_parquet(entry.path, space, trusted=space is None)

    return Table.of_checked(*open_through_cache(entry.sha256, space, read))


def _entry(name: str, folder: Path, content: dict[str, Any]) -> TableEntry:
    return TableEntry(
        name=name,
        path=folder / content["file"],
        sha256=content["sha256"],
        space=content["space"],
        rows=content["rows"],
        tasks=tuple(content["tasks"]),
        source=content["source"],
        licence=content["licence"],
        citation=content["citation"],
    )
