"""The benchmarks whose official files become tables: what they hold, where they are, what to cite."""

import gzip
import hashlib
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surrogate_nas.core import InvalidInputError, UnknownNameError, choose
from surrogate_nas.core.resources import cache_folder, data_folder

#: What a gzipped file begins with.
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One official file.

    Attributes:
        name: Its name as published.
        about: What is in it.
        size: Its size, for people.
        url: Where a program can fetch it; "" if a browser is needed.
        page: Where a person finds it.
        mirrors: Further places, for people.
        sha256: Published SHA-256, or "".
        md5: Published MD5, or "".
        content: SHA-256 of what a gzipped file holds, or "": the same data may be compressed anew, or not at all.
        folder: Whether it is one of several files that are imported together, by their folder.
    """

    name: str
    about: str = ""
    size: str = ""
    url: str = ""
    page: str = ""
    mirrors: tuple[str, ...] = ()
    sha256: str = ""
    md5: str = ""
    content: str = ""
    folder: bool = False

    @property
    def checksum(self) -> str:
        """The published checksum as ``algorithm:digits``, or ""."""
        if self.sha256:
            return f"sha256:{self.sha256}"
        return f"md5:{self.md5}" if self.md5 else ""

    def steps(self, source: str) -> str:
        """What a person does to get it, in one line."""
        places = " or ".join(p for p in (self.page or self.url, *self.mirrors) if p)
        what, where = ("all files", "THEIR/FOLDER") if self.folder else (self.name, f"PATH/TO/{self.name}")
        return f"open {places} in a browser, save {what}, then: surrogate-nas tables import {source} {where}"

    def verify(self, path: Path) -> None:
        """Compare a file with the published checksum, where there is one.

        Raises:
            InvalidInputError: Another checksum, or the file cannot be read.
        """
        if not self.checksum:
            return
        algorithm, _, digits = self.checksum.partition(":")
        try:
            with path.open("rb") as opened:
                got = hashlib.file_digest(opened, algorithm).hexdigest()
        except OSError as error:
            raise InvalidInputError(f"{path}: expected a readable file ({error.strerror})") from None
        if got != digits and not (self.content and _content_digest(path) == self.content):
            raise InvalidInputError(
                f"{path}: expected {algorithm} {digits}, got {got}; it is damaged or another version: download it again"
            )


def _content_digest(path: Path) -> str:
    """SHA-256 of a file after decompression, or as it is where it is not compressed; "" where it is damaged."""
    try:
        with path.open("rb") as opened:
            packed = opened.read(len(_GZIP)) == _GZIP
            opened.seek(0)
            with gzip.open(opened) if packed else opened as content:
                return hashlib.file_digest(content, "sha256").hexdigest()
    except (OSError, EOFError, zlib.error):
        return ""


@dataclass(frozen=True, slots=True)
class Source:
    """One benchmark.

    Attributes:
        name: Name of the table it becomes.
        title: What it is, in one line.
        space: Name of its space.
        importer: Name of the importer that reads its files.
        files: Its official files, the recommended one first.
        tasks: Its tasks.
        rows: Number of architectures; 0 where the source does not say.
        licence: Licence of the numbers.
        citation: What to cite.
        homepage: Where it is documented.
    """

    name: str
    title: str
    space: str
    importer: str
    files: tuple[SourceFile, ...]
    tasks: tuple[str, ...]
    licence: str
    citation: str
    homepage: str
    rows: int = 0

    def file(self, name: str | None = None) -> SourceFile:
        """One of the files; None takes the recommended one.

        Raises:
            UnknownNameError: The source has no such file.
        """
        return self.files[0] if name is None else choose("file", name, {f.name: f for f in self.files})

    @property
    def about(self) -> dict[str, Any]:
        """Name, source, licence and citation, as a table is given them."""
        return {"name": self.name, "source": self.homepage, "licence": self.licence, "citation": self.citation}

    @property
    def table_path(self) -> Path:
        """Where its table is kept once it is imported."""
        return imported_path(self.name)


def list_sources() -> list[str]:
    """Names of the benchmarks that can be imported."""
    return list(sources())


def sources() -> dict[str, Source]:
    """All benchmarks, by name.

    Raises:
        InvalidInputError: The list is missing or damaged.
    """
    path = data_folder() / "sources.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))["sources"]
        return {name: _source(name, entry) for name, entry in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInputError(f"{path}: expected the list of benchmarks; install the package again") from None


def get_source(name: str) -> Source:
    """The benchmark of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name in table_names():
        raise UnknownNameError(f"table {name!r} comes with the package: load_table({name!r}) opens it")
    return choose("benchmark", name, sources())


def table_names() -> list[str]:
    """Names of the embedded tables."""
    content = tomllib.loads((data_folder() / "registry.toml").read_text(encoding="utf-8"))
    return list(content["tables"])


def imported_path(name: str) -> Path:
    """Where an imported table of that name is kept, by the platform's convention for caches."""
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise InvalidInputError(f"name: expected a plain name for the table, got {name!r:.80}")
    return cache_folder() / "imported" / f"{name}.parquet"


def list_imported() -> list[str]:
    """Names of the tables that were imported on this machine."""
    try:
        return sorted(path.stem for path in (cache_folder() / "imported").glob("*.parquet"))
    except OSError:  # a cache that cannot be looked into holds nothing
        return []


def page_of(name: str) -> Path | None:
    """The page that documents the table of that name, its columns and their pitfalls; None if it has none."""
    return {page.stem: page for page in (data_folder() / "tables").glob("*.md")}.get(name)


def not_imported(name: str, known: list[str]) -> UnknownNameError:
    """The error for a table that is not here; says how to get it if a benchmark has its name."""
    if name not in sources():
        others = [s for s in sources() if s not in known]
        return UnknownNameError.of("table", name, [*known, *others, "the path of a .parquet file"])
    file = get_source(name).file()
    way = f"surrogate-nas tables download {name}" if file.url else file.steps(name)
    return UnknownNameError(f"table {name!r}: expected it on this machine, but it was not imported yet; {way}")


def _source(name: str, entry: dict[str, Any]) -> Source:
    files = tuple(SourceFile(**_frozen(f)) for f in entry["files"])
    return Source(**{**_frozen(entry), "name": name, "files": files})


def _frozen(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
