"""Predictors to share: what ships, folders with a card, and that nothing which fits or evaluates reads what ships."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, MissingExtraError
from surrogate_nas.core.resources import data_folder
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.experiments import sources_of
from surrogate_nas.predictors import BasePredictor, Forest, Predictor, pretrained
from surrogate_nas.predictors.pretrained import pretrained_on
from surrogate_nas.tables import table_entries

ROOT = Path(sn.__file__).parents[1]
SPACE = sn.get_space("nas-bench-201")
ENTRIES = tomllib.loads((data_folder() / "registry.toml").read_text(encoding="utf-8"))["predictors"]


@pytest.fixture(scope="module")
def forest():
    X = SPACE.sample(20, np.random.default_rng(0))
    return Predictor(SPACE, OneHotEncoder(SPACE), Forest(n_estimators=5)).fit(X, X.sum(axis=1))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A copy of the embedded predictors, to be damaged."""
    shutil.copytree(data_folder() / "predictors", tmp_path / "predictors")
    shutil.copy(data_folder() / "registry.toml", tmp_path)
    monkeypatch.setattr(pretrained, "data_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", sn.list_pretrained())
def test_what_ships_is_small_plain_and_made_from_the_table_that_ships(name):
    folder, table = data_folder() / ENTRIES[name]["folder"], table_entries()[ENTRIES[name]["table"]]
    files = {path.name for path in folder.iterdir()}
    assert files <= {"config.json", "model.safetensors", "README.md"} | {n for n in files if n.endswith(".ubj")}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    assert ENTRIES[name]["table_sha256"] == table.sha256
    assert pretrained_on(table.name) == name
    meta = sn.MetaPredictor.from_pretrained(name)
    assert meta.tasks_ == table.tasks
    assert meta.space is sn.get_space(table.space)


@pytest.mark.parametrize("name", sn.list_pretrained())
def test_what_ships_adapts_as_if_it_were_learned_now(name):
    table = sn.load_table(ENTRIES[name]["table"])
    X, y = table.data(task=table.tasks[0], split="val")
    rows = np.random.default_rng(1).choice(len(X), 30, replace=False)
    fresh = sn.MetaPredictor(table.space, random_state=0).fit(sources_of(table))
    shipped = sn.load_predictor(name)
    for support in ((), (X[rows], y[rows])):
        a, b = (meta.adapt(*support).predict(X[:2000]) for meta in (shipped, fresh))
        # A tree that splits elsewhere moves single rows further; on another processor than that of the build, which
        # rounds otherwise, more of them.
        far = np.quantile(np.abs(a - b), 0.99)
        assert far < 5e-3, "MetaPredictor has changed: run analysis/17_build_pretrained.py"


def test_names_go_before_folders_and_paths_are_never_names(tmp_path, monkeypatch):
    name = sn.list_pretrained()[0]
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    assert isinstance(sn.load_predictor(name), sn.MetaPredictor)
    with pytest.raises(InvalidInputError, match=r"config\.json"):
        sn.load_predictor(Path(name))


def test_a_changed_file_of_the_package_is_refused(data):
    name = sn.list_pretrained()[0]
    config = data / ENTRIES[name]["folder"] / "config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(InvalidInputError, match="SHA-256 differs"):
        sn.load_predictor(name)
    (data / "registry.toml").write_text("[predictors.a]\nfolder = 1\n")
    with pytest.raises(InvalidInputError, match="install the package again"):
        sn.list_pretrained()


def test_a_folder_with_a_card(forest, tmp_path):
    forest.save_pretrained(tmp_path / "p", about="Twenty sums of genes.", licence="mit")
    assert {p.name for p in (tmp_path / "p").iterdir()} == {
        "README.md", "booster-0.ubj", "config.json", "model.safetensors"
    }  # fmt: skip
    card = (tmp_path / "p" / "README.md").read_text()
    header = card.split("---\n")[1]
    assert "library_name: surrogate-nas\nlicense: mit\ntags:\n- " in header
    assert "Twenty sums of genes." in card
    assert SPACE.name in card
    loaded = BasePredictor.from_pretrained(tmp_path / "p")
    rows = SPACE.sample(50, np.random.default_rng(1))
    np.testing.assert_array_equal(loaded.predict(rows), forest.predict(rows))
    np.testing.assert_array_equal(Predictor.from_pretrained(str(tmp_path / "p")).predict(rows), forest.predict(rows))


def test_a_card_that_a_user_wrote_stays(forest, tmp_path):
    forest.save_pretrained(tmp_path / "p")
    (tmp_path / "p" / "README.md").write_text("My own words")
    forest.save_pretrained(tmp_path / "p")
    assert (tmp_path / "p" / "README.md").read_text() == "My own words"
    forest.save(tmp_path / "p")
    assert not (tmp_path / "p" / "README.md").exists(), "it may describe another predictor"


