import hashlib
import shutil
from pathlib import Path

import pytest

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.core.resources import data_folder
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import SCHEMA_VERSION, list_tables, load_table, table_entries


@pytest.fixture
def data(tmp_path, monkeypatch, cache) -> Path:
    """A copy of the embedded data, to be damaged, and an empty cache."""
    folder = tmp_path / "data"
    shutil.copytree(data_folder(), folder)
    monkeypatch.setattr("surrogate_nas.tables.catalogue.data_folder", lambda: folder)
    return folder


@pytest.mark.parametrize("name", list_tables())
def test_the_registry_tells_the_truth(name):
    entry = table_entries()[name]
    assert hashlib.sha256(entry.path.read_bytes()).hexdigest() == entry.sha256
    table = load_table(name)
    assert (table.name, table.space, len(table), table.tasks) == (name, get_space(entry.space), entry.rows, entry.tasks)
    assert (table.info.source, table.info.licence, table.info.citation) == (entry.source, entry.licence, entry.citation)
    assert entry.source
    assert entry.licence
    assert entry.citation
    assert f"schema_version = {SCHEMA_VERSION}" in (data_folder() / "registry.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list_tables())
def test_every_embedded_file_is_described(name):
    readme = (data_folder() / "README.md").read_text(encoding="utf-8")
    assert table_entries()[name].path.name in readme


def test_unknown_names_list_the_known():
    with pytest.raises(
        UnknownNameError, match="unknown table 'nas-bench-grap': expected .*did you mean 'nas-bench-graph'"
    ):
        load_table("nas-bench-grap")


@pytest.mark.parametrize("name", [None, 3, ["nas-bench-graph"], b"nas-bench-graph"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(InvalidInputError, match="expected a name or a path"):
        load_table(name)


@pytest.mark.parametrize("name", ["none.parquet", "folder/none", Path("nas-bench-graph")])
def test_paths_that_lead_nowhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match="none|nas-bench-graph"):
        load_table(name)


def test_paths_to_other_things(tmp_path):
    with pytest.raises(InvalidInputError, match="expected a .*table file"):
        load_table(tmp_path)
    (tmp_path / "results.csv").write_text("arch,c10\n")
    with pytest.raises(InvalidInputError, match=r"results\.csv: .*Table\.from_csv"):
        load_table(tmp_path / "results.csv")


def test_a_file_without_a_suffix_is_found(tmp_path, graph, monkeypatch):
    graph.to_parquet(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert len(load_table("mine")) == 200


def test_an_embedded_file_that_was_changed_is_refused(data, cache):
    path = data / "nas-bench-graph.parquet"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}; install"):
        load_table("nas-bench-graph")
    assert not list(cache.rglob("*.arrow"))
    path.unlink()
    with pytest.raises(InvalidInputError, match="expected a readable table file"):
        load_table("nas-bench-graph")


@pytest.mark.parametrize("text", ["", "tables = 3", "[tables.x]\nfile = 'y'", "\x00", "[tables"])
def test_a_damaged_registry_is_one_line(data, text):
    (data / "registry.toml").write_text(text)
    with pytest.raises(InvalidInputError, match=r"registry\.toml: expected the registry"):
        list_tables()


def test_an_embedded_table_in_a_space_of_ones_own_is_checked(cache):
    part = get_space("nas-bench-graph-proteins")
    with pytest.raises(InvalidInputError, match="expected an"):
        load_table("nas-bench-graph", space=part)
    assert (
        load_table("nas-bench-graph").query(part.enumerate(), task="proteins", metric="roc_auc", split="val").min() > 0
    )
