"""Files appear complete or not at all."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from surrogate_nas.core.errors import InvalidInputError

#: The disk, or this user's or process's share of it, is full.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put it in place in one step.

    Args:
        path: Where the file shall stand.
        write: Writes to the path it is given.

    Raises:
        InvalidInputError: The place cannot be written to; nothing is left behind.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            temporary.chmod(0o666 & ~_umask())  # mkstemp makes private files
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        remedy = "make room there" if error.errno in _FULL else "choose a folder that exists and is writable"
        raise InvalidInputError(f"{path}: cannot be written ({error.strerror or error}); {remedy}") from None


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
