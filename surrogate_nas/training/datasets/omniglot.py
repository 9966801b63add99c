"""Omniglot: 1,623 characters of 50 alphabets, each drawn by the same number of people; for learning from few samples.

Read from the two official archives of PNG files. Ink is bright on dark here, and images are 28x28, as is usual for
few-shot learning; the archives have dark ink on white, 105x105.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.datasets.array_data import ArrayDataset, array_dataset
from surrogate_nas.training.datasets.files import DataSource, data_source
from surrogate_nas.training.datasets.splitting import Split

#: Of the drawings of each character: to choose on, and to judge on.
_HELD_OUT = 0.15

#: What reading a damaged archive or image raises, whichever library reads it.
_BROKEN = (EOFError, KeyError, NotImplementedError, OSError, RuntimeError, SyntaxError, ValueError, zipfile.BadZipFile,
           zlib.error)  # fmt: skip


class Drawing(NamedTuple):
    """One drawing of one character.

    Attributes:
        character: "background/Greek/character01": archive, alphabet, character.
        drawer: "0394_01": the number of the character and that of who drew it.
        image: uint8 of shape (height, width), ink bright.
    """

    character: str
    drawer: str
    image: npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Omniglot:
    """How Omniglot is taken.

    Classes are named after archive, alphabet and character. Those of the archive "background" are meant to be
    meta-learned from and those of "evaluation" to be judged on; splits, as every data set has them, divide the
    drawings of every character by who drew them.

    Attributes:
        source: Its name in the list of sources, or what is published about it.
        size: Height and width, at most as in the files.
    """

    source: str | DataSource = "omniglot"
    size: int = 28

    def make(self, name: str, folder: Path | None = None, *, offline: bool = False) -> ArrayDataset:
        """Read the files; the same samples and splits each time.

        Raises:
            InvalidInputError: A file is missing, damaged, or not the published one.
        """
        source = data_source(self.source)
        paths = source.find(folder, offline=offline)
        drawings = sorted((d for path in paths for d in read_drawings(path, self.size)), key=lambda d: d[:2])
        classes = list(dict.fromkeys(d.character for d in drawings))
        each, rest = divmod(len(drawings), len(classes))
        y = np.array([classes.index(d.character) for d in drawings[:: each or 1]]).repeat(each) if not rest else None
        if y is None or [classes[c] for c in y] != [d.character for d in drawings]:
            raise InvalidInputError(
                f"{paths[0]}: expected as many drawings of each character, got {len(drawings)} of {len(classes)}; "
                "get it again"
            )
        held = max(1, round(_HELD_OUT * each))
        if each < 2 * held + 1:
            raise InvalidInputError(f"{paths[0]}: expected at least 3 drawings of each character, got {each}")
        drawer = np.arange(len(y)) % each
        ends = (0, each - 2 * held, each - held, each)
        parts = [np.flatnonzero((drawer >= a) & (drawer < b)) for a, b in zip(ends[:-1], ends[1:], strict=True)]
        return array_dataset(
            np.stack([d.image for d in drawings])[:, None], y, name=name, classes=classes, splits=[Split(*parts)]
        )


def read_drawings(path: Path, size: int) -> Iterator[Drawing]:
    """Read an official archive; nothing is unpacked to the disk.

    Args:
        path: The archive.
        size: Height and width of the images; each pixel is the mean over those that it stands for.

    Raises:
        InvalidInputError: No such file, no archive of drawings, or a damaged one.
    """
    found = False
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                place = PurePosixPath(member.filename)
                if len(place.parts) != 4 or place.suffix != ".png":
                    continue
                found = True
                character = "/".join((place.parts[0].removeprefix("images_"), *place.parts[1:3]))
                yield Drawing(character, place.stem, _image(archive.read(member), size))
    except _BROKEN as error:
        raise InvalidInputError(
            f"{path}: expected an archive of drawings, got something else, or it is damaged ({type(error).__name__}); "
            "get it again"
        ) from None
    if not found:
        raise InvalidInputError(f"{path}: expected PNG files by alphabet and character in it, got an archive without")


def _image(content: bytes, size: int) -> npt.NDArray[np.uint8]:
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        scaled = image.convert("L").resize((size, size), Image.Resampling.BOX)
    return 255 - np.asarray(scaled)
