"""Metrics against scikit-learn's."""

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss

from surrogate_nas.training.metrics import scores


def test_metrics_equal_scikit_learns():
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(3, 50, 4)).astype(np.float32), rng.integers(0, 4, size=(3, 50))
    probabilities = torch.softmax(torch.from_numpy(logits).double(), -1).numpy()
    found = scores(torch.from_numpy(logits), torch.from_numpy(y))
    expected = [
        np.mean([accuracy_score(t, p.argmax(1)) for t, p in zip(y, logits, strict=True)]),
        np.mean([f1_score(t, p.argmax(1), average="macro") for t, p in zip(y, logits, strict=True)]),
        np.mean([log_loss(t, p, labels=range(4)) for t, p in zip(y, probabilities, strict=True)]),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
