"""Reading published pickles without letting them run anything.

A pickle names functions and calls them. Here every such name must stand in an allow-list, and what
the list maps it to is a stand-in written below that accepts plain numbers only: not even NumPy's own
reconstruction code sees a byte that came from the file. Containers, text and numbers need no name.

What this does not prevent is a file made to fill the memory: check the SHA-256 of a download first.

    numbers = load_pickle(path)                       # dicts, lists, text, numbers, NumPy scalars
    load_pickle(path, allow={**NUMPY_SCALARS, "collections.OrderedDict": dict})
"""

import io
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

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


def _scalar(dtype: object, raw: object) -> Any:
    """Stands in for NumPy's ``scalar``: exactly one number of a plain type, from its bytes."""
    if not isinstance(dtype, _Dtype):
        raise RefusedGlobalError("pickle builds a NumPy scalar without a plain type")
    kind = np.dtype(dtype.order + dtype.code)
    if isinstance(raw, str):  # Python 2 wrote bytes as text
        raw = raw.encode("latin-1")
    if not isinstance(raw, bytes) or len(raw) != kind.itemsize:
        raise RefusedGlobalError(f"pickle builds a NumPy {kind} scalar from something else than {kind.itemsize} bytes")
    return np.frombuffer(raw, dtype=kind)[0]


#: NumPy scalars, under the module names that NumPy 1 and 2 write.
NUMPY_SCALARS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "numpy.dtype": _Dtype,
        "numpy.core.multiarray.scalar": _scalar,
        "numpy._core.multiarray.scalar": _scalar,
    }
)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, allow: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(file)
        self._allow = allow

    def find_class(self, module: str, name: str) -> Any:
        wanted = f"{module}.{name}"
        if wanted not in self._allow:
            raise RefusedGlobalError(
                f"pickle asks for {wanted!r:.120}, which is not on the allow-list ({', '.join(self._allow)}); "
                "nothing of it was run: is this really the published file?"
            )
        return self._allow[wanted]

    def persistent_load(self, pid: object) -> Any:
        raise RefusedGlobalError("pickle refers to objects outside the file; nothing of it was run")


def load_pickle(source: bytes | Path, *, allow: Mapping[str, Callable[..., Any]] = NUMPY_SCALARS) -> Any:
    """Read a pickle, refusing every global outside ``allow``.

    Args:
        source: The pickle's bytes, or the path of a file.
        allow: What each permitted dotted name stands for. Map names to stand-ins that check their
            arguments, not to the real functions.

    Raises:
        InvalidInputError: The bytes are not a complete pickle.
        RefusedGlobalError: The pickle asks for another name; nothing of it was run.
    """
    label = "pickle" if isinstance(source, bytes) else str(source)
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{label}: expected a readable file ({error.strerror})") from None
    try:
        return _Unpickler(io.BytesIO(data), allow).load()
    except RefusedGlobalError as error:
        raise RefusedGlobalError(f"{label}: {error}") from None
    except _BROKEN as error:
        raise InvalidInputError(
            f"{label}: expected a complete pickle, got broken or truncated bytes ({type(error).__name__})"
        ) from None
