"""CSV files: tables, windows in rows, time steps in rows, and what wrong files are answered with."""

import numpy as np
import pandas as pd
import pytest

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.training import csv_dataset

RNG = np.random.default_rng(0)
N, STEPS = 30, 12
WINDOWS = RNG.normal(size=(N, 2, STEPS)).round(3)
ACTIVITY = np.array(["walk", "run", "sit"])[np.arange(N) % 3]
PERSON = np.array([f"p{i}" for i in range(10)])[np.arange(N) // 3]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "wine.csv"
    frame = pd.DataFrame(RNG.normal(size=(N, 3)).round(3), columns=["alcohol", "acid", "sugar"])
    frame.assign(quality=ACTIVITY, price=RNG.normal(size=N)).to_csv(path, index=False)
    return path


@pytest.fixture
def wide(tmp_path):
    """Columns in no order, as a spreadsheet has them after some hands went over it."""
    path = tmp_path / "windows.csv"
    columns = {f"{'ax' if c == 0 else 'ay'}_{t}": WINDOWS[:, c, t] for t in range(STEPS) for c in (1, 0)}
    pd.DataFrame({"person": PERSON, **columns, "activity": ACTIVITY}).to_csv(path, index=False)
    return path


@pytest.fixture
def long(tmp_path):
    path = tmp_path / "steps.csv"
    rows = [(f"w{i}", *WINDOWS[i, :, t], ACTIVITY[i], PERSON[i]) for i in range(N) for t in range(STEPS)]
    pd.DataFrame(rows, columns=["window", "ax", "ay", "activity", "person"]).to_csv(path, index=False)
    return path


def test_a_table(table):
    data = csv_dataset(table, target="quality", drop=["price"], folds=3)
    assert (data.name, data.input_kind, data.input_shape) == ("wine", "tabular", (3,))
    assert data.classes == ("run", "sit", "walk")
    np.testing.assert_allclose(data.x[:, 1], pd.read_csv(table)["acid"], rtol=1e-6)
    assert len(data.splits) == 3


def test_a_regression(table):
    data = csv_dataset(table, target="price", drop=["quality"])
    assert data.regression
    assert data.input_shape == (3,)


def test_windows_in_rows_and_steps_in_rows_are_the_same_sequences(wide, long):
    channels = ["ax", "ay"]
    one = csv_dataset(wide, target="activity", group="person", channels=channels)
    other = csv_dataset(long, target="activity", group="person", window="window")
    named = csv_dataset(long, target="activity", group="person", window="window", channels=channels)
    for data in (one, other, named):
        assert data.input_kind == "sequence"
        np.testing.assert_allclose(data.x, WINDOWS, rtol=1e-6)
        assert [data.classes[c] for c in data.y] == ACTIVITY.tolist()
        for part in data.splits[0]:  # nobody in two parts
            rest = np.setdiff1d(np.arange(N), part)
            assert not set(PERSON[part]) & set(PERSON[rest])


def test_channels_may_be_some_of_the_columns(wide, long):
    assert csv_dataset(wide, target="activity", channels=["ay"]).x.shape == (N, 1, STEPS)
    data = csv_dataset(long, target="activity", group="person", window="window", channels=["ay", "ax"])
    np.testing.assert_allclose(data.x, WINDOWS[:, ::-1], rtol=1e-6)
    assert csv_dataset(wide, target="activity", channels="ay").x.shape == (N, 1, STEPS)


def test_rows_of_windows_may_be_mixed(long, tmp_path):
    """Two sensors written to one file as they come: the steps of each window are in order all the same."""
    frame = pd.read_csv(long)
    order = np.argsort(np.arange(len(frame)) % STEPS, kind="stable")
    frame.iloc[order].to_csv(tmp_path / "mixed.csv", index=False)
    data = csv_dataset(tmp_path / "mixed.csv", target="activity", group="person", window="window")
    np.testing.assert_allclose(data.x, WINDOWS, rtol=1e-6)


def test_other_separators_and_the_mark_that_spreadsheets_write(table, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(table.read_text().replace(",", ";"), encoding="utf-8-sig")
    data = csv_dataset(other, target="quality", sep=";", drop=["price"])
    np.testing.assert_array_equal(data.x, csv_dataset(table, target="quality", drop=["price"]).x)


def edited(path, old, new):
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (None, {"target": "qualty"}, "wine.csv: unknown column 'qualty': .*did you mean 'quality'"),
        (None, {"drop": ["prize"]}, "unknown column 'prize'.*did you mean 'price'"),
        (None, {"group": "person"}, "unknown column 'person'"),
        (None, {"target": "price"}, "numbers in column 'quality', got 'walk' in line 2; encode .*drop="),
        (lambda p: edited(p, "alcohol", "sugar_1"), {"channels": ["suger"]}, "unknown channel 'suger'"),
        (lambda p: edited(p, ",run,", ",,"), {}, "y: expected a label for every sample, got 1 NaN"),
        (
            lambda p: p.write_text("a,b\n1,x\n,y\n"),
            {"target": "b", "drop": []},
            "column 'a', got a gap in line 3; fill",
        ),
        (lambda p: p.write_text("a,b\n1,x\ninf,y\n"), {"target": "b", "drop": []}, "column 'a', got .*inf.* in line 3"),
        (lambda p: p.write_text(""), {}, "a CSV file with a line of column names, got: No columns"),
        (lambda p: p.write_text("a,quality,price\n"), {}, "rows below the line of column names, got none"),
        (lambda p: p.write_text("a,b\n1,2\n1,2,3\n"), {}, "Expected 2 fields in line 3, saw 3"),
        (lambda p: p.write_bytes(b"\x89PNG\r\n\xff\xfe\x00,,"), {}, "expected a CSV file"),
        (lambda p: p.write_text("quality;price;a\nx;1;1\n"), {}, "unknown column 'quality'.*'?quality;price;a"),
        (lambda p: p.write_text("quality,price\nx,1\n"), {}, "columns beside quality, price, got none"),
        (lambda p: pd.read_csv(p).to_csv(p), {}, r"name for every column, .*; drop=\['Unnamed: 0'\] leaves it out"),
        (None, {"channels": []}, "the names of channels, got none"),
        (lambda p: p.unlink(), {}, "wine.csv: expected a readable CSV file"),
    ],
)
def test_wrong_tables_are_one_line(table, change, options, message):
    if change:
        change(table)
    with pytest.raises((InvalidInputError, UnknownNameError), match=message) as caught:
        csv_dataset(table, **{"target": "quality", "drop": ["price"]} | options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            None,
            {"channels": ["ax", "az"]},
            "unknown channel 'az': expected one of ax, ay; a channel has the columns az_0, az_1",
        ),
        (lambda p: edited(p, "ax_5", "ax_50"), {}, "every step of channel 'ax' from 0 to 50, got none for 5"),
        (lambda p: edited(p, "ax_11", "other"), {}, "channels of one length, got ax: 11, ay: 12 columns"),
        (None, {"channels": None}, "numbers in column 'person'"),
    ],
)
def test_wrong_windows_are_one_line(wide, change, options, message):
    if change:
        change(wide)
    arguments = {"target": "activity", "channels": ["ax", "ay"]} | options
    with pytest.raises((InvalidInputError, UnknownNameError), match=message) as caught:
        csv_dataset(wide, **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "options", "message"),
    [
        ("\nw3,", "\nw4,", {}, "one length, got 13 rows in window w4 and 12 in most; cut or pad"),
        ("\nw3,", "\n,", {}, "a window in every line, got a gap in line 38"),
        (",walk,p0", ",run,p0", {}, "one activity per window, got several in window w0"),
        (",walk,p0", ",walk,p1", {}, "one person per window, got several in window w0"),
        ("", "", {"channels": ["ax", "az"]}, "unknown column 'az'"),
        ("", "", {"window": "id"}, "unknown column 'id'"),
    ],
)
def test_wrong_steps_are_one_line(long, old, new, options, message):
    edited(long, old, new)
    arguments = {"target": "activity", "group": "person", "window": "window"} | options
    with pytest.raises((InvalidInputError, UnknownNameError), match=message) as caught:
        csv_dataset(long, **arguments)
    assert "\n" not in str(caught.value)
