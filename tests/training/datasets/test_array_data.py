"""Arrays of one's own as a data set: what becomes of them, and what wrong ones are answered with."""

import numpy as np
import pandas as pd
import pytest
import torch

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training import array_dataset, load_dataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.arange(40) % 2


@pytest.mark.parametrize(
    ("shape", "input_kind", "found", "input_shape"),
    [
        ((40, 3), None, "tabular", (3,)),
        ((40, 2, 9), None, "sequence", (2, 9)),
        ((40, 3, 5, 4), None, "image", (3, 5, 4)),
        ((40, 5, 4), "image", "image", (1, 5, 4)),
        ((40, 9), "sequence", "sequence", (1, 9)),
    ],
)
def test_the_number_of_axes_tells_the_kind_of_input(shape, input_kind, found, input_shape):
    data = array_dataset(np.ones(shape) * Y.reshape(-1, *[1] * (len(shape) - 1)), Y, input_kind=input_kind)
    assert (data.input_kind, data.input_shape, data.x.dtype) == (found, input_shape, np.float32)


def test_bytes_stay_bytes_in_images_alone():
    pixels = np.zeros((40, 1, 5, 5), dtype=np.uint8)
    assert array_dataset(pixels, Y).x.dtype == np.uint8
    assert array_dataset(pixels[:, 0], Y).x.dtype == np.float32
    assert array_dataset(pixels.astype(int), Y).x.dtype == np.float32


def test_nothing_of_the_caller_is_changed_or_kept():
    X, y = RNG.normal(size=(40, 3)).astype(np.float32), Y.copy()
    recipe = {"epochs": 3}
    data = array_dataset(X, y, recipe=recipe)
    before, labels = X.copy(), y.copy()
    recipe["epochs"] = 4
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(y, labels)
    assert data.recipe == {"epochs": 3}


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        (["no", "yes"] * 20, ("no", "yes"), [0, 1]),
        ([True, False] * 20, ("False", "True"), [1, 0]),
        ([7, 3] * 20, ("3", "7"), [1, 0]),
        ([0.0, 1.0] * 20, ("0.0", "1.0"), [0, 1]),
        (pd.Series(["b", "a"] * 20, dtype="category"), ("a", "b"), [1, 0]),
        (np.array(["b", "a"] * 20, dtype=object), ("a", "b"), [1, 0]),
        (torch.tensor([0, 1] * 20), ("0", "1"), [0, 1]),
    ],
)
def test_labels_of_any_type_become_classes(y, classes, codes):
    data = array_dataset(pd.DataFrame(X), y)
    assert data.classes == classes
    assert data.y[:2].tolist() == codes
    assert data.num_outputs == 2


@pytest.mark.parametrize(
    ("y", "task", "regression"),
    [
        (np.linspace(0, 1, 40), None, True),
        (np.arange(40), None, True),  # whole numbers, all different
        (np.arange(40) % 5, None, False),
        (np.arange(40) % 5 + 0.0, None, False),
        (np.arange(40) % 4, "regression", True),
        ([str(i % 2) for i in range(40)], None, False),
    ],
)
def test_the_task_follows_from_the_targets(y, task, regression):
    data = array_dataset(X, y, task=task)
    assert data.regression == regression
    assert data.y.dtype == (np.float32 if regression else np.int64)
    assert len(data.classes) == (0 if regression else len(set(y)))


def test_names_of_classes():
    assert array_dataset(X, Y, classes=["even", "odd"]).classes == ("even", "odd")


def test_descriptors_of_data_one_can_count():
    x = np.zeros((40, 2, 3, 4))
    x[:, 0] = (np.arange(40) < 30)[:, None, None]  # says all about the class; the other channel is constant
    x[:, 1, 0, 0] = np.tile([0, 1], 20)  # says nothing
    found = array_dataset(x, np.arange(40) < 30, validation=0.2, test=0.2).descriptors()
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75)) / np.log(2)
    signal = found.pop("signal")
    assert found == pytest.approx({
        "samples": 40, "train_samples": 24, "classes": 2, "channels": 2, "height": 3, "width": 4, "values": 24,
        "imbalance": 3.0, "class_entropy": entropy, "resplits": 1,
    })  # fmt: skip
    assert 12 / 13 <= signal <= 12.1 / 13


def test_signal_of_a_regression_is_the_squared_correlation():
    y = np.linspace(0, 1, 40)
    data = array_dataset(np.stack([y, -2 * y, y**2], axis=1), y)
    train = data.splits[0].train
    expected = np.mean([1, 1, np.corrcoef(y[train] ** 2, y[train])[0, 1] ** 2])
    assert data.descriptors()["signal"] == pytest.approx(expected, abs=1e-5)


def test_data_of_scikit_learn_are_its_own():
    from sklearn.datasets import load_diabetes, load_digits

    digits = load_dataset("digits", "image")
    np.testing.assert_array_equal(digits.x[:, 0], load_digits().images)
    np.testing.assert_array_equal(digits.y, load_digits().target)
    assert load_dataset("breast-cancer", "tabular").classes == ("malignant", "benign")
    diabetes = load_dataset("diabetes", "tabular")
    assert diabetes.regression
    np.testing.assert_array_equal(diabetes.y, load_diabetes().target.astype(np.float32))


def test_mnist_1d_is_what_its_authors_publish():
    """Numbers of the data set's page: 4,000 and 1,000 curves of 40 values, a tenth of each digit, standardised."""
    data = load_dataset("mnist-1d", "sequence")
    assert data.x.shape == (5000, 1, 40)
    assert [len(part) for part in data.splits[0]] == [3000, 1000, 1000]
    assert data.splits[0].test.tolist() == list(range(4000, 5000))
    assert np.bincount(data.y).tolist() == [500] * 10
    assert data.x.mean() == pytest.approx(0, abs=1e-6)
    assert data.x.std() == pytest.approx(1, abs=1e-6)


