import pytest

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.tables.selection import check_addressable, default_metric, select_column

COLUMNS = (
    Column("c10", "accuracy", "val", 12, 0),
    Column("c10", "accuracy", "val", 200, 0),
    Column("c10", "accuracy", "test", 200, 0),
    Column("c10", "accuracy", "test", 200, 1),
    Column("c10", "latency"),
    Column("c100", "accuracy", "val", 12, 0),
)


def choose(task="c10", **wanted):
    return select_column(COLUMNS, "t", task, **wanted)


def test_none_is_the_only_choice_there_is():
    assert choose("c100") == 5
    assert choose(metric="latency") == 4
    assert choose(metric="accuracy", epochs=12) == 0
    assert choose(metric="accuracy", split="test", seed=1) == 3


@pytest.mark.parametrize(
    ("wanted", "choices"),
    [
        ({}, "metric='accuracy', metric='latency'"),
        ({"metric": "accuracy"}, "split='val', split='test'"),
        ({"metric": "accuracy", "split": "val"}, "epochs=12, epochs=200"),
        ({"metric": "accuracy", "split": "test"}, "seed=0, seed=1"),
    ],
)
def test_several_choices_are_listed(wanted, choices):
    with pytest.raises(InvalidInputError, match=f"task 'c10': several columns match; choose one of {choices}"):
        choose(**wanted)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"task": "c11"}, "table 't': unknown task 'c11': expected one of c10, c100; did you mean 'c10'"),
        ({"metric": "acc"}, "table 't', task 'c10': unknown metric 'acc': expected one of accuracy, latency"),
        ({"metric": "accuracy", "split": "valid"}, "expected one of val, test; did you mean 'val'"),
        (
            {"metric": "accuracy", "split": "val", "epochs": 90},
            "task 'c10', metric 'accuracy', split 'val': unknown epochs 90: expected one of 12, 200",
        ),
        ({"metric": "accuracy", "seed": 7}, "7: expected one of 0, 1"),
        ({"task": None}, "expected one of c10, c100"),
    ],
)
def test_unknown_names_list_the_known(wanted, message):
    with pytest.raises(UnknownNameError, match=message):
        choose(**wanted)


def test_a_field_that_the_column_does_not_have_is_to_be_left_out():
    with pytest.raises(InvalidInputError, match="metric 'latency': there is no split, got 'val'; leave split out"):
        choose(metric="latency", split="val")
    with pytest.raises(InvalidInputError, match="there is no epochs, got 12; leave epochs out"):
        choose(metric="latency", epochs=12)
    assert choose(metric="latency", split="") == 4


def test_default_metric():
    columns = (
        Column("one score", "roc_auc", "val"), Column("one score", "latency"),
        Column("with accuracy", "accuracy"), Column("with accuracy", "f1"),
        Column("two scores", "f1"), Column("two scores", "roc_auc"),
        Column("one cost", "latency"),
        Column("two costs", "latency"), Column("two costs", "energy"),
        Column("reversed", "reward"), Column("reversed", "loss", direction="max"),
    )  # fmt: skip

    def metric(task, declared=None):
        return default_metric(columns, declared or {}, "t", task)

    assert metric("one score") == "roc_auc"
    assert metric("with accuracy") == "accuracy"
    assert metric("one cost") == "latency"
    assert metric("two scores", {"two scores": "f1"}) == "f1"
    with pytest.raises(InvalidInputError, match="no default metric; choose one of metric='f1', metric='roc_auc'"):
        metric("two scores")
    with pytest.raises(InvalidInputError, match="choose one of metric='latency', metric='energy'"):
        metric("two costs")
    with pytest.raises(InvalidInputError, match="choose one of"):
        metric("reversed")
    with pytest.raises(UnknownNameError, match="expected one of one score"):
        metric("three scores")


@pytest.mark.parametrize(
    "other", [Column("c10", "accuracy", "val", 12, 0, "%"), Column("c10", "accuracy", "val", None, 0),
              Column("c10", "accuracy", "val", 12)]
)  # fmt: skip
def test_columns_that_no_query_could_tell_apart_are_refused(other):
    check_addressable(COLUMNS)
    with pytest.raises(InvalidInputError, match="epochs|seeds"):
        check_addressable((*COLUMNS, other))
