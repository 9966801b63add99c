"""Where the files of a data set are: a folder of the user's, the cache, a distribution's package, or the network."""

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.core.resources import cache_folder, data_folder

if TYPE_CHECKING:
    from surrogate_nas.tables.sources import SourceFile

#: Names a folder with one folder per data set, or with the files themselves.
FOLDER_VARIABLE = "SURROGATE_NAS_DATASETS"


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """What is published about a data set.

    Attributes:
        name: Its name.
        title: What it is, in one line.
        licence: Licence of the data.
        citation: What to cite.
        homepage: Where it is documented.
        classes: Names of the classes, in the order of their numbers.
        files: Its files, all of which are needed.
        folders: Where packages of distributions put them.
        package: Which package does, in words.
    """

    name: str
    title: str
    licence: str
    citation: str
    homepage: str
    classes: tuple[str, ...]
    files: tuple["SourceFile", ...]
    folders: tuple[str, ...] = ()
    package: str = ""

    def find(self, folder: Path | None = None, *, offline: bool = False) -> list[Path]:
        """The official files on this machine, each checked against its checksum; what is missing is fetched.

        Args:
            folder: Where to look first: there, or in a folder of this data set's name in it.
            offline: Never touch the network.

        Raises:
            InvalidInputError: A file is not the published one, or is missing and cannot be fetched: the message
                says where to get it and which folder to put it in.
        """
        return [self._find(file, folder, offline) for file in self.files]

    def _find(self, file: "SourceFile", folder: Path | None, offline: bool) -> Path:
        from surrogate_nas.tables.downloads import obtain  # loads what tables need: nothing for data that are there

        wrong: list[InvalidInputError] = []
        for place in self._places(folder):
            for path in (place / file.name, place / file.name.removesuffix(".gz")):
                if path.is_file():
                    try:
                        file.verify(path)
                    except InvalidInputError as error:  # several data sets name their files alike: look further
                        wrong.append(error)
                    else:
                        return path
        if wrong:
            raise wrong[0]
        kept = cache_folder() / "datasets" / self.name
        by_hand = f"get it from {' or '.join((file.url, *file.mirrors))} and put it in {folder or kept}"
        by_hand += f"; {self.package}" if self.package else ""
        if offline and not (kept / file.name).is_file():
            raise InvalidInputError(f"{self.name}: expected {file.name} on this machine, got none; {by_hand}")
        return obtain(file, kept / file.name, by_hand, offline=offline)

    def _places(self, folder: Path | None) -> Iterator[Path]:
        given = os.environ.get(FOLDER_VARIABLE)
        for place in (folder, Path(given).expanduser() if given else None):
            if place is not None:
                yield from (place / self.name, place)
        yield from map(Path, self.folders)


def data_source(name: str | DataSource) -> DataSource:
    """What is published about the data set of that name, or the source itself.

    Raises:
        UnknownNameError: There is none.
    """
    return name if isinstance(name, DataSource) else choose("dataset", name, _sources())


@cache
def _sources() -> dict[str, DataSource]:
    path = data_folder() / "datasets" / "sources.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))["datasets"]
        return {name: _source(name, entry) for name, entry in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInputError(f"{path}: expected the list of data sets; install the package again") from None


def _source(name: str, entry: dict[str, Any]) -> DataSource:
    from surrogate_nas.tables.sources import SourceFile

    about = _frozen({key: value for key, value in entry.items() if key != "files"})
    return DataSource(name=name, files=tuple(SourceFile(**_frozen(f)) for f in entry["files"]), **about)


def _frozen(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
