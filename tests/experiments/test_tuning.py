"""Tuning: the start is the first trial, what is best validates no worse, a killed study ends as the unbroken one."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.experiments.tuning import tune

SPACE = sn.get_space("mlp")
X = SPACE.parse(["32 relu none dropout(0)", "16-16 relu batch dropout(0)"])


@pytest.fixture(scope="module")
def trainer():
    return sn.Trainer(space=SPACE, dataset="wine", recipe={"epochs": 2})


def test_the_recipe_as_it_is_comes_first_and_the_best_is_no_worse(trainer):
    tuned = tune(trainer, X, trials=8)
    first, scores = tuned.trials.iloc[0], tuned.trials["val"]
    assert first["learning_rate"] == trainer.settings.learning_rate
    assert first["architecture"] == SPACE.format(X)[0]
    assert first["val"] == trainer.train(X[0], 0).val.accuracy
    assert tuned.trainer.train(tuned.x, 0).val.accuracy == scores.max() >= first["val"]
    assert tuned.trials["learning_rate"].nunique() == 8


def test_one_architecture_leaves_the_recipe_alone_to_tune(trainer):
    tuned = tune(trainer, X[0], trials=2, ranges={"epochs": (1, 3), "learning_rate": (1e-3, 1e-1)})
    assert "architecture" not in tuned.trials
    assert tuned.trials["epochs"].isin([1, 2, 3]).all()
    assert np.array_equal(tuned.x, X[0])


def test_a_broken_study_goes_on_and_ends_as_the_unbroken_one(trainer, tmp_path):
    whole = tune(trainer, X, trials=9, run_dir=tmp_path / "whole")
    tune(trainer, X, trials=7, run_dir=tmp_path / "broken")
    log = (tmp_path / "broken" / "tuning.jsonl").read_bytes()
    again = tune(trainer, X, trials=9, run_dir=tmp_path / "broken")
    assert (tmp_path / "broken" / "tuning.jsonl").read_bytes().startswith(log)
    assert whole.trials.drop(columns="seconds").equals(again.trials.drop(columns="seconds"))
    with pytest.raises(InvalidInputError, match="holds another run: random_state"):
        tune(trainer, X, trials=9, run_dir=tmp_path / "broken", random_state=1)


def test_trainings_that_fail_are_failed_trials(trainer):
    wild = sn.Trainer(space=SPACE, dataset="wine", recipe={"epochs": 2, "learning_rate": 1e-2, "optimiser": "sgd"})
    tuned = tune(wild, X[0], trials=5, ranges={"learning_rate": (1e-2, 1e30)})
    assert tuned.trials["val"].isna().any()
    assert tuned.trainer.settings.learning_rate < 1e20


@pytest.mark.parametrize(
    ("ranges", "error", "message"),
    [
        ({"learning_rat": (1e-3, 1e-1)}, UnknownNameError, "did you mean 'learning_rate'"),
        ({"optimiser": (1, 2)}, UnknownNameError, "numeric field of a recipe"),
        ({"learning_rate": (1.0, 2.0)}, InvalidInputError, "around the present value 0.003"),
        ({"epochs": (0, 4)}, InvalidInputError, "two numbers above 0"),
    ],
)
def test_wrong_ranges_are_one_line(trainer, ranges, error, message):
    with pytest.raises(error, match=message):
        tune(trainer, X, ranges=ranges)
    with pytest.raises(InvalidInputError, match="trials: expected at least 1"):
        tune(trainer, X, trials=0)
