"""How good answers are: all metrics of a classification or a regression, over b networks at once.

Classes that occur neither in the truth nor in the answers do not count in a mean over classes; a class that is
never answered has precision 0, as in scikit-learn.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.result import Scores

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def scores(logits: Tensor, y: Tensor) -> Scores:
    """All metrics of a classification, each the mean over networks.

    Args:
        logits: Float of shape (b, m, classes).
        y: Classes, int64 of shape (b, m).
    """
    predicted = logits.argmax(-1)
    confusion = confusions(predicted, y, logits.shape[-1])
    hits, true, answered = confusion.diagonal(dim1=1, dim2=2), confusion.sum(2), confusion.sum(1)
    occurs = true + answered > 0
    recall = _share(hits, true)
    return Scores(
        accuracy=float((predicted == y).double().mean()),
        macro_f1=_mean(_share(2 * hits, true + answered), occurs),
        loss=float(F.cross_entropy(logits.flatten(0, 1), y.flatten())),
        balanced_accuracy=_mean(recall, true > 0),
        precision=_mean(_share(hits, answered), occurs),
        recall=_mean(recall, occurs),
        auc=_mean_auc(logits, y),
    )


def regression_scores(predicted: Tensor, y: Tensor, unit: float = 1.0) -> Scores:
    """All metrics of a regression, each the mean over networks.

    Args:
        predicted: Standardised predictions, float of shape (b, m).
        y: Standardised targets, float of shape (b, m).
        unit: The target's standard deviation, which a standardised value of 1 stands for.
    """
    predicted, y = predicted.double(), y.double()
    squared = ((predicted - y) ** 2).mean(1)
    variance = y.var(1, correction=0)
    # A target without variance has nothing that could be explained.
    r2 = torch.where(variance > 0, 1 - squared / variance, math.nan)
    return Scores(loss=float(squared.mean()), rmse=unit * float(squared.sqrt().mean()), r2=float(r2.mean()))


def mean_scores(several: Sequence[Scores]) -> Scores:
    """Mean of each metric."""
    return Scores(*(math.nan if math.isnan(mean := sum(v) / len(v)) else mean for v in zip(*several, strict=True)))


def confusions(predicted: Tensor, y: Tensor, classes: int) -> Tensor:
    """Count how often each class was answered for each true one, per network.

    Args:
        predicted: Classes, int64 of shape (b, m).
        y: Classes, int64 of shape (b, m).
        classes: Number of classes.

    Returns:
        Float64 of shape (b, classes, classes): true class, then answered class.
    """
    b = len(y)
    cell = (torch.arange(b, device=y.device)[:, None] * classes + y) * classes + predicted
    return torch.bincount(cell.flatten(), minlength=b * classes**2).view(b, classes, classes).double()


def classification_report(
    answers: npt.ArrayLike | Tensor, y: npt.ArrayLike | Tensor, classes: Sequence[str]
) -> "pd.DataFrame":
    """How well each class is found.

    Args:
        answers: Logits, float of shape (m, classes), or classes, int of shape (m,).
        y: True classes, int of shape (m,).
        classes: Their names.

    Returns:
        One row per class: class, precision, recall, f1 (each in [0, 1], higher is better), samples.

    Raises:
        InvalidInputError: Shapes do not fit, or there are classes without a name.
    """
    import pandas as pd

    confusion = confusion_matrix(answers, y, classes).to_numpy()
    hits, true, answered = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    return pd.DataFrame(
        {
            "class": list(classes),
            "precision": hits / np.maximum(answered, 1),
            "recall": hits / np.maximum(true, 1),
            "f1": 2 * hits / np.maximum(true + answered, 1),
            "samples": true,
        }
    )


def confusion_matrix(
    answers: npt.ArrayLike | Tensor, y: npt.ArrayLike | Tensor, classes: Sequence[str]
) -> "pd.DataFrame":
    """How often each class was answered (columns) for each true one (rows).

    Args:
        answers: Logits, float of shape (m, classes), or classes, int of shape (m,).
        y: True classes, int of shape (m,).
        classes: Their names.

    Raises:
        InvalidInputError: Shapes do not fit, or there are classes without a name.
    """
    import pandas as pd

    given, true = _array(answers), _array(y)
    predicted = given.argmax(1) if given.ndim == 2 else given
    if true.ndim != 1 or predicted.shape != true.shape:
        raise InvalidInputError(
            f"answers: expected shape (m,) or (m, classes) for m true classes, got {given.shape} for {true.shape}"
        )
    if len(true) and not 0 <= min(true.min(), predicted.min()) <= max(true.max(), predicted.max()) < len(classes):
        raise InvalidInputError(
            f"classes: expected a name for each of the classes 0 to {max(true.max(), predicted.max())}, got "
            f"{len(classes)} names"
        )
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (true.astype(np.int64), predicted.astype(np.int64)), 1)
    names = list(classes)
    return pd.DataFrame(counts, index=pd.Index(names, name="true"), columns=pd.Index(names, name="answered"))


def _array(values: npt.ArrayLike | Tensor) -> npt.NDArray[Any]:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return part / whole.clamp(min=1)


def _mean(values: Tensor, counted: Tensor) -> float:
    """Mean over the classes that count, then over networks."""
    return float(torch.where(counted, values, torch.nan).nanmean(dim=1).mean())


def _mean_auc(logits: Tensor, y: Tensor) -> float:
    """Mean over the classes that can be told from others in the truth, then over networks; NaN if none can."""
    probabilities = logits.double().softmax(-1).cpu().numpy()
    per_network = [_macro_auc(p, truth) for p, truth in zip(probabilities, y.cpu().numpy(), strict=True)]
    return mean if not math.isnan(mean := sum(per_network) / len(per_network)) else math.nan


def _macro_auc(probabilities: Floats, y: Ints) -> float:
    areas = [_auc(probabilities[:, c], y == c) for c in range(probabilities.shape[1]) if 0 < (y == c).sum() < len(y)]
    return sum(areas) / len(areas) if areas else math.nan


def _auc(values: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Probability that a positive has a higher value than a negative; ties count half."""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[at]
    n = int(positive.sum())
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * (len(values) - n)))
