import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.spaces import EdgeCellSpace, get_space
from surrogate_nas.tables import Table
from surrogate_nas.tables.schema import TABLE_KEY

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
SPACE = get_space("nas-bench-201")


def rewrite(path: Path, change) -> Path:
    """Write the file again after ``change(table) -> table`` on its Arrow form."""
    pq.write_table(change(pq.read_table(path)), path)
    return path


def edit_description(path: Path, old: bytes, new: bytes) -> Path:
    def change(table):
        metadata = dict(table.schema.metadata)
        assert old in metadata[TABLE_KEY]
        return table.replace_schema_metadata(metadata | {TABLE_KEY: metadata[TABLE_KEY].replace(old, new)})

    return rewrite(path, change)


def test_what_is_not_measured_is_null_for_other_readers(tmp_path, image):
    image.to_parquet(tmp_path / "t.parquet")
    frame = pd.read_parquet(tmp_path / "t.parquet")
    column = frame["blobs.accuracy.val.200ep.seed0"]
    assert column.isna().sum() == 50
    assert image.space.parse(frame["architecture"].tolist()).tolist() == image.X.tolist()
    raw = pq.read_table(tmp_path / "t.parquet")
    assert raw["blobs.accuracy.val.200ep.seed0"].null_count == 50
    assert raw.schema.field("blobs.accuracy.val.12ep.seed0").type == pa.float32()


def test_bytes_do_not_depend_on_the_process(tmp_path, image):
    path = tmp_path / "t.parquet"
    image.to_parquet(path)
    before = path.read_bytes()
    script = "import sys; from surrogate_nas import Table; Table.from_parquet(sys.argv[1]).to_parquet(sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert path.read_bytes() == before


def test_text_decides_where_the_integers_were_written_under_another_encoding(written, graph):
    def change(table):
        metadata = dict(table.schema.metadata)
        shifted = pa.FixedSizeListArray.from_arrays(
            pa.array(((graph.X + 1) % 9).ravel(), pa.int16()), type=table.schema.field("genes").type
        )
        table = table.set_column(table.schema.get_field_index("genes"), table.schema.field("genes"), shifted)
        return table.replace_schema_metadata(metadata | {b"surrogate_nas.space": b"another"})

    np.testing.assert_array_equal(Table.from_parquet(rewrite(written, change)).X, graph.X)


def test_a_space_of_ones_own_travels_along_or_is_handed_over(tmp_path):
    own = EdgeCellSpace("mine", SPACE.operations, 3, SPACE.skeleton)
    X = own.enumerate()[:20]
    path = tmp_path / "mine.parquet"
    Table(own, X, {Column("t", "accuracy"): np.arange(20.0)}).to_parquet(path)
    assert Table.from_parquet(path, space=own).query(X[7], task="t")[0] == 7
    assert Table.from_parquet(path).space.format(X) == own.format(X)
    with pytest.raises(InvalidInputError, match=r"mine\.parquet: row 0: .*expected"):
        Table.from_parquet(path, space=SPACE)


