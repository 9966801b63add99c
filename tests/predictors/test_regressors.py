"""The regressors as scikit-learn estimators on plain floats."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.predictors import BoostedTrees, Forest, GaussianProcess, MLPEnsemble

REGRESSORS = [
    BoostedTrees(n_estimators=30, learning_rate=0.2, n_models=2),
    Forest(n_estimators=100),
    GaussianProcess(),
    MLPEnsemble(n_models=3, hidden=32, epochs=60),
]

#: Checks that cannot hold, and why.
EXPECTED = {
    "BoostedTrees": {
        "check_sample_weight_equivalence_on_dense_data": "rows are drawn at random, so repeated rows are other draws",
    },
    "Forest": {
        "check_sample_weight_equivalence_on_dense_data": "rows are drawn at random, so repeated rows are other draws",
    },
    "GaussianProcess": {
        "check_sample_weight_equivalence_on_dense_data": "equal repeated scores say that there is little noise, a "
        "weight does not; with given parameters the two agree (test_weights_are_repetitions)",
    },
    "MLPEnsemble": {
        "check_sample_weight_equivalence_on_dense_data": "rows are drawn at random, so repeated rows are other draws",
    },
}


@parametrize_with_checks(REGRESSORS, expected_failed_checks=lambda e: EXPECTED[type(e).__name__])
def test_scikit_learn(estimator, check):
    check(estimator)


def smooth(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    return X, 10 + np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("regressor", REGRESSORS, ids=lambda r: type(r).__name__)
class TestAll:
    def test_it_learns(self, regressor):
        X, y = smooth(300)
        test, true = smooth(200, seed=1)
        mean, std = regressor.fit(X, y).predict(test, return_std=True)
        assert np.mean((mean - true) ** 2) < 0.4 * np.var(true)
        assert (std > 0).all()
        assert 0.6 < np.mean(np.abs(true - mean) < 2 * std) <= 1.0

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_bad_scores_are_refused(self, regressor, bad):
        X, y = smooth(20)
        y[7] = bad
        with pytest.raises(InvalidInputError, match="position 7"):
            regressor.fit(X, y)

    def test_constant_scores(self, regressor):
        X, _ = smooth(20)
        mean, std = regressor.fit(X, np.full(20, 4.2)).predict(X, return_std=True)
        np.testing.assert_allclose(mean, 4.2)
        assert (std >= 0).all()

    def test_one_and_two_rows(self, regressor):
        X, y = smooth(20)
        for n in (1, 2):
            mean, std = regressor.fit(X[:n], y[:n]).predict(X, return_std=True)
            assert np.isfinite(mean).all()
            assert (std >= 0).all()

    def test_rows_of_weight_zero_do_not_count(self, regressor):
        X, y = smooth(60)
        weight = np.ones(60)
        weight[40:] = 0.0
        with_zeros = regressor.fit(X, y, weight).predict(X)
        np.testing.assert_allclose(regressor.fit(X[:40], y[:40], weight[:40]).predict(X), with_zeros)

    def test_bad_weights_are_refused(self, regressor):
        X, y = smooth(20)
        for weight in (np.full(20, -1.0), np.zeros(20), np.ones(19), np.full(20, np.nan)):
            with pytest.raises(InvalidInputError, match="sample_weight"):
                regressor.fit(X, y, weight)

    def test_state_gives_the_same_bits(self, regressor):
        X, y = smooth(80)
        expected = regressor.fit(X, y).predict(X, return_std=True)
        found = type(regressor).from_state(regressor.get_state()).predict(X, return_std=True)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("regressor", REGRESSORS[:2], ids=lambda r: type(r).__name__)
def test_trees_take_unknown_features(regressor):
    X, y = smooth(100)
    X[::7, 1] = np.nan
    assert np.isfinite(regressor.fit(X, y).predict(X)).all()


def test_forest_mean_is_the_mean_of_its_trees():
    X, y = smooth(100)
    forest = Forest(n_estimators=3).fit(X, y)
    mean, std = forest.predict(X, return_std=True)
    each = forest._each(0, X.astype(np.float32)) * forest.scale_ + forest.center_
    np.testing.assert_allclose(mean, each.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(forest.predict(X), mean, rtol=1e-6)
    np.testing.assert_allclose(std, each.std(axis=1), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("regressor", REGRESSORS, ids=lambda r: type(r).__name__)
def test_left_out_errors_tell_those_of_new_rows(regressor):
    X, y = smooth(300)
    test, true = smooth(1000, seed=1)
    mean, std = regressor.fit(X, y).predict(test, return_std=True)
    errors = regressor.left_out_errors()
    assert errors.shape == (300,)
    for level in (0.5, 0.8, 0.95):
        inside = np.abs(true - mean) <= np.quantile(errors, level) * std
        assert np.mean(inside) == pytest.approx(level, abs=0.1)
    assert len(regressor.fit(X[:1], y[:1]).left_out_errors()) <= 1


def test_boosted_trees_learn_from_folds():
    X, y = smooth(200)
    trees = BoostedTrees(n_estimators=60, n_models=4).fit(X, y)
    assert len(trees.boosters_) == 4
    assert np.corrcoef(trees.out_of_fold_, y)[0, 1] > 0.7
    assert trees.noise_ == pytest.approx(np.sqrt(np.mean((trees.out_of_fold_ - y) ** 2)))


def test_a_single_model_sees_all_rows():
    X, y = smooth(200)
    trees = BoostedTrees(n_models=1).fit(X, y)
    assert np.corrcoef(trees.predict(X), y)[0, 1] > 0.95
    assert trees.noise_ == pytest.approx(y.std())


def test_unknown_kernel():
    X, y = smooth(10)
    with pytest.raises(UnknownNameError, match="matern52, rbf"):
        GaussianProcess(kernel="periodic").fit(X, y)


def test_groups_must_match_the_features():
    X, y = smooth(10)
    with pytest.raises(InvalidInputError, match="groups"):
        GaussianProcess(groups=[0, 1]).fit(X, y)
