"""What opening and asking a table costs, beside the same numbers in the forms that benchmarks are published in.

Three tables: 15,625 rows x 3 tasks, which is NAS-Bench-201 where SURROGATE_NAS_DATA names the folder of the real one
and generated values of its shape otherwise; the embedded table; and one of NAS-Bench-101's size (423,624 cells, 4
schedules x 3 repetitions, accuracies, seconds and parameters, half way and at the end) whose values are generated.
The first stands beside a pickled dict of dicts (text of the architecture -> task -> metric -> value), JSON of the same
nesting, and CSV read by pandas; the last beside the dicts that `nasbench` keeps in memory, pickled, keyed by 32
hexadecimal digits (an MD5 of the row stands for the module's hash, which takes longer to compute for all of them).

Protocol: every opening happens in a fresh process, after the imports, whose cost is printed by itself. "First time"
reads the Parquet file, checks it and fills an empty cache; "again" maps the cached form into memory. Memory is the peak
while opening, and what is held after all queries, both less what the process held after its imports and with the
architectures to ask for in memory. A query is one architecture and one column, asked by what the form is keyed by (a
row of integers, or a text) and, for rows, also by text, which is parsed first; it is timed over 1,000 different
architectures. A batch is 100,000 drawn with repetition. Both are the fastest of 3 repeats in a process, as timeit does.
"Nodes renumbered" asks for the same networks by rows that the table does not hold and has to bring into canonical form.
One uncounted round first, for the file cache; median and range over the rounds (three where an opening takes seconds).
Wall times grow with the load of the machine, which is printed; CPU times hardly do.

    python analysis/02_table_speed.py [--rounds 5]
"""

import argparse
import contextlib
import csv
import gc
import hashlib
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SMALL, EMBEDDED, LARGE = "nas-bench-201", "nas-bench-graph", "nas-bench-101"
BATCH, SINGLES, REPEATS = 100_000, 1_000, 3
EPOCHS, REPETITIONS, SPLITS = (4, 12, 36, 108), 3, ("train", "val", "test")
OFFICIAL = {"train": "train_accuracy", "val": "validation_accuracy", "test": "test_accuracy"}
ASKED: dict[str, dict[str, Any]] = {
    SMALL: {"task": "cifar100", "metric": "accuracy", "split": "val", "epochs": 12},
    EMBEDDED: {"task": "cora", "metric": "accuracy", "split": "val"},
    LARGE: {"task": "cifar10", "metric": "accuracy", "split": "val", "epochs": 108, "seed": 2},
}
ASKED_TEXT = "cifar100-val-12ep"  # the same column in the forms keyed by text
CANDIDATES, COUNTED = 1_000_000, 1_000

#: What is measured and its unit, in the order of printing.
FIGURES = {
    "open": "open, ms",
    "cpu": "open, CPU ms",
    "peak": "peak while opening, MB",
    "first": "first query, ms",
    "query": "one query, us",
    "text": "one query by text, us",
    "twin": "nodes renumbered, us",
    "batch": "100,000 queries, ms",
    "texts": "100,000 by text, ms",
    "twins": "100,000 renumbered, ms",
    "held": "held afterwards, MB",
}

Found = dict[str, float]


class Form(NamedTuple):
    """A way to store a table, and how it is asked."""

    table: str
    name: str
    load: Callable[[Path], Any]
    batch: Callable[[Any, Any], Any]
    single: Callable[[Any, Any], Any]
    own: bool = False


class Goal(NamedTuple):
    """A figure that GOALS asks for."""

    what: str
    table: str
    form: str
    figure: str
    limit: float


FIRST, AGAIN = "own, first time", "own, again"
GOALS = [
    *(Goal("open", SMALL, form, "open", 50) for form in (FIRST, AGAIN)),
    *(Goal("memory", SMALL, form, "peak", 100) for form in (FIRST, AGAIN)),
    Goal("open", LARGE, AGAIN, "open", 200),
    *(Goal("one query", table, AGAIN, "query", 20) for table in (SMALL, LARGE)),
    *(Goal("100,000 queries", table, AGAIN, "batch", 20) for table in (SMALL, LARGE)),
]


