"""Small tables with made-up numbers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from surrogate_nas.core import Column
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import Table


def image_table() -> Table:
    """Keyed by row: several schedules, seeds, splits and units, float32 and float64, gaps, a constant column."""
    rng = np.random.default_rng(0)
    space = get_space("nas-bench-201")
    X = space.sample(150, rng, unique=True)
    final = rng.uniform(60, 95, size=len(X))
    final[::3] = np.nan
    return Table(
        space,
        X,
        {
            Column("blobs", "accuracy", "val", 12, 0, "%"): rng.uniform(10, 60, size=len(X)).astype(np.float32),
            Column("blobs", "accuracy", "val", 12, 1, "%"): rng.uniform(10, 60, size=len(X)).astype(np.float32),
            Column("blobs", "accuracy", "val", 200, 0, "%"): final,
            Column("blobs", "accuracy", "test", 200, 0, "%"): final - 1,
            Column("phone", "latency", unit="ms"): rng.uniform(1, 30, size=len(X)).round(),
            Column("phone", "energy", unit="mJ"): np.full(len(X), 7.0),
        },
        name="made-up",
        source="a random generator",
        licence="CC0-1.0",
        citation="nobody",
    )


def graph_table() -> Table:
    """Keyed by canonical row: one task of which little was measured, two scores with a declared default."""
    rng = np.random.default_rng(1)
    space = get_space("nas-bench-graph")
    X = space.sample(200, rng, unique=True)
    few = np.full(len(X), np.nan)
    few[:5] = rng.random(5)
    return Table(
        space,
        X,
        {
            Column("rings", "accuracy", "val", seed="mean", unit="1"): rng.random(len(X)).round(2),
            Column("rings", "f1", "val", seed="mean", unit="1"): rng.random(len(X)),
            Column("chains", "roc_auc", "val", seed="mean", unit="1"): few,
            Column("chains", "params", unit="million"): rng.random(len(X)),
        },
        key="canonical",
        default_metrics={"rings": "f1"},
    )


@pytest.fixture
def image() -> Table:
    return image_table()


@pytest.fixture
def graph() -> Table:
    return graph_table()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SURROGATE_NAS_CACHE", str(folder))
    return folder


@pytest.fixture
def written(tmp_path: Path, graph: Table) -> Path:
    """A table file."""
    path = tmp_path / "graph.parquet"
    graph.to_parquet(path)
    return path


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes text to a CSV file."""

    def write(text: str) -> Path:
        path = tmp_path / "results.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write