def test_files_that_are_no_tables(tmp_path, written):
    whole = written.read_bytes()
    cases = {
        "empty": (b"", "got an empty one"),
        "text": (b"arch,c10\n1,2\n", "expected a complete Parquet file"),
        "truncated": (whole[: len(whole) // 2], "expected a complete Parquet file"),
        "headless": (whole[100:], "expected a complete Parquet file"),
    }
    for name, (data, message) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InvalidInputError, match=f"{name}: .*{message}"):
            Table.from_parquet(path)
    with pytest.raises(InvalidInputError, match="nothing is there; check the path"):
        Table.from_parquet(tmp_path / "none.parquet")
    with pytest.raises(InvalidInputError, match="got a folder"):
        Table.from_parquet(tmp_path)


def test_a_foreign_parquet_file_is_pointed_to_from_frame(tmp_path):
    path = tmp_path / "foreign.parquet"
    pd.DataFrame({"arch": ["x"], "acc": [1.0]}).to_parquet(path)
    with pytest.raises(InvalidInputError, match=r"foreign\.parquet: .*use Table\.from_frame\(pandas\.read_parquet"):
        Table.from_parquet(path)


@pytest.mark.parametrize(("version", "remedy"), [(b"2", "upgrade surrogate-nas"), (b"0", "write the table again")])
def test_older_and_newer_files_say_what_to_do(written, version, remedy):
    edit_description(written, b'"schema_version": 1', b'"schema_version": ' + version)
    with pytest.raises(InvalidInputError, match=f"expected table schema version 1, got {version.decode()}; {remedy}"):
        Table.from_parquet(written)


def test_a_flipped_bit_in_a_number_is_an_error(written):
    data = bytearray(written.read_bytes())
    with pq.ParquetFile(written) as file:
        column = file.metadata.row_group(0).column(5)
        place = column.data_page_offset + column.total_compressed_size - 60
    data[place] ^= 1
    written.write_bytes(data)
    with pytest.raises(InvalidInputError, match="damaged"):
        Table.from_parquet(written)


def drop(name):
    return lambda table: table.drop_columns([name])


def replace(name, values):
    def change(table):
        at = table.schema.get_field_index(name)
        field = pa.field(name, values.type, metadata=table.schema.field(name).metadata)
        return table.set_column(at, field, values)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("architecture"), "expected one column 'architecture'"),
        (drop("genes"), "expected one column 'genes'"),
        (lambda t: t.select(["architecture", "genes"]), "at least one column"),
        (lambda t: t.slice(0, 0), "at least one architecture"),
        (lambda t: pa.concat_tables([t, t.slice(3, 1)]), "row 200: architecture .* repeats the one at row 3"),
        (replace("architecture", pa.nulls(200, pa.string())), "the architectures are damaged"),
        (replace("architecture", pa.array(["[0,0,0,0] a|b|c|d"] * 200)), "row 0: .*expected"),
        (replace("genes", pa.array([1] * 200)), "the architectures are damaged"),
        (
            replace("rings.f1.val.mean", pa.array(["a"] * 200)),
            "column 'rings.f1.val.mean': expected floats, got string",
        ),
        (replace("rings.f1.val.mean", pa.array([np.inf] * 200)), "expected a finite value"),
        (replace("rings.f1.val.mean", pa.array([1.5] * 200)), r"expected 0 to 1 \(unit '1'\), got 1.5"),
        (lambda t: t.append_column(t.schema.field(2).with_name("x"), t.column(2)), "two columns describe the same"),
    ],
)
def test_files_whose_contents_break_a_rule(written, change, message):
    rewrite(written, change)
    with pytest.raises(InvalidInputError, match=message) as caught:
        Table.from_parquet(written)
    assert str(caught.value).startswith(f"{written}: ")


def test_integers_that_disagree_with_the_text_lose(written, graph):
    genes = pa.FixedSizeListArray.from_arrays(
        pa.array(np.full(graph.X.size, 300), pa.int16()), type=pq.read_schema(written).field("genes").type
    )
    rewrite(written, replace("genes", genes))
    np.testing.assert_array_equal(Table.from_parquet(written).X, graph.X)


@pytest.mark.parametrize("place", ["missing/t.parquet", "file/t.parquet"])
def test_places_that_cannot_be_written_to(tmp_path, graph, place):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidInputError, match=r"t\.parquet: cannot be written .*choose a folder"):
        graph.to_parquet(tmp_path / place)
    with pytest.raises(InvalidInputError, match="cannot be written"):
        graph.to_parquet(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_writing_replaces_in_one_step_and_leaves_nothing_behind(tmp_path, graph, image):
    path = tmp_path / "t.parquet"
    graph.to_parquet(path)
    opened = Table.from_parquet(path)
    image.to_parquet(str(path))
    assert Table.from_parquet(str(path)).name == "made-up"
    np.testing.assert_array_equal(opened.X, graph.X)
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=150)
@given(st.data())
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path_factory, data):
    original = _sample(tmp_path_factory)
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))]
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.write_bytes(damaged)
    with contextlib.suppress(InvalidInputError, UnknownNameError):
        Table.from_parquet(path)


def _sample(tmp_path_factory) -> bytes:
    path = tmp_path_factory.getbasetemp() / "sample.parquet"
    if not path.exists():
        X = SPACE.enumerate()[:30]
        Table(SPACE, X, {Column("t", "accuracy", "val"): np.arange(30.0)}).to_parquet(path)
    return path.read_bytes()


def test_files_of_every_schema_version_stay_readable():
    """A file written when schema version 1 was new; it is never written again."""
    table = Table.from_parquet(FIXTURES / "table-schema-1.parquet")
    n = len(table)
    np.testing.assert_array_equal(table.X, SPACE.enumerate()[::600])
    expected = np.arange(n) / n
    expected[4] = np.nan
    np.testing.assert_array_equal(table.query(table.X, task="t", metric="accuracy", split="val", epochs=12), expected)
    np.testing.assert_array_equal(table.values(task="t", metric="latency"), np.arange(n))
    assert table.columns[0] == Column("t", "accuracy", "val", 12, 0, "1", "max")
    assert (table.name, table.info.licence, dict(table.info.default_metrics)) == (
        "made-up",
        "CC0-1.0",
        {"t": "accuracy"},
    )
