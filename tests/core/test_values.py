from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from surrogate_nas.core import Column, InvalidInputError, MetricSpec, Prediction, Proposal, TaskData
from surrogate_nas.core.values import COST_METRICS


def test_a_metric_knows_its_direction():
    assert MetricSpec("accuracy", "%", "max", "val").direction == "max"
    with pytest.raises(InvalidInputError, match="direction of metric 'accuracy': expected 'max' or 'min', got 'up'"):
        MetricSpec("accuracy", "%", "up", "val")


@pytest.mark.parametrize("metric", sorted(COST_METRICS))
def test_costs_are_minimised_unless_said_otherwise(metric):
    assert Column("phone", metric, unit="ms").spec == MetricSpec(metric, "ms", "min", "")
    assert Column("phone", metric, direction="max").spec.direction == "max"


def test_scores_are_maximised_unless_said_otherwise():
    assert Column("cora", "accuracy", "val").spec.direction == "max"
    assert Column("cora", "regret", "val", direction="min").spec.direction == "min"


def test_a_wrong_direction_of_a_column_is_told():
    with pytest.raises(InvalidInputError, match="expected 'max' or 'min'"):
        Column("cora", "accuracy", direction="maximum").spec  # noqa: B018


def test_values_are_frozen():
    for value, field in [(Column("cora", "accuracy"), "task"), (MetricSpec("accuracy", "1", "max", "val"), "unit")]:
        with pytest.raises(FrozenInstanceError):
            setattr(value, field, "other")


def test_columns_are_keys():
    assert Column("cora", "accuracy", "val", 200, 777) == Column("cora", "accuracy", "val", 200, 777)
    assert (
        len({Column("cora", "accuracy", "val"), Column("cora", "accuracy", "val"), Column("cora", "accuracy", "test")})
        == 2
    )


def test_a_prediction_unpacks_into_mean_and_std():
    mean, std = Prediction(np.ones(3), np.zeros(3))
    assert mean.sum() == 3
    assert std.sum() == 0


def test_a_proposal_leaves_the_epochs_to_the_objective():
    assert Proposal(np.zeros((2, 5), dtype=np.int16)).epochs is None


def test_a_pair_becomes_a_task():
    task = TaskData.of(([[0, 1]], [1]))
    assert task.X.shape == (1, 2)
    assert task.y.dtype == np.float64
    assert task.direction == "max"


def test_a_task_stays_what_it_is():
    task = TaskData(np.zeros((1, 2), dtype=np.int16), np.zeros(1), unit="ms", direction="min")
    assert TaskData.of(task) is task
    assert task != TaskData.of((task.X, task.y))  # compared by identity: arrays have no single truth value


@pytest.mark.parametrize("value", [None, np.zeros(2), ([[0]],), ([[0]], [0], [0]), "ab"])
def test_anything_else_is_no_task(value):
    with pytest.raises(InvalidInputError, match=r"a task: expected a pair \(X, y\) or TaskData"):
        TaskData.of(value)
