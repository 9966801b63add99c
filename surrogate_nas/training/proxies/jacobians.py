"""Proxies that compare how a network reacts to small changes of different samples."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from surrogate_nas.training.proxies.training_pass import TrainingPass

Floats = npt.NDArray[np.float64]

#: What keeps logarithms and quotients finite, as in both papers.
TINY = 1e-5

#: With more classes than this EPE-NAS compares the classes, instead of adding them up.
MANY_CLASSES = 100


def jacov(found: TrainingPass) -> float:
    """How little the Jacobians of different samples have to do with each other [1]; higher is better.

    With v the eigenvalues of the correlation matrix of the Jacobians: -sum(log(v + k) + 1 / (v + k)).

    References:
        [1] Mellor et al., Neural architecture search without training, first version, 2020,
            https://arxiv.org/abs/2006.04647v1
    """
    matrix = _correlations(found)
    if not np.isfinite(matrix).all():
        return float("nan")
    shifted = np.maximum(np.linalg.eigvalsh(matrix), 0.0) + TINY
    return float(-(np.log(shifted) + 1 / shifted).sum())


def epe_nas(found: TrainingPass) -> float:
    """How little the Jacobians of samples of the same class have to do with each other [1]; higher is better.

    Per class the sum over all pairs of samples of log(|correlation| + k). Up to 100 classes the absolute values are
    added up; with more, each is divided by the number of samples, and differences between classes are averaged. For
    classes alone: a regression has none.

    References:
        [1] Lopes et al., EPE-NAS, ICANN 2021, https://arxiv.org/abs/2102.08099
    """
    if found.targets.is_floating_point():
        return float("nan")
    labels = found.targets.cpu().numpy()
    matrix = _correlations(found)
    many = int(labels.max()) >= MANY_CLASSES
    of_class: Callable[[Floats], float] = _mean_log if many else _sum_log
    scores = np.array([of_class(matrix[np.ix_(at, at)]) for at in (np.flatnonzero(labels == c) for c in set(labels))])
    if many:
        return float(np.abs(scores[:, None] - scores).sum() / len(scores))
    return float(np.abs(scores).sum())


def _sum_log(matrix: Floats) -> float:
    return float(np.log(np.abs(matrix) + TINY).sum())


def _mean_log(matrix: Floats) -> float:
    return _sum_log(matrix) / len(matrix)


def _correlations(found: TrainingPass) -> Floats:
    """Correlations between the Jacobians of all samples, (n, n); NaN where one does not vary."""
    if found.jacobian is None:
        raise RuntimeError("the pass was not asked for Jacobians")
    rows: Floats = found.jacobian.cpu().numpy()
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, length, out=np.full_like(rows, np.nan), where=length > 0)
    return np.clip(rows @ rows.T, -1.0, 1.0)
