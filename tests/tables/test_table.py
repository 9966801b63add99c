import copy
import pickle

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import Table, load_table

GRAPH = get_space("nas-bench-graph")
IMAGE = get_space("nas-bench-201")
ACCURACY = Column("t", "accuracy", "val")
TWINS = IMAGE.parse(  # the same network: the first edge is dead in both
    [
        "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|nor_conv_1x1~2|",
        "|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|nor_conv_1x1~2|",
    ]
)


def make(X, y, space=GRAPH, column=ACCURACY, **more):
    return Table(space, X, {column: y}, **more)


def test_public_names():
    assert sn.Table is Table
    assert sn.load_table("nas-bench-graph").name in sn.list_tables()


def test_a_table_describes_itself(image):
    assert image.tasks == ("blobs", "phone")
    assert image.metrics == ("accuracy", "latency", "energy")
    assert len(image) == 150
    assert image.name == "made-up"
    assert "made-up" in repr(image)
    assert image.column(task="phone", metric="energy").direction == "min"


def test_metric_is_the_only_one_there_is_in_query_and_the_default_in_data(graph):
    with pytest.raises(InvalidInputError, match="choose one of metric='accuracy', metric='f1'"):
        graph.query(graph.X, task="rings")
    np.testing.assert_array_equal(graph.data(task="rings")[1], graph.values(task="rings", metric="f1"))
    assert graph.default_metric("chains") == "roc_auc"
    assert len(graph.data(task="chains")[1]) == 5


def test_what_was_not_measured_is_nan_and_not_in_data(graph):
    y = graph.query(graph.X, task="chains", metric="roc_auc")
    assert np.isnan(y[5:]).all()
    assert not np.isnan(y[:5]).any()
    X, y = graph.data(task="chains")
    np.testing.assert_array_equal(X, graph.X[:5])
    absent = GRAPH.enumerate()[GRAPH.index(graph.X).max() + 1 :][:1] if len(graph) < GRAPH.size else None
    assert np.isnan(graph.query(absent, task="chains", metric="roc_auc")).all()


def test_measured_means_in_every_column_that_matches(image):
    assert not image.measured(image.X[:1], task="blobs")[0]  # the 200-epoch columns have a gap there
    assert image.measured(image.X[:1], task="blobs", epochs=12)[0]
    assert image.measured(image.X[1], task="blobs")[0]
    assert not image.measured(np.zeros((1, 6), int), task="phone", metric="latency")[0]


def test_equivalent_rows_under_the_canonical_key(rng):
    X = np.unique(GRAPH.canonical(GRAPH.sample(50, rng)), axis=0)
    y = np.arange(float(len(X)))
    table = make(X, y, key="canonical")
    written_otherwise = GRAPH.parse("[0,0,0,0] gcn|gat|gin|fc")
    assert not GRAPH.valid(written_otherwise)[0]
    both = make(np.concatenate([written_otherwise, X[:1]]), y[:2], key="canonical")
    np.testing.assert_array_equal(both.X[:1], GRAPH.canonical(written_otherwise))
    assert both.query(written_otherwise, task="t")[0] == 0
    assert both.query(GRAPH.parse("[0,0,0,0] fc|gin|gat|gcn"), task="t")[0] == 0
    assert table.query(X[3], task="t")[0] == 3


def test_twins_that_were_trained_separately_keep_their_own_values():
    np.testing.assert_array_equal(*IMAGE.canonical(TWINS))
    table = make(TWINS, [1.0, 2.0], IMAGE)
    np.testing.assert_array_equal(table.query(TWINS, task="t"), [1, 2])
    alone = make(TWINS[:1], [1.0], IMAGE)
    assert np.isnan(alone.query(TWINS[1], task="t")[0])
    with pytest.raises(InvalidInputError, match="row 1: architecture .* means the same network as the one at row 0"):
        make(TWINS, [1.0, 2.0], IMAGE, key="canonical")


def test_top_is_stable_and_follows_the_direction():
    X = GRAPH.enumerate()[:4]
    up = make(X, [1.0, 3.0, np.nan, 3.0])
    np.testing.assert_array_equal(up.top(3, task="t")[0], X[[1, 3, 0]])
    down = make(X, [1.0, 3.0, np.nan, 1.0], column=Column("t", "latency"))
    np.testing.assert_array_equal(down.top(9, task="t")[0], X[[0, 3, 1]])


