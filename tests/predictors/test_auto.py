"""The recommended default: its figures on real tables, its intervals, side features, and its speed."""

import time

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import AutoPredictor, BoostedTrees, Predictor
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import load_table

SPACE = get_space("nas-bench-graph")


@pytest.fixture(scope="module")
def task():
    """A real task: rows and scores to learn from, and others to test on."""
    X, y = load_table("nas-bench-graph").data(task="arxiv", metric="accuracy", split="val")
    chosen = np.random.default_rng(0).permutation(len(y))[:3100]
    return X[chosen[:100]], y[chosen[:100]], X[chosen[100:]], y[chosen[100:]]


@pytest.fixture(scope="module")
def fitted(task):
    X, y, _, _ = task
    return AutoPredictor(SPACE).fit(X, y)


def test_it_beats_trees_on_one_hot_clearly(task, fitted):
    X, y, test, true = task
    trees = Predictor(SPACE, OneHotEncoder(SPACE), BoostedTrees(n_models=1)).fit(X, y)
    assert kendall_tau(fitted.predict(test), true) > kendall_tau(trees.predict(test), true) + 0.03


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_intervals_cover_what_they_say(task, fitted, level):
    _, _, test, true = task
    low, high = fitted.predict_interval(test, level=level)
    # One draw of 100 rows calibrates the width within some ten per cent.
    assert np.mean((low <= true) & (true <= high)) == pytest.approx(level, abs=0.1)


def test_one_standard_deviation_serves_about_as_well(task, fitted):
    _, _, test, true = task
    mean, std = fitted.predict(test, return_std=True)
    for width, share in ((0.674, 0.5), (1.282, 0.8), (1.960, 0.95)):
        assert np.mean(np.abs(true - mean) < width * std) == pytest.approx(share, abs=0.12)


def test_uncertainty_points_to_the_errors(task, fitted):
    _, _, test, true = task
    mean, std = fitted.predict(test, return_std=True)
    sure = std < np.median(std)
    assert np.abs(true - mean)[sure].mean() < np.abs(true - mean)[~sure].mean()


def test_side_features_help_whatever_their_scale_and_gaps(task):
    X, y, test, true = task
    rng = np.random.default_rng(1)

    def proxy(scores):
        told = np.exp(5 * (scores - y.mean()) / y.std() + 0.5 * rng.normal(size=len(scores)))
        gaps = rng.random(len(scores)) < 0.1
        return np.column_stack([np.where(gaps, np.nan, told), rng.normal(size=len(scores))])

    plain = kendall_tau(AutoPredictor(SPACE).fit(X[:30], y[:30]).predict(test), true)
    helped = AutoPredictor(SPACE).fit(X[:30], y[:30], extra=proxy(y[:30]))
    assert kendall_tau(helped.predict(test, extra=proxy(true)), true) > plain + 0.1
    with pytest.raises(InvalidInputError, match="2 side features"):
        helped.predict(test)
    with pytest.raises(InvalidInputError, match="infinite"):
        helped.predict(test[:1], extra=[[np.inf, 0.0]])


def test_trees_split_on_side_features_as_far_as_these_tell_more_than_noise(task):
    X, y, _, _ = task
    noise = AutoPredictor(SPACE).fit(X, y, extra=np.random.default_rng(0).normal(size=(100, 5)))
    told = AutoPredictor(SPACE).fit(X, y, extra=y[:, None])
    side = [i for i, member in enumerate(noise.members_) if member.width > len(noise.center_) and i >= 2]
    assert noise.weights_[side].sum() < 0.15
    assert told.weights_[side].sum() > 0.4


def test_a_side_feature_that_is_never_known_does_no_harm(task):
    X, y, test, _ = task
    nothing = AutoPredictor(SPACE).fit(X, y, extra=np.full((100, 1), np.nan))
    assert np.isfinite(nothing.predict(test, extra=np.full((len(test), 1), np.nan))).all()


def test_weights_count(task):
    X, y, test, _ = task
    weight = np.where(np.arange(100) < 50, 1.0, 1e-6)
    half = AutoPredictor(SPACE).fit(X[:50], y[:50]).predict(test)
    weighted = AutoPredictor(SPACE).fit(X, y, sample_weight=weight).predict(test)
    unweighted = AutoPredictor(SPACE).fit(X, y).predict(test)
    assert kendall_tau(half, weighted) > kendall_tau(half, unweighted)


