"""The parts of a table as files carry them, and the Arrow schema that says what each part is."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.spaces import define_space, describe_space, get_space, list_spaces
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables.checks import Values
from surrogate_nas.tables.curves import Curve
from surrogate_nas.tables.schema import (
    ARCHITECTURE,
    COLUMN_KEY,
    CURVE_KEY,
    TABLE_KEY,
    TableInfo,
    column_from_json,
    column_name,
    column_to_json,
)

#: Name of the field that holds the rows as integers, beside the text.
GENES = "genes"

#: Types of value columns.
_FLOATS: dict[np.dtype[Any], pa.DataType] = {np.dtype(np.float32): pa.float32(), np.dtype(np.float64): pa.float64()}

#: Key of the metadata that says under which definition of the space the integers were written.
_SPACE_KEY = b"surrogate_nas.space"

#: Key of the metadata with the definition of a space that is not the catalogue's.
_DEFINITION_KEY = b"surrogate_nas.space_definition"

#: So many rows, evenly spread, are formatted to see whether integers and text still agree.
_SPOT_CHECKS = 16


class Contents(NamedTuple):
    """What a table is made of; the arguments of ``Table.of_checked``."""

    space: SearchSpace
    X: Rows
    columns: Mapping[Column, Values]
    info: TableInfo
    curves: Mapping[Column, Curve] = MappingProxyType({})


def arrow_schema(contents: Contents, *, text: bool) -> pa.Schema:
    """Fields and metadata of a table's file: architectures first, then one field per column.

    Args:
        contents: The table.
        text: Whether the architectures stand as text too.
    """
    fields = [pa.field(ARCHITECTURE, pa.string(), nullable=False)] if text else []
    fields.append(pa.field(GENES, pa.list_(pa.field("gene", pa.int16(), nullable=False), contents.X.shape[1])))
    fields += [
        pa.field(name, _FLOATS[values.dtype], metadata={COLUMN_KEY: column_to_json(column)})
        for name, (column, values) in zip(field_names(contents.columns), contents.columns.items(), strict=True)
    ]
    for name, (column, curve) in zip(curve_names(contents.curves), contents.curves.items(), strict=True):
        about = {COLUMN_KEY: column_to_json(column), CURVE_KEY: json.dumps(curve.epochs).encode()}
        fields.append(pa.field(name, _curve_type(curve), metadata=about))
    about = {TABLE_KEY: contents.info.to_json(), _SPACE_KEY: space_fingerprint(contents.space)}
    if (definition := own_definition(contents.space)) is not None:
        about[_DEFINITION_KEY] = json.dumps(definition, sort_keys=True).encode()
    return pa.schema(fields, about)


def own_definition(space: SearchSpace) -> dict[str, Any] | None:
    """The definition of a space that is not the catalogue's; None also where a space has none."""
    if space.name in list_spaces() and space is get_space(space.name):
        return None
    definition = describe_space(space)
    if "family" not in definition or (
        space.name in list_spaces() and definition == describe_space(get_space(space.name))
    ):
        return None
    return definition


def space_of(schema: pa.Schema, info: TableInfo) -> SearchSpace:
    """The space of a file's rows: the one it defines, or the catalogue's.

    Raises:
        UnknownNameError: The catalogue has none of that name, and the file does not define it.
        InvalidInputError: The definition is damaged.
    """
    text = (schema.metadata or {}).get(_DEFINITION_KEY)
    if text is not None:
        try:
            definition = json.loads(text)
        except ValueError:
            raise InvalidInputError("the definition of the file's space is damaged; write the table again") from None
        return define_space(definition)
    if info.space not in list_spaces():
        raise UnknownNameError(
            f"space {info.space!r}: expected one of the catalogue or one that the file defines, got neither; pass the "
            "space itself: load_table(path, space=...)"
        )
    return get_space(info.space)


def field_names(columns: Iterable[Column]) -> list[str]:
    """One readable name per column, no two alike; what tells columns apart is their metadata."""
    names = [ARCHITECTURE, GENES]
    for column in columns:
        name = column_name(column)
        while name in names:
            name += "'"
        names.append(name)
    return names[2:]


def curve_names(curves: Iterable[Column]) -> list[str]:
    """One readable name per curve."""
    return [f"{name}.curve" for name in field_names(curves)]


def _curve_type(curve: Curve) -> pa.DataType:
    return pa.list_(pa.field("value", pa.float32(), nullable=False), len(curve.epochs))


# Arrow's own bridges (``pa.array``, ``to_numpy``, ``flatten``) import pandas or pyarrow.compute, which takes
# up to half a second. Opening a table goes through the buffers instead.


def genes_array(X: Rows, field_type: pa.DataType) -> pa.Array:
    """Rows as an Arrow array of fixed-size lists, without a copy."""
    genes = pa.Array.from_buffers(pa.int16(), X.size, [None, pa.py_buffer(np.ascontiguousarray(X))])
    return pa.Array.from_buffers(field_type, len(X), [None], children=[genes])


