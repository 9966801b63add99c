"""Official files: their formats, as tests write them and as Debian ships them, and where they are looked for."""

import gzip
import hashlib
import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.resources import data_folder
from surrogate_nas.tables.sources import SourceFile
from surrogate_nas.training import list_datasets, load_dataset
from surrogate_nas.training.datasets.files import DataSource, data_source
from surrogate_nas.training.datasets.formats import (
    read_cifar10,
    read_cifar100,
    read_idx,
    read_idx_pairs,
    read_mat_pairs,
)
from surrogate_nas.training.datasets.official import Official, official_split

RNG = np.random.default_rng(0)
DEBIAN = Path("/usr/share/datasets/fashion-mnist")

#: Headers with which Debian's Fashion-MNIST files become, byte for byte, those that were published: seconds since 1970.
PUBLISHED = {
    "train-images-idx3-ubyte": 1504176606,
    "train-labels-idx1-ubyte": 1504176606,
    "t10k-images-idx3-ubyte": 1504176627,
    "t10k-labels-idx1-ubyte": 1504176627,
}


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def records(labels, images):
    return np.concatenate([labels.astype(np.uint8), images.reshape(len(images), -1)], axis=1).tobytes()


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gzipped", "plain"])
@pytest.mark.parametrize("shape", [(7,), (7, 5, 4)])
def test_idx(tmp_path, shape, pack):
    array = RNG.integers(0, 256, shape).astype(np.uint8)
    path = tmp_path / "file"
    path.write_bytes(pack(idx(array)))
    found = read_idx(path)
    np.testing.assert_array_equal(found, array)
    assert found.flags.writeable


def test_cifar10(tmp_path):
    images, labels = RNG.integers(0, 256, (12, 3, 32, 32)).astype(np.uint8), RNG.integers(0, 10, (12, 1))
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    members = {
        name: records(labels[i : i + 2], images[i : i + 2]) for i, name in zip(range(0, 12, 2), names, strict=True)
    }
    # The official archive has its files in no order, and a text beside them.
    path = archive(tmp_path / "c.tar.gz", {"readme.html": b"", **dict(reversed(members.items()))})
    train, test = read_cifar10([path])
    np.testing.assert_array_equal(np.concatenate([train.x, test.x]), images)
    np.testing.assert_array_equal(np.concatenate([train.y, test.y]), labels[:, 0])
    assert len(test.y) == 2


def test_cifar100_takes_the_fine_labels(tmp_path):
    images, labels = RNG.integers(0, 256, (6, 3, 32, 32)).astype(np.uint8), RNG.integers(0, 100, (6, 2))
    members = {"train.bin": records(labels[:4], images[:4]), "test.bin": records(labels[4:], images[4:])}
    train, test = read_cifar100([archive(tmp_path / "c.tar.gz", members)])
    np.testing.assert_array_equal(train.y, labels[:4, 1])
    np.testing.assert_array_equal(test.x, images[4:])


def test_mat(tmp_path):
    images, labels = RNG.integers(0, 256, (32, 32, 3, 5)).astype(np.uint8), np.array([[1], [10], [9], [2], [10]])
    paths = [tmp_path / "train.mat", tmp_path / "test.mat"]
    for path in paths:
        savemat(path, {"X": images, "y": labels.astype(np.uint8)}, do_compression=True)
    train, _ = read_mat_pairs(paths)
    assert train.y.tolist() == [1, 0, 9, 2, 0]
    np.testing.assert_array_equal(train.x[3, 2], images[:, :, 2, 3])


GOOD_IDX = idx(np.arange(60, dtype=np.uint8).reshape(5, 4, 3))
GOOD_RECORD = records(np.zeros((1, 1)), np.zeros((1, 3, 32, 32), dtype=np.uint8))


