"""Torch's own data sets, and pictures that one of them hands out."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training import from_torch_dataset

X = torch.randn(30, 2, 9, generator=torch.Generator().manual_seed(0))
Y = torch.arange(30) % 3


class Pictures(Dataset):
    """As torchvision hands them out: Pillow's images with the channels last, and an int."""

    def __init__(self, *shape):
        self.pixels = np.random.default_rng(0).integers(0, 256, (30, *shape)).astype(np.uint8)

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, i):
        return Image.fromarray(self.pixels[i]), i % 3


class Items(Dataset):
    """Whatever it is given."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Stream(IterableDataset):
    """Has no length."""

    def __iter__(self):
        return iter(())


def test_tensors():
    data = from_torch_dataset(TensorDataset(X, Y), folds=3)
    np.testing.assert_array_equal(data.x, X)
    np.testing.assert_array_equal(data.y, Y)
    assert data.input_kind == "sequence"
    assert len(data.splits) == 3


def test_targets():
    data = from_torch_dataset(TensorDataset(X[:, 0], X.mean((1, 2))))
    assert data.regression
    np.testing.assert_array_equal(data.y, X.mean((1, 2)))


@pytest.mark.parametrize(("shape", "expected"), [((6, 5, 3), (3, 6, 5)), ((6, 5), (1, 6, 5))])
def test_pictures(shape, expected):
    data = from_torch_dataset(Pictures(*shape))
    assert data.input_shape == expected
    assert data.x.dtype == np.uint8


def test_sixteen_bits():
    np.testing.assert_array_equal(from_torch_dataset(TensorDataset(X.bfloat16(), Y)).x, X.bfloat16().float())


def test_given_parts():
    whole = TensorDataset(X, Y)
    parts = [Subset(whole, range(a, b)) for a, b in ((0, 12), (12, 18), (18, 30))]
    data = from_torch_dataset(parts[0], val=parts[1], test=parts[2])
    assert [part.tolist() for part in data.splits[0]] == [list(range(12)), list(range(12, 18)), list(range(18, 30))]
    np.testing.assert_array_equal(data.x, X)


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        (Stream(), {}, "a map-style torch Dataset with a length, got Stream"),
        (Items(), {}, "expected samples, got an empty Items"),
        (TensorDataset(X), {}, r"items \(sample, label\), got tuple at 0"),
        (Items({"x": 1}), {}, r"items \(sample, label\), got dict at 0"),
        (Items((X[0], 0), (X[0, :1], 1)), {}, r"one shape, got \(2, 9\) at 0 and \(1, 9\) at 1"),
        (Items(("text", 0)), {}, "samples of numbers, got str at 0"),
        (TensorDataset(X, Y), {"val": TensorDataset(X, Y)}, "val and test: expected both or neither"),
        (TensorDataset(X, X), {}, "one label per sample, got several at 0"),
        (TensorDataset(X * torch.nan, Y), {}, "540 NaN or infinite"),
        (TensorDataset(X, Y * 0), {}, "at least two classes"),
    ],
)
def test_wrong_data_sets_are_one_line(dataset, options, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        from_torch_dataset(dataset, **options)
    assert "\n" not in str(caught.value)
