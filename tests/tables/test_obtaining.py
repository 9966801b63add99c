"""From a file to a table that opens by name."""

import pytest

from surrogate_nas.core import InvalidInputError, SurrogateNASError
from surrogate_nas.tables import list_tables, load_table
from surrogate_nas.tables.obtaining import download_table, import_table

CSV = 'arch,score\n"[0,0,0,0] gcn|gcn|gcn|gcn",0.5\n"[0,1,2,3] gcn|gcn|gcn|gcn",0.75\n'


def test_an_imported_table_opens_by_name(cache, csv_file):
    path = csv_file(CSV)
    table = import_table(
        "csv", path, name="mine", space="nas-bench-graph", arch_column="arch", columns=["score=rings:accuracy:val"]
    )
    assert (table.name, len(table)) == ("mine", 2)
    assert "mine" in list_tables()
    assert load_table("mine").best(task="rings")[1] == 0.75
    path.write_text(CSV.replace("0.75", "0.25"), encoding="utf-8")
    again = {"name": "mine", "space": "nas-bench-graph", "arch_column": "arch"}
    import_table("csv", path, **again, columns=["score=rings:accuracy:val"])
    assert load_table("mine").best(task="rings")[1] == 0.5


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ("csv", {"name": "nas-bench-graph"}, "comes with the package"),
        ("csv", {"name": "a/b"}, "plain name"),
        ("csv", {}, "needs the option 'space'"),
        ("csv", {"space": "nas-bench-graph"}, "expected a description of every column"),
        ("nas-bench-macro", {}, "JSON"),
        ("nas-bench-999", {}, "unknown"),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(cache, csv_file, source, options, expected):
    with pytest.raises(SurrogateNASError, match=expected):
        import_table(source, csv_file(CSV), **options)
    assert list_tables() == ["nas-bench-graph", "graph-tasks"]


def test_a_file_with_a_published_checksum_is_compared_first(cache, tmp_path):
    path = tmp_path / "nasbench_full.tfrecord"
    path.write_bytes(b"not it")
    with pytest.raises(InvalidInputError, match="expected sha256 3d64db8180"):
        import_table("nas-bench-101", path)
    with pytest.raises(InvalidInputError, match="nasbench_full.tfrecord: expected (?!sha256)"):
        import_table("nas-bench-101", path, verify=False)


def test_an_absent_benchmark_offline(cache):
    with pytest.raises(InvalidInputError, match="because of --offline"):
        download_table("nas-bench-macro", offline=True)