def rows_of(genes: pa.Array) -> Rows:
    """Inverse of :func:`genes_array`, without a copy."""
    width = genes.type.list_size
    flat: Rows = _buffer(genes.values, np.dtype(np.int16))
    return flat[genes.offset * width : (genes.offset + len(genes)) * width].reshape(-1, width)


def curve_array(curve: Curve) -> pa.Array:
    """A curve as an Arrow array of fixed-size lists, without a copy."""
    flat = values_array(curve.values.reshape(-1))
    return pa.Array.from_buffers(_curve_type(curve), len(curve.values), [None], children=[flat])


def curve_of(array: pa.Array, epochs: tuple[int, ...]) -> Curve:
    """Inverse of :func:`curve_array`, without a copy.

    Raises:
        InvalidInputError: The field does not hold one float per epoch.
    """
    if not pa.types.is_fixed_size_list(array.type) or array.type.value_type != pa.float32():
        raise InvalidInputError(f"a curve's field is damaged ({array.type}); write the table again from its source")
    width = array.type.list_size
    if width != len(epochs) or array.null_count or array.values.null_count:
        raise InvalidInputError("a curve's field is damaged; write the table again from its source")
    flat = _buffer(array.values, np.dtype(np.float32))[array.offset * width : (array.offset + len(array)) * width]
    return Curve(epochs, flat.reshape(-1, width))


def values_array(values: Values) -> pa.Array:
    """Floats as an Arrow array, without a copy; NaN stays NaN."""
    data = np.ascontiguousarray(values)
    return pa.Array.from_buffers(_FLOATS[data.dtype], len(data), [None, pa.py_buffer(data)])


def values_of(array: pa.Array) -> Values:
    """Floats of an Arrow array; null becomes NaN, and without nulls nothing is copied."""
    dtype: np.dtype[Any] = next(d for d, t in _FLOATS.items() if t == array.type)
    values: Values = _buffer(array, dtype)
    if array.null_count:
        bits = np.frombuffer(array.buffers()[0], dtype=np.uint8)
        measured = np.unpackbits(bits, bitorder="little")[array.offset : array.offset + len(array)]
        values = np.where(measured, values, dtype.type(np.nan))
    return values


def is_floats(arrow_type: pa.DataType) -> bool:
    """Whether a field of this type holds values."""
    return arrow_type in _FLOATS.values()


def _buffer(array: pa.Array, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.frombuffer(array.buffers()[1], dtype=dtype, count=len(array), offset=array.offset * dtype.itemsize)


def read_info(schema: pa.Schema) -> TableInfo:
    """The description of the table that a file holds.

    Raises:
        InvalidInputError: The file was not written by this package, or under another schema version.
    """
    text = (schema.metadata or {}).get(TABLE_KEY)
    if text is None:
        raise InvalidInputError(
            "expected a file written by Table.to_parquet, got one without its description; for other files use "
            "Table.from_frame(pandas.read_parquet(path), space=..., arch_column=..., columns=...)"
        )
    return TableInfo.from_json(text)


def read_columns(schema: pa.Schema) -> dict[str, Column]:
    """The described columns of a file, by field name."""
    found = {}
    for field in schema:
        text = (field.metadata or {}).get(COLUMN_KEY)
        if text is not None and CURVE_KEY not in field.metadata:
            found[field.name] = column_from_json(text)
    return found


def read_curves(schema: pa.Schema) -> dict[str, tuple[Column, tuple[int, ...]]]:
    """The described curves of a file by field name: their column and epochs."""
    found = {}
    for field in schema:
        about = field.metadata or {}
        if CURVE_KEY in about and COLUMN_KEY in about:
            try:
                epochs = tuple(int(e) for e in json.loads(about[CURVE_KEY]))
            except (ValueError, TypeError):
                raise InvalidInputError(
                    "a curve's metadata is damaged; write the table again from its source"
                ) from None
            found[field.name] = (column_from_json(about[COLUMN_KEY]), epochs)
    return found


def same_encoding(schema: pa.Schema, space: SearchSpace, X: Rows, texts: Any) -> bool:
    """Whether a file's integers still mean, in this space, what its text says.

    Args:
        schema: Schema of the file.
        space: The space its rows are to be read in.
        X: The file's integers.
        texts: The file's text, indexable by position.
    """
    if (schema.metadata or {}).get(_SPACE_KEY) != space_fingerprint(space):
        return False
    # Seen as unsigned, a negative gene is large: the largest value of each gene tells, in a quarter of the time.
    if (X.view(np.uint16).max(axis=0, initial=0) >= space.cardinalities).any():
        return False
    some = spot_positions(len(X))
    return space.format(X[some]) == [texts[int(i)] for i in some]


def spot_positions(n: int) -> npt.NDArray[np.int64]:
    """Positions of the rows that are compared with their text."""
    return np.unique(np.linspace(0, n - 1, _SPOT_CHECKS).astype(np.int64)) if n else np.empty(0, dtype=np.int64)


def space_fingerprint(space: SearchSpace) -> bytes:
    """Short hash of what the integers of a row can be; two spaces of one family and encoding share it."""
    definition = [type(space).__name__, list(space.gene_names), [int(c) for c in space.cardinalities]]
    return hashlib.sha256(json.dumps(definition).encode()).hexdigest()[:16].encode()
