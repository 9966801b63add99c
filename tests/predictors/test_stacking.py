"""Members of an ensemble: scales they learn on, left-out predictions, and weights."""

import numpy as np
import pytest

from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.predictors import BoostedTrees, GaussianProcess
from surrogate_nas.predictors.stacking import Member, weigh


def data(n=80, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, 90 - np.exp(X[:, 0] + 0.1 * rng.normal(size=n))  # a long tail of failures


MODELS = {"process": GaussianProcess, "trees": lambda: BoostedTrees(n_estimators=60, learning_rate=0.1)}


def member(name, X, y, **changes):
    given = {"raw": 0.5, "width": 3, "prior": 1.0} | changes
    return Member.fit(MODELS[name](), X, y, None, **given)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("raw", [0.0, 0.5, 1.0])
def test_whatever_the_scale_normal_scores_come_back(name, raw):
    X, y = data()
    test, true = data(seed=1)
    found = member(name, X, y, raw=raw)
    assert kendall_tau(found.predict(test), true) > 0.5
    assert abs(found.predict(X).mean()) < 0.3
    assert 0.6 < found.predict(X).std() < 1.3
    assert 0.4 < kendall_tau(found.left_out, y) < kendall_tau(found.predict(X), y)


def test_columns_beyond_its_width_do_not_exist():
    X, y = data()
    more = np.hstack([X, y[:, None]])
    narrow = member("trees", more, y)
    np.testing.assert_array_equal(narrow.predict(more), member("trees", X, y).predict(X))
    assert kendall_tau(member("trees", more, y, width=4).left_out, y) > kendall_tau(narrow.left_out, y)


def test_thinned_rows_were_not_left_out():
    X, y = data()
    found = Member.fit(GaussianProcess(max_rows=30), X, y, None, raw=0.0, width=3, prior=1.0)
    assert np.isfinite(found.left_out).sum() == 30


def test_weights_follow_left_out_rows_the_more_of_them_the_clearer():
    clear = {}
    for n in (20, 80):
        X, y = data(n)
        good, bad = member("trees", X, y, prior=1.0), member("trees", X[:, ::-1].copy(), y, width=2, prior=3.0)
        weights = weigh([good, bad], y)
        assert weights.sum() == pytest.approx(1.0)
        clear[n] = weights[0]
    assert 0.25 < clear[20] < clear[80]
    assert clear[80] > 0.95


def test_without_left_out_rows_the_prior_weights_stay():
    X, y = data(4)
    members = [member("trees", X, y, prior=1.0), member("trees", X, y, prior=3.0)]
    np.testing.assert_allclose(weigh(members, y), [0.25, 0.75])
