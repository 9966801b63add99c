"""What the scripts on weight sharing have in common: space, data, recipe, and real trainings that are kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import surrogate_nas as sn
from surrogate_nas.experiments.trainings import LoggedTrainings, training_log
from surrogate_nas.training import ArrayDataset, load_dataset
from surrogate_nas.training.recipe import Recipe

#: One cell per stage; half the widths of NAS-Bench-201, or a quarter for larger images, which the stem halves.
SKELETON = {"stages": (1, 1, 1), "channels": (8, 16, 32)}
_HOW: dict[str, Any] = {"epochs": 8, "optimiser": "sgd", "learning_rate": 0.1, "weight_decay": 5e-4}
RECIPES = {
    "digits": Recipe(**_HOW, skeleton=SKELETON),
    "fashion-mnist-subset": Recipe(**_HOW, skeleton={**SKELETON, "channels": (4, 8, 16), "stem_stride": 2}),
}


def load(name: str) -> ArrayDataset | None:
    """A data set, or None, said in a line, where its files are not on this machine."""
    try:
        return load_dataset(name, "image")
    except sn.SurrogateNASError as error:
        print(f"{name}: skipped ({error})")
        return None


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