def test_floats_without_a_space():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6))
    y = np.sin(X[:, 0]) + X[:, 1]
    predictor = AutoPredictor().fit(X[:100], y[:100])
    assert kendall_tau(predictor.predict(X[100:]), y[100:]) > 0.6
    assert len(predictor.rank(X, top=5)) == 5
    with pytest.raises(InvalidInputError, match="rows X"):
        predictor.rank()


def test_a_whole_space_is_ranked_without_naming_its_rows(fitted):
    ranking = fitted.rank(top=3)
    assert len(ranking) == 3
    assert ranking.mean[0] >= ranking.mean[2]
    assert list(ranking.to_pandas()) == ["architecture", "mean", "std"]


def test_it_is_fast_enough():
    """Bounds five times and more above what it takes alone, for a machine under load."""
    space = get_space("nas-bench-201")
    rows = space.sample(256, np.random.default_rng(0))
    start = time.process_time()
    predictor = AutoPredictor(space).fit(rows, rows.sum(axis=1) + np.linspace(0, 1, 256))
    fitting = time.process_time() - start
    everything = space.enumerate()
    start = time.process_time()
    predictor.predict(everything)
    assert fitting < 10.0
    assert time.process_time() - start < 3.0


def test_dead_operations_count_where_scores_show_it():
    """Costs of networks as they are written, and accuracies of what they compute."""
    space = get_space("nas-bench-201")
    rng = np.random.default_rng(0)
    rows, test = space.sample(80, rng, unique=True), space.sample(400, rng)

    def cost(X):
        return (X[:, :, None] == [2, 3]).sum(axis=(1, 2)) + 0.05 * rng.normal(size=len(X))

    predictor = AutoPredictor(space, direction="min").fit(rows, cost(rows))
    assert kendall_tau(predictor.predict(test), cost(test)) > 0.75
    computed = space.canonical(rows)
    alike = AutoPredictor(space).fit(rows, cost(computed))
    np.testing.assert_allclose(alike.predict(test), alike.predict(space.canonical(test)))


@pytest.mark.parametrize("with_extra", [False, True])
def test_the_order_of_rows_and_the_way_they_are_written_do_not_matter(with_extra):
    space = get_space("nas-bench-201")
    rng = np.random.default_rng(0)
    rows, test = space.sample(60, rng, unique=True), space.sample(100, rng)
    y, extra = rng.normal(size=60), rng.normal(size=(60, 2)) if with_extra else None
    ahead = rng.normal(size=(100, 2)) if with_extra else None
    once = AutoPredictor(space).fit(rows, y, extra=extra).predict(test, extra=ahead)
    order = rng.permutation(60)
    again = AutoPredictor(space).fit(rows[order], y[order], extra=None if extra is None else extra[order])
    np.testing.assert_array_equal(again.predict(test, extra=ahead), once)
    other = AutoPredictor(space).fit(space.canonical(rows), y, extra=extra)
    np.testing.assert_array_equal(other.predict(space.canonical(test), extra=ahead), once)


def test_scikit_learn_can_cross_validate_and_search_it():
    space = get_space("nas-bench-201")
    rows = space.sample(60, np.random.default_rng(0), unique=True)
    y = (rows == 3).sum(axis=1) + 0.1 * np.random.default_rng(1).normal(size=60)
    assert cross_val_score(AutoPredictor(space), rows, y, cv=3).mean() > 0.3
    found = GridSearchCV(AutoPredictor(space), {"random_state": [0, 1]}, cv=2).fit(rows, y)
    assert found.best_score_ > 0.2


def test_a_generator_may_be_the_seed():
    space = get_space("nas-bench-201")
    rows = space.sample(20, np.random.default_rng(0), unique=True)
    y = np.arange(20.0)
    one, two = (AutoPredictor(space, np.random.default_rng(5)).fit(rows, y).predict(rows) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("n", [2, 5])
def test_few_scores_give_wide_intervals(n):
    space = get_space("nas-bench-201")
    inside = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        rows, test = space.sample(n, rng, unique=True), space.sample(200, rng)
        low, high = AutoPredictor(space).fit(rows, (rows == 3).sum(axis=1) + rng.normal(size=n)).predict_interval(test)
        truth = (test == 3).sum(axis=1) + rng.normal(size=200)
        inside.append(np.mean((low <= truth) & (truth <= high)))
    assert np.mean(inside) > 0.6
