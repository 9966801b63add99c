"""Tables as memory-mapped Arrow files in the user's cache: opened without reading, decoding or copying.

A cached file is made from a Parquet file that passed its checks, and is named after that file (an embedded one by its
SHA-256, others by place, size and times) and what decides how it was read: the space if one was given, the package's
version and the layout below. Whatever is wrong with the cache (not writable, damaged, made under
another encoding), the Parquet file is read instead and nobody is told: a cache holds nothing that
cannot be made again.

Layout: the metadata of :mod:`~surrogate_nas.tables.contents`; one field of fixed-size lists for the
rows, one float field per column with NaN for what was not measured, all in one uncompressed record
batch, so that each field is one stretch of the file.
"""

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from surrogate_nas import __version__
from surrogate_nas.core import InvalidInputError, SurrogateNASError
from surrogate_nas.core.atomic import write_atomically
from surrogate_nas.core.resources import cache_folder
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.tables.contents import (
    GENES,
    Contents,
    arrow_schema,
    curve_array,
    curve_of,
    genes_array,
    read_columns,
    read_curves,
    read_info,
    rows_of,
    same_encoding,
    space_fingerprint,
    space_of,
    spot_positions,
    values_array,
    values_of,
)

#: Raised when the layout changes.
LAYOUT = 1

#: The cache keeps this many tables; the ones that were made first go first.
MAX_FILES = 32

#: Key of the metadata with the text of some rows, to see whether their integers still mean the same.
_TEXTS_KEY = b"surrogate_nas.texts"


def file_identity(path: Path) -> str:
    """Tells one state of a file from another: by its place, size and times, because reading it all takes too long.

    Args:
        path: The file.

    Raises:
        InvalidInputError: No such file, or it cannot be looked at.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise InvalidInputError(f"{path}: expected a readable table file ({error.strerror})") from None
    told = (str(path.resolve()), state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def open_through_cache(checksum: str, space: SearchSpace | None, read: Callable[[], Contents]) -> Contents:
    """Open the cached form of a file, or read the file and keep the result for the next time.

    Args:
        checksum: Tells this state of the file from any other: its SHA-256, or :func:`file_identity`.
        space: Space of its rows; None takes the one of the catalogue that the file names.
        read: Reads and checks the file.
    """
    encoding = "" if space is None else f"-{space_fingerprint(space).decode()}"
    path = cache_folder() / "tables" / f"{checksum}{encoding}-{__version__}-{LAYOUT}.arrow"
    contents = read_cache(path, space)
    if contents is None:
        contents = read()
        write_cache(path, contents)
    return contents


def read_cache(path: Path, space: SearchSpace | None) -> Contents | None:
    """Open a cached table, or return None if it is not there or not sound.

    Args:
        path: A file that :func:`write_cache` wrote.
        space: Space of its rows; None takes the one of the catalogue that the file names.
    """
    try:
        with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
            schema, batch = reader.schema, reader.get_batch(0)
        info, described = read_info(schema), read_columns(schema)
        given, space = space, space_of(schema, info) if space is None else space
        X = rows_of(batch.column(GENES))
        texts = (schema.metadata or {})[_TEXTS_KEY].decode().split("\n")
        by_position = dict(zip(spot_positions(len(X)).tolist(), texts, strict=True))
        if not same_encoding(schema, space, X, by_position):
            return None
        if given is not None and not given.valid(X).all():  # spaces of one encoding differ in what they allow
            return None
        columns = {c: values_of(batch.column(name)) for name, c in described.items()}
        curves = {c: curve_of(batch.column(name), at) for name, (c, at) in read_curves(schema).items()}
    except (pa.ArrowException, OSError, LookupError, ValueError, SurrogateNASError):
        return None
    return Contents(space, X, columns, info, curves)


def write_cache(path: Path, contents: Contents) -> None:
    """Keep a table for the next time; do nothing where that is not possible.

    Args:
        path: Where to keep it.
        contents: The table.
    """
    schema = arrow_schema(contents, text=False)
    texts = contents.space.format(contents.X[spot_positions(len(contents.X))])
    schema = schema.with_metadata({**schema.metadata, _TEXTS_KEY: "\n".join(texts).encode()})
    arrays = [genes_array(contents.X, schema.field(GENES).type)]
    arrays += [values_array(values) for values in contents.columns.values()]
    arrays += [curve_array(curve) for curve in contents.curves.values()]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)

    def write(target: Path) -> None:
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(batch)

    with contextlib.suppress(OSError, InvalidInputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write)
        _evict(path.parent)


def _evict(folder: Path) -> None:
    """Remove the oldest files past :data:`MAX_FILES`; tables opened from them keep their memory."""
    by_age = sorted(folder.glob("*.arrow"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in by_age[MAX_FILES:]:
        path.unlink(missing_ok=True)
