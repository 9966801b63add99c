"""From a benchmark's official file to a table that opens by name."""

import dataclasses
from os import PathLike
from pathlib import Path
from typing import Any

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.core.progress import Progress
from surrogate_nas.tables.catalogue import load_table, table_entries
from surrogate_nas.tables.downloads import download
from surrogate_nas.tables.importers import list_importers, read_source
from surrogate_nas.tables.sources import get_source, imported_path, sources
from surrogate_nas.tables.table import Table


def download_table(
    name: str, *, file: str | None = None, offline: bool = False, progress: Progress | None = None
) -> Table:
    """Fetch a benchmark's official file and import it; what is there already is used.

    Args:
        name: One of :func:`list_sources`.
        file: Which of its files; None takes the recommended one.
        offline: Never touch the network.
        progress: Told how far it is.

    Raises:
        UnknownNameError: No such benchmark or file.
        InvalidInputError: The file cannot be fetched by a program (the message says what to do by hand), or is not the
            published one.
    """
    if file is None and get_source(name).table_path.is_file():
        return load_table(name)
    path = download(name, file, offline=offline, progress=progress)
    try:
        return import_table(name, path, progress=progress)
    except InvalidInputError as error:
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside)
        raise InvalidInputError(
            f"{error}; it was set aside as {aside.name}: the same command fetches it anew"
        ) from None


def import_table(
    source: str,
    path: "str | PathLike[str]",
    *,
    name: str | None = None,
    verify: bool = True,
    progress: Progress | None = None,
    **options: Any,
) -> Table:
    """Read an official file, or one's own, and keep the table on this machine under a name.

    Args:
        source: One of :func:`list_sources`, or a form such as "csv".
        path: The file, folder or archive.
        name: Name of the table; None takes the benchmark's (with "-part" behind it where ``partial`` is given), or the
            file's.
        verify: Compare a file of a published name with its published checksum.
        progress: Told how far it is.
        **options: What else the importer takes.

    Raises:
        UnknownNameError: No such benchmark.
        InvalidInputError: The file is not what it should be, or the name is taken by an embedded table; then nothing is
            written.
    """
    place = Path(path)
    benchmark = sources().get(source)
    if benchmark is None and source not in list_importers():
        raise UnknownNameError.of("source", source, [*sources(), "csv", "parquet"])
    # A part never takes the place of the whole.
    whole = bool(benchmark) and not options.get("partial")
    name = name or ((benchmark.name if whole else f"{benchmark.name}-part") if benchmark else place.stem)
    target = imported_path(name)
    if name in table_entries() or (name in sources() and not (whole and benchmark and name == benchmark.name)):
        raise InvalidInputError(
            f"name: expected one of its own, got {name!r}, which is kept for "
            f"{'an embedded table' if name in table_entries() else 'the whole benchmark of that name'}; choose another"
        )
    if benchmark:
        for file in benchmark.files:
            if verify and file.name == place.name and place.is_file():
                file.verify(place)
    table = read_source(benchmark.importer if benchmark else source, place, progress=progress, **options)
    if benchmark and table.space.name != benchmark.space:
        raise InvalidInputError(
            f"{place}: expected {benchmark.name}, whose architectures are of space {benchmark.space!r}, got some of "
            f"{table.space.name!r}; import it under its own name"
        )
    about = benchmark.about if benchmark else {}
    info = dataclasses.replace(table.info, **{**about, "name": name})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"{target.parent}: cannot be written ({error.strerror}); set SURROGATE_NAS_CACHE to another folder"
        ) from None
    table.described(info).to_parquet(target)
    return load_table(target)