def main() -> None:
    """Measure each form in fresh processes and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(in_process(arguments.measure, arguments.folder)), flush=True)
        os._exit(0)  # taking five million dicts apart one by one takes seconds
    if hasattr(os, "getloadavg"):
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; median (range) of fresh processes")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SURROGATE_NAS_CACHE"] = str(folder / "cache")
        found: dict[tuple[str, str], list[Found]] = {}
        for table, title in write_tables(folder):
            forms = [form for form in FORMS if form.table == table]
            for form in forms:
                slow = table == LARGE and form.name != AGAIN
                rounds = min(arguments.rounds, 3) if slow else arguments.rounds
                found[table, form.name] = rounds_of(f"{table}/{form.name}", folder, rounds, uncounted=not slow)
            print_table(title, {form.name: found[table, form.name] for form in forms})
        print_table("imports, before a table is opened", {"all": rounds_of("imports", folder, arguments.rounds)})
        print_candidates(fresh("candidates", folder))
    print_goals(found)


def rounds_of(what: str, folder: Path, rounds: int, *, uncounted: bool = True) -> list[Found]:
    """The figures of several fresh processes."""
    return [fresh(what, folder) for _ in range(rounds + uncounted)][uncounted:]


def fresh(what: str, folder: Path) -> Found:
    """The figures of one fresh process."""
    command = [sys.executable, __file__, "--measure", what, "--folder", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # the uncounted round compiles, as a user's first run does
    found: Found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment).stdout)
    return found


def in_process(what: str, folder: Path) -> Found:
    """Measure one thing in this process."""
    if what == "imports":
        names = ("pyarrow", "surrogate_nas.tables", "pandas")
        return {f"import {name}, ms": timed(lambda: __import__(name))[1] for name in names}  # noqa: B023  (at once)
    if what == "candidates":
        return candidates()
    table, name = what.split("/")
    return ask(next(form for form in FORMS if (form.table, form.name) == (table, name)), folder)


def ask(form: Form, folder: Path) -> Found:
    """Open, then query one by one and in a batch."""
    for library in ("pyarrow.parquet", "pandas", "surrogate_nas.tables"):  # so that no form pays for imports
        __import__(library)
    if form.name == FIRST:
        os.environ["SURROGATE_NAS_CACHE"] = tempfile.mkdtemp(dir=folder)
    keys = np.load(folder / f"{form.table}.npy") if form.own else read_texts(folder / f"{form.table}.keys")
    drawn = np.random.default_rng(0).integers(len(keys), size=BATCH)
    asked: Any = keys[drawn] if form.own else [keys[i] for i in drawn.tolist()]
    before, cpu = start_of_peak(), time.process_time()
    store, opened = timed(lambda: form.load(folder))
    found = {"open": opened, "cpu": (time.process_time() - cpu) * 1e3, "peak": peak_mb() - before}
    if form.name == FIRST:  # asked in the same way as the cached one
        return found
    found["first"] = timed(lambda: form.single(store, asked[0]))[1]
    found["query"], found["batch"] = queries(form, store, asked)
    if form.own and form.table != EMBEDDED:
        space = store.space
        by_text = form._replace(
            single=lambda t, text: form.single(t, space.parse(text)),
            batch=lambda t, texts: form.batch(t, space.parse(texts)),
        )
        found["text"], found["texts"] = queries(by_text, store, space.format(asked))
    if form.own and form.table == LARGE:
        found["twin"], found["twins"] = queries(form, store, renumbered(store.space, asked))
    return {**found, "held": resident_mb() - before}


def queries(form: Form, store: Any, asked: Any) -> tuple[float, float]:
    """Time of one query in us and of all in ms, the fastest of the repeats."""
    singles = list(asked[:SINGLES])
    one = min(timed(lambda: [form.single(store, key) for key in singles])[1] for _ in range(REPEATS))
    return one / SINGLES * 1e3, min(timed(lambda: form.batch(store, asked))[1] for _ in range(REPEATS))


def renumbered(space: Any, X: np.ndarray) -> np.ndarray:
    """As many rows of the same networks with two nodes in another order, which the table does not hold as such."""
    a, b = 2, 3
    renamed = {a: b, b: a}
    ends = [tuple(sorted(renamed.get(node, node) for node in edge)) for edge in space.edges]
    genes = [space.edges.index(edge) for edge in ends]
    operations = np.arange(len(space.edges), space.n_genes)
    operations[[a - 1, b - 1]] = operations[[b - 1, a - 1]]
    swapped = X[:, [*genes, *operations]]
    free = X[:, space.edges.index((a, b))] == 0  # only nodes of which neither reads the other change places
    other = swapped[free & (swapped != X).any(axis=1)]
    return np.resize(other, X.shape)


# The forms.


def own(table: str, name: str) -> Form:
    """This package's table: by name where it is embedded, else a file."""

    def load(folder: Path) -> Any:
        from surrogate_nas.tables import load_table

        return load_table(table if table == EMBEDDED else folder / f"{table}.parquet")

    def query(store: Any, X: Any) -> Any:
        return store.query(X, **ASKED[table])

    return Form(table, name, load, query, query, own=True)


