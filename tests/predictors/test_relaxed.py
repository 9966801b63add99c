"""A predictor on relaxed architectures: its gradient is exact, and its corners are the architectures."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.predictors import MLPEnsemble, RelaxedPredictor, load_predictor
from surrogate_nas.spaces import get_space
from surrogate_nas.testing.strategy import Landscape

SPACES = ["nas-bench-201", "nas-bench-graph-proteins", "nats-sss", "mlp"]  # none ordered, all ordered, both


def corners(space, X):
    return np.concatenate([np.eye(c)[X[:, gene]] for gene, c in enumerate(space.cardinalities)], axis=1)


def fitted(name, **options):
    space = get_space(name)
    X = space.sample(80, np.random.default_rng(0), unique=True)
    return RelaxedPredictor(space, epochs=20, **options).fit(X, 90 + 5 * Landscape(space)(X))


@pytest.mark.parametrize("name", SPACES)
def test_corners_are_architectures(name):
    predictor = fitted(name)
    X = predictor.space.sample(50, np.random.default_rng(1))
    np.testing.assert_allclose(predictor.gradient(corners(predictor.space, X))[0], predictor.predict(X), rtol=1e-12)


@pytest.mark.parametrize("name", SPACES)
def test_gradients_equal_finite_differences(name):
    """Central differences; perceptrons are linear between kinks, and a step of 1e-6 hardly ever meets one."""
    predictor = fitted(name)
    rng = np.random.default_rng(2)
    P = np.concatenate([rng.dirichlet(np.ones(c), 3) for c in predictor.space.cardinalities], axis=1)
    _, slopes = predictor.gradient(P)
    steps = 1e-6 * np.eye(P.shape[1])
    for p, slope in zip(P, slopes, strict=True):
        expected = (predictor.gradient(p + steps)[0] - predictor.gradient(p - steps)[0]) / 2e-6
        np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)


def test_an_ensemble_is_flat_where_features_are_cut():
    X = np.random.default_rng(3).normal(size=(40, 2))
    ensemble = MLPEnsemble(n_models=2, hidden=8, epochs=10).fit(X, X[:, 0])
    values, slopes = ensemble.gradient([[100.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(values, ensemble.predict([[100.0, 0.0], [0.0, 0.0]]))
    assert slopes[0, 0] == 0 != slopes[1, 0]


def test_equal_scores_are_flat():
    space = get_space("nas-bench-201")
    X = space.sample(9, np.random.default_rng(4), unique=True)
    values, slopes = RelaxedPredictor(space).fit(X, np.full(9, 3.0)).gradient(corners(space, X))
    assert (values == 3).all()
    assert not slopes.any()


def test_it_is_saved(tmp_path):
    predictor = fitted("nats-sss", direction="min")
    predictor.save(tmp_path / "p")
    again = load_predictor(tmp_path / "p")
    P = corners(predictor.space, predictor.space.sample(5, np.random.default_rng(5)))
    assert again.direction == "min"
    for found, expected in zip(again.gradient(P), predictor.gradient(P), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_wrong_input_is_one_line():
    space = get_space("nas-bench-201")
    X = space.sample(9, np.random.default_rng(6), unique=True)
    with pytest.raises(InvalidInputError, match="fitted without side features"):
        RelaxedPredictor(space).gradient(np.zeros((1, 30)))
    with pytest.raises(InvalidInputError, match="fitted without side features"):
        RelaxedPredictor(space).fit(X, np.arange(9.0), extra=np.ones((9, 1))).gradient(np.zeros((1, 30)))
    with pytest.raises(InvalidInputError, match=r"weights of shape \(n, 30\), one per gene and value, got \(1, 6\)"):
        RelaxedPredictor(space).fit(X, np.arange(9.0)).gradient(X[:1])
