"""Reading the benchmarks' official files, as published, into tables; one module per source.

    table = read_source("nas-bench-101", "nasbench_full.tfrecord")
    table.to_parquet("nas-bench-101.parquet")

No importer needs the benchmark's own package, none runs code from a file, and none writes anything.
"""

import inspect
from collections.abc import Callable
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surrogate_nas.core import InvalidInputError, choose

if TYPE_CHECKING:
    from surrogate_nas.core.progress import Progress
    from surrogate_nas.tables.table import Table

__all__ = ["list_importers", "read_source"]

#: Source -> module of this package and function in it.
_IMPORTERS = {
    "nas-bench-101": ("nas_bench_101", "read_nas_bench_101"),
    "nas-bench-201": ("nas_bench_201", "read_nas_bench_201"),
    "nats-tss": ("nats_bench", "read_nats_bench"),
    "nats-sss": ("nats_bench", "read_nats_bench"),
    "nas-bench-301": ("nas_bench_301", "read_nas_bench_301"),
    "transnas-micro": ("transnas_bench_101", "read_transnas_micro"),
    "transnas-macro": ("transnas_bench_101", "read_transnas_macro"),
    "nas-bench-macro": ("nas_bench_macro", "read_nas_bench_macro"),
    "nas-bench-graph": ("nas_bench_graph", "read_nas_bench_graph"),
    "hw-nas-bench": ("hw_nas_bench", "read_hw_nas_bench"),
    "suite-zero": ("suite_zero", "read_suite_zero"),
    "csv": ("frame", "read_frame"),
    "parquet": ("frame", "read_frame"),
}

#: Options that the command line has, too, under these names.
_FLAGS = {"space": "--space", "arch_column": "--arch-column", "columns": "--column", "partial": "--partial"}

#: How a page begins that a host sends in place of a file, and how much of a file is searched for it.
_WEB_PAGE = (b"<!doctype html", b"<html")
_HEAD = 512


def list_importers() -> list[str]:
    """Names of the sources that :func:`read_source` reads."""
    return list(_IMPORTERS)


def read_source(
    source: str, path: "str | PathLike[str]", *, progress: "Progress | None" = None, **options: Any
) -> "Table":
    """Read an official file, or a user's own.

    Args:
        source: One of :func:`list_importers`.
        path: The file, folder or archive as published.
        progress: Told how far the reading is.
        **options: What else the source's function takes, such as ``partial=True``.

    Raises:
        UnknownNameError: No such source.
        InvalidInputError: An option that the source does not have, a web page in place of the file, or a file that is
            not as published.
    """
    module, function = choose("source", source, _IMPORTERS)
    read: Callable[..., Table] = getattr(import_module(f"{__name__}.{module}"), function)
    known = [name for name in inspect.signature(read).parameters if name not in ("path", "progress")]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InvalidInputError(
            f"source {source!r} has no option {unknown[0]!r}{_flag(unknown[0])}: expected "
            f"{' or '.join(n + _flag(n) for n in known)}"
        )
    _refuse_web_page(Path(path), source)
    return read(path, progress=progress, **options)


def _flag(name: str) -> str:
    """What the command line calls an option, in brackets; nothing where it does not have it."""
    return f" ({_FLAGS[name]})" if name in _FLAGS else ""


def _refuse_web_page(path: Path, source: str) -> None:
    """Say so if a browser or a program saved the host's question in place of the file.

    Raises:
        InvalidInputError: The file is a web page.
    """
    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return  # the importer names the reason
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_WEB_PAGE):
        raise InvalidInputError(
            f"{path}: expected a file for {source!r}, got a web page; the download needs a browser: open its page "
            "there, confirm, and save the file itself"
        )