def load_pickle(path: Path) -> Any:
    """What this script pickled."""
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301  (written by this script)


def load_csv(folder: Path) -> Any:
    """A data frame, indexed by the architecture's text."""
    import pandas as pd

    return pd.read_csv(folder / f"{SMALL}.csv", index_col="architecture")


def nested(store: Any, text: str) -> float:
    """A value of the nested dicts of the small table."""
    return float(store[text]["cifar100"]["val-12ep"])


def nested_101(store: Any, key: str) -> float:
    """A value of `nasbench`'s dicts."""
    return float(store[1][key][108][2]["final_validation_accuracy"])


FORMS = [
    own(SMALL, FIRST),
    own(SMALL, AGAIN),
    Form(
        SMALL,
        "pickled dicts",
        lambda folder: load_pickle(folder / f"{SMALL}.pickle"),
        lambda store, texts: np.array([nested(store, text) for text in texts]),
        nested,
    ),
    Form(
        SMALL,
        "JSON",
        lambda folder: json.loads((folder / f"{SMALL}.json").read_bytes()),
        lambda store, texts: np.array([nested(store, text) for text in texts]),
        nested,
    ),
    Form(
        SMALL,
        "CSV, pandas",
        load_csv,
        lambda store, texts: store[ASKED_TEXT].reindex(texts).to_numpy(),
        lambda store, text: store.at[text, ASKED_TEXT],  # noqa: PD008  (the fastest that pandas has)
    ),
    own(EMBEDDED, FIRST),
    own(EMBEDDED, AGAIN),
    own(LARGE, FIRST),
    own(LARGE, AGAIN),
    Form(
        LARGE,
        "pickled dicts",
        lambda folder: load_pickle(folder / f"{LARGE}.pickle"),
        lambda store, keys: np.array([nested_101(store, key) for key in keys]),
        nested_101,
    ),
]


# The tables in these forms.


def write_tables(folder: Path) -> Iterator[tuple[str, str]]:
    """Write each table in its forms when it is its turn; give its name and what it is."""
    yield SMALL, write_small(folder)
    yield EMBEDDED, write_embedded(folder)
    yield LARGE, write_large(folder)


