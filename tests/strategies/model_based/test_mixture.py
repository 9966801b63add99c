"""Several models as one, by hand."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import Forest, Predictor, Ridge
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import Mixture

SPACE = get_space("nas-bench-201")


def model(regressor):
    return Predictor(SPACE, OneHotEncoder(SPACE), regressor)


def test_moments_of_the_mixture():
    X = SPACE.sample(60, 0)
    y = X.sum(axis=1).astype(float)
    one, other = model(Ridge()), model(Forest(n_estimators=20))
    mean, std = Mixture(one, other).fit(X[:40], y[:40]).predict(X[40:], return_std=True)
    assert not hasattr(one, "regressor_")  # copies were fitted
    (a, s), (b, t) = (m.fit(X[:40], y[:40]).predict(X[40:], return_std=True) for m in (one, other))
    np.testing.assert_allclose(mean, (a + b) / 2)
    np.testing.assert_allclose(std**2, (s**2 + t**2) / 2 + ((a - b) / 2) ** 2)
    np.testing.assert_allclose(Mixture(one, other).fit(X[:40], y[:40]).predict(X[40:]), mean)


def test_nothing_to_mix():
    with pytest.raises(InvalidInputError, match="at least one model"):
        Mixture()
