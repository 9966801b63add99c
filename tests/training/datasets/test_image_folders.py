"""Folders of images: what becomes of sizes, colours and parts, and what wrong ones are answered with."""

import numpy as np
import pytest
from PIL import Image

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training import image_folder

RNG = np.random.default_rng(0)


def pixels(*shape):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


@pytest.fixture
def flowers(tmp_path):
    for name, channels in (("rose", (3,)), ("tulip", (3,))):
        for i in range(10):
            save(tmp_path / "flowers" / name / f"{i:02}.png", pixels(6, 8, *channels))
    return tmp_path / "flowers"


def test_a_folder_per_class(flowers):
    data = image_folder(flowers)
    assert (data.name, data.input_kind, data.x.dtype) == ("flowers", "image", np.uint8)
    assert data.x.shape == (20, 3, 6, 8)
    assert data.classes == ("rose", "tulip")
    assert data.y.tolist() == [0] * 10 + [1] * 10
    for i, name in ((3, "rose/03"), (14, "tulip/04")):
        np.testing.assert_array_equal(data.x[i].transpose(1, 2, 0), np.asarray(Image.open(flowers / f"{name}.png")))


def test_what_other_programs_leave_behind_is_no_image(flowers):
    for name in ("rose/._00.png", "rose/.thumbnails/00.png", ".cache/x.png", "rose/notes.txt"):
        (flowers / name).parent.mkdir(exist_ok=True)
        (flowers / name).write_bytes(b"none")
    assert len(image_folder(flowers).y) == 20


def test_options_go_to_the_splits(flowers):
    assert len(image_folder(flowers, folds=3, name="mine").splits) == 3
    assert image_folder(flowers, name="mine").name == "mine"


def test_grey_images_have_one_channel_unless_some_are_coloured(flowers):
    for i, folder in enumerate(("a", "b")):
        for j in range(5):
            save(flowers.parent / "grey" / folder / f"{j}.png", pixels(6, 8) // (1 + i))
    assert image_folder(flowers.parent / "grey").x.shape == (10, 1, 6, 8)
    save(flowers.parent / "grey" / "b" / "9.png", pixels(6, 8, 3))
    assert image_folder(flowers.parent / "grey").x.shape == (11, 3, 6, 8)


def test_other_modes_become_bytes_of_red_green_blue(flowers):
    save(flowers / "rose" / "98.png", pixels(6, 8, 4))
    Image.fromarray(pixels(6, 8)).convert("P").save(flowers / "rose" / "99.gif")
    assert image_folder(flowers).x.shape == (22, 3, 6, 8)


@pytest.mark.parametrize(("size", "shape"), [(4, (4, 4)), ((4, 5), (4, 5)), ([16, 12], (16, 12))])
def test_images_of_mixed_size_are_scaled_and_cropped(flowers, size, shape):
    save(flowers / "rose" / "99.png", np.full((40, 9, 3), 77, np.uint8))
    data = image_folder(flowers, size=size)
    assert data.x.shape == (21, 3, *shape)
    assert (data.x[10] == 77).all()


def test_a_photograph_held_sideways_is_turned(flowers):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    save(flowers / "rose" / "99.png", pixels(8, 6, 3), exif=exif)
    assert image_folder(flowers).x.shape == (21, 3, 6, 8)


def test_given_parts_are_taken(flowers):
    for part, n in (("train", 4), ("val", 2), ("test", 3)):
        for name in ("rose", "tulip"):
            for i in range(n):
                save(flowers.parent / "parts" / part / name / f"{i}.png", pixels(6, 8, 3))
    data = image_folder(flowers.parent / "parts")
    assert [part.tolist() for part in data.splits[0]] == [list(range(8)), list(range(8, 12)), list(range(12, 18))]
    assert data.y.tolist() == [0] * 4 + [1] * 4 + [0, 0, 1, 1] + [0, 0, 0, 1, 1, 1]
    for file in (flowers.parent / "parts" / "val" / "tulip").iterdir():
        file.unlink()
    with pytest.raises(InvalidInputError, match="tulip: expected images"):
        image_folder(flowers.parent / "parts")
    (flowers.parent / "parts" / "val" / "tulip").rmdir()
    with pytest.raises(
        InvalidInputError, match="split 0, val: expected samples of every class, got none of class tulip"
    ):
        image_folder(flowers.parent / "parts")


def truncate(path):
    path.write_bytes(path.read_bytes()[:100])


def without(folder):
    for file in folder.iterdir():
        file.unlink()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda f: save(f / "tulip" / "00.png", pixels(9, 8, 3)), {},
         "tulip/00.png: expected 6x8 pixels .* as in 00.png, got 9x8; give size="),
        (lambda f: (f / "tulip" / "05.png").write_text("<html>"), {}, "tulip/05.png: expected an image"),
        (lambda f: (f / "tulip" / "05.png").write_bytes(b""), {}, "tulip/05.png: expected an image"),
        (lambda f: truncate(f / "tulip" / "05.png"), {}, "tulip/05.png: expected an image, got a file that is damaged"),
        (lambda f: save(f / "rose" / "99.png", np.zeros((6, 8), np.uint16)), {}, "99.png: expected 8 bits per channel"),
        (lambda f: without(f / "tulip"), {}, r"tulip: expected images \(.bmp, .*\), got none"),
        (lambda f: (f / "train").mkdir(), {}, "expected the folders train, val, test, got rose, train, tulip"),
        (lambda f: None, {"size": 0}, "size: expected a number of pixels"),
        (lambda f: None, {"size": (4, 4, 3)}, "size: expected a number of pixels"),
        (lambda f: None, {"folds": 12}, "class 'rose': expected at least 13 samples for 12 folds"),
    ],
)  # fmt: skip
def test_wrong_folders_are_one_line(flowers, change, options, message):
    change(flowers)
    with pytest.raises(InvalidInputError, match=message) as caught:
        image_folder(flowers, **options)
    assert "\n" not in str(caught.value)


def test_no_folder_no_classes_one_class(tmp_path, flowers):
    with pytest.raises(InvalidInputError, match="nowhere: expected a folder with one folder per class"):
        image_folder(tmp_path / "nowhere")
    with pytest.raises(InvalidInputError, match="rose: expected one folder of images per class, got no folder in it"):
        image_folder(flowers / "rose")
    without(flowers / "tulip")
    (flowers / "tulip").rmdir()
    with pytest.raises(InvalidInputError, match="at least two classes, got one"):
        image_folder(flowers)
