"""The tables' pages: complete, and what they say of columns, architectures and Python is what the importers make."""

import functools
import importlib.util
import itertools
import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from surrogate_nas.cli.tables import app
from surrogate_nas.core.resources import data_folder
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import Table, load_table, table_entries
from surrogate_nas.tables.importers import read_source
from surrogate_nas.tables.sources import get_source, imported_path, list_sources, page_of, sources

NAMES = [*table_entries(), *list_sources()]
HEADINGS = [
    "Get it", "The space", "Columns", "How it was measured", "Learning curves", "Pitfalls", "Ask it",
    "Licence and citation",
]  # fmt: skip
LONGEST = 85

PROXIES = (
    "epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "params", "plain", "snip",
    "synflow", "zen",
)  # fmt: skip
#: File of each space of NAS-Bench-Suite-Zero, and tuples as NASLib writes them.
SUITE_ZERO = {
    "suite-zero-101": ("zc_nasbench101.json", [f"(0, 1, 0, 0, 0, 1, 0, 0, 0, 0, {i}, 1)" for i in (2, 3)]),
    "suite-zero-201": ("zc_nasbench201.json", ["(4, 0, 3, 1, 4, 3)", "(1, 3, 4, 1, 1, 3)"]),
    "suite-zero-301": (
        "zc_nasbench301.json",
        [f"(((0, {i}), (1, 3), (0, 3), (1, 4), (2, 5), (0, 6), (3, 0), (1, 1)), "
         "((1, 0), (0, 1), (2, 2), (1, 3), (0, 4), (3, 5), (4, 6), (2, 0)))" for i in (2, 3)],
    ),
    "suite-zero-transnas-micro": ("zc_transbench101_micro.json", ["(1, 2, 3, 0, 1, 2)", "(1, 0, 2, 3, 3, 3)"]),
    "suite-zero-transnas-macro": ("zc_transbench101_macro.json", ["(1, 2, 3, 4, 0, 0)", "(1, 1, 1, 3, 2, 4)"]),
}  # fmt: skip


def text_of(name: str) -> str:
    page = page_of(name)
    assert page is not None, f"{name}: data/tables/{name}.md is missing"
    return page.read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text_of(name), re.DOTALL)


