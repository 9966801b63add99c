"""Metrics against scikit-learn's."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics as sk

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.metrics import (
    classification_report,
    confusion_matrix,
    mean_scores,
    regression_scores,
    scores,
)
from surrogate_nas.training.result import NO_SCORES, Scores


def expected(y, logits):
    """The same metrics of one network by scikit-learn."""
    shares = torch.softmax(torch.from_numpy(logits).double(), -1).numpy()
    labels, answers = range(logits.shape[1]), logits.argmax(1)
    kind = {"multi_class": "ovr"} if len(labels) > 2 else {}
    return {
        "accuracy": sk.accuracy_score(y, answers),
        "macro_f1": sk.f1_score(y, answers, average="macro"),
        "loss": sk.log_loss(y, shares, labels=labels),
        "balanced_accuracy": sk.balanced_accuracy_score(y, answers),
        "precision": sk.precision_score(y, answers, average="macro", zero_division=0),
        "recall": sk.recall_score(y, answers, average="macro"),
        "auc": sk.roc_auc_score(y, shares if kind else shares[:, 1], **kind),
    }


@pytest.mark.parametrize("classes", [2, 4])
def test_metrics_of_a_classification_equal_scikit_learns(rng, classes):
    logits, y = rng.normal(size=(3, 50, classes)).astype(np.float32), rng.integers(0, classes, size=(3, 50))
    found = scores(torch.from_numpy(logits), torch.from_numpy(y))._asdict()
    assert math.isnan(found.pop("rmse"))
    assert math.isnan(found.pop("r2"))
    means = pd.DataFrame([expected(*one) for one in zip(y, logits, strict=True)]).mean().to_dict()
    assert found == pytest.approx(means, rel=1e-5)


def test_a_class_that_is_never_answered_has_precision_zero(rng):
    logits, y = rng.normal(size=(1, 40, 3)).astype(np.float32), rng.integers(0, 3, size=(1, 40))
    logits[:, :, 1] -= 10
    found = scores(torch.from_numpy(logits), torch.from_numpy(y))._asdict()
    one = expected(y[0], logits[0])
    assert {name: found[name] for name in one} == pytest.approx(one, rel=1e-5)


def test_a_class_that_does_not_occur_does_not_count(rng):
    logits, y = torch.from_numpy(rng.normal(size=(1, 40, 3)).astype(np.float32)), torch.arange(40)[None] % 2
    logits[:, :, 2] -= 100
    three, two = scores(logits, y), scores(logits[:, :, :2], y)
    for name in ("accuracy", "macro_f1", "balanced_accuracy", "precision", "recall", "auc"):
        assert getattr(three, name) == pytest.approx(getattr(two, name), abs=1e-12), name


def test_ties_count_half_in_the_area(rng):
    y = torch.from_numpy(rng.integers(0, 2, size=(1, 60)))
    coarse = torch.from_numpy(rng.integers(0, 3, size=(1, 60))).double()
    found = scores(torch.stack([torch.zeros_like(coarse), coarse], dim=-1), y).auc
    assert found == pytest.approx(sk.roc_auc_score(y[0], coarse[0]), abs=1e-12)
    assert math.isnan(scores(torch.zeros(1, 5, 2), torch.zeros(1, 5, dtype=torch.int64)).auc)


def test_metrics_of_a_regression_equal_scikit_learns(rng):
    y, predicted = rng.normal(size=(2, 2, 40))
    found = regression_scores(torch.from_numpy(predicted), torch.from_numpy(y), unit=3.0)
    pairs = list(zip(y, predicted, strict=True))
    assert found.loss == pytest.approx(np.mean([sk.mean_squared_error(*pair) for pair in pairs]))
    assert found.rmse == pytest.approx(np.mean([sk.root_mean_squared_error(3 * t, 3 * p) for t, p in pairs]))
    assert found.r2 == pytest.approx(np.mean([sk.r2_score(*pair) for pair in pairs]))
    assert math.isnan(found.accuracy)


def test_means_over_networks():
    a, b = Scores(accuracy=0.5, loss=1.0), Scores(accuracy=0.7, loss=3.0)
    assert mean_scores([a, b])[:3] == (pytest.approx(0.6), pytest.approx(math.nan, nan_ok=True), 2.0)
    assert mean_scores([a]) == a
    assert mean_scores([NO_SCORES, a]) == NO_SCORES


def test_report_and_confusion_matrix_equal_scikit_learns(rng):
    names = ["cat", "dog", "emu", "fox"]
    y, answers = rng.integers(0, 3, size=(2, 60))  # nobody is a fox
    found = confusion_matrix(answers, y, names)
    np.testing.assert_array_equal(found, sk.confusion_matrix(y, answers, labels=range(4)))
    assert found.loc["cat", "dog"] == ((y == 0) & (answers == 1)).sum()
    report = classification_report(torch.from_numpy(np.eye(4)[answers]), torch.from_numpy(y), names)
    assert report["class"].tolist() == names
    columns = sk.precision_recall_fscore_support(y, answers, labels=range(4), zero_division=0)
    np.testing.assert_allclose(report[["precision", "recall", "f1", "samples"]].to_numpy().T, columns)


@pytest.mark.parametrize(
    ("answers", "y", "message"),
    [
        ([0, 1], [0, 1, 1], r"expected shape \(m,\) or \(m, classes\)"),
        ([0, 2], [0, 1], "classes: expected a name for each of the classes 0 to 2, got 2 names"),
        ([0, -1], [0, 1], "classes"),
    ],
)
def test_answers_that_do_not_fit_are_told(answers, y, message):
    with pytest.raises(InvalidInputError, match=message):
        confusion_matrix(answers, y, ["a", "b"])
