import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import EdgeCellSpace, NodeCellSpace, get_space
from surrogate_nas.tables import Table, cache, load_table
from surrogate_nas.tables.cache import read_cache, write_cache


def cached(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.arrow"))


def assert_same(a: Table, b: Table) -> None:
    assert a.columns == b.columns
    assert a.info == b.info
    np.testing.assert_array_equal(a.X, b.X)
    np.testing.assert_array_equal(a.to_pandas().iloc[:, 1:], b.to_pandas().iloc[:, 1:])


def test_the_second_opening_does_not_read_the_numbers_again(tmp_path, cache, image):
    path = tmp_path / "t.parquet"
    image.to_parquet(path)
    first = load_table(path)
    (file,) = cached(cache)
    changed = file.stat().st_mtime_ns
    second = load_table(path)
    assert_same(first, image)
    assert_same(second, image)
    assert file.stat().st_mtime_ns == changed
    assert not second.X.flags.owndata
    assert not second.X.flags.writeable


def test_another_file_is_another_table(tmp_path, cache, image, graph):
    path = tmp_path / "t.parquet"
    image.to_parquet(path)
    assert load_table(path).name == "made-up"
    graph.to_parquet(path)
    assert load_table(path).name == "table"
    assert len(cached(cache)) == 2


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_cache_is_made_again(written, cache, graph, damage):
    load_table(written)
    (file,) = cached(cache)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert_same(load_table(written), graph)
    assert file.read_bytes() == whole


def test_a_cache_in_the_way_or_read_only_is_done_without(written, graph, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("SURROGATE_NAS_CACHE", str(blocked / "cache"))
    assert_same(load_table(written), graph)
    assert_same(load_table(written), graph)
    assert load_table("nas-bench-graph").X.shape == (26_206, 5)


READ_ONLY = """
import os, sys, tempfile
import pyarrow.parquet, surrogate_nas as sn
from surrogate_nas.tables import cache, catalogue, parquet
table = open(sys.argv[1], "rb").read()
if hasattr(os, "geteuid") and os.geteuid() == 0:
    os.setuid(65534)  # nothing is read-only for the super-user
path = os.path.join(tempfile.mkdtemp(), "t.parquet")
open(path, "wb").write(table)
sys.exit(len(sn.load_table(path)) != 200)
"""


def test_a_cache_that_may_not_be_written_to_is_done_without(written, cache):
    cache.mkdir()
    cache.chmod(0o555)
    subprocess.run([sys.executable, "-c", READ_ONLY, str(written)], check=True)
    assert cached(cache) == []


def test_integers_of_another_encoding_are_not_taken_for_rows(tmp_path, cache, graph):
    path = tmp_path / "t.arrow"
    write_cache(path, graph._contents())
    space = graph.space
    assert read_cache(path, space) is not None
    renamed = NodeCellSpace(space.name, (*space.operations[1:], space.operations[0]), space.wirings, space.skeleton)
    assert read_cache(path, renamed) is None
    assert read_cache(path, get_space("nas-bench-201")) is None
    assert read_cache(tmp_path / "none.arrow", space) is None


def test_one_file_read_in_two_spaces_is_cached_twice(tmp_path, cache, image):
    path = tmp_path / "t.parquet"
    image.to_parquet(path)
    space = image.space
    load_table(path)
    own = EdgeCellSpace("mine", space.operations, 4, space.skeleton)
    assert load_table(path, space=own).space is own
    assert load_table(path, space=own).space is own
    assert load_table(path).space is space
    assert len(cached(cache)) == 2


def test_a_space_that_allows_less_is_not_given_rows_outside_it(written, cache, graph):
    assert len(load_table(written, space=graph.space)) == len(graph)
    with pytest.raises(InvalidInputError, match="expected an"):
        load_table(written, space=get_space("nas-bench-graph-proteins"))


def test_the_cache_does_not_grow_for_ever(tmp_path, cache, graph, monkeypatch):
    monkeypatch.setattr("surrogate_nas.tables.cache.MAX_FILES", 3)
    for i in range(5):
        file = cache / "tables" / f"{i}.arrow"
        write_cache(file, graph._contents())
        os.utime(file, (i, i))
    assert [p.stem for p in cached(cache)] == ["2", "3", "4"]


def test_a_failed_check_is_not_cached(tmp_path, cache):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(InvalidInputError):
        load_table(path)
    assert cached(cache) == []


def test_layout_has_a_number():
    assert cache.LAYOUT >= 1
