"""Choosing a sub-network: tasks side by side in one supernet, greedy steps that never lose, the nearest task."""

from dataclasses import replace

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import EdgeCellSpace, Operation, Skeleton
from surrogate_nas.training import load_dataset
from surrogate_nas.training.supernet import Supernet, by_features, joined, step_by_step

SPACE = EdgeCellSpace(
    "small",
    [Operation("none", "none"), Operation("skip", "identity"), Operation("conv", "convolution", 3, True, 1.0)],
    3,
    Skeleton("image", stages=(1, 1), channels=(6, 12), stem_layers=1, reduction="residual", last_activation=True),
)


@pytest.fixture(scope="module")
def tasks():
    digits = load_dataset("digits", "image")
    turned = replace(digits, name="turned", x=np.ascontiguousarray(np.rot90(digits.x, axes=(2, 3))))
    return joined([digits, turned])


@pytest.fixture(scope="module")
def supernet(tasks) -> Supernet:
    return Supernet(SPACE, tasks[0], epochs=3).train(0)


def test_tasks_keep_their_samples_and_get_classes_of_their_own(tasks) -> None:
    together, (digits, turned) = tasks
    assert len(together.classes) == 20
    assert together.classes[10] == turned.classes[0] == "turned: 0"
    n = len(digits.y)
    assert np.array_equal(together.x[n:], turned.x)
    assert np.array_equal(together.y[n:], turned.y + 10)
    for part in ("train", "val", "test"):
        both, first = getattr(together.splits[0], part), getattr(digits.splits[0], part)
        assert np.array_equal(both, np.concatenate([first, getattr(turned.splits[0], part) + n]))
    with pytest.raises(InvalidInputError, match="different names"):
        joined([digits, digits])


def test_one_supernet_answers_for_each_task(supernet: Supernet, tasks) -> None:
    x = np.full((1, 3), 2, dtype=np.int16)
    for task in tasks[1]:
        assert supernet.on(task).evaluate(x)[0] > 0.6


def test_steps_never_lose(supernet: Supernet, tasks) -> None:
    view = supernet.on(tasks[1][1])
    for seed in range(3):
        start = SPACE.sample(1, seed)[0]
        x = step_by_step(view, samples=64, start=start, rng=seed)
        before, after = view.evaluate(np.stack([start, x]), metric="loss", samples=64)
        assert after <= before
        assert np.array_equal(x, step_by_step(view, samples=64, start=start, rng=seed))


def test_samples_may_be_given_by_position(supernet: Supernet, tasks) -> None:
    view, X = supernet.on(tasks[1][0]), SPACE.sample(2, 0)
    first = tasks[1][0].splits[0].val[:40]
    assert np.array_equal(view.evaluate(X, samples=40), view.evaluate(X, samples=first))


def test_the_best_of_the_most_similar_task_is_taken() -> None:
    small, large = {"samples": 100.0, "classes": 2.0}, {"samples": 50_000.0, "classes": 10.0}
    earlier = [(small, [0, 1, 2]), (large, [2, 2, 2])]
    assert by_features({"samples": 30_000.0, "classes": 8.0}, earlier).tolist() == [2, 2, 2]
    assert by_features({"samples": 300.0, "classes": 2.0}, earlier).tolist() == [0, 1, 2]
    with pytest.raises(InvalidInputError, match="one or more tasks"):
        by_features(small, [])
