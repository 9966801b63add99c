"""Few-shot accuracy on classes that nothing was learned from: meta-learned weights against learning from scratch.

Images of Fashion-MNIST, 14x14 (means over 2x2 pixels), 5-way tasks. One architecture of NAS-Bench-201, one cell per
stage, channels 8, 16, 32. Two problems:

    rotated   every class in four directions is four classes, 40 in all; for each seed 5 of the ten kinds of clothing
              are meta-learned from (20 classes), 2 chosen on (8), 3 judged on (12)
    plain     the ten classes as they are: 5 meta-learned from, 5 judged on; chosen on other images of the first 5.
              Every task while meta-learning is then made of the same five classes, only their labels change

Methods have the same outer loop (Adam, 150 steps of 4 tasks: short) and, but for Reptile, the same loss. Each
method's inner step size was chosen once, by validation accuracy of seed 0 on the first problem after 40 steps
(``--tune`` prints it; MAML takes that of its first order); the steps on a support set are chosen by validation
accuracy for each seed, for training from scratch with the step size. Queries are normalised by their support set's
statistics, never by each other's (``--transductive`` lets them, as the code of MAML does).

Printed: mean accuracy over the test episodes of all seeds with half of its 95% interval, which is of other episodes of
the same classes and weights; beside it the mean of each seed, whose spread is of the choice of classes (most of it:
nearest class means, which learn nothing, vary as much) and of the meta-training. Seconds are of CPU, of one
meta-training with its validations.

    OMP_NUM_THREADS=1 python analysis/34_few_shot.py
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from surrogate_nas import get_space
from surrogate_nas.core.statistics import Interval
from surrogate_nas.training import ArrayDataset, Split, array_dataset, load_dataset
from surrogate_nas.training.meta_learning import (
    ANIL,
    MAML,
    FewShotTasks,
    MetaTrainer,
    Reptile,
    accuracy_of,
    nearest_mean,
    rotated,
    split_classes,
)

ARCHITECTURE = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
SKELETON = {"stages": (1, 1, 1), "channels": (8, 16, 32)}

PER_CLASS = 1000
EPISODES, CHOOSING = 200, 64

#: Method -> how it is made from a step size; and the size chosen by --tune.
METHODS: dict[str, tuple[Any, float]] = {
    "MAML": (lambda rate: MAML(steps=2, learning_rate=rate), 0.2),
    "first-order MAML": (lambda rate: MAML(steps=2, learning_rate=rate, second_order=False), 0.2),
    "ANIL": (lambda rate: ANIL(steps=4, learning_rate=rate), 1.0),
    "Reptile": (lambda rate: Reptile(steps=4, learning_rate=rate), 0.2),
}
PIXELS, SCRATCH_ALONE = "nearest class mean, pixels", "from scratch"
STEPS = (2, 8)
SCRATCH = [(rate, steps) for rate in (0.1, 0.3) for steps in (5, 20)]
RATES = (0.05, 0.1, 0.2, 0.5, 1.0)


def clothing() -> ArrayDataset:
    """Fashion-MNIST at half the resolution, as many images of each class."""
    data = load_dataset("fashion-mnist", "image")
    kept = np.concatenate([np.flatnonzero(data.y == c)[:PER_CLASS] for c in range(len(data.classes))])
    halves = data.x[kept].reshape(len(kept), 1, 14, 2, 14, 2).mean(axis=(3, 5))
    parts = np.array_split(np.random.default_rng(0).permutation(len(kept)), 3)  # asked for, not used
    return array_dataset(
        halves.round().astype(np.uint8),
        data.y[kept],
        name="clothing, 14x14",
        classes=data.classes,
        splits=[Split(*parts)],
    )


def problem(name: str, data: ArrayDataset, shots: int, seed: int) -> FewShotTasks:
    """Where the episodes of a problem come from; the classes are drawn by the seed."""
    kinds = len(data.classes)
    if name == "plain":
        classes = split_classes(kinds, val=0, test=5, share_val=True, seed=(seed, 34))
        return FewShotTasks(dataset=data, classes=classes, shots=shots)
    turned = rotated(data)
    groups = [c % kinds for c in range(len(turned.classes))]
    return FewShotTasks(dataset=turned, classes=split_classes(groups, val=2, test=3, seed=(seed, 34)), shots=shots)


def trainer(tasks: FewShotTasks, method: Any, options: argparse.Namespace) -> MetaTrainer:
    """Meta-learns on smaller query sets than those that are judged on: more tasks in the same time."""
    recipe = {"epochs": options.epochs, "batch_size": 4, "learning_rate": 3e-3, "skeleton": SKELETON}
    return MetaTrainer(
        space=SPACE, tasks=replace(tasks, queries=5), method=method, recipe=recipe, iterations=options.iterations,
        episodes=32, transductive=options.transductive, device="cpu",
    )  # fmt: skip


SPACE = get_space("nas-bench-201")
X = SPACE.parse([ARCHITECTURE])[0]


def measured(
    name: str, data: ArrayDataset, shots: int, seed: int, options: argparse.Namespace, done: set[str]
) -> Iterator[Any]:
    """Accuracy of everything on one problem, but for what is done."""
    tasks = problem(name, data, shots, seed)
    key = {"problem": name, "shots": shots, "seed": seed}
    n = options.episodes
    if PIXELS not in done:
        yield key | row(PIXELS, accuracy_of(lambda episodes, _: nearest_mean(episodes), tasks, "test", n, seed))
    for method, (make, rate) in METHODS.items():
        if method in done:
            continue
        begin = time.process_time()
        learned = replace(trainer(tasks, make(rate), options).train(X, seed), tasks=tasks)
        seconds = time.process_time() - begin
        choices = {s: learned.accuracy("val", episodes=CHOOSING, seed=(seed, 1), steps=s).mean for s in STEPS}
        steps = max(choices, key=choices.__getitem__)
        yield key | row(method, learned.accuracy("test", episodes=n, seed=seed, steps=steps), steps, seconds)
    if SCRATCH_ALONE in done:
        return
    scratch = replace(trainer(tasks, MAML(), options), tasks=tasks)
    choices = {how: from_scratch(scratch, "val", how, seed=(seed, 1), episodes=CHOOSING).mean for how in SCRATCH}
    how = max(choices, key=choices.__getitem__)
    yield key | row(SCRATCH_ALONE, from_scratch(scratch, "test", how, seed=seed, episodes=n), how[1])


def from_scratch(trainer: MetaTrainer, part: Any, how: tuple[float, int], **options: Any) -> Interval:
    """Accuracy after so many steps of a size on each support set alone."""
    return trainer.from_scratch(X, part, learning_rate=how[0], steps=how[1], **options)


def row(method: str, found: Interval, steps: int = 0, seconds: float = 0.0) -> dict[str, Any]:
    """One result."""
    return {"method": method, "accuracy": found.mean, "half": found.high - found.mean, "steps": steps, "s": seconds}


def tune(data: ArrayDataset, options: argparse.Namespace) -> None:
    """Print validation accuracies of seed 0 by step size."""
    for name in options.problems:
        for shots in options.shots:
            tasks = problem(name, data, shots, 0)
            for method, (make, _) in reversed(METHODS.items()):
                scores = {}
                for rate in RATES:
                    learned = trainer(tasks, make(rate), options).train(X)
                    scores[rate] = round(learned.result.val.accuracy, 3)
                print(name, f"{shots}-shot", method, scores, flush=True)


def report(results: pd.DataFrame, episodes: int) -> None:
    """Print one table per problem."""
    for name, part in results.groupby("problem", sort=False):
        columns: dict[str, pd.Series] = {}
        for shots, of in part.groupby("shots"):
            grouped = of.groupby("method", sort=False)
            half = grouped["half"].apply(lambda h: float(np.sqrt((h**2).sum()) / len(h)))
            mean = grouped["accuracy"].mean()
            columns[f"{shots}-shot, %"] = (100 * mean).map("{:.1f}".format) + " ± " + (100 * half).map("{:.1f}".format)
            columns[f"each seed ({shots}-shot)"] = grouped["accuracy"].apply(
                lambda a: ", ".join(f"{100 * v:.1f}" for v in a)
            )
            columns[f"steps ({shots}-shot)"] = grouped["steps"].apply(
                lambda s: ", ".join(map(str, s)) if s.any() else ""
            )
            columns[f"s ({shots}-shot)"] = grouped["s"].mean().map(lambda s: f"{s:.0f}" if s else "")
        table = pd.DataFrame(columns, index=part["method"].unique()).fillna("")
        print(f"\n### {name}: 5-way, {part['seed'].nunique()} seeds x {episodes} test episodes of 75 queries\n")
        print("| method | " + " | ".join(table.columns) + " |")
        print("|---|" + "---|" * len(table.columns))
        for method, cells in table.iterrows():
            print(f"| {method} | " + " | ".join(map(str, cells)) + " |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", nargs="+", default=["rotated", "plain"], choices=["rotated", "plain"])
    parser.add_argument("--shots", nargs="+", type=int, default=[1, 5])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--episodes", type=int, default=EPISODES, help="to judge on, per seed")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=30, help="steps of the outer loop per epoch, 4 tasks each")
    parser.add_argument("--log", type=Path, help="file of results, to go on from where a run was broken off")
    parser.add_argument("--transductive", action="store_true")
    parser.add_argument("--tune", action="store_true", help="print validation accuracies by step size instead")
    options = parser.parse_args()
    begin, data = time.process_time(), clothing()
    if options.tune:
        tune(data, options)
        return
    log = options.log
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log and log.exists() else []
    for seed in range(options.seeds):
        for name in options.problems:
            for shots in options.shots:
                done = {r["method"] for r in rows if (r["problem"], r["shots"], r["seed"]) == (name, shots, seed)}
                for found in measured(name, data, shots, seed, options, done):
                    rows.append(found)
                    print(found, flush=True)
                    if log:
                        with log.open("a") as file:
                            file.write(json.dumps(found) + "\n")
    report(pd.DataFrame(rows), options.episodes)
    print(f"\n{time.process_time() - begin:.0f} s of CPU in all")


if __name__ == "__main__":
    main()
