"""An append-only log: what was finished stays finished, whatever happens to the process.

One line of JSON per record, written with one system call and synced to disk before ``append`` returns.
The first line says which run it is; a log is only ever continued by a run of the same configuration.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self, final

import numpy as np

from surrogate_nas.core import InvalidInputError

#: Version of the line format, in the first line of every log.
FORMAT = 1
#: Differences of two configurations that a message names before it says "...".
MAX_NAMED = 3

#: How the first line of a log begins.
MARK = "surrogate_nas_log"

Record = dict[str, Any]


@final
class RunLog:
    """The records of one run, in a file that only grows.

    Opening it reads what an earlier process finished. A last line cut short by a kill is dropped; a line
    damaged in any other way is an error, since what follows it could not be trusted either. While it is
    open nobody else can write the same log. Use it as a context manager.

    Args:
        path: The file; its folder is made where missing.
        config: What makes this run this run, as JSON-able values. Continuing with another one is an error.
        key: Fields of a record that identify it, e.g. ``("row", "seed")``. No key is written twice.

    Raises:
        InvalidInputError: The folder cannot be written, somebody else writes here, the file is not a log,
            or it belongs to another configuration.
    """

    #: Logs open in this process: the lock that keeps other processes out does not see them.
    _open: ClassVar[set[Path]] = set()

    def __init__(self, path: str | Path, config: Mapping[str, Any], *, key: tuple[str, ...]) -> None:
        self.path = Path(path).absolute()
        self.config = plain(dict(config))
        self.key = key
        self._records: dict[tuple[Any, ...], Record] = {}
        self._file = -1
        self._lock = -1
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
            self._read()
        except OSError as error:
            self.close()
            raise InvalidInputError(
                f"run folder: cannot write {str(self.path)!r} ({_reason(error)}); choose a folder that can be written"
            ) from None
        except BaseException:
            self.close()
            raise

    @property
    def records(self) -> list[Record]:
        """All records, in the order they were written."""
        return list(self._records.values())

    def get(self, key: tuple[Any, ...]) -> Record | None:
        """The record with these key fields, or None. Lists and tuples are the same here."""
        return self._records.get(_frozen(plain(key)))

    def append(self, *records: Mapping[str, Any]) -> None:
        """Write records; when this returns they are on disk. NaN is written as null and read as None.

        Raises:
            InvalidInputError: A key is there already, or the disk does not take the line. In both cases
                the log is as before.
        """
        new: dict[tuple[Any, ...], Record] = {}
        for given in records:
            record = plain(dict(given))
            key = self._key(record)
            if key in self._records or key in new:
                raise InvalidInputError(f"{self.path.name}: a record with {self._say(key)} is there already")
            new[key] = record
        self._write(list(new.values()))
        self._records |= new

    def close(self) -> None:
        """Let go of the file, so that another process may continue the run."""
        if self._file >= 0:
            os.close(self._file)
        if self._lock >= 0:  # last: nobody may write before the file is closed
            os.close(self._lock)
            self._open.discard(self.path)
        self._file = self._lock = -1

    def __len__(self) -> int:
        return len(self._records)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        """Take in what an earlier process wrote, or begin a new log."""
        content = b""
        while chunk := os.read(self._file, 1 << 20):
            content += chunk
        header, records, self._end = _parse(content, self.path)
        if header is None:
            self._write([{MARK: FORMAT, "config": self.config}])
        else:
            self._check_config(header["config"])
        for number, record in enumerate(records, start=2):
            if missing := [field for field in self.key if field not in record]:
                raise _damaged(self.path, number, f"without the field {missing[0]!r}")
            self._records.setdefault(self._key(record), record)

    def _write(self, records: list[Record]) -> None:
        data = b"".join(json.dumps(r, allow_nan=False).encode() + b"\n" for r in records)
        try:
            # A line that an earlier kill cut short is cut off here, and not before: opening changes nothing.
            os.ftruncate(self._file, self._end)
            os.lseek(self._file, self._end, os.SEEK_SET)
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
            os.fsync(self._file)
        except OSError as error:
            raise InvalidInputError(
                f"run folder: cannot write {str(self.path)!r} ({_reason(error)}); all that was finished before is in it"
            ) from None
        self._end += len(data)

    def _check_config(self, earlier: Any) -> None:
        there, here = _flat(earlier), _flat(self.config)
        differ = [name for name in [*there, *(n for n in here if n not in there)] if there.get(name) != here.get(name)]
        if differ:
            named = "; ".join(
                f"{name} was {there.get(name, '(absent)')!r}, now {here.get(name, '(absent)')!r}"
                for name in differ[:MAX_NAMED]
            )
            raise InvalidInputError(
                f"run folder {str(self.path.parent)!r} holds another run: {named}{' ...' * (len(differ) > MAX_NAMED)}; "
                "choose another run folder, or repeat the earlier settings to continue it"
            )

    def _take_lock(self) -> int:
        """Take the right to write, until the descriptor is closed or the process ends.

        A record lock on a file of its own: unlike ``flock`` it is not inherited by worker processes, which
        may outlive a killed parent for a moment, and a reader of the log does not give it away by closing.
        """
        busy = InvalidInputError(
            f"run folder {str(self.path.parent)!r}: somebody else is writing here; wait until that run ends, "
            "or choose another run folder"
        )
        if self.path in self._open:
            raise busy
        descriptor = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            raise busy from None
        except OSError:
            os.close(descriptor)
            raise
        self._open.add(self.path)
        return descriptor

    def _key(self, record: Record) -> tuple[Any, ...]:
        return tuple(_frozen(record[field]) for field in self.key)

    def _say(self, key: tuple[Any, ...]) -> str:
        return ", ".join(f"{field} {value}" for field, value in zip(self.key, key, strict=True))


def read_log(path: str | Path) -> tuple[dict[str, Any], list[Record]]:
    """Read a log that may still be growing: its configuration and all complete records.

    Raises:
        InvalidInputError: The file cannot be read or is not a log.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read the log {str(path)!r} ({_reason(error)})") from None
    header, records, _ = _parse(content, Path(path))
    return ({} if header is None else header["config"]), records


