"""CSV and Parquet files of one's own."""

import numpy as np
import pandas as pd
import pytest

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import Table
from surrogate_nas.tables.importers import read_source
from surrogate_nas.tables.importers.frame import parse_description, parse_own_name, read_frame
from surrogate_nas.tables.schema import column_name

SPACE = get_space("nas-bench-201")
X = SPACE.sample(4, 0, unique=True)
FRAME = pd.DataFrame({"arch": SPACE.format(X), "acc": [91.5, 90.0, np.nan, 55.25], "ms": [1.0, 2.0, 3.0, 4.0]})
COLUMNS = ["acc=blobs:accuracy:val:200:0:%", "ms=phone:latency::::ms"]


@pytest.fixture(params=["csv", "parquet", "indexed"])
def path(request, tmp_path):
    if request.param == "csv":
        FRAME.to_csv(tmp_path / "mine.txt", index=False)
        return tmp_path / "mine.txt"
    frame = FRAME.set_index("arch") if request.param == "indexed" else FRAME
    frame.to_parquet(tmp_path / "mine.bin")
    return tmp_path / "mine.bin"


@pytest.mark.parametrize(
    "columns",
    [
        COLUMNS,
        {"acc": "blobs:accuracy:val:200:0:%", "ms": ("phone", "latency", "", None, None, "ms")},
        {
            "acc": Column("blobs", "accuracy", "val", 200, 0, "%"),
            "ms": Column("phone", "latency", unit="ms", direction="min"),
        },
    ],
)
def test_described_columns_are_read(path, columns):
    table = read_source("csv", path, space=SPACE.name, arch_column="arch", columns=columns, licence="MIT")
    np.testing.assert_array_equal(table.X, X)
    at = {"task": "blobs", "metric": "accuracy", "split": "val", "epochs": 200, "seed": 0}
    np.testing.assert_array_equal(table.query(X, **at), FRAME["acc"])
    np.testing.assert_array_equal(table.query(X, task="phone", metric="latency"), FRAME["ms"])
    assert table.column(**at).unit == "%"
    assert table.column(task="phone", metric="latency").direction == "min"
    assert (table.name, table.info.licence) == ("mine", "MIT")


def test_nothing_is_guessed(path):
    with pytest.raises(
        InvalidInputError, match=r"mine\..*got none of acc, ms; .*\(--column\), each as name=task:metric"
    ):
        read_frame(path, space=SPACE, arch_column="arch")
    with pytest.raises(UnknownNameError, match=r"mine\..*unknown column of the (frame|header) 'accuracy'"):
        read_frame(path, space=SPACE, arch_column="arch", columns=["accuracy=blobs:accuracy"])
    with pytest.raises(UnknownNameError, match="unknown space 'nb'"):
        read_frame(path, space="nb", arch_column="arch", columns=COLUMNS)
    with pytest.raises(UnknownNameError, match="'architecture'"):
        read_frame(path, space=SPACE, columns=COLUMNS)


def test_the_packages_own_names_are_read_back(tmp_path, image):
    frame = image.to_pandas()
    frame.to_csv(tmp_path / "own.csv", index=False)
    table = read_frame(tmp_path / "own.csv", space=image.space)
    assert [column_name(c) for c in table.columns] == [column_name(c) for c in image.columns]
    for c in image.columns:
        at = {"task": c.task, "metric": c.metric, "split": c.split, "epochs": c.epochs, "seed": c.seed}
        np.testing.assert_allclose(table.query(image.X, **at), image.query(image.X, **at), rtol=1e-6)


def test_the_packages_own_parquet_file_is_read_as_the_table_it_is(tmp_path, image):
    image.to_parquet(tmp_path / "own.parquet")
    table = read_source("parquet", tmp_path / "own.parquet")
    assert (table.columns, table.info, table.space.name) == (image.columns, image.info, image.space.name)
    np.testing.assert_array_equal(table.X, image.X)
    again = read_source("parquet", tmp_path / "own.parquet", name="mine", licence="MIT")
    assert (again.name, again.info.licence, again.info.citation) == ("mine", "MIT", image.info.citation)


