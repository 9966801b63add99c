"""Build the predictors in ``data/predictors`` from the embedded tables, and enter them in ``data/registry.toml``.

    python analysis/17_build_pretrained.py            # build and register
    python analysis/17_build_pretrained.py --check    # build aside and compare: same bytes?

Each is a MetaPredictor learned across all tasks of one table (default metric, validation scores, seed 0), with one
thread, so that the same machine and the same versions always give the same bytes; elsewhere sums may differ in the
last digit. Run it again whenever MetaPredictor or the table changes: a test compares what ships with a fresh fit.

They answer a user's questions at once (``surrogate-nas rank``, ``MetaPredictor.from_pretrained``). They know the
test rows of every protocol on these tables, so no protocol and no ``MetaPredictor.fit`` may load them.
"""

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

import surrogate_nas as sn
from surrogate_nas.experiments import sources_of
from surrogate_nas.tables import table_entries

DATA = Path(__file__).resolve().parent.parent / "data"

#: Predictors to build: name -> table whose tasks are learned from.
PRETRAINED = {"nas-bench-graph": "nas-bench-graph"}

ABOUT = """Learned across the {tasks} tasks of the table [{table}]({source}): {names}.
`adapt(X, y)` makes a predictor for a task of your own from the architectures that you measured there; `adapt()` says
what to expect before the first one.

Do not evaluate it on these tasks: it has seen them whole. Learn again without the task instead
(`sn.MetaPredictor(space).fit(...)`).

Numbers it was learned from: {citation}"""


def main() -> None:
    """Build all, or compare all with what ships."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; say whether a new build has the same bytes"
    )
    parser.add_argument("--out", type=Path, default=DATA, help="folder of registry.toml")
    arguments = parser.parse_args()
    same = True
    for name, table in PRETRAINED.items():
        if arguments.check:
            with tempfile.TemporaryDirectory() as temporary:
                build(table, Path(temporary) / name)
                same &= compare(Path(temporary) / name, arguments.out / "predictors" / name)
        else:
            folder = arguments.out / "predictors" / name
            build(table, folder)
            register(name, table, folder, arguments.out / "registry.toml")
    sys.exit(0 if same else 1)


def build(table_name: str, folder: Path) -> None:
    """Learn across all tasks of a table and write the folder."""
    entry, table = table_entries()[table_name], sn.load_table(table_name)
    start = time.process_time()
    with threadpool_limits(1):
        meta = sn.MetaPredictor(table.space, random_state=0).fit(sources_of(table))
    about = ABOUT.format(
        tasks=len(table.tasks),
        table=table_name,
        source=entry.source,
        names=", ".join(table.tasks),
        citation=entry.citation,
    )
    (folder / "README.md").unlink(missing_ok=True)  # a card that stands there would be kept
    meta.save_pretrained(folder, about=about, licence=entry.licence.lower())
    size = sum(path.stat().st_size for path in folder.iterdir())
    sys.stdout.write(f"{folder.name}: {size:,} bytes, learned in {time.process_time() - start:.1f} CPU seconds\n")


def register(name: str, table_name: str, folder: Path, registry: Path) -> None:
    """Write the predictor's entry in ``registry.toml``, keeping the others."""
    table = table_entries()[table_name]
    entry = {
        "folder": folder.relative_to(registry.parent).as_posix(),
        "sha256": digest(folder / "config.json"),
        "table": table_name,
        "table_sha256": table.sha256,
        "space": table.space,
        "licence": table.licence,
        "converter": f"analysis/{Path(__file__).name}",
    }
    lines = [f'[predictors."{name}"]', *(f'{key} = "{value}"' for key, value in entry.items())]
    others = [
        part for part in registry.read_text(encoding="utf-8").strip().split("\n\n") if part.split("\n")[0] != lines[0]
    ]
    registry.write_text("\n\n".join([*others, "\n".join(lines)]) + "\n", encoding="utf-8")
    sys.stdout.write(f"sha256 of config.json, which has those of the other files: {entry['sha256']}\n")


def compare(new: Path, shipped: Path) -> bool:
    """Say of each file whether it has the same bytes."""
    same = True
    for path in sorted(new.iterdir()):
        equal = (shipped / path.name).is_file() and digest(path) == digest(shipped / path.name)
        sys.stdout.write(f"  {path.name}: {'same' if equal else 'differs'}\n")
        same &= equal
    return same


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
