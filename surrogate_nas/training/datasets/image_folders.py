"""Images of one's own: a folder for each class, and in it the images."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.datasets.array_data import ArrayDataset, array_dataset
from surrogate_nas.training.datasets.splitting import Split

if TYPE_CHECKING:
    from PIL.Image import Image

#: How image files are told from others that lie beside them.
SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})

#: Names of folders that are parts of a split and no classes.
_PARTS = Split._fields

#: Pillow's modes of images without colour, a byte per pixel or less.
_GREY = frozenset({"1", "L", "LA"})


def image_folder(
    path: str | Path, *, size: int | tuple[int, int] | None = None, name: str | None = None, **options: Any
) -> ArrayDataset:
    """Make a data set of a folder with one folder of images per class, or with train, val and test of such folders.

        flowers/rose/001.jpg                                    flowers/train/rose/001.jpg
        flowers/rose/002.png                                    flowers/val/rose/002.png
        flowers/tulip/a.jpg                                     flowers/test/tulip/a.jpg

        image_folder("flowers", size=32, folds=5)

    Images are RGB, or have one channel where all are grey. A photograph's note on how it was held is followed.

    Args:
        path: The folder.
        size: Height and width, one number if they are equal: each image is scaled until it covers that, and the
            middle is taken. None takes images as they are: they must be of one size.
        name: What results call the data set; None takes the folder's name.
        **options: Those of :func:`~surrogate_nas.training.array_dataset`: folds, groups, splits, ...

    Raises:
        InvalidInputError: One line on what is wrong with the folder, or the first image that cannot be read or is of
            another size.
    """
    root = Path(path).expanduser()
    wanted = _checked_size(size)
    folders = _folders(root)
    if "train" in {folder.name for folder in folders}:
        files, ends = [], [0]
        for part in _checked_parts(root, folders):
            files += _class_files(part, _folders(part))
            ends.append(len(files))
        options = {"splits": [tuple(np.arange(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True))]} | options
    else:
        files = _class_files(root, folders)
    images = _stacked([file for file, _ in files], wanted)
    return array_dataset(
        images, np.array([label for _, label in files]), name=name or root.resolve().name, input_kind="image",
        task="classification", **options,
    )  # fmt: skip


def _checked_size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    pair = (size, size) if isinstance(size, int) else size
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(type(n) is int and n > 0 for n in pair):
        raise InvalidInputError(f"size: expected a number of pixels, or (height, width), got {size!r}")
    return pair[0], pair[1]


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise InvalidInputError(f"{root}: expected a folder with one folder per class ({error.strerror})") from None


def _hidden(path: Path, root: Path) -> bool:
    """Whether it is a folder's own business: previews, checkpoints, what other systems add to an archive."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _checked_parts(root: Path, folders: list[Path]) -> list[Path]:
    names = [folder.name for folder in folders]
    if set(names) != set(_PARTS):
        raise InvalidInputError(
            f"{root}: expected the folders {', '.join(_PARTS)}, got {', '.join(names)}; with the classes' folders side "
            "by side instead, the parts are drawn"
        )
    return [root / name for name in _PARTS]


def _class_files(root: Path, folders: list[Path]) -> list[tuple[Path, str]]:
    """Image files and their classes, in the order of their names."""
    if not folders:
        raise InvalidInputError(f"{root}: expected one folder of images per class, got no folder in it")
    found: list[tuple[Path, str]] = []
    for folder in folders:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not _hidden(p, root))
        if not files:
            known = ", ".join(sorted(SUFFIXES))
            raise InvalidInputError(f"{folder}: expected images ({known}), got none; fill it or remove it")
        found += [(file, folder.name) for file in files]
    return found


def _stacked(files: list[Path], size: tuple[int, int] | None) -> npt.NDArray[np.uint8]:
    """All images as bytes, (n, channels, height, width)."""
    grey = _GREY.issuperset([_mode(file) for file in files])
    first = _pixels(files[0], size, grey)
    images = np.empty((len(files), *first.shape), dtype=np.uint8)
    for i, file in enumerate(files):
        pixels = _pixels(file, size, grey)
        if pixels.shape != first.shape:
            (_, h, w), (_, height, width) = pixels.shape, first.shape
            raise InvalidInputError(
                f"{file}: expected {height}x{width} pixels (height x width) as in {files[0].name}, got {h}x{w}; give "
                "size= to scale all images"
            )
        images[i] = pixels
    return images


def _mode(file: Path) -> str:
    """Colour mode of an image, from its header alone."""
    with _opened(file) as image:
        if image.mode[0] in "IF":
            raise InvalidInputError(f"{file}: expected 8 bits per channel, got mode {image.mode}; convert it first")
        return image.mode


def _pixels(file: Path, size: tuple[int, int] | None, grey: bool) -> npt.NDArray[np.uint8]:
    from PIL import ImageOps

    with _opened(file) as image:
        try:
            upright = ImageOps.exif_transpose(image).convert("L" if grey else "RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise _unreadable(file, error) from None
    if size is not None:
        upright = ImageOps.fit(upright, size[::-1])
    return np.moveaxis(np.atleast_3d(np.asarray(upright)), 2, 0)


def _opened(file: Path) -> "Image":
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(file)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"{file}: expected an image, got a file that is damaged, truncated or none ({type(error).__name__}); remove it "
        "or get it again"
    )
