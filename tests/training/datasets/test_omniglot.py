"""Omniglot from archives in the official format, which the tests write: drawings of two alphabets."""

import hashlib
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from surrogate_nas.core import InvalidInputError
from surrogate_nas.tables.sources import SourceFile
from surrogate_nas.training.datasets.files import DataSource, data_source
from surrogate_nas.training.datasets.omniglot import Omniglot, read_drawings

ARCHIVES = {"images_background": {"Greek": 2, "Latin": 1}, "images_evaluation": {"Ge_ez": 2}}


def drawing(number, drawer):
    """A horizontal stroke of black ink on white, one bit per pixel; which row says whose it is."""
    pixels = np.full((105, 105), 255, np.uint8)
    pixels[10 * number + drawer, 15:90] = 0
    content = io.BytesIO()
    Image.fromarray(pixels).convert("1").save(content, "PNG")
    return content.getvalue()


def archive(path, alphabets, drawers=20, first=0):
    number = first
    with zipfile.ZipFile(path, "w") as written:
        written.writestr(f"{path.stem}/", b"")
        written.writestr(f"__MACOSX/{path.stem}/._x", b"")
        for alphabet, characters in alphabets.items():
            for character in range(1, characters + 1):
                for drawer in range(drawers, 0, -1):  # in no order
                    name = f"{path.stem}/{alphabet}/character{character:02}/{number:04}_{drawer:02}.png"
                    written.writestr(name, drawing(number, drawer))
                number += 1
    return path


def source(folder, **changes):
    files = []
    for first, (name, alphabets) in zip((0, 3), ARCHIVES.items(), strict=True):
        path = archive(folder / f"{name}.zip", alphabets, first=first, **changes)
        files.append(SourceFile(path.name, md5=hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()))
    return DataSource(
        name="o", title="", licence="", citation="", homepage="", classes=(), files=tuple(files)
    )  # fmt: skip


def test_characters_of_both_archives_are_classes(tmp_path):
    data = Omniglot(source=source(tmp_path), size=105).make("omniglot", tmp_path, offline=True)
    assert data.classes == (
        "background/Greek/character01", "background/Greek/character02", "background/Latin/character01",
        "evaluation/Ge_ez/character01", "evaluation/Ge_ez/character02",
    )  # fmt: skip
    assert data.x.shape == (100, 1, 105, 105)
    assert np.bincount(data.y).tolist() == [20] * 5
    for i in (0, 19, 20, 99):  # ink is bright, and where it was drawn
        assert np.flatnonzero(data.x[i, 0].any(1)).tolist() == [10 * (i // 20) + i % 20 + 1]
    assert set(np.unique(data.x)) == {0, 255}
    train, val, test = ({int(p) % 20 for p in part} for part in data.splits[0])
    assert (len(train), len(val), len(test)) == (14, 3, 3)
    assert not train & val | val & test


def test_pixels_are_means_over_those_they_stand_for(tmp_path):
    path = archive(tmp_path / "images_background.zip", {"Greek": 1}, drawers=1)
    full, small = (next(read_drawings(path, size)).image for size in (105, 21))
    np.testing.assert_allclose(small, full.reshape(21, 5, 21, 5).mean(axis=(1, 3)), atol=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK nothing", "expected an archive of drawings"),
        (None, "expected PNG files by alphabet and character"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "images_background.zip"
    if content is None:
        with zipfile.ZipFile(path, "w") as written:
            written.writestr("readme.txt", "none here")
    else:
        path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=message):
        list(read_drawings(path, 28))


def test_a_damaged_image_is_refused(tmp_path):
    path = tmp_path / "images_background.zip"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("images_background/Greek/character01/0001_01.png", drawing(0, 1)[:60])
    with pytest.raises(InvalidInputError, match="damaged"):
        list(read_drawings(path, 28))


def test_too_few_drawings_to_divide_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="at least 3 drawings"):
        Omniglot(source=source(tmp_path, drawers=2)).make("omniglot", tmp_path, offline=True)


def test_the_published_files_are_known_and_where_to_get_them(tmp_path):
    about = data_source("omniglot")
    assert [file.checksum[:4] for file in about.files] == ["md5:"] * 2
    with pytest.raises(InvalidInputError, match=r"images_background\.zip on this machine, got none; get it from https"):
        about.find(tmp_path, offline=True)
