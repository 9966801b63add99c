"""The regressors as scikit-learn estimators on plain floats."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.predictors import BoostedTrees, Forest, GaussianProcess, MLPEnsemble, Ridge

REGRESSORS = [
    BoostedTrees(n_estimators=30, learning_rate=0.2, n_models=2),
    BoostedTrees(objective="pairwise", n_estimators=30, learning_rate=0.2, n_models=2),
    Forest(n_estimators=100),
    GaussianProcess(),
    Ridge(),
    MLPEnsemble(n_models=3, hidden=32, epochs=60),
]

#: What a grid search tries of each.
GRIDS = {
    "BoostedTrees": {"max_depth": [2, 3]},
    "Forest": {"subsample": [0.5, 0.8]},
    "GaussianProcess": {"kernel": ["matern52", "rbf"]},
    "MLPEnsemble": {"hidden": [8, 16]},
    "Ridge": {"penalty": [None, 1.0]},
}

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


#: The same for one of a kind.
PAIRWISE = {
    "check_sample_weight_equivalence_on_dense_data": "pairs have no weights, unequal ones are refused",
    "check_sample_weights_not_overwritten": "pairs have no weights, unequal ones are refused",
}


def expected(estimator):
    pairwise = getattr(estimator, "objective", None) == "pairwise"
    return PAIRWISE if pairwise else EXPECTED.get(type(estimator).__name__, {})


@parametrize_with_checks(REGRESSORS, expected_failed_checks=expected)
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
        X, test = np.hstack([X, X**2]), np.hstack([test, test**2])  # something for lines as well
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
        assert np.mean(inside) > level - 0.1
        if not isinstance(regressor, BoostedTrees):  # a mean of models errs less than one that has not seen the row
            assert np.mean(inside) < level + 0.1
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


@pytest.mark.parametrize("regressor", REGRESSORS, ids=lambda r: type(r).__name__)
def test_they_stand_in_pipelines_grids_and_cross_validation(regressor):
    X, y = smooth(60)
    pipeline = make_pipeline(StandardScaler(), regressor)
    assert np.isfinite(cross_val_score(pipeline, X, y, cv=3)).all()
    name, value = next(iter(GRIDS[type(regressor).__name__].items()))
    search = GridSearchCV(pipeline, {f"{type(regressor).__name__.lower()}__{name}": value}, cv=2).fit(X, y)
    assert np.isfinite(search.predict(X)).all()


def test_ridge_is_the_textbook_one():
    X, y = smooth(40)
    test, _ = smooth(10, seed=1)
    ridge = Ridge(penalty=3.0).fit(X, y)
    Z, T = (X - X.mean(axis=0)) / X.std(axis=0), (test - X.mean(axis=0)) / X.std(axis=0)
    precision = Z.T @ Z + 3.0 * np.eye(5)
    coefficients = np.linalg.solve(precision, Z.T @ (y - y.mean()))
    mean, std = ridge.predict(test, return_std=True)
    np.testing.assert_allclose(mean, T @ coefficients + y.mean())
    noise = (y - y.mean()) @ (y - y.mean() - Z @ coefficients) / 39
    doubt = np.einsum("ij,jk,ik->i", T, np.linalg.inv(precision), T) + 1 / 40
    np.testing.assert_allclose(std, np.sqrt(noise * (1 + doubt)), rtol=1e-6)


def test_ridge_leaves_one_out_as_by_hand():
    X, y = smooth(30)
    ridge = Ridge(penalty=3.0).fit(X, y)
    rows = (X - ridge.center_) / ridge.scale_
    for i in (0, 7):
        rest = np.arange(30) != i
        center, level = rows[rest].mean(axis=0), y[rest].mean()
        away = rows[rest] - center
        # The left-out prediction with the same scaling: only centre, level and coefficients are learned again.
        precision = away.T @ away + 3.0 * np.eye(5)
        found = level + (rows[i] - center) @ np.linalg.solve(precision, away.T @ (y[rest] - level))
        doubt = (rows[i] - center) @ np.linalg.solve(precision, rows[i] - center) + 1 / 29
        deviation = ridge.y_scale_ * np.sqrt(ridge.noise_ * (1 + doubt))
        assert ridge.left_out_errors()[i] == pytest.approx(abs(y[i] - found) / deviation, rel=1e-6)


def test_ridge_finds_how_much_noise_there_is():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 100))
    y = X @ rng.normal(size=100) / 10 + rng.normal(size=200)
    assert np.sqrt(Ridge().fit(X, y).noise_) * y.std() == pytest.approx(1.0, abs=0.15)
    exact = Ridge().fit(X, X[:, 0])
    np.testing.assert_allclose(exact.predict(X), X[:, 0], atol=1e-3)


def test_trees_that_learn_order_still_speak_in_scores():
    X, y = smooth(300)
    test, true = smooth(300, seed=1)
    ranking = BoostedTrees(objective="pairwise").fit(X, y)
    mean, std = ranking.predict(test, return_std=True)
    assert np.mean((mean - true) ** 2) < 0.5 * np.var(true)
    assert 0.8 < np.mean(np.abs(mean - true) < 2 * std) <= 1.0
    # Only the order counts: a failure is the last, however far it fell.
    y[y.argmin()] -= 1000.0
    np.testing.assert_array_equal(np.argsort(ranking.fit(X, y).predict(test)), np.argsort(mean))
    with pytest.raises(InvalidInputError, match="squared"):
        ranking.fit(X, y, np.linspace(1, 2, 300))
    with pytest.raises(UnknownNameError, match="pairwise"):
        BoostedTrees(objective="listwise").fit(X, y)
