"""One real, small run for all tests of reports: a few seconds, once per session."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from sklearn.datasets import load_wine

import surrogate_nas as sn
from surrogate_nas.experiments import Budget, Settings, run_main_job
from surrogate_nas.experiments.comparing.compare import compare
from surrogate_nas.reports import read_run
from surrogate_nas.training import graph_dataset


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a run on real data and what the job returned; sources are a slice of the embedded table."""
    folder = tmp_path_factory.mktemp("reports")
    table = sn.load_table("nas-bench-graph")
    columns = [c for c in table.columns if c.split == "val" and c.task in table.tasks[:2]]
    values = {c: table.values(task=c.task, metric=c.metric, split=c.split)[::160] for c in columns}
    sn.Table(table.space, table.X[::160], values, name="small", key="canonical").to_parquet(folder / "small.parquet")
    budget = Budget(support=4, further=3, rounds=2, finalists=2, seeds=2)
    # One split of real data instead of the ten of the task that comes with the package: a tenth of the time.
    data = graph_dataset(*load_wine(return_X_y=True), k=5, name="my wine")
    settings = Settings(data, str(folder / "small.parquet"), budget, epochs=4, jobs=1)
    result = run_main_job(settings, run_dir=folder / "run")
    return SimpleNamespace(folder=folder / "run", result=result)


@pytest.fixture(scope="session")
def run(finished):
    return read_run(finished.folder)


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the run folder, to be damaged."""
    return shutil.copytree(finished.folder, tmp_path / "run")


@pytest.fixture(scope="session")
def comparison():
    """A real comparison: three strategies, three tasks, four seeds, forty evaluations."""
    table = sn.load_table("nas-bench-graph")
    objectives = {task: sn.TableObjective(table, task=task) for task in table.tasks[:3]}
    return compare(["random", "regularized-evolution", "exhaustive"], objectives, budget=40, seeds=4)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium: one on the path, or playwright's own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        found = [
            shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
        ]
        own = started.chromium.executable_path
        path = next(filter(None, [*found, own if Path(own).exists() else None]), None)
        if path is None:
            pytest.skip("no Chromium on this machine: install one, or run `playwright install chromium`")
        window = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield window
        window.close()
