"""Protocol buffers' wire format, strictly, and without its library: fields by number, as raw values.

A message is a sequence of fields; each begins with its number and one of four wire types. What a
number means is for the caller to say.
"""

import struct

from surrogate_nas.core import InvalidInputError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_DOUBLE = struct.Struct("<d")

#: A varint has at most so many bytes.
_LONGEST = 10


def fields(data: bytes) -> list[tuple[int, int, int | bytes]]:
    """The fields of a message in order: number, wire type, value (fixed sizes as bytes).

    Args:
        data: One whole message.

    Raises:
        InvalidInputError: Cut off, or not a message.
    """
    found: list[tuple[int, int, int | bytes]] = []
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if not number:
            raise InvalidInputError("expected a protocol buffer, got a field without a number")
        if kind == VARINT:
            value, at = _varint(data, at)
            found.append((number, kind, value))
            continue
        if kind == FIXED64:
            size = 8
        elif kind == BYTES:
            size, at = _varint(data, at)
        elif kind == FIXED32:
            size = 4
        else:
            raise InvalidInputError(f"expected a protocol buffer, got the unknown wire type {kind}")
        if at + size > end:
            raise InvalidInputError("expected a protocol buffer, got a truncated or damaged one")
        found.append((number, kind, data[at : at + size]))
        at += size
    return found


def double(raw: int | bytes) -> float:
    """A field of wire type FIXED64 as a floating-point number."""
    value: float = _DOUBLE.unpack(raw)[0]  # type: ignore[arg-type]  # the wire type says that it is bytes
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[at : at + _LONGEST]:
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise InvalidInputError("expected a protocol buffer, got a truncated or damaged one")
