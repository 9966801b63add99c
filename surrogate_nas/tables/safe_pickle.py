"""Reading published pickles without letting them run anything.

A pickle names functions and calls them. Here every such name must stand in an allow-list, and what
the list maps it to is a stand-in written below that accepts plain numbers only: not even NumPy's own
reconstruction code sees a byte that came from the file. Containers, text and numbers need no name.

Files are read as a stream, compressed ones under a limit. What this does not prevent is an uncompressed
file made to fill the memory: check the SHA-256 of a download first.

    numbers = load_pickle(path)                       # dicts, lists, text, numbers, NumPy scalars
    load_pickle(path, allow=PLAIN_DATA)               # NumPy arrays, ordered dicts and sets, too
    with open_bz2(path, limit=2**28) as stream:
        load_pickle(stream, allow=PLAIN_DATA)
"""

import bz2
import io
import math
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError

#: Codes of the fixed-size numeric types; no text, object, date or structured type.
_NUMERIC = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|c8|c16)")

#: What a numeric type's pickled state looks like: version, byte order, and nothing structured.
_PLAIN_STATE = (None, None, None, -1, -1, 0)

#: Everything the unpickler raises on bytes that are not a sound pickle.
_BROKEN = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


class RefusedGlobalError(InvalidInputError):
    """A pickle asked for a name outside the allow-list, or used an allowed one in an unplanned way."""


class _Dtype:
    """Stands in for ``numpy.dtype``: remembers a numeric code and its byte order, nothing else."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, align: object = False, copy: object = True) -> None:
        if not isinstance(code, str) or not _NUMERIC.fullmatch(code):
            raise RefusedGlobalError(f"pickle asks for the NumPy type {code!r:.60}: only plain numbers are read")
        self.code = code.lstrip("<>=|")
        self.order = code[0] if code[0] in "<>=|" else "="

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 8 or state[2:8] != _PLAIN_STATE:
            raise RefusedGlobalError("pickle describes a structured NumPy type: only plain numbers are read")
        if state[1] not in ("<", ">", "=", "|"):
            raise RefusedGlobalError(f"pickle has the unknown byte order {state[1]!r:.20}")
        self.order = str(state[1])

    def numpy(self) -> np.dtype[Any]:
        """The type itself."""
        return np.dtype(self.order + self.code)


def _raw(data: object) -> bytes:
    """Bytes as a pickle carries them: as such, or as text where Python 2 wrote them."""
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if not isinstance(raw, bytes | bytearray):
        raise RefusedGlobalError(f"pickle builds a number from {type(data).__name__} where bytes are expected")
    return bytes(raw)


def _scalar(dtype: object, raw: object) -> Any:
    """Stands in for NumPy's ``scalar``: exactly one number of a plain type, from its bytes."""
    if not isinstance(dtype, _Dtype):
        raise RefusedGlobalError("pickle builds a NumPy scalar without a plain type")
    kind, data = dtype.numpy(), _raw(raw)
    if len(data) != kind.itemsize:
        raise RefusedGlobalError(f"pickle builds a NumPy {kind} scalar from something else than {kind.itemsize} bytes")
    return np.frombuffer(data, dtype=kind)[0]


class Array:
    """What a pickled array becomes: plain numbers and their shape, which ``numpy.asarray`` turns into an array."""

    __slots__ = ("_values",)

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._values = values

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise RefusedGlobalError("pickle describes a NumPy array in an unknown way")
        self._values = _shaped(state[4], state[2], state[1], "F" if state[3] else "C")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self._values, dtype=dtype) if copy else np.asarray(self._values, dtype=dtype)


def _shaped(data: object, dtype: object, shape: object, order: object) -> npt.NDArray[Any]:
    """An array from the four things that describe it, only if they agree."""
    if not isinstance(dtype, _Dtype):
        raise RefusedGlobalError("pickle builds a NumPy array without a plain type")
    if not isinstance(shape, tuple) or not all(type(length) is int and length >= 0 for length in shape):
        raise RefusedGlobalError(f"pickle builds a NumPy array of the shape {shape!r:.60}")
    raw, kind = _raw(data), dtype.numpy()
    if len(raw) != math.prod(shape) * kind.itemsize or order not in ("C", "F"):
        raise RefusedGlobalError(f"pickle builds a NumPy array of shape {shape!r:.60} from {len(raw)} bytes")
    values = np.frombuffer(raw, dtype=kind) if raw else np.empty(0, dtype=kind)
    return values.reshape(shape[::-1]).T if order == "F" else values.reshape(shape)


def _ndarray(*arguments: object) -> None:
    """Stands in for ``numpy.ndarray`` as an argument; a published pickle does not call it."""
    raise RefusedGlobalError("pickle builds a NumPy array in an unknown way")


def _reconstruct(kind: object, shape: object, code: object) -> Array:
    """Stands in for NumPy's ``_reconstruct``: an empty array, whose state the pickle brings next."""
    if kind is not _ndarray:
        raise RefusedGlobalError("pickle builds a NumPy array of an unknown class")
    return Array(np.empty(0))


