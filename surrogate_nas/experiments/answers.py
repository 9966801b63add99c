"""What one chosen network gets right and wrong, as files.

architecture.txt     its text form
weights.safetensors  its trained weights
per_class.csv        precision, recall, F1 and number of samples of each class of the test data
confusion.csv        how often each class (columns) was answered for each true one (rows)
regression.csv       instead of these two: root mean squared error and R2 on validation and test data
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from surrogate_nas.training import ArrayDataset, GraphDataset, Trainer
from surrogate_nas.training.metrics import classification_report, confusion_matrix

if TYPE_CHECKING:
    import pandas as pd

#: Folder of the chosen network inside a run folder, and the files in it.
BEST, WEIGHTS = "best", "weights.safetensors"
PER_CLASS, CONFUSION, REGRESSION = "per_class.csv", "confusion.csv", "regression.csv"


def write_answers(trainer: Trainer, x: npt.ArrayLike, seed: int, folder: str | Path) -> list[Path]:
    """Train a network once more for its weights, unless they are there, and write what it answers on the test data.

    With several splits the weights and the answers are of the first one.

    Args:
        trainer: Trains on the task in question.
        x: One row, shape (d,).
        seed: Of the training.
        folder: Where the files go; made where missing.

    Returns:
        The files about the answers; none where the training fails.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text, weights = folder / "architecture.txt", folder / WEIGHTS
    architecture = trainer.space.format(x)[0] + "\n"
    if not (weights.exists() and text.exists() and text.read_text(encoding="utf-8") == architecture):
        if not trainer.train(x, seed, weights_file=weights).ok:
            return []
        text.write_text(architecture, encoding="utf-8")
    frames = _regression(trainer, x, weights) if trainer.data.regression else _classes(trainer, x, weights)
    for name, frame in frames.items():
        frame.to_csv(folder / name, index=frame.index.name is not None)
    return [folder / name for name in frames]


def _classes(trainer: Trainer, x: npt.ArrayLike, weights: Path) -> "dict[str, pd.DataFrame]":
    data = trainer.data
    logits, y, names = trainer.predict(x, weights), data.y[data.splits[0].test], class_names(data)
    return {PER_CLASS: classification_report(logits, y, names), CONFUSION: confusion_matrix(logits, y, names)}


def _regression(trainer: Trainer, x: npt.ArrayLike, weights: Path) -> "dict[str, pd.DataFrame]":
    import pandas as pd

    rows = []
    for part in ("val", "test"):
        y = trainer.data.y[getattr(trainer.data.splits[0], part)].astype(np.float64)
        squared = float(((trainer.predict(x, weights, part) - y) ** 2).mean())
        rows.append({"part": part, "rmse": squared**0.5, "r2": 1 - squared / y.var(), "samples": len(y)})
    return {REGRESSION: pd.DataFrame(rows)}


def class_names(data: GraphDataset | ArrayDataset) -> tuple[str, ...]:
    """Names of the classes; their numbers where they have none."""
    return data.classes if isinstance(data, ArrayDataset) else tuple(map(str, range(data.num_classes)))
