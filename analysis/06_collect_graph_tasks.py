"""Train 500 architectures x 3 seeds on each of three small graph tasks, into data/graph-tasks.parquet.

    python analysis/06_collect_graph_tasks.py runs/graph-tasks            # trains; stop and repeat at will
    python analysis/06_collect_graph_tasks.py runs/graph-tasks --write    # joins the logs into the embedded table

The sample is the first 500 architectures drawn without replacement by default_rng(2022) from the whole
space; seeds 0, 1, 2; the trainer's defaults. Every training is kept as it ends. With --write the spread
between architectures and between seeds is printed, and the checksum that data/registry.toml must hold.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

import surrogate_nas as sn
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.execution import default_jobs
from surrogate_nas.experiments import collect, table_of_logs

TASKS = ("digits", "wine", "breast-cancer")
SAMPLE, SEEDS, DRAW = 500, 3, 2022
ABOUT = {
    "source": "4,500 real trainings by this package on data sets that ship with scikit-learn",
    "licence": "Apache-2.0",
    "citation": "surrogate_nas, table graph-tasks; data: "
    "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits; S. Aeberhard, M. Forina, Wine; "
    "W. Wolberg et al., Breast Cancer Wisconsin (Diagnostic); "
    "UCI Machine Learning Repository",
}
TABLE = Path(__file__).parent.parent / "data" / "graph-tasks.parquet"


class Lines:
    """Progress as a line per hundred trainings."""

    def say(self, text: str) -> None:
        """Print the line."""
        print(text, flush=True)

    def track(self, label: str, done: int, total: int, note: str = "") -> None:
        """Print every hundredth."""
        if done and (done % 100 == 0 or done == total):
            print(f"{label}: {done} of {total}", flush=True)


def write(folder: Path) -> None:
    """Join the logs into the table and say what is in it."""
    logs = [folder / task for task in TASKS]
    table = table_of_logs(logs, sn.get_space("nas-bench-graph"), name="graph-tasks", **ABOUT)
    table.to_parquet(TABLE)
    print(f"{table}\nsha256 {hashlib.sha256(TABLE.read_bytes()).hexdigest()}")
    for task in table.tasks:
        val, test = (
            np.stack([table.values(task=task, metric="accuracy", split=s, seed=i) for i in range(SEEDS)], axis=1)
            for s in ("val", "test")
        )
        seconds = [table.values(task=task, metric="seconds", split="train", seed=i) for i in range(SEEDS)]
        mean, between_seeds = np.nanmean(val, axis=1), np.nanstd(val, axis=1, ddof=1).mean()
        print(
            f"{task:<14} {np.isnan(val).sum()} failed; validation: mean {mean.mean():.3f}, best {mean.max():.3f}, "
            f"sd between architectures {mean.std():.3f}, between seeds {between_seeds:.3f}; "
            f"Kendall tau of two seeds {kendall_tau(val[:, 0], val[:, 1]):.3f}, "
            f"of validation and test {kendall_tau(mean, test.mean(1)):.3f}; {np.nanmedian(seconds):.2f} s per training"
        )


def main() -> None:
    """Train, or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--jobs", type=int, default=default_jobs())
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write:
        write(options.folder)
        return
    space = sn.get_space("nas-bench-graph")
    rows = space.sample(SAMPLE, np.random.default_rng(DRAW), unique=True)
    for task in options.tasks:
        trainer = sn.Trainer(space=space, dataset=task, device="cpu")
        collect(trainer, rows, range(SEEDS), run_dir=options.folder / task, jobs=options.jobs, progress=Lines())


if __name__ == "__main__":
    main()