def _frombuffer(data: object, dtype: object, shape: object, order: object) -> Array:
    """Stands in for NumPy's ``_frombuffer``, which protocol 5 writes."""
    return Array(_shaped(data, dtype, shape, order))


def _pairs(items: object = ()) -> dict[Any, Any]:
    """Stands in for ``OrderedDict``: a plain dict, from nothing or from a list of pairs."""
    if not isinstance(items, list | tuple) or not all(isinstance(i, list | tuple) and len(i) == 2 for i in items):
        raise RefusedGlobalError("pickle builds an OrderedDict from something else than pairs")
    return {key: value for key, value in items}  # noqa: C416 - a pair may be a list


def _members(items: object = ()) -> set[Any]:
    """Stands in for ``set``, which protocols before 4 write by name."""
    if not isinstance(items, list):
        raise RefusedGlobalError("pickle builds a set from something else than a list")
    return set(items)


def _encoded(text: object, encoding: object) -> bytes:
    """Stands in for ``_codecs.encode``, by which protocol 2 writes bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise RefusedGlobalError("pickle encodes something else than bytes written as text")
    return text.encode("latin-1")


#: NumPy scalars, under the module names that NumPy 1 and 2 write.
NUMPY_SCALARS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "numpy.dtype": _Dtype,
        "numpy.core.multiarray.scalar": _scalar,
        "numpy._core.multiarray.scalar": _scalar,
    }
)


def _no_bytes() -> bytes:
    """Stands in for ``bytes``, by which protocol 2 writes empty ones."""
    return b""


#: NumPy scalars and arrays of plain numbers, ordered dicts, sets and bytes, under every name they are written with.
PLAIN_DATA: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **NUMPY_SCALARS,
        "numpy.ndarray": _ndarray,
        "numpy.core.multiarray._reconstruct": _reconstruct,
        "numpy._core.multiarray._reconstruct": _reconstruct,
        "numpy.core.numeric._frombuffer": _frombuffer,
        "numpy._core.numeric._frombuffer": _frombuffer,
        "collections.OrderedDict": _pairs,
        "builtins.set": _members,
        "__builtin__.set": _members,
        "_codecs.encode": _encoded,
        "builtins.bytes": _no_bytes,
        "__builtin__.bytes": _no_bytes,
    }
)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], allow: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(file)
        self._allow = allow

    def find_class(self, module: str, name: str) -> Any:
        wanted = f"{module}.{name}"
        if wanted not in self._allow:
            raise RefusedGlobalError(
                f"pickle asks for {wanted!r:.120}, which is not on the allow-list; nothing of it was run: "
                "is this really the published file?"
            )
        return self._allow[wanted]

    def persistent_load(self, pid: object) -> Any:
        raise RefusedGlobalError("pickle refers to objects outside the file; nothing of it was run")


class _Limited(io.RawIOBase):
    """Passes on what another stream reads, up to so many bytes."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(min(len(buffer), self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise InvalidInputError(
                "expands to more bytes than such a file can hold; is this really the published file?"
            )
        buffer[: len(data)] = data
        return len(data)


def limited(stream: IO[bytes], limit: int) -> io.BufferedReader:
    """A stream that refuses to deliver more than ``limit`` bytes."""
    return io.BufferedReader(_Limited(stream, limit))


@contextmanager
def open_bz2(source: Path | IO[bytes], *, limit: int) -> Iterator[io.BufferedReader]:
    """Open a file compressed by bzip2 as a stream of what it holds.

    Args:
        source: The file, or a stream of it.
        limit: Bytes after expansion at which the file is refused, so that a small one cannot fill the memory.
    """
    with bz2.open(source, "rb") as file:
        yield limited(file, limit)


def load_pickle(source: bytes | Path | IO[bytes], *, allow: Mapping[str, Callable[..., Any]] = NUMPY_SCALARS) -> Any:
    """Read a pickle, refusing every global outside ``allow``.

    Args:
        source: The pickle's bytes, the path of a file, or a stream; of a stream, just the pickle is read.
        allow: What each permitted dotted name stands for. Map names to stand-ins that check their
            arguments, not to the real functions.

    Raises:
        InvalidInputError: The bytes are not a complete pickle; for a path, the message names it.
        RefusedGlobalError: The pickle asks for another name; nothing of it was run.
    """
    if not isinstance(source, Path):
        return _load(io.BytesIO(source) if isinstance(source, bytes) else source, allow)
    try:
        with source.open("rb") as file:
            return _load(file, allow)
    except OSError as error:
        raise InvalidInputError(f"{source}: expected a readable file ({error.strerror})") from None
    except InvalidInputError as error:
        raise type(error)(f"{source}: {error}") from None


def _load(stream: IO[bytes], allow: Mapping[str, Callable[..., Any]]) -> Any:
    try:
        return _Unpickler(stream, allow).load()
    except InvalidInputError:
        raise
    except _BROKEN as error:
        raise InvalidInputError(
            f"expected a complete pickle, got broken or truncated bytes ({type(error).__name__})"
        ) from None
