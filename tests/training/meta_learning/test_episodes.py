"""What episodes are made of: classes of their part, samples never twice, labels by the order of the draw."""

import numpy as np
import pytest
import torch

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training import array_dataset, load_dataset
from surrogate_nas.training.meta_learning import (
    ClassSplit,
    FewShotTasks,
    joined,
    rotated,
    split_classes,
    split_classes_by_name,
)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits", "image")


def numbered(classes=6, each=10):
    """Samples that say who they are: (number of the sample, its class)."""
    y = np.arange(classes * each) % classes
    return array_dataset(np.stack([np.arange(len(y)), y], axis=1).astype(np.float32), y.astype(str), name="numbered")


def told(tasks, episodes):
    """Class and number of every sample of support and queries, shape (t, samples, 2)."""
    data = tasks._tensors("cpu")
    x = torch.cat([episodes.support_x, episodes.query_x], dim=1)
    return (x / data.scale + data.mean).round().int().numpy()


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_samples_are_of_the_part_s_classes_and_none_comes_twice(part):
    classes = ClassSplit(train=(0, 1), val=(2, 3), test=(4, 5))
    tasks = FewShotTasks(dataset=numbered(), classes=classes, ways=2, shots=3, queries=4)
    drawn = tasks.draw(part, 50, 0)
    assert drawn.support_x.shape == (50, 6, 2)
    assert drawn.query_x.shape == (50, 8, 2)
    found = told(tasks, drawn)
    labels = torch.cat([drawn.support_y, drawn.query_y], dim=1).numpy()
    for task, y in zip(found, labels, strict=True):
        assert len(set(task[:, 0])) == 14
        pairs = set(zip(y.tolist(), task[:, 1].tolist(), strict=True))
        assert len(pairs) == 2  # each label is one class
        assert {c for _, c in pairs} == set(getattr(classes, part))
    assert len({tuple(task[y == 0, 1]) for task, y in zip(found, labels, strict=True)}) == 2  # labels are permuted


def test_shared_classes_share_out_their_samples():
    classes = split_classes(6, val=0, test=2, share_val=True)
    assert classes.train == classes.val
    tasks = FewShotTasks(dataset=numbered(), classes=classes, ways=2, shots=1, queries=4)
    train, val = ({*told(tasks, tasks.draw(part, 40, 0))[:, :, 0].ravel()} for part in ("train", "val"))
    assert len(train) == len(val) == 20
    assert not train & val


def test_draws_depend_on_seed_and_part_alone(digits):
    tasks = FewShotTasks(dataset=digits, classes=split_classes(10, val=0, test=5, share_val=True))
    a, b = tasks.draw("test", 3, (1, 2)), tasks.draw("test", 3, (1, 2))
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not torch.equal(a.support_x, tasks.draw("test", 3, (1, 3)).support_x)


def test_what_is_judged_on_does_not_standardise():
    data = numbered()
    far = np.where(data.y == 5, 1e6, data.x[:, 0])
    moved = array_dataset(np.stack([far, data.x[:, 1]], axis=1), data.y.astype(str))
    classes = ClassSplit(train=(0, 1), val=(2, 3), test=(4, 5))
    a, b = (FewShotTasks(dataset=d, classes=classes, ways=2, queries=4)._tensors("cpu") for d in (data, moved))
    assert torch.equal(a.mean, b.mean)
    assert torch.equal(a.scale, b.scale)


def test_groups_stay_together_when_classes_are_divided():
    groups = [c % 10 for c in range(40)]
    split = split_classes(groups, val=2, test=3, seed=1)
    parts = [{groups[c] for c in part} for part in (split.train, split.val, split.test)]
    assert [len(part) for part in parts] == [5, 2, 3]
    assert len(set.union(*parts)) == 10
    assert split != split_classes(groups, val=2, test=3, seed=2)


def test_classes_are_divided_by_their_names():
    alphabets = [("background/Greek", 3), ("background/Latin", 2), ("background/Tifinagh", 2), ("evaluation/Ge_ez", 2)]
    upright = [f"{alphabet}/character{i:02}" for alphabet, n in alphabets for i in range(1, n + 1)]
    names = upright + [f"{name}, 90 degrees" for name in upright]
    split = split_classes_by_name(names, "evaluation/", val=1)
    assert split.test == (7, 8, 16, 17)
    assert sorted((*split.train, *split.val)) == [*range(7), *range(9, 16)]
    assert len({names[c].rpartition("/")[0] for c in split.val}) == 1  # a whole alphabet, turned and upright
    with pytest.raises(InvalidInputError, match="begin with 'test/'"):
        split_classes_by_name(names, "test/", val=1)


def test_rotated_images_are_classes_of_their_own(digits):
    turned = rotated(digits)
    n = len(digits.y)
    assert len(turned.classes) == 40
    assert turned.classes[13] == "3, 90 degrees"
    np.testing.assert_array_equal(turned.x[2 * n + 7, 0], digits.x[7, 0, ::-1, ::-1])
    assert turned.y[2 * n + 7] == digits.y[7] + 20


def test_joined_data_sets_keep_their_classes_apart(digits):
    both = joined([digits, rotated(digits)])
    assert len(both.classes) == 50
    assert both.y[len(digits.y)] == digits.y[0] + 10
    with pytest.raises(InvalidInputError, match="all of one kind, shape and type"):
        joined([digits, load_dataset("digits", "tabular")])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ways": 1}, "ways: expected a whole number of at least 2"),
        ({"ways": 6}, "classes, train: expected at least 6 for 6-way tasks, got 5"),
        ({"queries": 500}, "expected 501 samples for 1 shots and 500 queries"),
        (
            {"classes": ClassSplit(tuple(range(5)), tuple(range(5)), tuple(range(5, 11)))},
            "expected numbers from 0 to 9",
        ),
        ({"dataset": load_dataset("diabetes", "tabular")}, "expected classes for few-shot tasks, got targets"),
    ],
)
def test_what_cannot_be_drawn_is_refused(digits, changes, message):
    settings = {"dataset": digits, "classes": split_classes(10, val=0, test=5, share_val=True)}
    with pytest.raises(InvalidInputError, match=message):
        FewShotTasks(**settings | changes)


def test_test_classes_that_were_learned_from_are_refused():
    with pytest.raises(InvalidInputError, match=r"got \[2\] in two"):
        ClassSplit(train=(0, 1, 2), val=(3,), test=(2,))
    with pytest.raises(InvalidInputError, match="val \\+ test below 10"):
        split_classes(10, val=5, test=5)
