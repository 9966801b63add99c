"""Train a sample of architectures on several small tasks, into the embedded tables of this package's own trainings.

    python analysis/06_collect_tasks.py graph-tasks runs/graph-tasks            # trains; stop and repeat at will
    python analysis/06_collect_tasks.py graph-tasks runs/graph-tasks --write    # joins the logs into data/
    python analysis/06_collect_tasks.py image-tasks runs/image-tasks --jobs 2

Samples are the first so many architectures drawn without replacement by default_rng(2022) from the whole space; the
trainer's defaults. Every training is kept as it ends. With --write the spread between architectures and between seeds
is printed, and the checksum that data/registry.toml must hold.
"""

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import surrogate_nas as sn
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.execution import default_jobs
from surrogate_nas.experiments import collect, table_of_logs


@dataclass(frozen=True)
class Plan:
    """What a table holds.

    Attributes:
        space: Name of the space.
        tasks: How many architectures are trained on each task.
        seeds: Trainings of each.
        source: Where the numbers come from.
        data: Whose data they are, to cite.
    """

    space: str
    tasks: dict[str, int]
    seeds: int
    source: str
    data: str


PLANS = {
    "graph-tasks": Plan(
        space="nas-bench-graph",
        tasks={"digits": 500, "wine": 500, "breast-cancer": 500},
        seeds=3,
        source="4,500 real trainings by this package on data sets that ship with scikit-learn",
        data="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits; S. Aeberhard, M. Forina, Wine; "
        "W. Wolberg et al., Breast Cancer Wisconsin (Diagnostic); UCI Machine Learning Repository",
    ),
    "image-tasks": Plan(
        space="nas-bench-201",
        tasks={"few-digits": 300, "fashion-mnist-subset": 120},
        seeds=1,
        source="420 real trainings by this package on small images",
        data="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository; "
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747",
    ),
}
DRAW = 2022
DATA = Path(__file__).parent.parent / "data"


class Lines:
    """Progress as a line per hundred trainings."""

    def say(self, text: str) -> None:
        """Print the line."""
        print(text, flush=True)

    def track(self, label: str, done: int, total: int, note: str = "") -> None:
        """Print every hundredth."""
        if done and (done % 100 == 0 or done == total):
            print(f"{label}: {done} of {total}", flush=True)


def write(name: str, plan: Plan, folder: Path) -> None:
    """Join the logs into the table and say what is in it."""
    about = {
        "source": plan.source,
        "licence": "Apache-2.0",
        "citation": f"surrogate_nas, table {name}; data: {plan.data}",
    }
    table = table_of_logs([folder / task for task in plan.tasks], sn.get_space(plan.space), name=name, **about)
    path = DATA / f"{name}.parquet"
    table.to_parquet(path)
    print(f"{table}\nsha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    for task in table.tasks:
        val, test, seconds = (
            np.stack([table.values(task=task, metric=m, split=s, seed=i) for i in range(plan.seeds)], axis=1)
            for m, s in (("accuracy", "val"), ("accuracy", "test"), ("seconds", "train"))
        )
        trained = np.isfinite(seconds).any(axis=1)
        val, test = val[trained], test[trained]
        mean = np.nanmean(val, axis=1)
        print(
            f"{task:<22} {len(val)} architectures, {np.isnan(val).sum()} failed; validation: mean {mean.mean():.3f}, "
            f"best {mean.max():.3f}, sd between architectures {mean.std():.3f}; Kendall tau of validation and test "
            f"{kendall_tau(mean, test.mean(1)):.3f}; {np.nanmedian(seconds):.2f} s per training"
        )
        if plan.seeds > 1:
            print(
                f"{'':<22} sd between seeds {np.nanstd(val, axis=1, ddof=1).mean():.3f}, Kendall tau of two seeds "
                f"{kendall_tau(val[:, 0], val[:, 1]):.3f}"
            )


def main() -> None:
    """Train, or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=PLANS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", nargs="+")
    parser.add_argument("--jobs", type=int, default=default_jobs())
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    plan = PLANS[options.table]
    if options.write:
        write(options.table, plan, options.folder)
        return
    space = sn.get_space(plan.space)
    rows = space.sample(max(plan.tasks.values()), np.random.default_rng(DRAW), unique=True)
    for task in options.tasks or plan.tasks:
        trainer = sn.Trainer(space=space, dataset=task, device="cpu")
        collect(
            trainer, rows[: plan.tasks[task]], range(plan.seeds), run_dir=options.folder / task, jobs=options.jobs,
            progress=Lines(),
        )  # fmt: skip


if __name__ == "__main__":
    main()
