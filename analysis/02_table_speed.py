"""What opening and asking a table costs, beside a pickled dict of dicts and a CSV file with the same numbers.

Protocol: every opening happens in a fresh process, after `import pyarrow, pandas, surrogate_nas.tables`, whose cost is
printed by itself (a table opened from the cache needs no pandas; it is there for the CSV file). Memory is
the resident set after opening, less that after the imports. A query is one architecture and one column, timed over
1,000 different rows; a batch is 100,000 rows drawn with repetition; both are the fastest of 5 repeats in a process, as
timeit does, and the loop over a dict is timed on the same rows. One uncounted round first, for the file cache; median
and range over the rounds. The load of the machine is printed, since wall times of an opening (which happens once per
process) grow with it; CPU time does not.

The last part is a table of NAS-Bench-101's size (423,624 rows, 4 schedules x 3 seeds) with made-up numbers.

    python analysis/02_table_speed.py [--rounds 11]
"""

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TABLE = "nas-bench-graph"
ASKED = {"task": "cora", "metric": "accuracy", "split": "val"}
BATCH, SINGLES, REPEATS = 100_000, 1_000, 5

#: What is measured, its unit and the goal for the package's own table.
FIGURES = {
    "open": ("open", "ms", 50),
    "open_cpu": ("open, CPU time", "ms", None),
    "memory": ("memory", "MB", 100),
    "query": ("one query", "us", 20),
    "batch": ("batch of 100,000", "ms", 20),
}


def main() -> None:
    """Measure each form in fresh processes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--measure", choices=FORMS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(FORMS[arguments.measure](arguments.folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SURROGATE_NAS_CACHE"] = str(folder / "cache")
        write_forms(folder)
        report(folder, arguments.rounds)


def report(folder: Path, rounds: int) -> None:
    """Print one line per form and figure."""
    if hasattr(os, "getloadavg"):
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
    for form in FORMS:
        found = [measure(form, folder) for _ in range(rounds + 1)][1:]
        print(f"\n{form}")
        for key in found[0]:
            label, unit, goal = FIGURES.get(key, (key, "ms", None))
            values = [f[key] for f in found]
            middle = statistics.median(values)
            wanted = GOALS.get((form, key), goal if form in OWN else None)
            verdict = (
                "" if wanted is None else f"   goal {wanted} {unit}: {'reached' if middle <= wanted else 'missed'}"
            )
            spread = f"range {min(values):,.2f} to {max(values):,.2f}"
            print(f"  {label:<18} median {middle:10,.2f} {unit}   {spread}{verdict}")


def measure(form: str, folder: Path) -> dict[str, float]:
    """One form in a fresh process."""
    command = [sys.executable, __file__, "--measure", form, "--folder", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return json.loads(done.stdout)


def imports(_: Path) -> dict[str, float]:
    """What the libraries cost after numpy and before any table is opened."""
    return {
        "import pyarrow": timed(lambda: __import__("pyarrow"))[1],
        "surrogate_nas.tables": timed(lambda: __import__("surrogate_nas.tables"))[1],
        "import pandas": timed(lambda: __import__("pandas"))[1],
    }


def own_first(folder: Path) -> dict[str, float]:
    """The Parquet file read, verified and converted: an empty cache."""
    os.environ["SURROGATE_NAS_CACHE"] = tempfile.mkdtemp(dir=folder)
    return own(folder)


def own(_: Path) -> dict[str, float]:
    """The embedded table by name, from the cache if it is there."""
    warm_imports()
    import pyarrow.parquet  # noqa: F401

    from surrogate_nas.tables import load_table

    return ask(lambda: load_table(TABLE), lambda t, X: t.query(X, **ASKED), lambda t, x: t.query(x, **ASKED))


def pickled(folder: Path) -> dict[str, float]:
    """One dict per task, in it one dict per architecture: the published form."""
    warm_imports()

    def load() -> Any:
        with (folder / "table.pickle").open("rb") as file:
            return pickle.load(file)  # noqa: S301  (written by this script)

    def loop(table: Any, X: np.ndarray) -> np.ndarray:
        cora = table[ASKED["task"]]
        return np.array([cora[tuple(row)]["valid_perf"] for row in X.tolist()])

    return ask(load, loop, lambda t, x: t[ASKED["task"]][tuple(x.tolist())]["valid_perf"])


def csv(folder: Path) -> dict[str, float]:
    """A CSV file read by pandas and indexed by the architecture's text; rows are formatted to be found."""
    import pandas as pd

    from surrogate_nas.spaces import get_space

    warm_imports()
    space = get_space(TABLE)
    name = f"{'.'.join(ASKED.values())}.mean"
    return ask(
        lambda: pd.read_csv(folder / "table.csv", index_col="architecture"),
        lambda t, X: t[name].reindex(space.format(X)).to_numpy(),
        lambda t, x: t.at[space.format(x)[0], name],  # noqa: PD008  (the fastest that pandas has)
    )


