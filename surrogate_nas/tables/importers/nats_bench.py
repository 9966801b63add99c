"""NATS-Bench: its topology (tss) and size (sss) benchmarks, as ``-simple`` folders or as single files.

A folder, or the archive of one, holds ``meta.pickle.pbz2``, a dict with "meta_archs", the list of all
architectures, and one file ``000000.pickle.pbz2`` per architecture: records by schedule ("12" and "200"
epochs for topology; "01", "12" and "90" for size) that :mod:`~surrogate_nas.tables.importers.arch_results`
reads. Files are read one at a time and forgotten. A single file ``NATS-tss-v1_0-3ffb9.pickle.pbz2`` holds all
of it in one pickle, which cannot be read in parts and takes tens of gigabytes of memory: prefer the folder.

Which of the two benchmarks it is, the architectures tell: ``|op~0|+...`` or widths like ``8:16:24:32:40``.
"""

import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, Any

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers.arch_results import architectures_of, records_of, results_table
from surrogate_nas.tables.importers.reading import naming, say_memory
from surrogate_nas.tables.safe_pickle import PLAIN_DATA, load_pickle, open_bz2
from surrogate_nas.tables.sources import get_source
from surrogate_nas.tables.table import Table

EXTENSION = ".pickle.pbz2"
META = "meta" + EXTENSION

#: Bytes after expansion that a folder's file and a single file may have; published ones have some 2**20 and 2**34.
MEMBER_LIMIT = 2**26
FILE_LIMIT = 2**36

#: Memory that reading a single file takes, in multiples of its compressed size: about 9 for numbers without any
#: regularity, more for published ones, which compress better.
MEMORY_FACTOR = 20


def read_nats_bench(
    path: "str | PathLike[str]",
    *,
    progress: Progress | None = None,
    partial: bool = False,
    curves: bool = True,
) -> Table:
    """Read a ``-simple`` folder or a single file of NATS-Bench.

    Tasks and columns are those of :func:`read_nas_bench_201`, with the schedules of the files.

    Args:
        path: The folder ``NATS-tss-v1_0-3ffb9-simple`` or ``NATS-sss-v1_0-50262-simple``, the ``.tar`` of it as it
            is downloaded, or the single file.
        progress: Told how many architectures were read; of a single file, what memory is needed.
        partial: Accept fewer architectures than were published.
        curves: Whether to keep learning curves, which take up to 1 GB.

    Raises:
        InvalidInputError: Not such a folder or file, truncated, hostile or incomplete; the message begins with
            the path.
    """
    report = progress or Silent()
    place = Path(path)
    with naming(place), _opened(place, report) as (texts, records, record_of):
        space, name = _benchmark(texts[0])
        return results_table(
            get_space(space),
            {i: texts[i] for i in records},
            record_of,
            description=get_source(name).about,
            progress=report,
            partial=partial,
            curves=curves,
        )


#: All architectures, the official numbers of those with records in ascending order, and how to get a record.
_Contents = tuple[list[str], list[int], Callable[[int], object]]


@contextmanager
def _opened(place: Path, report: Progress) -> Iterator[_Contents]:
    if place.is_dir():
        yield _members({p.name: p for p in place.iterdir()}.get)
    elif not place.name.endswith(".tar"):
        yield _file(place, report)
    else:
        try:
            with tarfile.open(place, "r:") as archive:
                # Read where they lie: nothing is unpacked, so that no name in the archive matters.
                there = {Path(m.name).name: m for m in archive if m.isfile()}
                yield _members(lambda name: archive.extractfile(there[name]) if name in there else None)
        except tarfile.TarError as error:
            raise InvalidInputError(
                f"expected a complete tar archive, got something else or a truncated one ({error}); download it again"
            ) from None


def _members(find: Callable[[str], Path | IO[bytes] | None]) -> _Contents:
    """What a folder or an archive holds; ``find`` gives a file by its name, None if it is not there."""

    def load(name: str) -> Any:
        with naming(name):
            found = find(name)
            if found is None:
                raise InvalidInputError("expected this file, it is missing; unpack the archive again")
            return _load(found, MEMBER_LIMIT)

    texts = architectures_of(load(META))
    names = {i: name for i in range(len(texts)) for name in _names(i) if find(name) is not None}
    return texts, list(names), lambda i: load(names[i])


def _file(path: Path, report: Progress) -> _Contents:
    say_memory(report, path, MEMORY_FACTOR, f"{path.name.removesuffix(EXTENSION)}-simple")
    content = _load(path, FILE_LIMIT)
    texts = architectures_of(content)
    records = records_of(content, len(texts))
    return texts, list(records), records.pop  # what was gathered from a record can go


def _names(i: int) -> tuple[str, str]:
    """Names that an architecture's file may have, the usual one last."""
    return f"{i}{EXTENSION}", f"{i:06d}{EXTENSION}"


def _benchmark(text: str) -> tuple[str, str]:
    """Names of the space and of the table, by the form of an architecture."""
    return ("nas-bench-201", "nats-tss") if "|" in text else ("nats-sss", "nats-sss")


def _load(source: Path | IO[bytes], limit: int) -> Any:
    with open_bz2(source, limit=limit) as stream:
        content = load_pickle(stream, allow=PLAIN_DATA)
        if stream.read(1):  # reading on to the end also compares the checksum
            raise InvalidInputError("expected one pickle, got more after it; download it again")
        return content
