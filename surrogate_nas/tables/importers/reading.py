"""What importers of text and of record files share: errors that name the file, JSON, numbers."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from surrogate_nas.core import InvalidInputError, SurrogateNASError
from surrogate_nas.core.progress import Progress

#: Gigabytes of memory from which that is so.
_NOTEWORTHY = 0.5

#: The way out of a file that is incomplete on purpose, for callers and for the command line.
ACCEPT_PART = "accept a part with partial=True (--partial)"


@contextmanager
def naming(path: object) -> Iterator[None]:
    """Begin every error of the block with the file's name; an unreadable file becomes such an error.

    Args:
        path: The file, or a member of an archive.
    """
    try:
        yield
    except SurrogateNASError as error:
        raise type(error)(f"{path}: {error}") from None
    except OSError as error:
        raise InvalidInputError(
            f"{path}: expected a readable file ({error.strerror or error}); check the path"
        ) from None


def say_memory(report: Progress, path: Path, factor: float, instead: str) -> None:
    """Tell what memory reading a file at once takes, where that is worth a word.

    Args:
        report: Told so.
        path: The file.
        factor: Memory in multiples of the file's size.
        instead: What takes less.
    """
    gigabytes = factor * path.stat().st_size / 2**30
    if gigabytes > _NOTEWORTHY:
        report.say(
            f"{path.name} is one pickle: reading it takes about {gigabytes:.1f} GB of memory; the folder {instead} is "
            "read one architecture at a time"
        )


def parse_json(data: bytes) -> Any:
    """Decode JSON.

    Raises:
        InvalidInputError: Not JSON in UTF-8, nested too deeply, cut off, or with a key twice in one object.
    """
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
    except InvalidInputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"expected complete JSON, got something else or a truncated file ({error}); download it again"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, of whose equal keys the decoder would silently keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        key = Counter(k for k, _ in pairs).most_common(1)[0][0]
        raise InvalidInputError(f"expected each key of an object once, got {key!r:.80} again; download it again")
    return found


def read_json(path: Path) -> Any:
    """Decode a JSON file; errors as in :func:`parse_json`, or that the file cannot be read."""
    return parse_json(path.read_bytes())


def number(value: object, what: str) -> float:
    """Return a JSON number as a float; NaN and infinity are let through.

    Raises:
        InvalidInputError: Anything else, and integers beyond a float.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise InvalidInputError(f"{what}: expected a number, got {value!r:.60}; is it the published file?")


def integer(value: object, what: str, low: int = 0) -> int:
    """Return a JSON integer of at least ``low``.

    Raises:
        InvalidInputError: Anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and low <= value < 2**53:
        return value
    raise InvalidInputError(f"{what}: expected an integer from {low}, got {value!r:.60}; is it the published file?")


def mapping(value: object, what: str) -> dict[str, Any]:
    """Return a JSON object that is not empty.

    Raises:
        InvalidInputError: Anything else.
    """
    if isinstance(value, dict) and value:
        return value
    raise InvalidInputError(f"{what}: expected an object with entries, got {value!r:.60}; is it the published file?")


def finite_or_nan(value: float) -> float:
    """Infinity, which no table holds, as NaN."""
    return value if math.isfinite(value) else math.nan


def check_complete(n: int, expected: int, partial: bool) -> None:
    """Refuse a file with fewer architectures than were published, unless a part is what the caller wants.

    Raises:
        InvalidInputError: ``n`` is not ``expected`` and ``partial`` is False.
    """
    if n != expected and not partial:
        raise InvalidInputError(
            f"expected {expected:,} architectures, got {n:,}; download the file again, or {ACCEPT_PART}"
        )
