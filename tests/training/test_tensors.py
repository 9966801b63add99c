"""Data as tensors: standardised by the training part alone."""

import numpy as np
import pytest
import torch

from surrogate_nas.training import array_dataset
from surrogate_nas.training.tensors import split_tensors

SHAPES = {"image": (3, 5, 4), "sequence": (2, 9), "tabular": (6,)}


def made(rng, shape, dtype=np.float32, **options):
    x = (rng.normal(size=(50, *shape)) * 40 + 90).clip(0, 255).astype(dtype)
    return array_dataset(x, np.arange(50) % 2, **options)


@pytest.mark.parametrize("kind", SHAPES)
def test_the_training_part_has_zero_mean_and_unit_variance_per_channel(rng, kind):
    first, second = split_tensors(made(rng, SHAPES[kind], repeats=2))
    axes = (0, *range(2, len(SHAPES[kind]) + 1))
    for split in (first, second):
        x, y = split.part("train")
        assert x.dtype == torch.float32
        np.testing.assert_allclose(x.mean(axes), 0, atol=1e-6)
        np.testing.assert_allclose(x.std(axes, correction=0), 1, atol=1e-5)
        assert y.dtype == torch.int64
        assert abs(split.part("test")[0].mean()) > 1e-4
    assert first.samples is second.samples
    assert not torch.equal(first.mean, second.mean)


def test_nothing_is_learned_from_validation_and_test_data(rng):
    data = made(rng, (6,))
    (before,) = split_tensors(data)
    data.x[data.splits[0].val] *= 100
    data.x[data.splits[0].test] += 1000
    (after,) = split_tensors(array_dataset(data.x, data.y, splits=data.splits))
    assert torch.equal(before.mean, after.mean)
    assert torch.equal(before.scale, after.scale)


def test_images_stay_bytes_until_they_are_asked_for(rng):
    data = made(rng, (3, 5, 4), np.uint8)
    (split,) = split_tensors(data)
    assert split.samples.dtype == torch.uint8
    positions = torch.tensor([3, 1])
    x = split.inputs(positions)
    assert x.is_contiguous(memory_format=torch.channels_last)
    train = data.x[data.splits[0].train].astype(np.float64)
    mean, std = (getattr(train, f)(axis=(0, 2, 3), keepdims=True) for f in ("mean", "std"))
    np.testing.assert_allclose(x, (data.x[[3, 1]] - mean) / std, atol=1e-5)


def test_columns_that_never_vary_are_zero(rng):
    x = rng.normal(size=(40, 3))
    x[:, 1] = 0.1
    (split,) = split_tensors(array_dataset(x, np.arange(40) % 2))
    assert (split.part("val")[0][:, 1] == 0).all()


def test_a_target_is_standardised_and_comes_back_in_its_unit(rng):
    y = rng.normal(1e4, 3.0, size=60)
    data = array_dataset(rng.normal(size=(60, 3)), y)
    (split,) = split_tensors(data)
    assert split.regression
    _, target = split.part("train")
    assert float(target.mean()) == pytest.approx(0, abs=1e-5)
    assert float(target.std(correction=0)) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(split.in_unit(target), data.y[data.splits[0].train], rtol=1e-6)


def test_the_tensors_of_a_data_set_are_made_once(rng):
    data = made(rng, (6,))
    assert split_tensors(data) is split_tensors(data, torch.device("cpu"))
