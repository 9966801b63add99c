"""Tables from a pandas DataFrame or a CSV file, and back."""

import csv
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError, SurrogateNASError, UnknownNameError
from surrogate_nas.core.atomic import write_atomically
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.tables.checks import Where, check_architectures, check_columns, row_number
from surrogate_nas.tables.contents import Contents, field_names
from surrogate_nas.tables.schema import ARCHITECTURE, TableInfo, as_column
from surrogate_nas.tables.text import parse_architectures

if TYPE_CHECKING:
    import pandas as pd

    from surrogate_nas.tables.table import Table

#: What a CSV file may write where nothing was measured; anything else must be a number.
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none"})


def contents_from_frame(
    frame: "pd.DataFrame", space: SearchSpace, arch_column: str, columns: Mapping[str, Any], info: TableInfo
) -> Contents:
    """Parts of a table from a DataFrame; see ``Table.from_frame``.

    Args:
        frame: One row per architecture.
        space: Space of the architectures.
        arch_column: Column or index level with the architectures' text.
        columns: What each column of values is, by its name in the frame.
        info: Everything else about the table.
    """
    if arch_column in frame.index.names:
        texts = frame.index.get_level_values(arch_column).tolist()
    else:
        texts = _frame_column(frame, arch_column).tolist()
    given = {name: _floats(_frame_column(frame, name), name) for name in columns}
    return _assemble(texts, given, space, columns, info, row_number)


def contents_from_csv(
    path: "str | PathLike[str]", space: SearchSpace, arch_column: str, columns: Mapping[str, Any], info: TableInfo
) -> Contents:
    """Parts of a table from a CSV file; see ``Table.from_csv``.

    Args:
        path: A comma-separated file in UTF-8 with a header.
        space: Space of the architectures.
        arch_column: Column with the architectures' text.
        columns: What each column of values is, by its name in the header.
        info: Everything else about the table.

    Raises:
        InvalidInputError: Not such a file; the message starts with its path, and names the line where one is at fault.
    """
    file = Path(path)
    try:
        cells, lines = _read_cells(file, [arch_column, *columns])

        def where(i: int) -> str:
            return f"line {lines[i]}"

        given = {name: _numbers(cells[name], name, where) for name in columns}
        return _assemble(cells[arch_column], given, space, columns, info, where)
    except SurrogateNASError as error:
        raise type(error)(f"{file}: {error}") from None


def to_frame(contents: Contents) -> "pd.DataFrame":
    """The table as a DataFrame: architectures as text, then one column per column of the table."""
    import pandas as pd

    names = field_names(contents.columns)
    values = {name: v.copy() for name, v in zip(names, contents.columns.values(), strict=True)}
    return pd.DataFrame({ARCHITECTURE: contents.space.format(contents.X), **values})


def export(table: "Table", path: Path) -> None:
    """Write a table to a ``.parquet`` file, from which it opens again, or to a ``.csv`` file without its curves.

    Args:
        table: The table.
        path: The file; one that is there is replaced in one step.

    Raises:
        InvalidInputError: Another suffix, or the place cannot be written to.
    """
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv"):
        raise InvalidInputError(f"{path}: expected a name that ends with .parquet or .csv, got {suffix or 'neither'!r}")
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        write_atomically(path, lambda target: table.to_pandas().to_csv(target, index=False))


def _assemble(
    texts: list[Any],
    given: Mapping[str, npt.ArrayLike],
    space: SearchSpace,
    columns: Mapping[str, Any],
    info: TableInfo,
    where: Where,
) -> Contents:
    described = {name: as_column(value, name) for name, value in columns.items()}
    values: dict[Column, npt.ArrayLike] = {}
    for name, column in described.items():
        if column in values:
            other = next(n for n, c in described.items() if c == column)
            raise InvalidInputError(f"columns {other!r} and {name!r} are described alike; give them different seeds")
        values[column] = given[name]
    rows = parse_architectures(space, texts, where)
    X = check_architectures(space, rows, canonical=info.key == "canonical", where=where)
    return Contents(space, X, check_columns(values, len(X), info, where), info)


def _floats(series: "pd.Series[Any]", name: str) -> npt.NDArray[Any]:
    if series.dtype in (np.float32, np.float64):
        return series.to_numpy()
    try:
        if series.dtype.kind in "iufbO":  # pandas marks what is missing in several ways; all of them become NaN
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        pass
    raise InvalidInputError(f"column {name!r}: expected numbers, got values of type {series.dtype}")


def _frame_column(frame: "pd.DataFrame", name: str) -> Any:
    found = [c for c in frame.columns if c == name]
    if not found:
        raise UnknownNameError.of("column of the frame", name, [str(c) for c in frame.columns])
    if len(found) > 1:
        raise InvalidInputError(f"the frame has {len(found)} columns named {name!r}; rename them")
    return frame[name]


def _read_cells(path: Path, names: list[str]) -> tuple[dict[str, list[str]], list[int]]:
    """Text of the named columns, and the line on which each row ends."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if not header:
                raise InvalidInputError("expected a header and one line per architecture, got an empty file")
            places = _places(header, names)
            cells: dict[str, list[str]] = {name: [] for name in names}
            lines = []
            for row in reader:
                if not row:  # an empty line
                    continue
                if len(row) != len(header):
                    raise InvalidInputError(
                        f"line {reader.line_num}: expected {len(header)} fields as in the header, got {len(row)}"
                    )
                for name, place in places.items():
                    cells[name].append(row[place])
                lines.append(reader.line_num)
            return cells, lines
    except csv.Error as error:
        raise InvalidInputError(f"line {reader.line_num}: not a CSV file ({error})") from None
    except UnicodeDecodeError:
        raise InvalidInputError("expected text in UTF-8, got other bytes; is it a CSV file?") from None
    except OSError as error:
        raise InvalidInputError(f"expected a readable CSV file ({error.strerror})") from None


def _places(header: list[str], names: list[str]) -> dict[str, int]:
    for name in names:
        if header.count(name) > 1:
            raise InvalidInputError(f"line 1: the header names {name!r} {header.count(name)} times; rename the columns")
        if name not in header:
            raise UnknownNameError.of("column of the header", name, header)
    return {name: header.index(name) for name in names}


def _numbers(cells: list[str], name: str, where: Where) -> npt.NDArray[np.float64]:
    values = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        text = cell.strip()
        if text.lower() in MISSING:
            continue
        try:
            values[i] = float(text if "_" not in text else "")  # Python's own digit grouping is not CSV
        except ValueError:
            raise InvalidInputError(
                f"{where(i)}, column {name!r}: expected a number (or nothing, if not measured), got {text!r:.60}"
            ) from None
    return values
