"""CRC-32C (Castagnoli) of many short stretches of bytes at once.

Record files protect every record by this checksum. Computed one byte after the other in Python, two
gigabytes take ten minutes and more; here each NumPy call takes one byte of thousands of stretches.
"""

import numpy as np
import numpy.typing as npt

#: The Castagnoli polynomial, bits reversed.
_POLYNOMIAL = 0x82F63B78

#: Added by record files after a rotation, since a CRC of bytes that hold their own CRC says little.
_MASK_DELTA = 0xA282EAD8


def _make_table() -> npt.NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


_TABLE = _make_table()


def crc32c(data: bytes, starts: npt.ArrayLike, lengths: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Checksum of each stretch ``data[start : start + length]``; shape (n,).

    Args:
        data: The bytes.
        starts: Where each stretch begins, shape (n,).
        lengths: How many bytes each one has, shape (n,); all must lie within ``data``.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    lengths = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")  # those that still have bytes left stay a prefix
    at, left = np.asarray(starts, dtype=np.int64)[order], lengths[order]
    state = np.full(len(order), 0xFFFFFFFF, dtype=np.uint32)
    active = np.searchsorted(-left, -np.arange(int(left[0]) if len(left) else 0), side="left")
    for position, n in enumerate(active.tolist()):
        part = state[:n]
        state[:n] = _TABLE[(part ^ raw[at[:n] + position]) & 0xFF] ^ (part >> 8)
    out = np.empty_like(state)
    out[order] = ~state
    return out


def mask(checksums: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The form in which record files store checksums."""
    return ((checksums >> np.uint32(15)) | (checksums << np.uint32(17))) + np.uint32(_MASK_DELTA)
