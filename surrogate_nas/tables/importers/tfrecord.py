"""TFRecord files: a length, its checksum, the data, its checksum; no TensorFlow needed.

Every length and every record is checked against its CRC-32C, thousands at a time. Cut off in the
middle of a record, the file is refused; cut off between two records it looks like a shorter file,
so that readers should know how many records to expect.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.crc32c import crc32c, mask
from surrogate_nas.core.progress import Progress, Silent

#: Bytes read at a time: some ten thousand records of the size that benchmarks write.
BLOCK = 2**22

#: Longest record that is read. A length in the gigabytes is damage, or a file made to fill the memory.
MAX_RECORD = 2**20

_LENGTH = struct.Struct("<Q")
_HEADER, _FOOTER = 12, 4  # length and its checksum; checksum of the data


def read_records(path: Path, *, progress: Progress | None = None) -> Iterator[list[bytes]]:
    """Yield the records of a file in order, in batches, each checked.

    Args:
        path: The file.
        progress: Told how many bytes were read.

    Raises:
        InvalidInputError: Empty, truncated, damaged, or not a TFRecord file; the message has the byte.
        OSError: The file cannot be read.
    """
    report = progress or Silent()
    total, offset, rest = path.stat().st_size, 0, b""
    if not total:
        raise InvalidInputError("expected a TFRecord file, got an empty one; download it again")
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            data = rest + block
            starts, lengths, end = _walk(data, offset)
            _check(data, starts, lengths, offset)
            places = zip(starts.tolist(), lengths.tolist(), strict=True)
            yield [data[s : s + n] for s, n in places]
            rest, offset = data[end:], offset + end
            report.track("records", offset, total)
    if rest:
        raise InvalidInputError(
            f"expected whole records, got a file that ends within the record at byte {offset:,}; download it again"
        )


def _walk(data: bytes, offset: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Where the whole records of a block begin, how long they are, and where the last one ends."""
    starts, lengths, at = [], [], 0
    while at + _HEADER <= len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        if length > MAX_RECORD:
            _check(data, np.array([at + _HEADER]), np.zeros(1, dtype=np.int64), offset, lengths_only=True)
            raise InvalidInputError(
                f"expected records of at most {MAX_RECORD:,} bytes, got one of {length:,} at byte {offset + at:,}; "
                "is it the published file?"
            )
        end = at + _HEADER + length + _FOOTER
        if end > len(data):
            break
        starts.append(at + _HEADER)
        lengths.append(length)
        at = end
    return np.array(starts, dtype=np.int64), np.array(lengths, dtype=np.int64), at


def _check(
    data: bytes,
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    offset: int,
    *,
    lengths_only: bool = False,
) -> None:
    heads = starts - _HEADER
    wrong = mask(crc32c(data, heads, np.full(len(heads), 8))) != _stored(data, heads + 8)
    if not lengths_only:
        wrong |= mask(crc32c(data, starts, lengths)) != _stored(data, starts + lengths)
    if wrong.any():
        at = offset + int(heads[np.argmax(wrong)])
        raise InvalidInputError(
            f"expected a TFRecord file, got a wrong checksum (CRC-32C) in the record at byte {at:,}; download it again"
        )


def _stored(data: bytes, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    raw = np.frombuffer(data, dtype=np.uint8)
    return np.ascontiguousarray(raw[places[:, None] + np.arange(4)]).view("<u4")[:, 0]
