import numpy as np
import pandas as pd
import pytest

from surrogate_nas.core import Column, InvalidInputError, SurrogateNASError, UnknownNameError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import Table

SPACE = get_space("nas-bench-graph")
TEXTS = SPACE.format(SPACE.enumerate()[[5, 9, 2]])
C10 = {"c10": ("cifar10", "accuracy", "val", 200)}


def from_frame(frame, columns=C10, **more):
    return Table.from_frame(frame, space=SPACE, arch_column="arch", columns=columns, **more)


def from_csv(path, columns=C10, **more):
    return Table.from_csv(path, space=SPACE, arch_column="arch", columns=columns, **more)


def frame(values=(1.0, 2.0, np.nan), texts=TEXTS):
    return pd.DataFrame({"arch": list(texts), "c10": values, "unused": "x"})


def lines(*rows, header="arch,c10,unused"):
    return "\n".join([header, *rows]) + "\n"


def quoted(*values):
    return [f'"{t}",{v},' for t, v in zip(TEXTS, values, strict=False)]


def test_a_frame_becomes_a_table():
    table = from_frame(frame(), name="mine", licence="MIT")
    np.testing.assert_array_equal(table.query(SPACE.parse(TEXTS), task="cifar10"), [1, 2, np.nan])
    assert table.columns == (Column("cifar10", "accuracy", "val", 200, direction="max"),)
    assert (table.name, table.info.licence, table.info.key) == ("mine", "MIT", "row")


def test_architectures_may_stand_in_the_index():
    assert len(from_frame(frame().set_index("arch"))) == 3


@pytest.mark.parametrize("values", [pd.array([1, None, 3], dtype="Int64"), [1, 2, 3], [True, False, True],
                                    np.array([1, 2, 3], np.float32), pd.array([1.5, None, 2], dtype="Float64"),
                                    [1.5, None, 2.5], pd.Series([1.0, None, 2.0], dtype=object)])  # fmt: skip
def test_every_way_that_pandas_writes_numbers_is_read(values):
    column = pd.Series(values)
    y = from_frame(frame(column)).values(task="cifar10")
    np.testing.assert_array_equal(y, column.to_numpy(dtype=float, na_value=np.nan))


@pytest.mark.parametrize(
    "values", [["a", "b", "c"], [1.0, "b", 2.0], pd.to_datetime(["2020-01-01"] * 3), [[1], [2], [3]], [1j, 2j, 3j]]
)
def test_what_is_not_a_number_is_refused(values):
    with pytest.raises(InvalidInputError, match="column 'c(10|ifar10.accuracy.val.200ep)': expected numbers"):
        from_frame(frame(values))


def test_unknown_and_repeated_columns_of_a_frame():
    with pytest.raises(UnknownNameError, match="unknown column of the frame 'c1': expected one of arch, c10, unused"):
        from_frame(frame(), {"c1": ("a", "b")})
    with pytest.raises(UnknownNameError, match="unknown column of the frame 'arch'"):
        from_frame(frame().rename(columns={"arch": "text"}))
    twice = pd.concat([frame(), frame()[["c10"]]], axis=1)
    with pytest.raises(InvalidInputError, match="2 columns named 'c10'"):
        from_frame(twice)


def test_columns_described_alike_and_not_at_all():
    with pytest.raises(InvalidInputError, match="'c10' and 'unused' are described alike; give them different seeds"):
        from_frame(frame().assign(unused=1.0), {"c10": ("a", "accuracy"), "unused": ("a", "accuracy")})
    with pytest.raises(InvalidInputError, match="at least one column"):
        from_frame(frame(), {})


@pytest.mark.parametrize("text", ["[0,0,0,0] gat|gat|gat|gap", "[0,0,0] gat|gat|gat", "", None, 3.5, np.nan])
def test_the_first_bad_architecture_is_named(text):
    texts = SPACE.format(SPACE.enumerate()[:40])
    texts[17] = texts[30] = text
    with pytest.raises(InvalidInputError, match=r"^row 17: .*expected"):
        from_frame(frame(np.zeros(40), texts))


def test_values_in_a_frame_that_are_infinite():
    with pytest.raises(InvalidInputError, match="row 1, column .* expected a finite value, got -inf"):
        from_frame(frame([1.0, -np.inf, 2.0]))


