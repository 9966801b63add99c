"""From a file to a table that opens by name."""

import json

import numpy as np
import pytest

from surrogate_nas.cli.app import execute
from surrogate_nas.core import Column, InvalidInputError, SurrogateNASError
from surrogate_nas.spaces import EdgeCellSpace, Skeleton, get_space
from surrogate_nas.tables import Table, list_tables, load_table
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
        ("csv", {"name": "nas-bench-graph"}, "kept for an embedded table"),
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
    assert list_tables() == ["nas-bench-graph", "graph-tasks", "image-tasks"]


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


OWN = """
family = "sequence"
options = ["a", "b", "c"]
length = 3
operations = [{ name = "a", kind = "convolution" }, { name = "b", kind = "pooling" }, { name = "c", kind = "identity" }]

[skeleton]
input_kind = "image"
"""


def own_csv(tmp_path):
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    path = tmp_path / "results.v2.csv"
    path.write_text("arch,acc\nabc,0.5\ncba,0.75\n", encoding="utf-8")
    return path, {"space": str(tmp_path / "own.toml"), "arch_column": "arch", "columns": ["acc=t:accuracy:val"]}


def test_a_table_of_a_space_of_ones_own_carries_its_definition(cache, tmp_path):
    path, options = own_csv(tmp_path)
    import_table("csv", path, **options)
    (tmp_path / "own.toml").unlink()
    for _ in ("read", "from the cache"):
        table = load_table("results.v2")  # a dot in the name is no suffix
        assert table.space.name == "own"
        assert table.space.format(table.best(task="t")[0]) == ["cba"]
    assert "results.v2" in list_tables()


def test_a_space_that_shares_a_catalogue_name_is_not_mistaken_for_it(cache, tmp_path):
    space = EdgeCellSpace("nas-bench-201", get_space("nas-bench-201").operations[1:3], 3, Skeleton("image"))
    X = space.enumerate()
    Table(space, X, {Column("t", "accuracy"): np.arange(len(X))}).to_parquet(tmp_path / "t.parquet")
    for _ in ("read", "from the cache"):
        try:
            again = load_table(tmp_path / "t.parquet")
        except SurrogateNASError as error:
            assert "nas-bench-201" in str(error)  # noqa: PT017  (refusing such a name is as good)
        else:
            assert again.space.format(again.X) == space.format(X)


def test_names_go_before_folders(cache, tmp_path, monkeypatch):
    path, options = own_csv(tmp_path)
    import_table("csv", path, name="mine", **options)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "nats-tss").mkdir()
    assert len(load_table("mine")) == 2
    with pytest.raises(SurrogateNASError, match="tables download nats-tss"):
        load_table("nats-tss")


def test_a_part_does_not_take_the_place_of_the_whole(cache, tmp_path):
    path, options = own_csv(tmp_path)
    with pytest.raises(InvalidInputError, match="kept for the whole benchmark"):
        import_table("csv", path, name="nats-tss", **options)
    macro = tmp_path / "macro.json"
    entry = {"test_acc": [90.0, 91.0, 92.0], "mean_acc": 91.0, "std": 0.816, "params": 1, "flops": 2}
    macro.write_text(json.dumps({"00120121": entry}), encoding="utf-8")
    assert import_table("nas-bench-macro", macro, partial=True).name == "nas-bench-macro-part"
    with pytest.raises(InvalidInputError, match="kept for the whole benchmark"):
        import_table("nas-bench-macro", macro, name="nas-bench-macro", partial=True)


def test_a_download_that_cannot_be_read_is_set_aside(cache):
    file = cache / "downloads" / "nas-bench-macro_cifar10.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"0012', encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"set aside as .*\.damaged: the same command fetches it anew"):
        download_table("nas-bench-macro", offline=True)
    assert [p.name for p in file.parent.iterdir()] == ["nas-bench-macro_cifar10.json.damaged"]


def test_one_damaged_table_does_not_hide_the_others(cache, capsys):
    (cache / "imported").mkdir(parents=True)
    (cache / "imported" / "broken.parquet").write_bytes(b"no")
    assert execute(["tables", "list"]) == 0
    out = capsys.readouterr().out
    assert "damaged" in out
    assert "nas-bench-graph" in out