def columns_of(name: str, tasks: tuple[str, ...]) -> list[dict[str, list[str]]]:
    """Rows of the page's table of columns, each cell as a list."""
    section = text_of(name).split("## Columns\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    header, rows = table[0], table[2:]
    names = [cell.strip() for cell in header.strip("|").split("|")]
    assert names == ["task", "metric", "split", "epochs", "seed", "unit", "better", "meaning"]
    split = [dict(zip(names, (c.strip().split(", ") for c in r[1:-1].split("|")), strict=True)) for r in rows]
    return [row | ({"task": list(tasks)} if row["task"] == ["all"] else {}) for row in split]


def stated(name: str, tasks: tuple[str, ...]) -> set[tuple[str, str, str, str, str]]:
    fields = ("task", "metric", "split", "unit", "better")
    return {found for row in columns_of(name, tasks) for found in itertools.product(*(row[f] for f in fields))}


@pytest.fixture(scope="module")
def helpers():
    """Modules beside the importers' tests, which write the benchmarks' formats."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "importers" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="module")
def small(helpers, tmp_path_factory):
    """Gives a table of few architectures with made-up numbers, made by the benchmark's importer."""
    folder = tmp_path_factory.mktemp("official")

    def cells(name: str) -> Table:
        writers = helpers("writers_pickled")
        texts = writers.SIZES if name == "nats-sss" else writers.TOPOLOGIES
        schedules = {"01": 1, "12": 12, "90": 90} if name == "nats-sss" else {"12": 12, "200": 200}
        records = writers.records(texts, schedules, seeds=(777,) if name == "nats-sss" else (777, 888))
        if name == "nas-bench-201":
            path = folder / "NAS-Bench-201-v1_1-096897.pth"
            torch.save(writers.single(texts, records), path, _use_new_zipfile_serialization=False)
        else:
            path = writers.write_folder(folder / name, texts, records)
        return read_source(name, path, partial=True)

    def nas_bench_101() -> Table:
        module = helpers("test_nas_bench_101")
        path = folder / "nasbench_full.tfrecord"
        path.write_bytes(b"".join(map(module.framed, module.official((4, 12, 36, 108)))))
        return read_source("nas-bench-101", path, partial=True)

    def nas_bench_301() -> Table:
        module, space = helpers("test_nas_bench_301"), get_space("nas-bench-301")
        (folder / "301").mkdir()
        for i, x in enumerate(space.sample(3, 0, unique=True)):
            (folder / "301" / f"results_{i}.json").write_text(
                json.dumps(module.result(space.to_config(x), i, curves=98))
            )
        return read_source("nas-bench-301", folder / "301", partial=True)

    def transnas(name: str) -> Table:
        module, rng = helpers("test_transnas_bench_101"), np.random.default_rng(0)
        trainings = {
            space: {text: {task: module.training(rng, task) for task in module.METRICS} for text in texts}
            for space, texts in module.ARCHITECTURES.items()
        }
        metrics = {task: module.names(task) for task in module.METRICS}
        torch.save({"metrics_dict": metrics, "data": trainings}, folder / "transnas.pth")
        return read_source(name, folder / "transnas.pth", partial=True)

    def nas_bench_macro() -> Table:
        path = folder / "nas-bench-macro_cifar10.json"
        path.write_text(json.dumps(helpers("test_nas_bench_macro").content(["11211212", "01201201", "22222222"])))
        return read_source("nas-bench-macro", path, partial=True)

    def epochs() -> Table:
        module = helpers("test_nas_bench_graph")
        (folder / "full").mkdir()
        for task, seed in itertools.product(get_source("nas-bench-graph-epochs").tasks, range(3)):
            path = folder / "full" / f"{task}{seed}.bench"
            path.write_bytes(module.pickle.dumps(module.full([10_000, 88_887, 35_712], seed)))
        return read_source("nas-bench-graph", folder / "full", partial=True)

    def hw_nas_bench() -> Table:
        path = helpers("test_hw_nas_bench").save(helpers("test_hw_nas_bench").content(), folder / "hw.pickle")
        return read_source("hw-nas-bench", path, partial=True)

    def suite_zero(name: str) -> Table:
        file, keys = SUITE_ZERO[name]
        entry = {p: {"score": 1.5, "time": 0.5} for p in PROXIES} | {"val_accuracy": 90.0, "id": 1}
        (folder / file).write_text(json.dumps({task: dict.fromkeys(keys, entry) for task in get_source(name).tasks}))
        return read_source("suite-zero", folder / file, partial=True)

    def make(name: str) -> Table:
        if name in table_entries():
            return load_table(name)
        if name in SUITE_ZERO:
            return suite_zero(name)
        if name.startswith("transnas"):
            return transnas(name)
        made = {
            "nas-bench-101": nas_bench_101, "nas-bench-301": nas_bench_301, "nas-bench-macro": nas_bench_macro,
            "nas-bench-graph-epochs": epochs, "hw-nas-bench": hw_nas_bench,
        }  # fmt: skip
        return made[name]() if name in made else cells(name)

    return functools.cache(make)


def test_there_is_a_page_for_every_table_and_for_nothing_else():
    assert {p.stem for p in (data_folder() / "tables").glob("*.md")} == set(NAMES)
    assert page_of("nas-bench-102") is None
    assert page_of("../README") is None
    assert page_of("x" * 5000) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_its_parts_in_order(name):
    text = text_of(name)
    assert text.startswith(f"# {name}: ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert len(text.splitlines()) <= LONGEST
    assert text.endswith("\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_licence_citation_and_command(name):
    text = text_of(name)
    about = sources().get(name) or table_entries()[name]
    licence = text.split("## Licence and citation\n")[1]
    assert about.licence in licence
    for number in re.findall(r"arXiv:\S+", about.citation):
        assert f"[{number}](https://arxiv.org/abs/{number.removeprefix('arXiv:')})" in licence
    assert get_space(about.space).name in text
    if name in table_entries():
        command = f"surrogate-nas tables info {name}"
    else:
        file = get_source(name).file()
        command = f"surrogate-nas tables {'download' if file.url else 'import'} {name}"
        assert file.url or file.page in text
    assert command in text.split("## Get it\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", NAMES)
def test_its_example_is_an_architecture_as_the_space_writes_it(name):
    space = get_space((sources().get(name) or table_entries()[name]).space)
    (example,) = blocks(name, "text")
    assert space.format(space.parse([example.strip()])) == [example.strip()]


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)]+)\)", text_of(name)):
        assert target.startswith("https://") or (data_folder() / "tables" / target).is_file(), target


