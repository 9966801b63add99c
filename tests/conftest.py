"""What all tests share: one thread per process, a cache of their own, reproducible random cases."""

import os
import shutil
import tempfile
from pathlib import Path

# The suite runs in as many processes as there are cores; threads on top of that only make each other wait.
# Set before numpy and torch are loaded, and inherited by every process that a test starts.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"

import hypothesis
import numpy as np
import pytest

# Deterministic cases without a time limit: a slow or busy machine must not fail a test.
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("tests")


def pytest_configure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:  # workers inherit what the first process set
        os.environ["SURROGATE_NAS_CACHE"] = tempfile.mkdtemp(prefix="surrogate-nas-tests-")


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["SURROGATE_NAS_CACHE"], ignore_errors=True)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of published tables that are not part of the project, where the variable names one."""
    folder = os.environ.get("SURROGATE_NAS_DATA")
    if not folder:
        pytest.skip("SURROGATE_NAS_DATA is not set: no published tables beside the embedded ones to check against")
    return Path(folder)


@pytest.fixture(scope="session")
def small_table():
    """A few hundred real rows of the embedded table: enough to learn from, quick to learn from."""
    import surrogate_nas as sn

    table = sn.load_table("nas-bench-graph")
    columns = [c for c in table.columns if c.split == "val" and c.task in table.tasks[:3]]
    values = {c: table.values(task=c.task, metric=c.metric, split=c.split)[::80] for c in columns}
    return sn.Table(table.space, table.X[::80], values, name="small", key="canonical")


@pytest.fixture(scope="session")
def small_table_file(small_table, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "small.parquet"
    small_table.to_parquet(path)
    return path


@pytest.fixture(scope="session")
def small_sources(small_table):
    from surrogate_nas.experiments import sources_of

    return sources_of(small_table)