def test_another_class_than_asked_for(forest, tmp_path):
    forest.save_pretrained(tmp_path / "p")
    for kind in (sn.MetaPredictor, sn.AutoPredictor):
        with pytest.raises(InvalidInputError, match=f"expected {kind.__name__}, got Predictor; .*load_predictor"):
            kind.from_pretrained(tmp_path / "p")
    with pytest.raises(InvalidInputError, match="expected AutoPredictor, got MetaPredictor"):
        sn.AutoPredictor.from_pretrained(sn.list_pretrained()[0])


@pytest.mark.parametrize("name", ["organisation/name", "hf://organisation/name"])
def test_without_the_extra_the_hub_says_which_line_brings_it(name, forest, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # as if it were not installed
    for attempt in (
        lambda: sn.MetaPredictor.from_pretrained(name),
        lambda: sn.load_predictor("hf://organisation/name"),
        lambda: forest.push_to_hub("organisation/name"),
    ):
        with pytest.raises(MissingExtraError, match=r"pip install 'surrogate-nas\[hub\]'"):
            attempt()


def test_a_mistyped_path_does_not_ask_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InvalidInputError, match=r"config\.json"):
        sn.load_predictor("runs/mine")
    Path("runs/mine").mkdir(parents=True)
    with pytest.raises(InvalidInputError, match=r"config\.json"):
        BasePredictor.from_pretrained("runs/mine")


GUARDED = """
import sys
import surrogate_nas as sn
from surrogate_nas.core.resources import data_folder

def refuse(event, args, shipped=str(data_folder() / "predictors")):
    if event == "open" and str(args[0]).startswith(shipped):
        raise RuntimeError(f"read {args[0]}")

sys.addaudithook(refuse)
try:
    sn.load_predictor(sn.list_pretrained()[0])
except RuntimeError:
    print("guarded")

import numpy as np
from surrogate_nas.experiments import sources_of
table = sn.load_table("nas-bench-graph")
target = table.tasks[0]
sources = list(sources_of(table, leave_out=target).items())[:3]
meta = sn.MetaPredictor(table.space, random_state=0).fit({name: (X[::20], y[::20]) for name, (X, y) in sources})
X, y = table.data(task=target, split="val")
meta.adapt().predict(X[:100])
meta.adapt(X[:30], y[:30]).predict(X[:100], return_std=True)
sn.AutoPredictor(table.space).fit(X[:30], y[:30]).predict(X[:100])
for strategy in (sn.strategies.RegularizedEvolution, sn.strategies.RandomSearch):
    sn.search(sn.TableObjective(table, task=target), strategy(table.space, random_state=0), budget=15)
print("done")
"""


def test_fitting_adapting_and_searching_never_read_what_ships():
    done = subprocess.run([sys.executable, "-c", GUARDED], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["guarded", "done"], done.stderr


#: Who may speak of what ships: the loader, its names, the verb that answers at once, and the script that builds it.
MAY_READ = {
    "surrogate_nas/__init__.py", "surrogate_nas/predictors/__init__.py", "surrogate_nas/predictors/pretrained.py",
    "surrogate_nas/predictors/saving.py", "surrogate_nas/cli/learning.py", "analysis/17_build_pretrained.py",
}  # fmt: skip
SPEAKS = re.compile(r"from_pretrained|list_pretrained|pretrained_on|locate\(|data_folder\(\)\s*/\s*\"predictors\"")


def test_no_other_source_speaks_of_what_ships():
    files = [*ROOT.glob("surrogate_nas/**/*.py"), *ROOT.glob("analysis/*.py")]
    speaking = {p.relative_to(ROOT).as_posix() for p in files if SPEAKS.search(p.read_text(encoding="utf-8"))}
    assert speaking <= MAY_READ


def test_predictors_are_loaded_by_path_everywhere_else():
    """``load_predictor`` takes a shipped one's name too: outside the command line nothing may call it with text."""
    for path in [*ROOT.glob("surrogate_nas/**/*.py"), *ROOT.glob("analysis/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("load_predictor"):
                assert not any(isinstance(a, ast.Constant | ast.JoinedStr) for a in node.args), f"{path}:{node.lineno}"


def test_a_name_that_is_nowhere():
    for load in (sn.load_predictor, sn.MetaPredictor.from_pretrained):
        with pytest.raises(InvalidInputError, match=r"nas-bench-grap: .*that ships \(nas-bench-graph"):
            load("nas-bench-grap")
