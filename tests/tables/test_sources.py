"""The list of benchmarks: complete, consistent with what can be read, and helpful where a table is missing."""

import pytest

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import load_table
from surrogate_nas.tables.importers import list_importers
from surrogate_nas.tables.sources import get_source, imported_path, list_sources, sources


@pytest.mark.parametrize("source", sources().values(), ids=list_sources())
def test_a_benchmark_says_what_it_is(source):
    assert source.title
    assert source.licence
    assert "arXiv:" in source.citation
    assert source.homepage.startswith("https://")
    assert source.importer in list_importers()
    assert source.tasks
    assert source.files
    for file in source.files:
        assert file.about
        assert file.url or file.page, "a program or a person must be able to fetch it"
        assert file.url.startswith("https://") or not file.url
        assert len(file.sha256) in (0, 64)
        assert len(file.md5) in (0, 32)
        assert "\n" not in file.steps(source.name)


@pytest.mark.parametrize("source", sources().values(), ids=list_sources())
def test_a_benchmark_fits_into_its_space(source):
    assert source.rows <= get_space(source.space).size


def test_a_table_that_is_not_here_says_how_to_get_it(cache):
    with pytest.raises(UnknownNameError, match="surrogate-nas tables download nas-bench-101"):
        load_table("nas-bench-101")
    with pytest.raises(
        UnknownNameError, match="open https://figshare.com.* in a browser, .*tables import nas-bench-301"
    ):
        load_table("nas-bench-301")
    with pytest.raises(UnknownNameError, match="unknown table 'nas-bench-102'"):
        load_table("nas-bench-102")
    with pytest.raises(UnknownNameError, match="unknown benchmark"):
        get_source("nas-bench-102")
    with pytest.raises(UnknownNameError, match="expected one of nasbench_full.tfrecord, nasbench_only108.tfrecord"):
        get_source("nas-bench-101").file("nasbench.tfrecord")


def test_a_published_checksum_is_compared(tmp_path):
    file = get_source("nas-bench-101").file()
    wrong = tmp_path / file.name
    wrong.write_bytes(b"something else")
    with pytest.raises(InvalidInputError, match="expected sha256 3d64db81.*, got .*download it again"):
        file.verify(wrong)
    with pytest.raises(InvalidInputError, match="expected a readable file"):
        file.verify(tmp_path / "missing")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a\\b", ".hidden"])
def test_names_are_no_paths(name):
    with pytest.raises(InvalidInputError, match="expected a plain name"):
        imported_path(name)
