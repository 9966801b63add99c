"""The plain composition of space, encoder and regressor, and its rankings."""

import numpy as np
import pytest
from sklearn.base import clone

from surrogate_nas.core import InvalidInputError
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import AutoPredictor, Forest, GaussianProcess, Predictor
from surrogate_nas.predictors.base import CHUNK
from surrogate_nas.spaces import get_space

SPACE = get_space("nas-bench-201")
X = SPACE.sample(80, np.random.default_rng(0))
Y = (X == 3).sum(axis=1) + 0.1 * np.arange(80) / 80


def plain(**changes):
    parts = {"space": SPACE, "encoder": OneHotEncoder(SPACE), "regressor": Forest(n_estimators=20)}
    return Predictor(**{**parts, **changes})


def test_parts_are_stored_and_not_fitted():
    predictor = plain()
    encoder, regressor = predictor.encoder, predictor.regressor
    predictor.fit(X, Y)
    assert predictor.encoder is encoder
    assert predictor.regressor is regressor
    assert not hasattr(regressor, "booster_")
    assert clone(predictor).space.name == SPACE.name


def test_side_features_stand_beside_the_encoding():
    side = np.random.default_rng(1).normal(size=80)
    predictor = plain(regressor=GaussianProcess()).fit(X, side, extra=side)
    assert predictor.regressor_.n_features_in_ == 31
    assert np.corrcoef(predictor.predict(X, extra=side[:, None]), side)[0, 1] > 0.99


@pytest.mark.parametrize("extra", [np.ones(79), np.ones((79, 1)), np.ones((80, 1, 1)), np.full(80, np.inf)])
def test_wrong_side_features(extra):
    with pytest.raises(InvalidInputError, match="extra"):
        plain().fit(X, Y, extra=extra)


@pytest.mark.parametrize("weight", [np.zeros(80), np.ones(79), np.full(80, -1.0), np.full(80, np.nan)])
def test_wrong_weights(weight):
    with pytest.raises(InvalidInputError, match="sample_weight"):
        plain().fit(X, Y, sample_weight=weight)


def test_missing_regressor_and_flat_floats():
    with pytest.raises(InvalidInputError, match="AutoPredictor"):
        Predictor(SPACE, OneHotEncoder(SPACE)).fit(X, Y)
    with pytest.raises(InvalidInputError, match="floats of shape"):
        Predictor(None, None, Forest()).fit(Y, Y)


def test_many_rows_are_predicted_piece_by_piece():
    predictor = plain().fit(X, Y)
    rows = SPACE.sample(CHUNK + 100, np.random.default_rng(2))
    mean, std = predictor.predict(rows, return_std=True)
    np.testing.assert_allclose(mean[-200:], predictor.predict(rows[-200:]), rtol=1e-6)
    np.testing.assert_allclose(std[-200:], predictor.predict(rows[-200:], return_std=True).std, rtol=1e-6)


def test_equal_predictions_keep_their_order():
    predictor = plain().fit(X, np.ones(80))
    np.testing.assert_array_equal(predictor.rank(X, top=7).index, np.arange(7))


def test_side_features_go_with_their_rows_into_the_ranking():
    side = np.arange(80.0)
    predictor = plain(regressor=GaussianProcess()).fit(X, side, extra=side)
    ranking = predictor.rank(X, top=5, extra=side)
    assert set(ranking.index) <= set(range(60, 80))
    assert (np.diff(ranking.mean) <= 0).all()


def test_a_ranking_of_floats_has_positions_instead_of_texts():
    rng = np.random.default_rng(0)
    floats = rng.normal(size=(40, 3))
    ranking = Predictor(None, None, Forest(n_estimators=20)).fit(floats, floats[:, 0]).rank(floats, top=3)
    assert ranking.to_pandas()["architecture"].tolist() == ranking.index.tolist()
    with pytest.raises(InvalidInputError, match="floats"):
        _ = ranking.texts


@pytest.mark.parametrize("direction", ["max", "min"])
def test_probability_best_goes_by_the_direction(direction):
    space = get_space("nas-bench-201")
    rng = np.random.default_rng(0)
    rows, test = space.sample(60, rng, unique=True), space.sample(300, rng, unique=True)
    y = (rows == 3).sum(axis=1) + 0.1 * rng.normal(size=60)
    predictor = AutoPredictor(space, direction=direction).fit(rows, y)
    share = predictor.probability_best(test)
    assert share.sum() == pytest.approx(1.0)
    ranking = predictor.rank(test)
    assert share[ranking.index[:30]].sum() > 0.5
    assert predictor.probability_best(test[:0]).shape == (0,)
    low, high = predictor.predict_interval(test, level=0.8)
    mean = predictor.predict(test)
    assert (low <= mean).all()
    assert (mean <= high).all()
