import json

import numpy as np
import pytest

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.tables.schema import (
    SCHEMA_VERSION,
    TableInfo,
    as_column,
    check_column,
    column_from_json,
    column_name,
    column_to_json,
    declared_range,
)

INFO = TableInfo("t", "nas-bench-201", "canonical", "here", "MIT", "us", {"a": "f1"})


def test_table_info_survives_its_written_form():
    assert TableInfo.from_json(INFO.to_json()) == INFO
    assert json.loads(INFO.to_json())["schema_version"] == SCHEMA_VERSION


def test_table_info_cannot_be_changed():
    with pytest.raises(TypeError):
        INFO.default_metrics["a"] = "accuracy"


@pytest.mark.parametrize(
    ("version", "remedy"),
    [(SCHEMA_VERSION + 1, "upgrade"), (0, "write the table again"), (None, "write"), ("1", "write")],
)
def test_other_schema_versions_say_what_to_do(version, remedy):
    content = json.loads(INFO.to_json()) | {"schema_version": version}
    with pytest.raises(InvalidInputError, match=f"expected table schema version {SCHEMA_VERSION}, got .*{remedy}"):
        TableInfo.from_json(json.dumps(content).encode())


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"\xff", b"{", b"1", b"[" * 10_000, b'{"schema_version": 1}', b'{"schema_version": NaN}']
)
def test_damaged_descriptions_are_one_line(text):
    for read in (TableInfo.from_json, column_from_json):
        with pytest.raises(InvalidInputError) as caught:
            read(text)
        assert "\n" not in str(caught.value)


def test_descriptions_with_wrong_types_are_refused():
    for field, value in {"name": 1, "default_metrics": [], "key": "rows", "space": None}.items():
        content = json.loads(INFO.to_json()) | {field: value}
        with pytest.raises((InvalidInputError, UnknownNameError)):
            TableInfo.from_json(json.dumps(content).encode())


def test_unknown_keys_list_the_known():
    with pytest.raises(UnknownNameError, match="unknown table key 'rows': expected one of row, canonical"):
        TableInfo("t", "s", "rows")


@pytest.mark.parametrize(
    ("column", "name"),
    [
        (Column("cora", "accuracy", "val"), "cora.accuracy.val"),
        (Column("cora", "latency"), "cora.latency"),
        (Column("c10", "accuracy", "test", 200, 777), "c10.accuracy.test.200ep.seed777"),
        (Column("c10", "accuracy", "test", seed="mean"), "c10.accuracy.test.mean"),
    ],
)
def test_names_are_readable(column, name):
    assert column_name(column) == name


def test_columns_survive_their_written_form_with_the_direction_spelled_out():
    column = Column("c10", "latency", "", 200, "mean", "ms")
    again = column_from_json(column_to_json(column))
    assert again == check_column(column)
    assert again.direction == "min"


def test_tuples_stand_for_columns():
    assert as_column(("c10", "accuracy", "val", 200), "x") == Column("c10", "accuracy", "val", 200, direction="max")
    assert as_column(["a", "b"], "x").split == ""
    assert as_column(("a", "b", "val", np.int64(3), np.int32(1)), "x") == Column("a", "b", "val", 3, 1, "", "max")


@pytest.mark.parametrize(
    "value",
    ["accuracy", ("c10",), 3, None, tuple("abcdefgh"), ("c10", ""), ("", "a"), (1, "a"), ("a", "b", None),
     ("a", "b", "val", 0), ("a", "b", "val", "12"), ("a", "b", "val", 2.5), ("a", "b", "val", True),
     ("a", "b", "val", 1, 2.5), ("a", "b", "val", 1, 1, None), ("a", "b", "val", 1, 1, "", "up"), (["a"], "b")],
)  # fmt: skip
def test_wrong_columns_are_one_line(value):
    with pytest.raises(InvalidInputError) as caught:
        as_column(value, "x")
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bounded_metrics_are_bounded_by_their_unit():
    assert declared_range(Column("t", "accuracy", unit="%")) == (0, 100)
    assert declared_range(Column("t", "roc_auc", unit="1")) == (0, 1)
    assert declared_range(Column("t", "accuracy")) == (-np.inf, np.inf)
    assert declared_range(Column("t", "latency", unit="ms")) == (0, np.inf)
    assert declared_range(Column("t", "reward", unit="%")) == (-np.inf, np.inf)
