"""Parquet, the form in which tables are exchanged.

A file holds the architectures as text and as rows of integers, then one column of floats per
:class:`~surrogate_nas.core.Column`; a value that was not measured is null. Every page carries a
checksum, so that a flipped bit is an error and not another number. Equal tables give equal bytes.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from surrogate_nas.core import Column, InvalidInputError, SurrogateNASError
from surrogate_nas.core.atomic import write_atomically
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables.checks import Values, check_architectures, check_columns
from surrogate_nas.tables.contents import (
    GENES,
    Contents,
    arrow_schema,
    curve_array,
    curve_of,
    genes_array,
    is_floats,
    read_columns,
    read_curves,
    read_info,
    rows_of,
    same_encoding,
    space_of,
    values_of,
)
from surrogate_nas.tables.curves import check_curves
from surrogate_nas.tables.schema import ARCHITECTURE
from surrogate_nas.tables.text import parse_architectures

#: Everything pyarrow raises on bytes that are not a sound Parquet file.
_BROKEN = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError)


def write_parquet(contents: Contents, path: Path) -> None:
    """Write a table; a file that is there is replaced in one step.

    Args:
        contents: The table.
        path: The file.

    Raises:
        InvalidInputError: The place cannot be written to.
    """
    schema = arrow_schema(contents, text=True)
    arrays = [pa.array(contents.space.format(contents.X)), genes_array(contents.X, schema.field(GENES).type)]
    arrays += [pa.array(values, from_pandas=True) for values in contents.columns.values()]  # NaN becomes null
    arrays += [curve_array(curve) for curve in contents.curves.values()]
    table = pa.Table.from_arrays(arrays, schema=schema)
    names = schema.names[2 : 2 + len(contents.columns)]
    spread = [n for n, v in zip(names, contents.columns.values(), strict=True) if _mostly_different(v)]

    def write(target: Path) -> None:
        pq.write_table(
            table,
            target,
            row_group_size=max(len(table), 1),
            compression="zstd",
            compression_level=12,
            # Scores repeat and go through a dictionary; latencies do not, and sorting their bytes by place helps.
            use_dictionary=[n for n in names if n not in spread] + [f"{GENES}.list.gene"],
            use_byte_stream_split=spread,
            write_page_checksum=True,
        )

    write_atomically(path, write)


def read_parquet(path: Path, space: SearchSpace | None = None, *, trusted: bool = False) -> Contents:
    """Read a table.

    Args:
        path: The file.
        space: Space of its rows; None takes the one of the catalogue that the file names.
        trusted: The file's checksum was verified, so that its contents need no further check.

    Raises:
        InvalidInputError: The file is empty, damaged, not a Parquet file, not a table of this package,
            of another schema version, or its contents fail the checks of every table.
        UnknownNameError: The file names a space that is not in the catalogue, and none was given.
    """
    try:
        return _read(path, space, trusted)
    except SurrogateNASError as error:
        raise type(error)(f"{path}: {error}") from None


def file_checksum(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text.

    Raises:
        InvalidInputError: No such file, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInputError(f"{path}: expected a readable table file ({error.strerror})") from None


def _read(path: Path, space: SearchSpace | None, trusted: bool) -> Contents:
    table = _read_arrow(path)
    info = read_info(table.schema)
    space = space_of(table.schema, info) if space is None else space
    X = _rows(table, space)
    described = read_columns(table.schema)
    if len(set(described.values())) != len(described):
        raise InvalidInputError("two columns describe the same thing; write the table again from its source")
    columns: dict[Column, Any] = {c: _floats(table.column(name), name) for name, c in described.items()}
    described_curves = read_curves(table.schema)
    if len({c for c, _ in described_curves.values()}) != len(described_curves):
        raise InvalidInputError("two curves describe the same thing; write the table again from its source")
    curves = {c: curve_of(_one_chunk(table.column(name)), at) for name, (c, at) in described_curves.items()}
    if trusted:
        return Contents(space, X, columns, info, curves)
    X = check_architectures(space, X, canonical=info.key == "canonical")
    return Contents(space, X, check_columns(columns, len(X), info), info, check_curves(curves, len(X)))


def _read_arrow(path: Path) -> pa.Table:
    try:
        if path.is_dir():
            raise InvalidInputError("expected a table file, got a folder; name the .parquet file in it")
        if path.is_file() and path.stat().st_size == 0:
            raise InvalidInputError("expected a Parquet file, got an empty one; write it again")
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            schema = file.schema_arrow
            read_info(schema)  # before the data, so that a foreign file is named as such
            wanted = [ARCHITECTURE, GENES, *read_columns(schema), *read_curves(schema)]
            missing = [n for n in wanted if schema.get_field_index(n) < 0]
            if missing:
                raise InvalidInputError(f"expected one column {missing[0]!r}; write the table again from its source")
            return file.read(columns=wanted)
    except InvalidInputError:
        raise
    except FileNotFoundError:
        raise InvalidInputError("expected a table file, but nothing is there; check the path") from None
    except PermissionError:
        raise InvalidInputError("expected a readable table file, but access is denied") from None
    except _BROKEN:
        raise InvalidInputError(
            "expected a complete Parquet file, got something else or a damaged one; write it again, or read a CSV "
            "file with Table.from_csv"
        ) from None


def _rows(table: pa.Table, space: SearchSpace) -> Rows:
    texts, genes = table.column(ARCHITECTURE), table.column(GENES)
    sound = texts.type == pa.string() and not texts.null_count and pa.types.is_fixed_size_list(genes.type)
    if not sound or genes.type.value_type != pa.int16():
        raise InvalidInputError("the architectures are damaged; write the table again from its source")
    if len(table) and not genes.null_count and genes.type.list_size == space.n_genes:
        X = rows_of(_one_chunk(genes))
        if same_encoding(table.schema, space, X, _Texts(texts)):
            return X
    return parse_architectures(space, texts.to_pylist())


def _floats(values: pa.ChunkedArray, name: str) -> Values:
    if not is_floats(values.type):
        raise InvalidInputError(f"column {name!r}: expected floats, got {values.type}")
    return values_of(_one_chunk(values))


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _mostly_different(values: Values) -> bool:
    return len(np.unique(values)) > len(values) // 2


class _Texts:
    """Text by position, without turning the whole column into Python strings."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    def __getitem__(self, i: int) -> str:
        return str(self._column[i].as_py())
