"""Trainings of numbers and classes on their way through logs, tables, searches and what is written about the best."""

import numpy as np
import pandas as pd
import pytest

import surrogate_nas as sn
from surrogate_nas.core import UnknownNameError
from surrogate_nas.experiments import LoggedTrainings, TrainingObjective, collect, confirm, search
from surrogate_nas.experiments.answers import write_answers
from surrogate_nas.experiments.trainings import CHECKPOINTS
from surrogate_nas.training import array_dataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4))
SPACE = sn.get_space("mlp")
SMALL = {"width": 0.1, "epochs": 2}
NUMBERS = sn.Trainer(space=SPACE, dataset=array_dataset(X, 50 + X[:, 0]), recipe=SMALL, device="cpu")
CLASSES = sn.Trainer(
    space=SPACE, dataset=array_dataset(X, X[:, 0] > 0, classes=["down", "up"]), recipe=SMALL, device="cpu"
)
ROWS = SPACE.sample(3, np.random.default_rng(1), unique=True)


def test_a_regression_is_collected_with_the_metrics_that_apply(tmp_path):
    table = collect(NUMBERS, ROWS, [0, 1], run_dir=tmp_path)
    assert table.default_metric("user") == "r2"
    assert {(c.metric, c.unit, c.spec.direction) for c in table.columns if c.split == "val"} == {
        ("r2", "1", "max"), ("rmse", "", "min"), ("loss", "1", "min"),
    }  # fmt: skip
    result = NUMBERS.train(ROWS[0], 1)
    assert table.query(ROWS[:1], task="user", metric="rmse", split="test", seed=1)[0] == result.test.rmse
    assert LoggedTrainings(NUMBERS).train(ROWS[:1], [1]).val[0, 0] == result.val.r2
    assert not (tmp_path / CHECKPOINTS).exists()


def test_a_classification_has_seven_metrics():
    table = collect(CLASSES, ROWS[:1], [0])
    assert table.default_metric("user") == "accuracy"
    assert {c.metric for c in table.columns if c.split == "val"} == {
        "accuracy", "macro_f1", "loss", "balanced_accuracy", "precision", "recall", "auc",
    }  # fmt: skip


@pytest.mark.parametrize(("metric", "direction"), [(None, "max"), ("rmse", "min"), ("loss", "min")])
def test_a_search_takes_each_metric_in_its_direction(metric, direction):
    objective = TrainingObjective(NUMBERS, metric=metric)
    assert objective.direction == direction
    result = search(objective, sn.strategies.RandomSearch(SPACE, random_state=0), budget=3)
    best = min if direction == "min" else max
    assert result.best_score == best(result.scores)
    assert objective.describe()["metric"] == (metric or "r2")


def test_a_metric_that_does_not_apply_is_refused():
    with pytest.raises(UnknownNameError, match="unknown metric 'accuracy': expected one of r2, rmse, loss"):
        TrainingObjective(NUMBERS, metric="accuracy")


def test_what_the_network_of_a_regression_errs_is_written(tmp_path):
    (file,) = write_answers(NUMBERS, ROWS[0], 0, tmp_path / "best")
    frame = pd.read_csv(file).set_index("part")
    result = NUMBERS.train(ROWS[0], 0)
    assert frame.loc["test", "rmse"] == pytest.approx(result.test.rmse, rel=1e-4)
    assert frame.loc["val", "r2"] == pytest.approx(result.val.r2, abs=1e-4)
    assert frame.loc["val", "samples"] == len(NUMBERS.data.splits[0].val)


def test_the_confirmed_best_comes_with_its_answers_class_by_class(tmp_path):
    y = [CLASSES.train(x, 0).val.accuracy for x in ROWS]
    predictor = sn.AutoPredictor(SPACE, random_state=0).fit(ROWS, y)
    frame = confirm(predictor, CLASSES, top=2, seeds=1, X=ROWS, run_dir=tmp_path)
    best = tmp_path / "best"
    assert (best / "architecture.txt").read_text().strip() == frame["architecture"][0]
    confusion = pd.read_csv(best / "confusion.csv", index_col="true")
    assert list(confusion) == list(confusion.index) == ["down", "up"]
    assert np.trace(confusion) / confusion.to_numpy().sum() == pytest.approx(frame["test"][0])
    per_class = pd.read_csv(best / "per_class.csv")
    np.testing.assert_array_equal(per_class["samples"], confusion.sum(axis=1))
    before = (best / "weights.safetensors").stat().st_mtime_ns
    write_answers(CLASSES, SPACE.parse([frame["architecture"][0]])[0], 0, best)
    assert (best / "weights.safetensors").stat().st_mtime_ns == before  # trained once
