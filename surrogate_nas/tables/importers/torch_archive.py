"""What ``torch.save`` wrote, read without torch: numbers, text and containers, no tensors.

Two containers exist. Until version 1.5 a file was a sequence of pickles: a magic number, the version of
the protocol, a description of the machine, the object, the keys of its tensors' storages; since then it
is a zip archive with the object in ``<name>/data.pkl``. Benchmarks published as ``.pth`` hold results,
not weights; a file with tensors asks for names outside the allow-list and is refused.
"""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from surrogate_nas.core import InvalidInputError
from surrogate_nas.tables.importers.reading import naming
from surrogate_nas.tables.safe_pickle import PLAIN_DATA, limited, load_pickle

#: First two pickles of the older container.
MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

#: Bytes that the pickle inside a zip archive may have: archives are for benchmarks of a few hundred megabytes.
ZIP_LIMIT = 2**36


def load_torch(path: Path, *, allow: Mapping[str, Callable[..., Any]] = PLAIN_DATA) -> Any:
    """Read the one object of a file that ``torch.save`` wrote.

    Args:
        path: The file, of either container.
        allow: Names the pickle may use, with their stand-ins.

    Raises:
        InvalidInputError: Not such a file, a truncated one, or one that holds tensors.
    """
    with naming(path), path.open("rb") as file:
        return _from_zip(file, allow) if file.peek(4)[:4] == b"PK\x03\x04" else _from_sequence(file, allow)


def _from_sequence(file: IO[bytes], allow: Mapping[str, Callable[..., Any]]) -> Any:
    if load_pickle(file, allow={}) != MAGIC:
        raise InvalidInputError("expected a file written by torch.save, got another pickle; give the published file")
    if load_pickle(file, allow={}) != PROTOCOL:
        raise InvalidInputError(f"expected protocol {PROTOCOL} of torch.save; give the published file")
    load_pickle(file, allow={})  # the machine it was written on, which matters to tensors only
    content = load_pickle(file, allow=allow)
    if load_pickle(file, allow={}) != [] or file.read(1):
        raise InvalidInputError("expected results only, got tensors after them; give the file without weights")
    return content


def _from_zip(file: IO[bytes], allow: Mapping[str, Callable[..., Any]]) -> Any:
    try:
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if m.filename.split("/")[1:] == ["data.pkl"]]
            if len(members) != 1:
                raise InvalidInputError("expected a file written by torch.save, got an archive without data.pkl")
            if members[0].compress_type != zipfile.ZIP_STORED:  # torch compresses nothing; a bomb does
                raise InvalidInputError("expected an archive written by torch.save, got a compressed one")
            with archive.open(members[0]) as member, limited(member, ZIP_LIMIT) as stream:
                content = load_pickle(stream, allow=allow)
                if stream.read(1):  # reading on to the end also compares the checksum
                    raise InvalidInputError("expected one pickle in data.pkl, got more after it")
                return content
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InvalidInputError(
            f"expected a complete archive written by torch.save ({error}); download it again"
        ) from None