@pytest.mark.parametrize("n", [0, -1, 2.0, True, None, "3"])
def test_top_of_a_wrong_number(graph, n):
    with pytest.raises(InvalidInputError, match="n: expected a positive int, got"):
        graph.top(n, task="rings")


@pytest.mark.parametrize("wanted", [{"task": ["t"]}, {"task": "rings", "metric": {}}])
def test_names_that_are_no_names(graph, wanted):
    with pytest.raises(InvalidInputError, match="expected names as text"):
        graph.query(graph.X, **wanted)


def test_rows_outside_the_space_are_refused():
    not_canonical = GRAPH.parse("[0,0,0,0] gcn|gat|gin|fc")
    with pytest.raises(InvalidInputError, match="row 0: expected an architecture of space 'nas-bench-graph'"):
        make(not_canonical, [1.0])
    with pytest.raises(InvalidInputError, match="at least one architecture"):
        make(np.empty((0, 5), int), [])
    with pytest.raises(InvalidInputError, match="row 1: expected an architecture"):
        make([[0, 0, 0, 0, 0], [0, 0, 0, 0, 99]], [1.0, 2.0])


def test_repeated_rows_are_refused_also_with_equal_values():
    X = GRAPH.enumerate()[[3, 5, 4, 5, 3]]
    with pytest.raises(InvalidInputError, match="row 3: architecture .* repeats the one at row 1; keep one row"):
        make(X, np.zeros(5))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0], r"expected 2 values, shape \(2,\), got shape \(1,\)"),
        ([[1.0], [2.0]], "expected 2 values"),
        ([1.0, np.inf], "row 1, column 't.accuracy.val': expected a finite value, got inf; write NaN"),
        ([-np.inf, 0.0], "row 0"),
        (["1", "2"], "expected numbers"),
        ([None, 1.0], "expected numbers"),
        ([1j, 2], "expected numbers"),
    ],
)
def test_wrong_values_are_refused(y, message):
    with pytest.raises(InvalidInputError, match=message):
        make(GRAPH.enumerate()[:2], y)


def test_values_that_the_unit_rules_out_are_refused():
    X = GRAPH.enumerate()[:2]
    with pytest.raises(InvalidInputError, match=r"row 1, .* expected 0 to 1 \(unit '1'\), got 93; correct the value"):
        make(X, [0.5, 93.0], column=Column("t", "accuracy", unit="1"))
    with pytest.raises(InvalidInputError, match="expected 0 to inf"):
        make(X, [-1.0, 5.0], column=Column("t", "latency", unit="ms"))


def test_constant_nan_integer_and_short_float_columns_are_fine():
    X = GRAPH.enumerate()[:2]
    assert make(X, [7, 7]).query(X[0], task="t")[0] == 7.0
    assert np.isnan(make(X, [np.nan, np.nan]).query(X, task="t")).all()
    assert make(X, np.array([0.1, 0.2], np.float32)).query(X, task="t")[0] == np.float32(0.1)
    assert make(X, np.array([0.5, 2], np.float16)).query(X, task="t")[0] == 0.5


def test_no_columns_and_unknown_default_metrics_are_refused():
    X = GRAPH.enumerate()[:1]
    with pytest.raises(InvalidInputError, match="at least one column"):
        Table(GRAPH, X, {})
    with pytest.raises(UnknownNameError, match="expected one of accuracy"):
        make(X, [1.0], default_metrics={"t": "f1"})


@pytest.mark.parametrize("wrong", [{"name": 3}, {"licence": None}, {"default_metrics": {"t": 1}}])
def test_descriptions_are_text(wrong):
    with pytest.raises(InvalidInputError, match="expected text for name"):
        make(GRAPH.enumerate()[:1], [1.0], **wrong)


def test_the_callers_arrays_stay_the_callers():
    X, y = GRAPH.enumerate()[:3].copy(), np.arange(3.0)
    table = make(X, y)
    X[:], y[:] = 0, 9
    np.testing.assert_array_equal(table.query(GRAPH.enumerate()[:3], task="t"), [0, 1, 2])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])  # noqa: S301
@pytest.mark.parametrize("opened", [False, True])
def test_a_table_travels_to_other_processes(graph, copied, opened):
    table = load_table("nas-bench-graph") if opened else graph
    again = copied(table)
    assert again.info == table.info
    assert again.columns == table.columns
    column = {"task": table.tasks[0], "metric": "accuracy", "split": "val"}
    np.testing.assert_array_equal(again.query(table.X, **column), table.query(table.X, **column))
    assert not again.X.flags.writeable
