import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.validation import check_rows, check_scores


def test_rows_become_int16():
    for X in ([[0, 1, 2]], np.array([[0, 1, 2]], dtype=np.int64), np.array([[0.0, 1.0, 2.0]])):
        rows = check_rows(X, 3)
        assert rows.dtype == np.int16
        assert rows.tolist() == [[0, 1, 2]]


def test_rows_of_the_right_type_are_not_copied():
    X = np.zeros((4, 3), dtype=np.int16)
    assert check_rows(X, 3) is X


def test_one_row_is_a_batch_of_one():
    assert check_rows([1, 2, 3], 3).shape == (1, 3)


def test_no_rows_are_rows():
    assert check_rows(np.empty((0, 3)), 3).shape == (0, 3)


def test_minus_one_stands_for_absent():
    assert check_rows([[-1, 0, 1]], 3).tolist() == [[-1, 0, 1]]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[0, 1]], r"X: expected integer rows of shape \(n, 3\), got an array of shape \(1, 2\); use space.parse"),
        ([0, 1], r"got an array of shape \(2,\)"),
        (7, r"got an array of shape \(\)"),
        (np.zeros((2, 2, 3)), r"got an array of shape \(2, 2, 3\)"),
        ([[0, 1, 2], [0, 1]], r"X: expected integer rows of shape \(n, 3\), got .*inhomogeneous"),
        ("gcn|gat", r"use space.parse\(...\) for text"),
        ([["0", "1", "2"]], r"X: expected integers, got dtype <U1; use space.parse\(...\) for text"),
        ([[0.5, 1, 2]], "X: expected integers, got dtype float64"),
        ([[np.nan, 1, 2]], "X: expected integers, got dtype float64"),
        ([[True, False, True]], "X: expected integers, got dtype bool"),
        ([[None, 1, 2]], "X: expected integers, got dtype object"),
        ([[65536, 1, 2]], "X: expected genes from -32768 to 32767, got 1 to 65536"),
        ([[-np.inf, 1, 2]], "X: expected genes from -32768 to 32767, got -inf to 2.0"),
    ],
)
def test_what_is_no_row_is_told_in_one_line(X, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        check_rows(X, 3)
    assert "\n" not in str(caught.value)


def test_the_message_names_the_argument():
    with pytest.raises(InvalidInputError, match="^parents: expected"):
        check_rows([[0]], 3, "parents")


def test_scores_become_float64():
    scores = check_scores([1, 2], 2)
    assert scores.dtype == np.float64
    assert scores.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, 2, 3], r"y: expected 2 scores, shape \(2,\), got shape \(3,\)"),
        ([[1], [2]], r"got shape \(2, 1\)"),
        (1.0, r"got shape \(\)"),
        ([np.nan, 1], "got 1 NaN or infinite value.*first at position 0; drop those rows"),
        ([1, np.inf], "got 1 NaN or infinite value.*first at position 1"),
        (["high", "low"], "y: expected 2 numbers, got could not convert string to float: 'high'"),
        ([1, [2, 3]], "y: expected 2 numbers, got"),
        ([{}, {}], "y: expected 2 numbers, got"),
    ],
)
def test_what_is_no_score_is_told_in_one_line(y, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        check_scores(y, 2)
    assert "\n" not in str(caught.value)


def test_missing_scores_may_stand_where_allowed():
    assert np.isnan(check_scores([np.nan, 1], 2, allow_missing=True)[0])
    with pytest.raises(InvalidInputError, match="position 1"):
        check_scores([np.nan, -np.inf], 2, allow_missing=True)
