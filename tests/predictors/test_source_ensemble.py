"""Sources count as far as they order the target's scores right."""

import copy

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, TaskData
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.predictors.source_ensemble import SourceEnsemble, SourceModels, ranking_losses, ranking_weights


def val(table, X, task):
    """Validation scores of rows."""
    return table.query(X, task=task, metric="accuracy", split="val")


@pytest.fixture(scope="module")
def table():
    return sn.load_table("nas-bench-graph")


@pytest.fixture(scope="module")
def rows(table):
    return table.X[np.random.default_rng(0).choice(len(table), 2000, replace=False)]


@pytest.fixture(scope="module")
def models(table, rows):
    sources = {task: (rows, val(table, rows, task)) for task in ("photo", "physics", "cora")}
    return SourceModels(table.space, sources)


def test_weights_by_hand():
    # Losses of two sources and the target's own model in four samples: a win, a tie, a tie of all, a win of its own.
    losses = np.array([[0.0, 1, 2], [1, 1, 2], [3, 3, 3], [2, 4, 1]])
    np.testing.assert_allclose(ranking_weights(losses), [(1 + 0.5 + 1 / 3) / 4, (0.5 + 1 / 3) / 4, (1 / 3 + 1) / 4])


def test_a_hopeless_source_is_left_out():
    losses = np.array([[9.0, 1, 2], [9, 1, 2], [9, 3, 2], [0, 1, 2]])
    np.testing.assert_allclose(ranking_weights(losses), [0, 0.75, 0.25])


def test_losses_by_hand():
    class Everything:
        """Draws each score once."""

        def integers(self, n, size):
            return np.broadcast_to(np.arange(n), size)

    scores = np.array([1.0, 2.0, 3.0])
    predictions = np.column_stack([scores, -scores, [0, 0, 0], [1, 3, 2]])
    np.testing.assert_array_equal(
        ranking_losses(predictions, scores, Everything(), n_samples=2), [[0, 3, 3, 1], [0, 3, 3, 1]]
    )


def test_the_losses_are_those_of_the_resampled_scores():
    rng = np.random.default_rng(0)
    scores, predictions = rng.normal(size=12), rng.normal(size=(12, 4))
    found = ranking_losses(predictions, scores, np.random.default_rng(1), n_samples=5)
    for losses, drawn in zip(found, np.random.default_rng(1).integers(12, size=(5, 12)), strict=True):
        y, p = scores[drawn], predictions[drawn]
        slow = [sum(p[a, m] <= p[b, m] for a in range(12) for b in range(12) if y[a] > y[b]) for m in range(4)]
        np.testing.assert_array_equal(losses, slow)


def test_without_scores_it_is_the_mean_of_the_sources(models, rows, table):
    ensemble = SourceEnsemble(models).fit(rows[:0], [])
    np.testing.assert_allclose(ensemble.weights_, [1 / 3, 1 / 3, 1 / 3, 0])
    mean, std = ensemble.predict(rows[:50], return_std=True)
    np.testing.assert_allclose(mean, models.predict(rows[:50]).mean(axis=1))
    assert (std == 1).all()
    assert kendall_tau(ensemble.predict(table.X), val(table, table.X, "computers")) > 0.15


def test_the_source_that_is_the_target_again_wins(models, rows, table):
    new = table.X[np.random.default_rng(1).choice(len(table), 30, replace=False)]
    ensemble = SourceEnsemble(models).fit(new, val(table, new, "cora"))
    assert ensemble.weights_.sum() == pytest.approx(1)
    assert ensemble.weights_.argmax() == models.names.index("cora")


def test_its_own_model_takes_over_where_no_source_is_right(models, rows, table):
    y = -models.predict(rows[:60]).mean(axis=1)
    ensemble = SourceEnsemble(models).fit(rows[:60], y)
    assert ensemble.weights_[-1] > 0.9
    assert kendall_tau(ensemble.predict(rows[100:600]), -models.predict(rows[100:600]).mean(axis=1)) > 0.5


def test_predictions_are_in_the_targets_unit(models, rows, table):
    y = val(table, rows[:40], "physics")
    plain, scaled = (SourceEnsemble(models).fit(rows[:40], scale * y + shift) for scale, shift in ((1, 0), (100, 7)))
    (mean, std), (scaled_mean, scaled_std) = (e.predict(rows, return_std=True) for e in (plain, scaled))
    np.testing.assert_allclose(scaled_mean, 100 * mean + 7, rtol=1e-4)
    np.testing.assert_allclose(scaled_std, 100 * std, rtol=1e-3)
    assert (std > 0).all()


@pytest.mark.parametrize("y", [[0.5], [0.5, 0.7], [0.5] * 6])
def test_few_or_equal_scores_say_nothing_about_the_sources(models, rows, y):
    ensemble = SourceEnsemble(models).fit(rows[: len(y)], y)
    np.testing.assert_allclose(ensemble.weights_[:-1], 1 / 3)
    assert np.isfinite(ensemble.predict(rows)).all()


def test_copies_share_what_was_learned(models, rows, table):
    a = SourceEnsemble(models)
    b = copy.copy(a).fit(rows[:20], val(table, rows[:20], "cs"))
    assert b.sources is a.sources
    np.testing.assert_array_equal(b.predict(rows), a.fit(rows[:20], val(table, rows[:20], "cs")).predict(rows))


def test_what_is_lower_is_better_is_turned_round(table, rows):
    y = val(table, rows, "cs")
    high, low = (SourceModels(table.space, {"t": task}) for task in ((rows, y), TaskData(rows, -y, direction="min")))
    np.testing.assert_array_equal(high.predict(rows), low.predict(rows))


def test_no_source_of_the_space_is_refused(table):
    with pytest.raises(InvalidInputError, match="expected at least one measured task of the space, got none"):
        SourceModels(table.space, {"t": TaskData(table.X, table.X[:, 0] * 1.0, space=sn.get_space("mlp"))})