def plain(value: Any) -> Any:
    """``value`` as JSON would give it back: numpy becomes Python, tuples become lists, NaN and infinities None."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _parse(content: bytes, path: Path) -> tuple[Record | None, list[Record], int]:
    """First line, records, and the length of the content up to its last complete line."""
    end = content.rfind(b"\n") + 1
    begin = f'{{"{MARK}": {FORMAT}, "config": '.encode()
    if content[: len(begin)] != begin[: len(content)]:
        raise InvalidInputError(
            f"{str(path)!r}: expected a log that begins with {begin.decode()!r}, got {content[:40]!r}; "
            "choose another run folder"
        )
    lines = [_record(line, path, number) for number, line in enumerate(content[:end].split(b"\n")[:-1], start=1)]
    return (lines[0] if lines else None), lines[1:], end


def _record(line: bytes, path: Path, number: int) -> Record:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise _damaged(path, number, "that is not JSON") from None
    if not isinstance(record, dict):
        raise _damaged(path, number, "that is not a JSON object")
    return record


def _damaged(path: Path, number: int, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{str(path)!r}: expected one record per line, got line {number} {what}; delete it and all lines after it "
        "to continue from there, or choose another run folder"
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((name, _frozen(item)) for name, item in value.items())
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


def _flat(config: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(config, dict):
        return {prefix or "config": config}
    flat: dict[str, Any] = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}.{name}" if prefix else name)
    return flat


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # not on this platform: only the guard inside this process remains
        return
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except PermissionError as error:  # some systems say EACCES where others say EAGAIN
        raise BlockingIOError(error.errno, error.strerror) from None


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