def test_the_index_links_every_page():
    index = (data_folder() / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((tables/[^)]+)\)", index)
    assert sorted(targets) == sorted(f"tables/{name}.md" for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_its_columns_are_those_the_importer_makes(small, name):
    table = small(name)
    assert set(table.tasks) == set((sources().get(name) or table_entries()[name]).tasks)
    better = {"max": "higher", "min": "lower"}
    made = {(c.task, c.metric, c.split, c.unit, better[c.spec.direction]) for c in table.columns}
    assert stated(name, table.tasks) == made


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"nas-bench-graph-epochs", "transnas-micro", "transnas-macro"}))
def test_its_schedules_and_seeds_are_those_the_importer_makes(small, name):
    table = small(name)
    rows = columns_of(name, table.tasks)
    for c in table.columns:
        (row,) = [r for r in rows if c.task in r["task"] and c.metric in r["metric"] and c.split in r["split"]]
        assert str(c.epochs or "") in row["epochs"], c
        assert str("" if c.seed is None else c.seed) in row["seed"], c


@pytest.mark.parametrize("name", NAMES)
def test_curves_are_there_where_the_page_says_so(small, name):
    section = text_of(name).split("## Learning curves\n")[1].split("\n## ")[0]
    assert section.strip().startswith("None") == (not small(name).curves)


@pytest.mark.parametrize("name", NAMES)
def test_its_python_runs(small, name, cache, capsys):
    if name not in table_entries():
        imported_path(name).parent.mkdir(parents=True)
        small(name).to_parquet(imported_path(name))
    (code,) = blocks(name, "python")
    assert len(code.strip().splitlines()) <= 12, "an import, and a few lines that load and ask"
    exec(compile(code, f"{name}.md", "exec"), {})  # noqa: S102  # the page's own code
    printed = capsys.readouterr().out
    assert printed.strip()
    assert "[]" not in printed


@pytest.mark.parametrize("name", ["graph-tasks", "image-tasks", "hw-nas-bench"])
def test_the_command_line_says_where_the_page_is(name, cache):
    said = CliRunner().invoke(app, ["info", name])
    assert said.exit_code == 0
    assert said.stdout.splitlines()[-1] == f"page:    {page_of(name)}"
    said = CliRunner().invoke(app, ["info", name, "--json"])
    assert json.loads(said.stdout)["page"] == str(page_of(name))


def test_a_table_of_ones_own_has_no_page(small, tmp_path, cache):
    small("hw-nas-bench").to_parquet(tmp_path / "mine.parquet")
    said = CliRunner().invoke(app, ["info", str(tmp_path / "mine.parquet")])
    assert said.exit_code == 0
    assert "page:" not in said.stdout
    said = CliRunner().invoke(app, ["info", str(tmp_path / "mine.parquet"), "--json"])
    assert json.loads(said.stdout)["page"] is None