def large(folder: Path) -> dict[str, float]:
    """A file of NAS-Bench-101's size, from the cache."""
    warm_imports()
    from surrogate_nas.tables import load_table

    space = large_space()
    asked = {"task": "made-up", "metric": "accuracy", "epochs": 108, "seed": 2}
    return ask(
        lambda: load_table(folder / "large.parquet", space=space),
        lambda t, X: t.query(X, **asked),
        lambda t, x: t.query(x, **asked),
        rows=large_rows(),
    )


FORMS: dict[str, Callable[[Path], dict[str, float]]] = {
    "imports": imports,
    "embedded table, empty cache": own_first,
    "embedded table": own,
    "pickled dict of dicts": pickled,
    "CSV file with pandas": csv,
    "423,624 made-up rows x 12 columns": large,
}
OWN = ("embedded table, empty cache", "embedded table", "423,624 made-up rows x 12 columns")
GOALS = {("423,624 made-up rows x 12 columns", "open"): 200}


def ask(
    load: Callable[[], Any],
    batch: Callable[[Any, np.ndarray], Any],
    single: Callable[[Any, np.ndarray], Any],
    rows: np.ndarray | None = None,
) -> dict[str, float]:
    """Open, then query one by one and in a batch."""
    before, cpu = resident_mb(), time.process_time()
    table, opened = timed(load)
    cpu, memory = (time.process_time() - cpu) * 1e3, resident_mb() - before
    if rows is None:
        from surrogate_nas.spaces import get_space

        rows = get_space(TABLE).enumerate()
    drawn = np.random.default_rng(0).integers(0, len(rows), size=BATCH)
    X = rows[drawn]
    singles = list(X[:SINGLES])
    single(table, X[0])
    one = min(timed(lambda: [single(table, x) for x in singles])[1] for _ in range(REPEATS)) / SINGLES * 1e3
    many = min(timed(lambda: batch(table, X))[1] for _ in range(REPEATS))
    return {"open": opened, "open_cpu": cpu, "memory": memory, "query": one, "batch": many}


def write_forms(folder: Path) -> None:
    """The same numbers as a pickle and as a CSV file, and the large table."""
    from surrogate_nas.core import Column
    from surrogate_nas.tables import Table, load_table

    table = load_table(TABLE)
    fields = {"valid_perf": "val", "perf": "test", "latency": "latency", "para": "params"}
    rows = [tuple(row) for row in table.X.tolist()]
    content: dict[str, dict[tuple[int, ...], dict[str, float]]] = {}
    for task in table.tasks:
        kinds = {"val": (None, "val"), "test": (None, "test"), "latency": ("latency", None), "params": ("params", None)}
        columns = [
            table.values(task=task, metric=metric or table.default_metric(task), split=split)
            for metric, split in (kinds[kind] for kind in fields.values())
        ]
        measured = zip(rows, *(c.tolist() for c in columns), strict=True)
        content[task] = {r: dict(zip(fields, v, strict=True)) for r, *v in measured if not np.isnan(v[0])}
    with (folder / "table.pickle").open("wb") as file:
        pickle.dump(content, file)
    table.to_pandas().to_csv(folder / "table.csv", index=False)
    rng = np.random.default_rng(0)
    X = large_rows()
    made_up = {
        Column("made-up", "accuracy", "val", epochs, seed): rng.random(len(X), dtype=np.float32)
        for epochs in (4, 12, 36, 108)
        for seed in range(3)
    }
    Table(large_space(), X, made_up).to_parquet(folder / "large.parquet")


def large_space() -> Any:
    """Six edges with nine operations: 531,441 rows."""
    from surrogate_nas.spaces import EdgeCellSpace, get_space

    space = get_space("nas-bench-201")
    operations = get_space(TABLE).operations
    return EdgeCellSpace("made-up", operations, 4, space.skeleton)


def large_rows() -> np.ndarray:
    """423,624 of its rows."""
    codes = np.random.default_rng(1).permutation(9**6)[:423_624]
    return large_space().from_codes(codes)


def warm_imports() -> None:
    """Load every library that some form needs, so that none of them pays for it."""
    for name in ("pyarrow", "pandas", "surrogate_nas.tables", "surrogate_nas.spaces"):
        __import__(name)


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Result and time in ms."""
    start = time.perf_counter()
    result = function()
    return result, (time.perf_counter() - start) * 1e3


def resident_mb() -> float:
    """Resident memory of this process, in MB."""
    if sys.platform == "linux":
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    import resource  # the peak, where the present value has no simple source

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
