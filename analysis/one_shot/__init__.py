"""What the scripts on weight sharing have in common: space, data, recipe, and real trainings that are kept."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import surrogate_nas as sn
from surrogate_nas.experiments.trainings import LoggedTrainings, training_log
from surrogate_nas.training import ArrayDataset, load_dataset
from surrogate_nas.training.recipe import Recipe

#: One cell per stage, and a quarter of the widths of NAS-Bench-201 (digits: half of them).
SKELETON = {"stages": (1, 1, 1), "channels": (4, 8, 16)}
_HOW: dict[str, Any] = {"epochs": 8, "optimiser": "sgd", "learning_rate": 0.1, "weight_decay": 5e-4}
RECIPES = {
    "digits": Recipe(**_HOW, skeleton={**SKELETON, "channels": (8, 16, 32)}),
    "fashion-7x7": Recipe(**_HOW, skeleton=SKELETON),
}


def load(name: str) -> ArrayDataset | None:
    """A data set, or None, said in a line, where its files are not on this machine.

    "fashion-7x7" is the subset of Fashion-MNIST at 7x7 pixels, each the mean of 4x4: as quick to train on as the
    digits, and far from solved.
    """
    if name == "digits":
        return load_dataset(name, "image")
    try:
        data = load_dataset("fashion-mnist-subset", "image")
    except sn.SurrogateNASError as error:
        print(f"{name}: skipped ({error})")
        return None
    x = data.x.reshape(-1, 1, 7, 4, 7, 4).mean(axis=(3, 5), dtype=np.float32)
    return replace(data, name=name, x=x, recipe={})


def trainer_of(data: ArrayDataset) -> sn.Trainer:
    """What trains networks alone."""
    return sn.Trainer(space=sn.get_space("nas-bench-201"), dataset=data, recipe=RECIPES[data.name], device="cpu")


def train(trainer: sn.Trainer, X: Any, seeds: Sequence[int], folder: str) -> list[list[sn.training.TrainingResult]]:
    """Train rows alone, each with every seed; what was trained before is read from the folder's log.

    Returns:
        Results by row, then by seed.
    """
    with training_log(Path(folder) / trainer.data.name, trainer) as log:
        results = LoggedTrainings(trainer, log=log).results(X, seeds)
    return [results[i : i + len(seeds)] for i in range(0, len(results), len(seeds))]


def connected(space: sn.SearchSpace, n: int, seed: int) -> Any:
    """Different networks in which something leads from the input to the output; rows (n, d), canonical."""
    X = space.canonical(space.sample(20 * n, seed))
    X = X[space.live(X).any(axis=1)]
    _, first = np.unique(space.index(X), return_index=True)
    return X[np.sort(first)[:n]]
