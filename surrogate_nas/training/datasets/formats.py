"""Readers of the official formats of image data sets: IDX, the binary CIFAR archives, MATLAB files.

Nothing is unpickled. What a file says about its own size is compared with what it holds, so that a truncated or
damaged one is an error in one line and never a shorter data set.
"""

import gzip
import math
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError

Bytes = npt.NDArray[np.uint8]

#: Third byte of an IDX file: the type of its values.
_IDX_BYTES = 8

#: Values of a CIFAR image: 3 channels of 32x32.
_CIFAR_SHAPE = (3, 32, 32)

#: What reading a damaged file raises, whichever library reads it.
_BROKEN = (EOFError, KeyError, MemoryError, OSError, TypeError, ValueError, zlib.error, tarfile.TarError)


class Labelled(NamedTuple):
    """Images, uint8 of shape (n, channels, height, width), and their classes, int64 of shape (n,)."""

    x: Bytes
    y: npt.NDArray[np.int64]


class TrainTest(NamedTuple):
    """The two parts in which data sets are published."""

    train: Labelled
    test: Labelled


@contextmanager
def _reading(path: Path, what: str, *broken: type[Exception]) -> Iterator[None]:
    """Turn whatever a damaged file makes a library raise into one line."""
    try:
        yield
    except InvalidInputError:
        raise
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: expected {what}, got no file") from None
    except _BROKEN + broken as error:
        raise InvalidInputError(
            f"{path}: expected {what}, got something else, or it is truncated ({type(error).__name__}); get it again"
        ) from None


def read_idx(path: Path) -> Bytes:
    """Read an IDX file of bytes, gzipped or not.

    Args:
        path: The file.

    Returns:
        uint8 of the shape that the file declares.

    Raises:
        InvalidInputError: No such file, no IDX file of bytes, or not as long as it says.
    """
    with _reading(path, "an IDX file"), path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        with cast(IO[bytes], gzip.open(raw)) if packed else raw as file:
            zero, kind, axes = file.read(2), file.read(1), file.read(1)
            if zero != b"\0\0" or kind != bytes([_IDX_BYTES]) or not axes:
                raise InvalidInputError(f"{path}: expected an IDX file of bytes, got another beginning; get it again")
            lengths = file.read(4 * axes[0])
            if len(lengths) < 4 * axes[0]:
                raise InvalidInputError(f"{path}: expected the lengths of {axes[0]} axes, got its end; get it again")
            shape = tuple(np.frombuffer(lengths, dtype=">u4").tolist())
            content, expected = file.read(), math.prod(shape)
            if len(content) != expected:
                raise InvalidInputError(f"{path}: expected {expected} values for shape {shape}, got {len(content)}; it "
                                        "is truncated or damaged: get it again")  # fmt: skip
            return np.frombuffer(bytearray(content), dtype=np.uint8).reshape(shape)


def read_idx_pairs(paths: list[Path]) -> TrainTest:
    """Read four IDX files as MNIST has them: images and labels to train on, images and labels to test on."""
    parts = []
    for images, labels in (paths[:2], paths[2:]):
        x, y = read_idx(images), read_idx(labels)
        if x.ndim != 3 or y.shape != x.shape[:1]:
            raise InvalidInputError(
                f"{images} and {labels.name}: expected images and as many labels, got shapes {x.shape} and {y.shape}"
            )
        parts.append(Labelled(x[:, None], y.astype(np.int64)))
    return TrainTest(*parts)


def read_cifar10(paths: list[Path]) -> TrainTest:
    """Read the binary CIFAR-10 archive: records of one label and one image."""
    return _read_cifar(paths[0], [f"data_batch_{i}.bin" for i in range(1, 6)], ["test_batch.bin"], labels=1)


def read_cifar100(paths: list[Path]) -> TrainTest:
    """Read the binary CIFAR-100 archive: records of a coarse label, a fine one, which is taken, and one image."""
    return _read_cifar(paths[0], ["train.bin"], ["test.bin"], labels=2)


def _read_cifar(path: Path, train: list[str], test: list[str], labels: int) -> TrainTest:
    """Members are found by their names alone and read in memory: nothing is written where an archive says."""
    wanted: dict[str, Labelled] = {}
    with _reading(path, "a CIFAR archive (.tar.gz, binary version)"), tarfile.open(path, "r|gz") as archive:
        for member in archive:
            name = Path(member.name).name
            if name not in (*train, *test) or not (file := archive.extractfile(member)):
                continue
            content = file.read()
            record = labels + math.prod(_CIFAR_SHAPE)
            if not content or len(content) % record:
                raise InvalidInputError(f"{path}: expected records of {record} bytes in {name}, got {len(content)} "
                                        "bytes; get it again")  # fmt: skip
            records = np.frombuffer(content, dtype=np.uint8).reshape(-1, record)
            wanted[name] = Labelled(
                records[:, labels:].reshape(-1, *_CIFAR_SHAPE), records[:, labels - 1].astype(np.int64)
            )
    missing = [name for name in (*train, *test) if name not in wanted]
    if missing:
        raise InvalidInputError(
            f"{path}: expected {missing[0]} in it, got an archive without; is it the binary version?"
        )
    return TrainTest(*(_joined([wanted[name] for name in part]) for part in (train, test)))


def _joined(parts: list[Labelled]) -> Labelled:
    return Labelled(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def read_mat_pairs(paths: list[Path]) -> TrainTest:
    """Read two MATLAB files as SVHN has them: X (height, width, channels, n) and y (n, 1), in which 10 is a zero."""
    return TrainTest(*(_read_mat(path) for path in paths))


def _read_mat(path: Path) -> Labelled:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    with _reading(path, "a MATLAB file with X and y", MatReadError), path.open("rb") as file:
        content = loadmat(file, variable_names=["X", "y"])
        X, y = np.asarray(content["X"]), np.asarray(content["y"]).ravel()
    if X.ndim != 4 or X.dtype != np.uint8 or len(y) != X.shape[3]:
        raise InvalidInputError(
            f"{path}: expected X of bytes (height, width, channels, n) and n labels y, got {X.dtype} of shape "
            f"{X.shape} and {len(y)} labels"
        )
    return Labelled(np.ascontiguousarray(X.transpose(3, 2, 0, 1)), y.astype(np.int64) % 10)
