"""Metrics of node classification, over b networks at once."""

import torch
from torch import Tensor
from torch.nn import functional as F

from surrogate_nas.training.result import Scores


def scores(logits: Tensor, y: Tensor) -> Scores:
    """Accuracy, macro F1 and loss, each the mean over networks.

    Args:
        logits: Float of shape (b, m, classes).
        y: Classes, int64 of shape (b, m).
    """
    predicted = logits.argmax(-1)
    accuracy = (predicted == y).double().mean()
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
    return Scores(float(accuracy), macro_f1(predicted, y, logits.shape[-1]), float(loss))


def macro_f1(predicted: Tensor, y: Tensor, classes: int) -> float:
    """Mean F1 score over the classes that occur in the truth or the answer, then over networks.

    Args:
        predicted: Classes, int64 of shape (b, m).
        y: Classes, int64 of shape (b, m).
        classes: Number of classes.
    """
    b = len(y)
    cell = (torch.arange(b, device=y.device)[:, None] * classes + y) * classes + predicted
    confusion = torch.bincount(cell.flatten(), minlength=b * classes**2).view(b, classes, classes).double()
    hits = confusion.diagonal(dim1=1, dim2=2)
    total = confusion.sum(1) + confusion.sum(2)
    f1 = torch.where(total > 0, 2 * hits / total.clamp(min=1), torch.nan)
    return float(f1.nanmean(dim=1).mean())