def test_files_of_others_need_a_space(path):
    with pytest.raises(InvalidInputError, match=r"mine\.\w+: .*needs the option 'space' \(--space\)"):
        read_source("parquet", path, columns=COLUMNS)
    with pytest.raises(InvalidInputError, match=r"mine\.\w+: .*needs the option 'space'"):
        read_source("parquet", path)


@pytest.mark.parametrize(
    "column",
    [
        Column("cora", "accuracy", "val", seed="mean"),
        Column("cora", "accuracy"),
        Column("cifar10", "train_time", "", 12, 3, direction="min"),
        Column("ImageNet16-120", "accuracy", "test", 200, 777),
    ],
)
def test_names_lead_back_to_their_columns(column):
    found = parse_own_name(column_name(column))
    assert found is not None
    assert (found.task, found.metric, found.split) == (column.task, column.metric, column.split)
    assert (found.epochs, found.seed) == (column.epochs, column.seed)


def test_other_names_lead_nowhere():
    for name in ("acc", "a.1", "a.b.c.d", "", "a.", ".b", "a.b.12", "x.y.val.12epochs"):
        assert parse_own_name(name) is None


def test_descriptions_are_read_strictly():
    assert parse_description("a=b=t:m") == ("a=b", Column("t", "m", direction="max"))
    expected = Column("t", "m", "test", 12, "mean", "s", "min")
    assert parse_description("x=t:m:test:12:mean:s:min") == ("x", expected)
    assert parse_description("t:m:test:12:mean:s:min", "x") == ("x", expected)
    for wrong in ("x", "x=", "x=t", "=t:m", "t:m", "x=t:m:val:12:0:%:max:more", "x=t:", "x=:m"):
        with pytest.raises(InvalidInputError, match="expected"):
            parse_description(wrong)
    with pytest.raises(InvalidInputError, match="expected epochs as a number, got 'ten'"):
        parse_description("x=t:m:val:ten")
    with pytest.raises(InvalidInputError, match="direction"):
        parse_description("x=t:m:val:10:0:%:up")


@pytest.mark.parametrize("columns", ["acc=blobs:accuracy", 5, ["acc=a:b", "acc=a:c"]])
def test_descriptions_of_another_kind_are_refused(path, columns):
    with pytest.raises(InvalidInputError, match=r"mine\.\w+: columns: expected"):
        read_frame(path, space=SPACE, arch_column="arch", columns=columns)


def test_wherever_a_parquet_file_ends_it_is_refused(tmp_path):
    path = tmp_path / "mine.parquet"
    FRAME.to_parquet(path)
    data = path.read_bytes()
    for end in range(4, len(data), 97):
        path.write_bytes(data[:end])
        with pytest.raises(InvalidInputError, match=r"mine\.parquet: expected a complete Parquet file"):
            read_frame(path, space=SPACE, arch_column="arch", columns=COLUMNS)
        with pytest.raises(InvalidInputError, match=r"mine\.parquet: expected a complete Parquet file"):
            read_frame(path)


def test_other_files_and_unreadable_paths_are_refused(tmp_path):
    path = tmp_path / "x.csv"
    for data in (b"", b"\xff\xfe\x00", b'arch,"acc\n1', b"\x80\x04."):
        path.write_bytes(data)
        with pytest.raises((InvalidInputError, UnknownNameError), match=r"x\.csv: "):
            read_frame(path, space=SPACE, arch_column="arch", columns=COLUMNS)
    for missing in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(InvalidInputError, match="expected a readable file"):
            read_frame(missing, space=SPACE, arch_column="arch", columns=COLUMNS)


def test_a_wrong_architecture_is_named_by_row(tmp_path):
    frame = FRAME.assign(arch=[*FRAME["arch"][:3], "|nonsense|"])
    frame.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InvalidInputError, match=r"x\.parquet: row 3: "):
        read_frame(tmp_path / "x.parquet", space=SPACE, arch_column="arch", columns=COLUMNS)


def test_progress_hears_of_the_file(path):
    class Listener:
        said = []

        def say(self, text):
            self.said.append(text)

        def track(self, label, done, total, note=""):
            raise AssertionError

    table = read_frame(path, space=SPACE, arch_column="arch", columns=COLUMNS, progress=Listener())
    assert isinstance(table, Table)
    assert Listener.said[-1] == f"{path.name}: 4 architectures, 2 columns"
