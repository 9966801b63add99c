"""The contract of a predictor, as checks that any predictor can be run through, also a user's own.

    import pytest
    from surrogate_nas.testing.predictor import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(lambda space, direction: MyPredictor(space, direction=direction), my_space)

A factory is called as ``factory(space, direction)`` and gives a predictor that is not fitted yet.
Scores come from a made-up landscape.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from surrogate_nas.core import Direction, InvalidInputError, Prediction
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.predictors import BasePredictor, load_predictor
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.testing.strategy import Landscape

Factory = Callable[[SearchSpace, Direction], BasePredictor]
Floats = npt.NDArray[np.float64]

#: Predictions of one row and of a batch may differ by the order in which products are summed up.
ROUNDING = 1e-6


def task(space: SearchSpace, n: int = 60) -> tuple[Rows, Floats, Rows, Floats]:
    """Rows and scores to learn from, rows and scores to test on; percentages around 80."""
    rng = np.random.default_rng(3)
    rows = space.canonical(space.sample(n + 300, rng, unique=True))
    scores = 80.0 + 3.0 * Landscape(space)(rows)
    return rows[:n], scores[:n], rows[n:], scores[n:]


def fingerprint(factory: Factory, space: SearchSpace) -> list[float]:
    """A few predictions, to compare with those of another process."""
    X, y, test, _ = task(space)
    mean, std = factory(space, "max").fit(X, y).predict(test[:5], return_std=True)
    return [*mean.tolist(), *std.tolist()]


def check_batch_equals_loop_in_any_order(factory: Factory, space: SearchSpace) -> None:
    """A row has the same prediction alone, in a batch and in a batch of another order."""
    X, y, test, _ = task(space)
    predictor = factory(space, "max").fit(X, y)
    mean, std = predictor.predict(test, return_std=True)
    np.testing.assert_allclose(predictor.predict(test[::-1])[::-1], mean, rtol=ROUNDING)
    for i in range(5):
        one = predictor.predict(test[i : i + 1], return_std=True)
        np.testing.assert_allclose(one.mean, mean[i : i + 1], rtol=ROUNDING)
        np.testing.assert_allclose(one.std, std[i : i + 1], rtol=1e-4, atol=1e-6)


def check_predictions_are_finite_in_the_shape_promised(factory: Factory, space: SearchSpace) -> None:
    """Means and deviations of shape (n,), finite, deviations not negative."""
    X, y, test, _ = task(space)
    predictor = factory(space, "max")
    assert predictor.fit(X, y) is predictor
    mean = predictor.predict(test)
    both = predictor.predict(test, return_std=True)
    assert isinstance(both, Prediction)
    assert mean.dtype == both.std.dtype == np.float64
    assert mean.shape == both.std.shape == (len(test),)
    np.testing.assert_allclose(both.mean, mean, rtol=ROUNDING)
    assert np.isfinite(mean).all()
    assert np.isfinite(both.std).all()
    assert (both.std >= 0).all()
    assert predictor.predict(test[:0]).shape == (0,)


def check_it_learns(factory: Factory, space: SearchSpace) -> None:
    """Better than chance and than the mean on rows it has not seen."""
    X, y, test, true = task(space, 120)
    mean = factory(space, "max").fit(X, y).predict(test)
    assert kendall_tau(mean, true) > 0.25
    assert np.mean((mean - true) ** 2) < np.mean((y.mean() - true) ** 2)


def check_refit_forgets_and_a_seed_repeats(factory: Factory, space: SearchSpace) -> None:
    """A second fit gives what a fresh predictor gives."""
    X, y, test, true = task(space)
    fresh = factory(space, "max").fit(X, y).predict(test)
    again = factory(space, "max").fit(test[:40], true[:40]).fit(X, y).predict(test)
    np.testing.assert_array_equal(again, fresh)


def check_arguments_stay_as_they_are(factory: Factory, space: SearchSpace) -> None:
    """Nothing that is handed over is changed, and nothing of it is kept."""
    X, y, test, _ = task(space)
    before = X.copy(), y.copy(), test.copy()
    predictor = factory(space, "max").fit(X, y)
    expected = predictor.predict(test)
    for array, kept in zip((X, y, test), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    X[:], y[:] = X[0], 0.0  # what becomes of the caller's arrays must not matter
    np.testing.assert_array_equal(predictor.predict(test), expected)


def check_intervals(factory: Factory, space: SearchSpace) -> None:
    """Intervals are nested, contain the mean, keep the unit, and cover roughly what they say."""
    X, y, test, true = task(space, 120)
    predictor = factory(space, "max").fit(X, y)
    mean = predictor.predict(test)
    inner_low, inner_high = mean, mean
    for level in (0.5, 0.8, 0.95):
        low, high = predictor.predict_interval(test, level=level)
        assert low.shape == high.shape == (len(test),)
        assert np.isfinite(low).all()
        assert np.isfinite(high).all()
        slack = ROUNDING * np.abs(mean)
        assert (low <= inner_low + slack).all()
        assert (high >= inner_high - slack).all()
        # One draw of 120 rows settles the width within some ten per cent.
        assert abs(np.mean((low <= true) & (true <= high)) - level) < 0.15
        inner_low, inner_high = low, high
    with pytest.raises(InvalidInputError, match="level"):
        predictor.predict_interval(test, level=95)


def check_unit_does_not_matter(factory: Factory, space: SearchSpace) -> None:
    """Fractions in place of percentages: the same predictions, in fractions."""
    X, y, test, _ = task(space)
    percent = factory(space, "max").fit(X, y).predict(test, return_std=True)
    fraction = factory(space, "max").fit(X, y / 100).predict(test, return_std=True)
    assert kendall_tau(percent.mean, fraction.mean) > 0.99
    np.testing.assert_allclose(fraction.mean * 100, percent.mean, rtol=0.01)
    np.testing.assert_allclose(fraction.std * 100, percent.std, rtol=0.05, atol=0.05 * np.ptp(y))


def check_constant_scores(factory: Factory, space: SearchSpace) -> None:
    """One score throughout is what is predicted."""
    X, _, test, _ = task(space)
    for n, value in ((1, 3.5), (2, 0.0), (60, 91.25)):
        mean, std = factory(space, "max").fit(X[:n], np.full(n, value)).predict(test, return_std=True)
        np.testing.assert_allclose(mean, value, rtol=1e-9, atol=1e-9)
        assert (std >= 0).all()


def check_very_few_and_repeated_rows(factory: Factory, space: SearchSpace) -> None:
    """One row, two rows, and rows that come again with another score, are no reason to fail."""
    X, y, test, _ = task(space)
    for rows, scores in ((X[:1], y[:1]), (X[:2], y[:2]), (X[:3], y[:3]), (np.repeat(X[:4], 5, axis=0), y[:20])):
        mean, std = factory(space, "max").fit(rows, scores).predict(test, return_std=True)
        assert np.isfinite(mean).all()
        assert np.isfinite(std).all()


def check_rank_follows_the_direction(factory: Factory, space: SearchSpace) -> None:
    """The best first, equal ones in their order, as many as asked for."""
    X, y, test, _ = task(space)
    best = factory(space, "max").fit(X, y)
    mean = best.predict(test)
    ranking = best.rank(test, top=10)
    np.testing.assert_array_equal(ranking.index, np.argsort(-mean, kind="stable")[:10])
    np.testing.assert_array_equal(ranking.rows, test[ranking.index])
    np.testing.assert_allclose(ranking.mean, mean[ranking.index], rtol=ROUNDING)
    assert len(ranking) == len(ranking.std) == len(ranking.to_pandas()) == 10
    assert ranking.texts == space.format(ranking.rows)
    least = factory(space, "min").fit(X, y)
    lowest = least.rank(test)
    assert len(lowest) == len(test)
    assert (np.diff(lowest.mean) >= 0).all()


def check_saved_and_loaded_predicts_the_same_bits(factory: Factory, space: SearchSpace) -> None:
    """Nothing is lost on the way through files."""
    X, y, test, _ = task(space)
    predictor = factory(space, "min").fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        predictor.save(Path(folder) / "saved")
        loaded = load_predictor(Path(folder) / "saved", space=space)
    assert type(loaded) is type(predictor)
    assert loaded.direction == "min"
    for ours, theirs in zip(
        predictor.predict(test, return_std=True), loaded.predict(test, return_std=True), strict=True
    ):
        np.testing.assert_array_equal(theirs, ours)
    np.testing.assert_array_equal(loaded.predict_interval(test), predictor.predict_interval(test))


def check_wrong_input_is_one_line(factory: Factory, space: SearchSpace) -> None:
    """Wrong input gives an error of one line."""
    X, y, test, _ = task(space)
    bad = y.copy()
    bad[3] = np.nan
    outside = X.copy()
    outside[0, 0] = space.cardinalities[0]
    wrong = [
        (X, bad), (X, np.where(np.isnan(bad), np.inf, y)), (X, y[:-1]), (X[:, :-1], y), (outside, y), (X[:0], y[:0]),
    ]  # fmt: skip
    for rows, scores in wrong:
        with pytest.raises(InvalidInputError) as error:
            factory(space, "max").fit(rows, scores)
        assert "\n" not in str(error.value)
    with pytest.raises(InvalidInputError, match="not fitted"):
        factory(space, "max").predict(test)
    with pytest.raises(InvalidInputError, match="extra"):
        factory(space, "max").fit(X, y).predict(test, extra=np.ones(len(test)))


CHECKS: tuple[Callable[[Factory, SearchSpace], None], ...] = (
    check_batch_equals_loop_in_any_order,
    check_predictions_are_finite_in_the_shape_promised,
    check_it_learns,
    check_refit_forgets_and_a_seed_repeats,
    check_arguments_stay_as_they_are,
    check_intervals,
    check_unit_does_not_matter,
    check_constant_scores,
    check_very_few_and_repeated_rows,
    check_rank_follows_the_direction,
    check_saved_and_loaded_predicts_the_same_bits,
    check_wrong_input_is_one_line,
)