def written(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD_IDX[:-1], r"60 values for shape \(5, 4, 3\), got 59"),
        (GOOD_IDX + b"x", "got 61"),
        (GOOD_IDX[:9], "lengths of 3 axes"),
        (b"", "another beginning"),
        (b"\x89PNG....", "another beginning"),
        (b"\0\0\x0d\1" + GOOD_IDX[4:], "IDX file of bytes"),
        (gzip.compress(GOOD_IDX, mtime=1)[:-9], "truncated.*EOFError"),
        (gzip.compress(GOOD_IDX, mtime=1)[:20] + b"xxxxxx" + gzip.compress(GOOD_IDX, mtime=1)[26:], "truncated"),
        (b"\0\0\x08\4" + b"\xff" * 16, "got 0"),  # says it is larger than any memory
    ],
)
def test_damaged_idx(tmp_path, content, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_idx(written(tmp_path / "images", content))
    assert "images: expected" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p, "got no file"),
        (lambda p: written(p, b"no archive"), "CIFAR archive"),
        (lambda p: written(p, archive(p, {"train.bin": RNG.bytes(9000)}).read_bytes()[:2000]), "CIFAR archive"),
        (lambda p: archive(p, {"test.bin": b"\0" + GOOD_RECORD}), "train.bin in it"),
        (
            lambda p: archive(p, {"train.bin": b"\0" + GOOD_RECORD, "test.bin": b""}),
            "records of 3074 bytes in test.bin",
        ),
        (lambda p: archive(p, {"cifar-100-python/train": b"pickle"}), "is it the binary version"),
    ],
)
def test_damaged_cifar(tmp_path, make, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_cifar100([make(tmp_path / "c.tar.gz")])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "got no file"),
        (b"nothing", "MATLAB file with X and y"),
        (b"", "MATLAB file with X and y"),
        ({"X": np.zeros((4, 4, 3, 2), np.uint8)}, "KeyError"),
        ({"X": np.zeros((4, 4, 3, 2), np.uint8), "y": np.zeros(3)}, "and 3 labels"),
        ({"X": np.zeros((4, 4, 3, 2)), "y": np.zeros(2)}, "X of bytes"),
    ],
)
def test_damaged_mat(tmp_path, content, message):
    path = tmp_path / "train.mat"
    if isinstance(content, dict):
        savemat(path, content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_mat_pairs([path, path])
    assert "\n" not in str(caught.value)


def test_a_truncated_mat_file(tmp_path):
    path = tmp_path / "train.mat"
    savemat(path, {"X": RNG.integers(0, 9, (32, 32, 3, 9)).astype(np.uint8), "y": np.zeros(9)}, do_compression=True)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InvalidInputError, match="truncated"):
        read_mat_pairs([path, path])


# --- where files are looked for ---


NAMES = ("train-images.gz", "train-labels.gz", "test-images.gz", "test-labels.gz")


@pytest.fixture(scope="module")
def contents():
    """A small data set in four IDX files, before compression."""
    parts = []
    for n in (200, 60):
        y = np.arange(n) % 4
        parts += [
            idx((RNG.integers(0, 64, (n, 6, 5)) + 48 * y[:, None, None]).astype(np.uint8)),
            idx(y.astype(np.uint8)),
        ]
    return dict(zip(NAMES, parts, strict=True))


@pytest.fixture
def source(contents):
    files = [
        SourceFile(
            name, url=f"http://127.0.0.1:9/{name}", sha256=hashlib.sha256(gzip.compress(content, mtime=1)).hexdigest(),
            content=hashlib.sha256(content).hexdigest(),
        )
        for name, content in contents.items()
    ]  # fmt: skip
    return DataSource(
        name="four", title="", licence="", citation="", homepage="", classes=("a", "b", "c", "d"), files=tuple(files),
        package="a package brings it",
    )  # fmt: skip


def put(folder, contents, pack=lambda content: gzip.compress(content, mtime=1), ending=".gz"):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name.removesuffix(".gz")).with_suffix(ending).write_bytes(pack(content))
    return folder


