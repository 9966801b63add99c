"""The map to normal scores: monotone, invertible, the same whatever the unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from surrogate_nas.predictors.normal_scores import NormalScores

SAMPLES = arrays(np.float64, st.integers(1, 40), elements=st.integers(-1000, 1000).map(float))


@given(SAMPLES)
def test_round_trip_and_order(sample):
    scores = NormalScores.of(sample)
    wide = np.linspace(sample.min() - 50, sample.max() + 50, 200)
    there = scores.transform(wide)
    assert (np.diff(there) > 0).all()
    np.testing.assert_allclose(scores.inverse(there), wide, rtol=1e-6, atol=1e-6)


def test_scores_are_normal_quantiles_whatever_the_values():
    sample = np.exp(np.random.default_rng(0).normal(size=501))
    scores = NormalScores.of(sample).transform(sample)
    assert scores.mean() == pytest.approx(0, abs=1e-9)
    assert scores.std() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(scores, NormalScores.of(1000 * sample - 7).transform(1000 * sample - 7), atol=1e-9)


def test_equal_values_get_equal_scores():
    scores = NormalScores.of([3.0, 1.0, 3.0, 2.0])
    assert scores.transform([3.0, 3.0]).tolist() == [scores.transform([3.0])[0]] * 2


def test_beyond_the_ends_it_goes_on_straight():
    scores = NormalScores.of(np.arange(101.0))
    beyond = scores.transform([101.0, 102.0, 103.0])
    assert np.diff(beyond, 2) == pytest.approx(0, abs=1e-12)
    assert scores.inverse([10.0])[0] > 100