def test_a_linear_model_gets_the_published_score_on_mnist_1d():
    from sklearn.linear_model import LogisticRegression

    data = load_dataset("mnist-1d", "sequence")
    x, y = data.x[:, 0], data.y
    assert LogisticRegression(max_iter=200).fit(x[:4000], y[:4000]).score(x[4000:], y[4000:]) == pytest.approx(
        0.32, abs=0.02
    )


def holed(*place):
    x = np.zeros((40, 2, 5, 4))
    x[place] = np.nan
    return x


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.where(np.arange(120).reshape(40, 3) == 7, np.nan, X)}, "1 NaN or infinite.*sample 2, column 1"),
        ({"X": holed(3, 1, 2, 0)}, "sample 3, channel 1, height 2, width 0"),
        ({"X": X * 1e300}, "infinite"),
        ({"X": X[:, 0]}, r"X: expected shape \(samples, columns\), .* got shape \(40,\)"),
        ({"X": [["a"] * 3] * 40}, "X: expected numbers.*encode text"),
        ({"X": [[1.0], [1.0, 2.0]] * 20}, "X: expected numbers, all samples of one shape"),
        ({"X": np.zeros((40, 32, 32, 3))}, r"X.transpose\(0, 3, 1, 2\)"),
        ({"X": np.zeros((0, 3)), "y": []}, r"got shape \(0, 3\)"),
        ({"X": X, "input_kind": "image"}, r"image data of shape \(samples, channels, height, width\), got .*\(40, 3\)"),
        ({"X": X, "input_kind": "video"}, "input_kind: expected one of image, sequence, tabular, got 'video'"),
        ({"y": Y[:-1]}, r"y: expected one label per sample \(40\), got 39"),
        ({"y": np.zeros((40, 2))}, r"y: expected one label per sample, shape \(40,\), got shape \(40, 2\)"),
        ({"y": np.zeros(40)}, "at least two classes, got one"),
        ({"y": np.where(Y == 0, np.nan, 1.0)}, "label for every sample, got 20 NaN.* sample 0"),
        ({"y": [None, "a"] * 20}, "label for every sample, got 20"),
        ({"y": [1, "a"] * 20}, None),
        ({"y": np.array([1, "a"] * 20, dtype=object)}, "all of one kind, got int and str"),
        ({"y": ["a", "b"] * 20, "task": "regression"}, "numbers for a regression, got text"),
        ({"y": np.full(40, 3.0), "task": "regression"}, "targets that differ, got 3 for every"),
        ({"task": "ranking"}, "'classification' or 'regression', got 'ranking'"),
        ({"classes": ["a"]}, r"classes: expected a list of 2 different names, one for each label, got \['a'\]"),
        ({"classes": ["a", "a"]}, "different names"),
        ({"classes": "ab"}, "a list of 2 different names"),
        ({"X": X + 0j}, "X: expected numbers"),
        ({"X": np.full((40, 3), "2020-01-01", dtype="datetime64[s]")}, "X: expected numbers"),
        ({"y": Y + 0j}, "y: expected text or numbers, got complex128"),
        ({"y": np.linspace(0, 1e300, 40)}, r"y: expected targets below 3e\+38, got larger ones"),
        (
            {"y": np.linspace(0, 1, 40), "validation": 0.03},
            "at least 2 samples in every part, got a part of 1 of the 40",
        ),
        ({"splits": 5}, r"splits: expected a list of \(train, val, test\), got 5"),
        ({"y": np.linspace(0, 1, 40), "classes": ["a"]}, "classes: expected none for a regression"),
        ({"y": np.arange(40) // 39}, "class '1': expected at least 3 samples for training, validation and test, got 1"),
        ({"y": np.arange(40) // 37, "folds": 5}, "class '1': expected at least 6 samples for 5 folds.*got 3; lower fo"),
        ({"folds": 1}, "folds: expected a whole number of at least 2"),
        ({"repeats": 0}, "repeats: expected a whole number of at least 1"),
        ({"test": 0}, "test: expected a share of the samples between 0 and 1, got 0"),
        ({"validation": 20}, "validation: expected a share"),
        ({"validation": 0.6, "test": 0.5}, "something left to train on"),
        ({"folds": 2, "validation": 0.5}, "something left to train on"),
        ({"validation": 0.01}, "a sample of each of the 2 classes, got a part of 0"),
        ({"groups": np.arange(40) % 2}, "groups: expected at least 3 different ones"),
        ({"groups": np.arange(39)}, r"groups: expected one group per sample \(40\), got 39"),
        ({"groups": Y // 2 + Y * (np.arange(40) // 10)}, "none of class 0"),
        ({"splits": []}, "one or more"),
        ({"splits": [(range(10), range(10, 20))]}, r"expected \(train, val, test\)"),
        ({"splits": [(range(10), range(5, 20), range(20, 40))]}, "some sample twice"),
        (
            {"splits": [(range(10), [11, 13], range(20, 40))]},
            "split 0, val: expected samples of every class.*none of cl",
        ),
        ({"splits": [(range(10), range(10, 20), range(20, 41))]}, "positions from 0 to 39"),
        ({"splits": [(Y == 0, Y == 0, Y == 1)]}, "np.flatnonzero for masks"),
    ],
)
def test_wrong_input_is_one_line(changes, message):
    arguments = {"X": X, "y": Y} | changes
    if message is None:  # NumPy makes text of both: two classes
        assert array_dataset(**arguments).classes == ("1", "a")
        return
    with pytest.raises(InvalidInputError, match=message) as caught:
        array_dataset(**arguments)
    assert "\n" not in str(caught.value)