@pytest.mark.parametrize(
    "place", ["folder", "folder/four", "variable", "variable/four", "system", "cache/datasets/four"]
)
def test_files_are_found(tmp_path, monkeypatch, contents, source, place):
    put(tmp_path / place, contents)
    monkeypatch.setenv("SURROGATE_NAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SURROGATE_NAS_DATASETS", str(tmp_path / "variable"))
    source = DataSource(**{**vars(source), "folders": (str(tmp_path / "system"),)})
    found = source.find(tmp_path / "folder", offline=True)
    assert [path.name for path in found] == list(NAMES)
    data = Official(source=source, read=read_idx_pairs, validation=40).make("four", tmp_path / "folder", offline=True)
    assert [len(part) for part in data.splits[0]] == [160, 40, 60]
    assert data.splits[0].test.tolist() == list(range(200, 260))
    assert data.classes == ("a", "b", "c", "d")
    assert data.x.shape == (260, 1, 6, 5)


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, ".gz"), (bytes, "")], ids=["compressed anew", "unpacked"])
def test_the_same_data_in_another_form_are_the_same_data(tmp_path, contents, source, pack, ending):
    folder = put(tmp_path, contents, pack, ending)
    assert len(Official(source=source, read=read_idx_pairs, validation=40).make("four", folder).y) == 260


def test_other_data_under_the_same_names_are_not_taken(tmp_path, contents, source):
    """MNIST and Fashion-MNIST name their files alike."""
    put(tmp_path, dict(zip(NAMES, [idx(np.zeros((9, 6, 5), np.uint8)), *list(contents.values())[1:]], strict=True)))
    with pytest.raises(InvalidInputError, match="train-images.gz: expected sha256") as caught:
        source.find(tmp_path)
    assert "\n" not in str(caught.value)
    put(tmp_path / "four", contents)
    assert [path.parent.name for path in source.find(tmp_path)] == ["four"] * 4


