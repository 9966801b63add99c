"""The list of all importers."""

import subprocess
import sys

import pytest

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.tables.importers import list_importers, read_source

OPTIONS = {
    "csv": {"space": "nas-bench-201"}, "parquet": {"space": "nas-bench-201"}, "suite-zero": {"space": "nasbench201"},
}  # fmt: skip


def test_every_source_has_a_name():
    assert {"nas-bench-101", "nats-tss", "nats-sss", "suite-zero", "csv", "parquet"} <= set(list_importers())


@pytest.mark.parametrize("source", list_importers())
def test_every_source_exists_and_names_a_file_that_is_not_there(source, tmp_path):
    with pytest.raises(InvalidInputError, match="nothing") as error:
        read_source(source, tmp_path / "nothing", **OPTIONS.get(source, {}))
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("source", list_importers())
def test_options_are_checked(source, tmp_path):
    with pytest.raises(InvalidInputError, match=f"source '{source}' has no option 'colour': expected"):
        read_source(source, tmp_path, colour="red")


def test_unknown_and_incomplete_calls_are_one_line(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown source 'nas-bench-102'.*did you mean 'nas-bench-101'"):
        read_source("nas-bench-102", tmp_path)
    (tmp_path / "x.csv").write_text("architecture,acc\n")
    with pytest.raises(InvalidInputError, match=r"x\.csv: .* needs the option 'space' \(--space\)") as error:
        read_source("csv", tmp_path / "x.csv")
    assert "\n" not in str(error.value)


def test_options_are_named_as_the_command_line_does_too(tmp_path):
    said = r"source 'csv' has no option 'partial' \(--partial\): expected space \(--space\) or .*columns \(--column\)"
    with pytest.raises(InvalidInputError, match=said):
        read_source("csv", tmp_path, partial=True)


@pytest.mark.parametrize("source", list_importers())
@pytest.mark.parametrize(
    "page",
    [b"<!DOCTYPE html><html><head>", b"\xef\xbb\xbf\n <HTML lang=en>", b"<!doctype HTML public>\n" + b"x" * 5000],
)
def test_a_web_page_in_place_of_the_file_is_named(source, page, tmp_path):
    path = tmp_path / "zc_nasbench201.json"
    path.write_bytes(page)
    with pytest.raises(InvalidInputError, match=r"zc_nasbench201\.json: expected .*got a web page; .*browser") as error:
        read_source(source, path, **OPTIONS.get(source, {}))
    assert "\n" not in str(error.value)


def test_asking_for_the_list_loads_no_importer():
    code = (
        "import sys; from surrogate_nas.tables.importers import list_importers; list_importers(); "
        "print([m for m in sys.modules if m.startswith('surrogate_nas.tables.importers.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
