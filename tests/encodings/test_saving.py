"""What an encoder has learned of its space comes back from a saved predictor bit for bit."""

import numpy as np
import pytest

from surrogate_nas.encodings import LaplacianEncoder, LearnedEmbedding, PathEncoder, SharedFeatures, WeisfeilerLehman
from surrogate_nas.predictors import GaussianProcess, Predictor, load_predictor
from surrogate_nas.spaces import get_space

SPACE = get_space("nas-bench-201")


@pytest.mark.parametrize("encoder", [SharedFeatures, PathEncoder, WeisfeilerLehman, LaplacianEncoder, LearnedEmbedding])
def test_round_trip(encoder, tmp_path):
    X, rows = (SPACE.sample(n, np.random.default_rng(0)) for n in (30, 200))
    predictor = Predictor(SPACE, encoder(SPACE), GaussianProcess()).fit(X, X.sum(axis=1))
    predictor.save(tmp_path / "it")
    again = load_predictor(tmp_path / "it")
    np.testing.assert_array_equal(again.predict(rows), predictor.predict(rows))
    for name in encoder.learned:
        np.testing.assert_array_equal(getattr(again.encoder_, name), getattr(predictor.encoder_, name))
