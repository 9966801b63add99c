"""The contract of a data set, as checks that any data set can be run through, also a user's own.

    import pytest
    from surrogate_nas.testing.dataset import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(my_data)

A data set has ``x``, ``y``, ``splits``, ``input_kind``, ``input_shape``, ``num_outputs``, ``regression``, ``recipe``
and ``descriptors()``, as :class:`~surrogate_nas.training.ArrayDataset` and
:class:`~surrogate_nas.training.GraphDataset` do.
"""

import copy
import json
import math
import pickle
from collections.abc import Callable

import numpy as np

from surrogate_nas.training import ArrayDataset, GraphDataset, default_recipe

AnyDataset = ArrayDataset | GraphDataset


def check_samples(data: AnyDataset) -> None:
    """Samples are finite float32 of the declared shape; bytes are for images."""
    assert data.x.shape == (len(data.y), *data.input_shape)
    assert data.x.size
    if data.x.dtype == np.uint8:
        assert data.input_kind == "image"
    else:
        assert data.x.dtype == np.float32
        assert np.isfinite(data.x).all()
    # torch shares the memory of arrays: they have to be its kind of arrays.
    assert data.x.flags.c_contiguous
    assert data.x.flags.writeable
    assert len(data.input_shape) == {"graph": 1, "tabular": 1, "sequence": 2, "image": 3}[data.input_kind]


def check_labels(data: AnyDataset) -> None:
    """Classes are 0 to k - 1, all of them there; targets of a regression are finite and differ."""
    if data.regression:
        assert data.y.dtype == np.float32
        assert np.isfinite(data.y).all()
        assert data.y.min() < data.y.max()
        assert data.num_outputs == 1
    else:
        assert data.y.dtype == np.int64
        assert np.unique(data.y).tolist() == list(range(data.num_outputs))
        assert data.num_outputs >= 2


def check_splits(data: AnyDataset) -> None:
    """No sample is in two parts of a split, no part is empty or lacks a class, and no split comes twice."""
    assert data.splits
    for split in data.splits:
        assert split._fields == ("train", "val", "test")
        for part in split:
            assert part.dtype == np.int64
            assert len(part)
            assert 0 <= part.min() <= part.max() < len(data.y)
            if not data.regression:
                assert len(np.unique(data.y[part])) == data.num_outputs
        joined = np.concatenate(split)
        assert len(np.unique(joined)) == len(joined)
    assert len({b"".join(part.tobytes() for part in split) for split in data.splits}) == len(data.splits)


def check_descriptors(data: AnyDataset) -> None:
    """Descriptors are finite numbers by name, the same each time, and survive JSON."""
    found = data.descriptors()
    assert found
    assert {type(name) for name in found} == {str}
    assert {type(value) for value in found.values()} == {float}
    assert all(map(math.isfinite, found.values()))
    assert data.descriptors() == found
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def check_recipe(data: AnyDataset) -> None:
    """What training is to do differently are fields of a recipe."""
    assert data.name
    default_recipe(data.input_kind, data.recipe)


def check_copies(data: AnyDataset) -> None:
    """It can be sent to another process, and a copy is equal in every number."""
    assert pickle.dumps(data)
    again = copy.deepcopy(data)  # by the protocol of pickles, without reading one
    np.testing.assert_array_equal(again.x, data.x)
    np.testing.assert_array_equal(again.y, data.y)
    for a, b in zip(again.splits, data.splits, strict=True):
        for part, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(part, other)
    assert again.descriptors() == data.descriptors()
    assert dict(again.recipe) == dict(data.recipe)


def check_names(data: AnyDataset) -> None:
    """Classes have different names, one each; a regression has none."""
    if isinstance(data, ArrayDataset):
        assert len(data.classes) == (0 if data.regression else data.num_outputs)
        assert len(set(data.classes)) == len(data.classes)
        assert all(data.classes)


#: All checks, in the order in which they make most sense of a fault.
CHECKS: tuple[Callable[[AnyDataset], None], ...] = (
    check_samples,
    check_labels,
    check_splits,
    check_descriptors,
    check_recipe,
    check_copies,
    check_names,
)