def write_small(folder: Path) -> str:
    """15,625 rows x 3 tasks."""
    from surrogate_nas.core import Column
    from surrogate_nas.spaces import get_space
    from surrogate_nas.tables import Table

    space = get_space(SMALL)
    described = [(task, split, 12) for task in ("cifar10", "cifar100", "imagenet16-120") for split in ("val", "test")]
    described.append(("cifar10", "val", 200))
    names = [f"{task}-{split}-{epochs}ep" for task, split, epochs in described]
    real = os.environ.get("SURROGATE_NAS_DATA")
    if real:
        import pandas as pd

        frame = pd.read_parquet(Path(real) / "nas-bench-201.parquet")
        texts, values = list(frame.index), [frame[name].to_numpy() for name in names]
    else:
        rng = np.random.default_rng(0)
        texts = space.format(space.enumerate())
        values = [(rng.integers(1000, 9500, len(texts)) / 100).astype(np.float32) for _ in names]
    X = space.parse(texts)
    columns = {Column(t, "accuracy", s, e, unit="%"): v for (t, s, e), v in zip(described, values, strict=True)}
    Table(space, X, columns, name=SMALL).to_parquet(folder / f"{SMALL}.parquet")
    content: dict[str, dict[str, dict[str, float]]] = {text: {} for text in texts}
    for (task, split, epochs), column in zip(described, values, strict=True):
        for text, value in zip(texts, column.tolist(), strict=True):
            content[text].setdefault(task, {})[f"{split}-{epochs}ep"] = value
    with (folder / f"{SMALL}.pickle").open("wb") as file:
        pickle.dump(content, file)
    (folder / f"{SMALL}.json").write_text(json.dumps(content))
    with (folder / f"{SMALL}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("architecture", *names), *zip(texts, *(v.tolist() for v in values), strict=True)])
    write_keys(folder, SMALL, X, texts)
    return f"{len(X):,} rows x 3 tasks, 7 columns: {'values of NAS-Bench-201' if real else 'GENERATED VALUES'}"


def write_embedded(folder: Path) -> str:
    """Rows to ask the embedded table for."""
    from surrogate_nas.tables import load_table

    table = load_table(EMBEDDED)
    np.save(folder / f"{EMBEDDED}.npy", table.X)
    return f"the embedded table: {len(table):,} rows x {len(table.tasks)} tasks, {len(table.columns)} columns"


def write_large(folder: Path) -> str:
    """423,624 cells with generated values, as a table and as `nasbench` keeps them."""
    from surrogate_nas.core import Column
    from surrogate_nas.spaces import get_space
    from surrogate_nas.tables import Curve, Table

    gc.disable()  # looking for cycles among millions of dicts takes as long as making them
    space: Any = get_space(LARGE)
    rng = np.random.default_rng(0)
    X = space.enumerate()[rng.permutation(space.size)]
    keys = [hashlib.md5(row.tobytes(), usedforsecurity=False).hexdigest() for row in X]
    computed: dict[str, dict[int, list[dict[str, float]]]] = {key: {e: [] for e in EPOCHS} for key in keys}
    columns, curves = {}, {}
    for epochs in EPOCHS:
        for seed in range(REPETITIONS):
            values = generated(rng, len(X), epochs)
            at = (epochs // 2, epochs)
            for name, (half, end) in values.items():
                column = Column("cifar10", "accuracy", name, epochs, seed, "1")
                if name not in SPLITS:
                    column = Column("cifar10", name, "", epochs, seed, "s")
                columns[column], curves[column] = end, Curve(at, np.stack([half, end], axis=1).astype(np.float32))
            fields = [
                f"{part}_{OFFICIAL.get(name, 'training_time')}" for name in values for part in ("halfway", "final")
            ]
            lists = [v.tolist() for pair in values.values() for v in pair]
            for key, *numbers in zip(keys, *lists, strict=True):
                computed[key][epochs].append(dict(zip(fields, numbers, strict=True)))
    params = rng.integers(200_000, 50_000_000, len(X))
    columns[Column("cifar10", "params", unit="million")] = params / 1e6
    Table(space, X, columns, name=LARGE, key="canonical", curves=curves).to_parquet(folder / f"{LARGE}.parquet")
    names = ["input", *(op.name for op in space.operations), "output"]
    graphs = space.graphs(X)
    fixed = {
        key: {
            "module_adjacency": wired.astype(np.int8),
            "module_operations": [names[op] for op in ops if op >= 0],
            "trainable_parameters": count,
        }
        for key, wired, ops, count in zip(keys, graphs.adjacency, graphs.ops.tolist(), params.tolist(), strict=True)
    }
    with (folder / f"{LARGE}.pickle").open("wb") as file:
        pickle.dump((fixed, computed), file, protocol=pickle.HIGHEST_PROTOCOL)
    write_keys(folder, LARGE, X, keys)
    return (
        f"{len(X):,} rows x {len(EPOCHS)} schedules x {REPETITIONS} repetitions, {len(columns)} columns and "
        f"{len(curves)} curves: GENERATED VALUES"
    )


def generated(rng: np.random.Generator, n: int, epochs: int) -> dict[str, tuple[Any, Any]]:
    """Values half way and at the end of n trainings: accuracies of 10,000 images, and seconds."""
    found: dict[str, tuple[Any, Any]] = {}
    for split in SPLITS:
        half, end = ((10_000 * rng.beta(a, 2, n)).round().astype(np.float32) / np.float32(10_000) for a in (10, 20))
        found[split] = half, end
    seconds = rng.gamma(9.0, epochs, n)
    return {**found, "train_time": (seconds / 2, seconds)}


def write_keys(folder: Path, name: str, X: np.ndarray, keys: list[str]) -> None:
    """What to ask for: rows for this package's table, keys for the others."""
    np.save(folder / f"{name}.npy", X)
    (folder / f"{name}.keys").write_text("\n".join(keys))


def read_texts(path: Path) -> list[str]:
    """One key per line."""
    return path.read_text().split("\n")


# Candidates in memory.


def candidates() -> Found:
    """MB that a million architectures take as rows, as texts and as networkx graphs, the latter two extrapolated."""
    from surrogate_nas.spaces import get_space, list_spaces

    widest = max(map(get_space, list_spaces()), key=lambda space: space.n_genes)
    found = {}
    for space in {space.name: space for space in (get_space(SMALL), get_space(LARGE), widest)}.values():
        some, name = space.sample(COUNTED, 0), f"{space.name}, {space.n_genes} genes"
        forms = {"texts": space.format, "networkx": networkx_of(space)}
        found[f"{name}: rows"] = allocated(space.sample, CANDIDATES, 0)
        for form, make in forms.items():
            make(some[:1])  # what is imported or computed once is no candidate
            found[f"{name}: {form}"] = allocated(make, some) * CANDIDATES / COUNTED
    return found


def networkx_of(space: Any) -> Callable[[Any], Any]:
    """How rows of a space become networkx graphs."""
    return lambda X: space.graphs(X).to_networkx()


def allocated(make: Callable[..., Any], *arguments: Any) -> float:
    """MB that the result takes."""
    tracemalloc.start()
    result = make(*arguments)
    held = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    del result
    return held


# Measuring and printing.


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Result and time in ms."""
    start = time.perf_counter()
    result = function()
    return result, (time.perf_counter() - start) * 1e3


def start_of_peak() -> float:
    """Forget the peak so far where the system permits it, and return the memory resident now, in MB."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return resident_mb()


def resident_mb() -> float:
    """Resident memory of this process, in MB."""
    return _status("VmRSS") or peak_mb()


def peak_mb() -> float:
    """Its highest value, in MB."""
    if found := _status("VmHWM"):
        return found
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def _status(key: str) -> float | None:
    """An entry of Linux's account of this process; a child's ru_maxrss would start with its parent's there."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024 / 1e6
    return None


def print_table(title: str, forms: dict[str, list[Found]]) -> None:
    """One column per form, one line per figure: median and range over the rounds."""
    print(f"\n{title}")
    keys = list(dict.fromkeys(key for found in forms.values() for key in found[0]))
    print(" " * 32 + "".join(f"{name:>24}" for name in forms))
    for key in sorted(keys, key=list(FIGURES).index) if set(keys) <= set(FIGURES) else keys:
        cells = [spread([f[key] for f in found]) if key in found[0] else "" for found in forms.values()]
        print(f"{FIGURES.get(key, key):<32}" + "".join(f"{cell:>24}" for cell in cells))


def spread(values: list[float]) -> str:
    """Median and range."""
    low, middle, high = (
        f"{v:,.{0 if v >= 100 else 1}f}" for v in (min(values), statistics.median(values), max(values))
    )
    return f"{middle} ({low}-{high})"


def print_candidates(found: Found) -> None:
    """Memory of a million architectures."""
    print(f"\n{CANDIDATES:,} architectures in memory, MB (texts and networkx: extrapolated from {COUNTED:,})")
    for what, held in found.items():
        verdict = "" if not what.endswith("rows") else f"   goal 100: {'reached' if held < 100 else 'missed'}"
        print(f"  {what:<44}{held:10,.1f}{verdict}")


def print_goals(found: dict[tuple[str, str], list[Found]]) -> None:
    """The goals, beside what the same numbers cost as pickled dicts; then what an import costs."""
    print(f"\n{'goals':<48}{'unit':>4}{'goal':>8}{'median':>10}{'pickled dicts':>16}")
    for goal in GOALS:
        ours, theirs = (
            statistics.median(f[goal.figure] for f in found[goal.table, form]) for form in (goal.form, "pickled dicts")
        )
        what, unit = f"{goal.what}: {goal.table}, {goal.form}", FIGURES[goal.figure].rpartition(" ")[2]
        verdict = "reached" if ours < goal.limit else "missed"
        print(f"{what:<48}{unit:>4}{goal.limit:8,.0f}{ours:10,.1f}{theirs:16,.1f}   {verdict}")
    print(flush=True)
    subprocess.run([sys.executable, str(Path(__file__).with_name("00_import_cost.py"))], check=True)


if __name__ == "__main__":
    main()
