"""Which sub-network for which task: chosen from a handful of its samples, from its features, or at random.

One supernet of NAS-Bench-201's space (one cell per stage, 4, 8 and 16 channels, single paths) is trained jointly on
four tasks of 7x7 images: digits (scaled), Fashion-MNIST (means of 4x4 pixels), and both turned by a quarter; each has
classes of its own. For each task a sub-network is then chosen

- step by step: gene by gene, by the loss on ``--handful`` validation images with inherited weights;
- by features: what was best, by validation, on the most similar of the other tasks (descriptors of the data set);
- at random: the mean over ``--random`` sub-networks that let something through.

Each is judged on test images with inherited weights, and after two epochs of fine-tuning on the task. Printed are the
mean test accuracies over supernets (seeds) and, for the first, over handfuls; "gain" is the difference from random of
the same supernet and task, with a 95% bootstrap interval over supernets and handfuls. Handfuls of one supernet are
related, and by features there is one choice per supernet: with few supernets the intervals are too narrow.

    python analysis/33_subnetwork_choice.py                     # three supernets, three handfuls each
"""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from one_shot import RECIPES, connected, load

import surrogate_nas as sn
from surrogate_nas.core.statistics import bootstrap_mean
from surrogate_nas.training import ArrayDataset, load_dataset
from surrogate_nas.training.supernet import Supernet, by_features, joined, step_by_step


def tasks_of() -> list[ArrayDataset]:
    """Digits and Fashion-MNIST at 7x7 pixels from 0 to 1, as they are and turned; digits alone where that is all."""
    digits, found = load_dataset("digits", "image"), []
    scaled = torch.nn.functional.interpolate(torch.from_numpy(digits.x), (7, 7), mode="area").numpy() / 16
    found.append(replace(digits, x=scaled.astype(np.float32), recipe={}))
    if (fashion := load("fashion-7x7")) is not None:
        found.append(replace(fashion, name="fashion", x=fashion.x / np.float32(255)))
    turned = [replace(d, name=f"turned {d.name}", x=np.rot90(d.x, axes=(2, 3)).copy()) for d in found]
    return found + turned


def judged(view: Supernet, x: Any, seed: int, tune: int) -> tuple[float, float]:
    """Test accuracy with inherited weights, and after fine-tuning."""
    inherited = float(view.evaluate(np.asarray(x)[None], part="test")[0])
    return inherited, view.fine_tune(x, epochs=tune, seed=seed).result.test.accuracy


def best_of(view: Supernet, seed: int) -> Any:
    """The best sub-network of a task as its owner knows it: by all validation images."""
    return step_by_step(view, samples=len(view.data.splits[0].val), passes=1, rng=seed)


def main() -> None:
    """Train supernets, choose, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--supernets", type=int, default=3)
    parser.add_argument("--handful", type=int, default=64, help="validation images that are looked at")
    parser.add_argument("--draws", type=int, default=3, help="handfuls per supernet and task")
    parser.add_argument("--random", type=int, default=10, help="random sub-networks")
    parser.add_argument("--epochs", type=int, default=8, help="how often each operation sees the data")
    parser.add_argument("--tune", type=int, default=2, help="epochs of fine-tuning")
    args = parser.parse_args()
    torch.set_num_threads(1)
    space = sn.get_space("nas-bench-201")
    together, tasks = joined(tasks_of())
    rows: list[tuple[str, str, int, float, float]] = []
    for seed in range(args.supernets):
        supernet = Supernet(space, together, epochs=args.epochs, recipe=RECIPES["fashion-7x7"], device="cpu").train(
            seed
        )
        views = {task.name: supernet.on(task) for task in tasks}
        best = {name: best_of(view, seed) for name, view in views.items()}
        for task in tasks:
            view = views[task.name]
            others = [(other.descriptors(), best[other.name]) for other in tasks if other is not task]
            choices = [("random", x) for x in connected(space, args.random, seed)]
            choices.append(("by features", by_features(task.descriptors(), others)))
            for draw in range(args.draws):
                rng = np.random.default_rng((seed, draw))
                handful = rng.choice(task.splits[0].val, args.handful, replace=False)
                choices.append(("step by step", step_by_step(view, samples=handful, rng=rng)))
            rows += [(task.name, choice, seed, *judged(view, x, seed, args.tune)) for choice, x in choices]
            print(f"supernet {seed}, {task.name}: done", flush=True)
    report(pd.DataFrame(rows, columns=["task", "choice", "seed", "inherited", "tuned"]))


def report(results: pd.DataFrame) -> None:
    """Means, and gains over random choice."""
    rng = np.random.default_rng(0)
    random = results[results["choice"] == "random"].groupby(["task", "seed"])[["inherited", "tuned"]].mean()
    lines = []
    for (task, choice), part in results.groupby(["task", "choice"], sort=False):
        line = {"task": task, "choice": choice}
        for what in ("inherited", "tuned"):
            line[what] = f"{part[what].mean():.4f} ± {part[what].std(ddof=1):.4f}"
            if choice != "random":
                gains = part[what].to_numpy() - random.loc[[(task, s) for s in part["seed"]], what].to_numpy()
                mean, low, high = bootstrap_mean(gains, rng)
                line[f"gain, {what}"] = f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"
        lines.append(line)
    print("\n" + pd.DataFrame(lines).fillna("").to_string(index=False))


if __name__ == "__main__":
    main()
