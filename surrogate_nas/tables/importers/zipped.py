"""Members of a zip file, without unpacking it to disk."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from surrogate_nas.core import InvalidInputError, SurrogateNASError
from surrogate_nas.tables.importers.reading import naming

#: Everything that a damaged archive makes the standard library raise.
_BROKEN = (
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
)


def read_members(
    path: Path,
    wanted: Callable[[PurePosixPath], bool],
    *,
    most_bytes: int,
    order: Callable[[PurePosixPath], Any] = str,
) -> Iterator[tuple[PurePosixPath, bytes, int]]:
    """Yield name, content and the number of members that are wanted, one member after the other.

    Args:
        path: The archive.
        wanted: Tells by a member's path whether it is read.
        most_bytes: A member that unpacks to more is refused.
        order: Sort key of the members.

    Raises:
        InvalidInputError: The archive is damaged or truncated, or a member too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            named = [(PurePosixPath(m.filename), m) for m in archive.infolist() if not m.is_dir()]
            members = sorted(((n, m) for n, m in named if wanted(n)), key=lambda pair: order(pair[0]))
            for name, member in members:
                with naming(name), archive.open(member) as file:
                    data = file.read(most_bytes + 1)
                    if len(data) > most_bytes:
                        raise InvalidInputError(f"expected at most {most_bytes:,} bytes; unpack the archive")
                yield name, data, len(members)
    except SurrogateNASError:
        raise
    except _BROKEN as error:
        raise InvalidInputError(f"expected a complete zip file ({error}); download it again") from None