@pytest.mark.parametrize("offline", [True, False])
def test_a_missing_file_says_where_to_get_it_and_where_to_put_it(tmp_path, monkeypatch, source, offline):
    monkeypatch.setenv("SURROGATE_NAS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InvalidInputError) as caught:
        source.find(tmp_path / "mine", offline=offline)
    message = str(caught.value)
    assert f"get it from http://127.0.0.1:9/train-images.gz and put it in {tmp_path / 'mine'}; a package" in message
    assert "\n" not in message


def test_a_subset_is_taken_from_the_parts_that_it_belongs_to(tmp_path, contents, source):
    folder = put(tmp_path, contents)
    whole = Official(source=source, read=read_idx_pairs, validation=40).make("all", folder)
    part = Official(source=source, read=read_idx_pairs, validation=40, train=80, test=20).make("some", folder)
    assert [len(positions) for positions in part.splits[0]] == [80, 40, 20]
    assert len(part.y) == 140
    for positions, others in zip(part.splits[0], whole.splits[0], strict=True):
        assert set(np.bincount(part.y[positions])) == {len(positions) // 4}
        pool = {image.tobytes() for image in whole.x[others]}
        assert {image.tobytes() for image in part.x[positions]} <= pool


def test_the_validation_part_is_a_share_of_every_class():
    split = official_split(np.repeat([0, 1], [900, 100]), np.repeat([0, 1], 50), 200)
    assert [len(part) for part in split] == [800, 200, 100]
    assert (split.val >= 900).sum() == 20


# --- what is published ---


def test_sources_are_complete():
    for name in ("mnist", "fashion-mnist", "cifar10", "cifar100", "svhn", "mnist-1d", "watch"):
        source = data_source(name)
        assert source.title
        assert source.citation
        assert source.licence
        assert len(set(source.classes)) == {"cifar100": 100, "watch": 7}.get(name, 10)
        for file in source.files:
            assert len(file.sha256) == 64
            assert file.url or file.page


def test_the_page_lists_every_data_set_with_its_sizes():
    page = (data_folder() / "datasets" / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    listed = {(row[0], row[1]): row for row in rows[2:]}
    assert list(listed) == [
        (kind, name) for kind in ("graph", "image", "sequence", "tabular") for name in list_datasets(kind)
    ]
    for (kind, name), row in listed.items():
        try:
            data = load_dataset(name, kind, offline=True)
        except InvalidInputError:  # not on this machine
            continue
        assert row[2].startswith(f"{len(data.y):,} ")
        assert row[2].endswith("regression" if data.regression else f" {data.num_outputs}")
        if row[3][0].isdigit():
            sizes = " / ".join(f"{len(part):,}" for part in data.splits[0])
            assert row[3].partition(", t")[0] == sizes  # and how many times


def test_names_of_data_sets():
    assert list_datasets("image")[:3] == ["digits", "few-digits", "fashion-mnist-subset"]
    assert load_dataset("digits", "image", offline=True) is load_dataset("digits", "image", folder="nowhere")
    assert list_datasets("sequence") == ["mnist-1d"]
    assert list_datasets("tabular") == ["digits", "wine", "breast-cancer", "diabetes"]
    assert len(list_datasets()) == len(set(list_datasets()))
    with pytest.raises(LookupError, match="unknown kind of input 'video': expected one of graph, image"):
        list_datasets("video")
    with pytest.raises(LookupError, match="unknown image dataset 'cifar-10'.*did you mean 'cifar10'"):
        load_dataset("cifar-10", "image")


@pytest.fixture(scope="module")
def debian():
    if not DEBIAN.is_dir():
        pytest.skip(f"{DEBIAN}: no Fashion-MNIST there (Debian: apt install dataset-fashion-mnist)")
    return DEBIAN


@pytest.mark.parametrize("name", PUBLISHED)
def test_debian_ships_the_published_fashion_mnist(debian, name):
    """Debian took the name and the time out of the files' gzip headers; with them the checksum is the published one."""
    packed = (debian / f"{name}.gz").read_bytes()
    assert packed[3] == 0  # no name in the header
    header = b"\x1f\x8b\x08\x08" + struct.pack("<I", PUBLISHED[name]) + b"\x00\x03" + name.encode() + b"\0"
    (file,) = (file for file in data_source("fashion-mnist").files if file.name == f"{name}.gz")
    assert hashlib.sha256(header + packed[10:]).hexdigest() == file.sha256
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == file.content


def test_fashion_mnist(debian):
    data = load_dataset("fashion-mnist", "image", offline=True)
    assert data.x.shape == (70_000, 1, 28, 28)
    assert [len(part) for part in data.splits[0]] == [50_000, 10_000, 10_000]
    assert set(np.bincount(data.y[data.splits[0].val])) == {1000}
    assert data.y[:5].tolist() == [9, 0, 0, 3, 0]  # the first images of its page: an ankle boot, T-shirts, a dress
    values, counts = np.arange(256) / 255, np.bincount(data.x[:60_000].ravel(), minlength=256)
    mean = np.average(values, weights=counts)
    assert mean == pytest.approx(0.2860, abs=1e-4)  # as everybody standardises its training part
    assert np.average((values - mean) ** 2, weights=counts) ** 0.5 == pytest.approx(0.3530, abs=1e-4)


def test_fashion_mnist_subset(debian):
    data, whole = (load_dataset(name, "image", offline=True) for name in ("fashion-mnist-subset", "fashion-mnist"))
    assert [len(part) for part in data.splits[0]] == [2000, 1000, 2000]
    tests = {image.tobytes() for image in whole.x[60_000:]}
    assert {image.tobytes() for image in data.x[data.splits[0].test]} <= tests
    assert not {image.tobytes() for image in data.x[data.splits[0].train]} & tests
