"""Every data set that is on this machine, and one of each kind of the user's own."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.testing.dataset import CHECKS
from surrogate_nas.training import array_dataset, list_datasets, load_dataset

RNG = np.random.default_rng(0)
LABELS = np.repeat(["a", "b", "c"], 20)
OWN = {
    "images of bytes": lambda: array_dataset(RNG.integers(0, 256, (60, 3, 5, 4)).astype(np.uint8), LABELS, folds=3),
    "grey images": lambda: array_dataset(RNG.normal(size=(60, 5, 4)), LABELS, input_kind="image"),
    "sequences": lambda: array_dataset(RNG.normal(size=(60, 2, 9)), LABELS, groups=np.arange(60) % 10, repeats=2),
    "tables": lambda: array_dataset(RNG.normal(size=(60, 7)), RNG.normal(size=60), folds=5, recipe={"epochs": 3}),
}
NAMED = [(kind, name) for kind in ("graph", "image", "sequence", "tabular") for name in list_datasets(kind)]


@pytest.fixture(scope="module", params=[*NAMED, *OWN], ids=str)
def data(request):
    if request.param in OWN:
        return OWN[request.param]()
    kind, name = request.param
    try:
        return load_dataset(name, kind, offline=True)
    except InvalidInputError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check, data):
    check(data)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, name in NAMED if kind != "graph"])
def test_labels_belong_to_their_samples(kind, name):
    """A linear model of the training samples says more about the validation samples than chance."""
    from sklearn.linear_model import RidgeClassifier, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    try:
        data = load_dataset(name, kind, offline=True)
    except InvalidInputError as error:
        pytest.skip(str(error))
    train, val, _ = (part[:2000] for part in data.splits[0])
    x = data.x.reshape(len(data.x), -1).astype(np.float64)
    model = make_pipeline(StandardScaler(), RidgeCV() if data.regression else RidgeClassifier(alpha=10.0))
    score = model.fit(x[train], data.y[train]).score(x[val], data.y[val])
    chance = 0.0 if data.regression else np.bincount(data.y[val]).max() / len(val)
    assert score > chance + 0.15
