"""Data sets of one's own, described in a TOML file: where the files are, how they are split, how to train on them.

    format = "csv"                           format = "images"
    file = "watch.csv"                       folder = "flowers"
    target = "exercise"                      size = 32
    window = "window"                        repeats = 3
    group = "person"
    folds = 5                                [recipe]
                                             epochs = 30
    [recipe]                                 augmentation = ["crop", "flip"]
    epochs = 15

Paths begin where the TOML file is. The other keys are the arguments of :func:`csv_dataset` and :func:`image_folder`,
and of :func:`array_dataset` how data are split; ``[recipe]`` holds fields of ``Recipe`` that differ from the defaults.
"""

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from surrogate_nas.core import InvalidInputError, UnknownNameError, choose
from surrogate_nas.training.datasets.array_data import ArrayDataset
from surrogate_nas.training.datasets.csv_data import csv_dataset
from surrogate_nas.training.datasets.image_folders import image_folder
from surrogate_nas.training.datasets.splitting import Split
from surrogate_nas.training.recipe import default_recipe

PathLike = str | os.PathLike[str]

#: How a file that describes data is told from the name of a data set.
SUFFIX = ".toml"

#: What a key holds, in words.
_TEXT, _TEXTS, _WHOLE, _NUMBER = "text in quotes", "a list of texts", "a whole number", "a number"
_PIXELS, _TABLE = "a number of pixels, or [height, width]", "a table: lines of key = value below [recipe]"

_FITS: dict[str, Callable[[Any], bool]] = {
    _TEXT: lambda value: isinstance(value, str),
    _TEXTS: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    _WHOLE: lambda value: type(value) is int,
    _NUMBER: lambda value: type(value) in (int, float),
    _PIXELS: lambda value: type(value) in (int, list),
    _TABLE: lambda value: isinstance(value, dict),
}

#: Keys of every format: those of ``array_dataset`` that a file can hold.
_COMMON = {
    "format": _TEXT, "name": _TEXT, "classes": _TEXTS, "validation": _NUMBER, "test": _NUMBER, "folds": _WHOLE,
    "repeats": _WHOLE, "random_state": _WHOLE, "recipe": _TABLE,
}  # fmt: skip


@dataclass(frozen=True)
class _Format:
    """How files of one format become data.

    Attributes:
        read: Makes the data set of a path and of options.
        place: Key of the path.
        needed: Other keys that must be there.
        keys: All keys beside the common ones, with what they hold.
    """

    read: Callable[..., ArrayDataset]
    place: str
    needed: tuple[str, ...]
    keys: Mapping[str, str]


_FORMATS = {
    "csv": _Format(
        csv_dataset,
        "file",
        ("target",),
        {
            "target": _TEXT, "group": _TEXT, "channels": _TEXTS, "window": _TEXT, "drop": _TEXTS, "sep": _TEXT,
            "task": _TEXT,
        },
    ),
    "images": _Format(image_folder, "folder", (), {"size": _PIXELS}),
}  # fmt: skip


def is_described(dataset: object) -> bool:
    """Whether it is the path of a TOML file, and no name of a data set."""
    return isinstance(dataset, str | os.PathLike) and os.fspath(dataset).lower().endswith(SUFFIX)


def described_dataset(path: PathLike) -> ArrayDataset:
    """Read the data set that a TOML file describes; the same object as long as its files are what they were.

    Args:
        path: The file; the module says what it may hold.

    Returns:
        The data set, called ``name``, or as the file if that is left out.

    Raises:
        UnknownNameError: There is no such key, format, field of a recipe or column.
        InvalidInputError: One line on what is wrong with the file, with a value in it, or with the data.
    """
    file = Path(path).expanduser()
    content = _read(file)
    try:
        how = choose("format", content.get("format", ""), _FORMATS)
        options = _checked(content, how)
        place = file.resolve().parent / Path(options.pop(how.place)).expanduser()
        return _made(file.resolve(), place, _stamp(file), _stamp(place))
    except (InvalidInputError, UnknownNameError) as error:
        raise type(error)(f"{path}: {error}") from None


@lru_cache(maxsize=8)
def _made(file: Path, place: Path, *stamps: object) -> ArrayDataset:
    content = _read(file)
    how = _FORMATS[content["format"]]
    options = {key: value for key, value in content.items() if key not in ("format", how.place)}
    data = how.read(place, **{"name": file.stem, **options})
    default_recipe(data.input_kind, data.recipe)  # a mistake in it is one of this file
    return data


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise InvalidInputError(
            f"{file}: expected a TOML file that describes a data set ({error.strerror or error})"
        ) from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{file}: expected text in UTF-8, got other bytes") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{file}: expected TOML ({error})") from None


def _checked(content: Mapping[str, Any], how: _Format) -> dict[str, Any]:
    """The content, every key known and of the right kind."""
    keys = {how.place: _TEXT, **how.keys, **_COMMON}
    for key, value in content.items():
        if key not in keys:
            raise UnknownNameError.of("key", key, list(keys))
        if not _FITS[keys[key]](value):
            raise InvalidInputError(f"{key}: expected {keys[key]}, got {value!r:.80}")
    for key in (how.place, *how.needed):
        if key not in content:
            raise InvalidInputError(f"expected a line {key} = ..., got {', '.join(content)}")
    return dict(content)


def _stamp(place: Path) -> tuple[object, ...]:
    """What changes when files do: of a folder the state of the folders with images."""
    return tuple((str(p), state.st_mtime_ns, state.st_size) for p in _parts(place) if (state := _state(p)))


def _parts(place: Path) -> Iterator[Path]:
    yield place
    if place.is_dir():
        for folder in (place, *(place / part for part in Split._fields)):
            if folder.is_dir():
                yield from sorted(folder.iterdir())


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
