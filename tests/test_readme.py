"""What the README shows works."""

import re
from pathlib import Path

import pytest

import surrogate_nas as sn
from surrogate_nas.spaces import list_spaces
from surrogate_nas.tables.sources import list_sources

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_space_declared_there_keeps_the_contract(tmp_path):
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "mine.toml"
    path.write_text(block, encoding="utf-8")
    report = sn.check_space(path)
    assert report, str(report)


@pytest.mark.parametrize("name", list_spaces())
def test_every_space_is_in_its_table(name):
    base = "nas-bench-graph" if name.startswith("nas-bench-graph") else name
    assert f"`{base}`" in README


def test_benchmarks_named_there_exist():
    named = re.findall(r"surrogate-nas tables (?:download|import) ([\w-]+)", README)
    assert named
    assert set(named) <= {*list_sources(), "csv"}