def test_a_csv_file_becomes_a_table(csv_file):
    table = from_csv(csv_file(lines(*quoted("1.5", "", " 1e-3 "))))
    np.testing.assert_array_equal(table.query(SPACE.parse(TEXTS), task="cifar10"), [1.5, np.nan, 1e-3])


def test_csv_dialects_that_spreadsheets_write(csv_file):
    text = "\ufeff" + lines(quoted("1")[0], "", quoted("1", "NaN")[1], *quoted(1, 2, "N/A")[2:]).replace("\n", "\r\n")
    path = csv_file("")
    path.write_bytes(text.encode())
    np.testing.assert_array_equal(from_csv(path).values(task="cifar10"), [1, np.nan, np.nan])


def test_numbers_are_read_exactly(csv_file):
    value = 0.7352624285044876
    assert from_csv(csv_file(lines(*quoted(repr(value))))).values(task="cifar10")[0] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header and one line per architecture, got an empty file"),
        (lines(), "at least one architecture"),
        (lines(header="a,b"), "unknown column of the header 'arch': expected one of a, b"),
        (lines(header="arch,c10,c10"), "line 1: the header names 'c10' 2 times"),
        (lines(*quoted(1, "x")), "line 3, column 'c10': expected a number .* got 'x'"),
        (lines(*quoted(1, "inf")), "line 3, column .* expected a finite value, got inf; write NaN"),
        (lines(quoted(1)[0], "", "", *quoted(1, "1_0")[1:]), "line 5, column 'c10': expected a number"),
        (lines(quoted(1)[0], '"[0,0'), "line 3: not a CSV file"),
        (lines(quoted(1)[0], f'"{TEXTS[1]}",0.'), "line 3: expected 3 fields as in the header, got 2"),
        (lines(quoted(1)[0], f'"{TEXTS[1]}",0.5,,,'), "line 3: expected 3 fields as in the header, got 5"),
        (lines(f"{TEXTS[0]},0.5,"), "line 2: expected 3 fields as in the header, got 6"),
        (lines(quoted(1)[0], '"[0,0,0,0] gcn|gcn|gcn",1,'), "line 3: architecture"),
        (lines(*quoted(1), ",1,"), "line 3: expected an architecture as text, got ''"),
        (lines(*quoted(1, 2), *quoted(1)), "line 4: architecture .* repeats the one at line 2; keep one row"),
        (lines(*quoted("-3")), "line 2, column .* expected 0 to 100"),
    ],
)
def test_wrong_csv_files_name_the_file_the_line_and_the_remedy(csv_file, text, message):
    with pytest.raises(SurrogateNASError, match=rf"results\.csv: .*{message}") as caught:
        from_csv(csv_file(text), {"c10": Column("cifar10", "accuracy", "val", unit="%")})
    assert "\n" not in str(caught.value)


def test_csv_files_that_are_none(tmp_path, csv_file):
    binary = csv_file("")
    binary.write_bytes(b"PAR1\xff\xfe\x00")
    for path, message in {
        binary: "expected text in UTF-8",
        tmp_path / "none.csv": "expected a readable CSV file",
        tmp_path: "expected a readable CSV file",
    }.items():
        with pytest.raises(InvalidInputError, match=message):
            from_csv(path)


def test_default_metrics_must_exist(csv_file):
    with pytest.raises(UnknownNameError, match=r"results\.csv: table 'table', task 'cifar10': unknown metric 'f1'"):
        from_csv(csv_file(lines(*quoted(1))), default_metrics={"cifar10": "f1"})
    with pytest.raises(UnknownNameError, match="unknown task 'c11'"):
        from_frame(frame(), default_metrics={"c11": "f1"})


def test_a_table_becomes_a_frame(image):
    table = image.to_pandas()
    assert list(table.columns[:3]) == ["architecture", "blobs.accuracy.val.12ep.seed0", "blobs.accuracy.val.12ep.seed1"]
    assert table.dtypes.iloc[1] == np.float32
    table.iloc[0, 1] = 0  # the frame is the caller's
    assert image.space.parse(list(table["architecture"])).tolist() == image.X.tolist()
