"""Splits: what each kind promises, on classes of unequal sizes and on groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surrogate_nas.training import array_dataset

N = 200
Y = np.repeat([0, 1, 2], [120, 60, 20])
X = np.arange(N)[:, None]
GROUPS = np.arange(N) % 17


def splits_of(y=Y, **options):
    return array_dataset(X[: len(y)], y, **options).splits


def shares(part, y=Y):
    return np.bincount(y[part], minlength=3) / np.bincount(y)


def test_a_hold_out_has_the_shares_that_were_asked_for_in_every_class():
    (split,) = splits_of(validation=0.25, test=0.1)
    np.testing.assert_allclose(shares(split.val), 0.25, atol=0.01)
    np.testing.assert_allclose(shares(split.test), 0.1, atol=0.01)
    assert sum(map(len, split)) == N


@pytest.mark.parametrize("options", [{"y": Y}, {"y": Y + np.linspace(0, 0.5, N)}, {"y": Y, "groups": GROUPS}])
def test_folds_judge_every_sample_once_per_repeat(options):
    splits = splits_of(**options, folds=5, repeats=3)
    assert len(splits) == 15
    for repeat in range(3):
        judged = np.concatenate([split.test for split in splits[5 * repeat : 5 * repeat + 5]])
        assert sorted(judged.tolist()) == list(range(N))
    assert len({split.test.tobytes() for split in splits}) == 15
    for split in splits:
        assert sum(map(len, split)) == N


def test_folds_keep_the_shares_of_the_classes():
    for split in splits_of(folds=4, validation=0.25):
        np.testing.assert_allclose(shares(split.test), 0.25, atol=0.01)
        np.testing.assert_allclose(shares(split.val), 0.25, atol=0.02)


@pytest.mark.parametrize("y", [Y, Y + np.linspace(0, 0.5, N)], ids=["classes", "targets"])
@pytest.mark.parametrize("options", [{}, {"validation": 0.3, "test": 0.15, "repeats": 4}, {"folds": 5, "repeats": 2}])
def test_no_group_is_in_two_parts(y, options):
    splits = splits_of(y, groups=[f"person {g}" for g in GROUPS], **options)
    for split in splits:
        train, val, test = (set(GROUPS[part].tolist()) for part in split)
        assert train | val | test == set(range(17))
        assert len(train) + len(val) + len(test) == 17


def test_groups_hold_out_about_the_shares_that_were_asked_for():
    (split,) = splits_of(groups=np.arange(N) % 40, validation=0.3, test=0.2)
    assert len(split.val) / N == pytest.approx(0.3, abs=0.04)
    assert len(split.test) / N == pytest.approx(0.2, abs=0.02)


def test_groups_with_a_small_class():
    y = np.arange(N) % 40 // 39 + np.arange(N) % 2 * 2  # 5 samples of one of the classes, each in another group
    for split in splits_of(np.unique(y, return_inverse=True)[1], groups=np.arange(N) // 10, validation=0.29, test=0.23):
        assert min(map(len, split)) > 20


def test_the_seed_decides():
    assert not np.array_equal(splits_of(random_state=0)[0].test, splits_of(random_state=1)[0].test)
    for a, b in zip(splits_of(random_state=3, folds=3), splits_of(random_state=3, folds=3), strict=True):
        for part, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(part, other)


def test_given_splits_are_taken_in_their_order():
    order = np.random.default_rng(0).permutation(N)
    split = (order[:100], order[100:150], order[150:])
    for splits in ([split], split, [tuple(map(list, split))]):
        for part, given_part in zip(splits_of(splits=splits)[0], split, strict=True):
            np.testing.assert_array_equal(part, given_part)
    assert len(splits_of(splits=[split, split[::-1], split])) == 3


@given(
    st.integers(2, 6), st.integers(2, 5), st.integers(12, 30), st.booleans(), st.none() | st.integers(2, 5),
    st.integers(0, 5),
)  # fmt: skip
def test_any_sizes_give_disjoint_parts_with_every_class(classes, groups_per_class, size, grouped, folds, seed):
    y = np.repeat(np.arange(classes), size)
    groups = np.arange(len(y)) % (groups_per_class + 4) if grouped else None
    X = np.zeros((len(y), 1))
    splits = array_dataset(X, y, groups=groups, folds=folds, task="classification", random_state=seed).splits
    for split in splits:
        assert sorted(np.concatenate(split).tolist()) == list(range(len(y)))
        for part in split:
            assert len(np.unique(y[part])) == classes
