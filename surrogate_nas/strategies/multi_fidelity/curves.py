"""What a learning curve says about its end, from its own shape or from curves that were seen to the end.

References:
    [domhan2015] Domhan, Springenberg, Hutter: Speeding up Automatic Hyperparameter Optimization of Deep Neural
    Networks by Extrapolation of Learning Curves. IJCAI 2015.
    [baker2018] Baker, Gupta, Raskar, Naik: Accelerating Neural Architecture Search using Performance Prediction.
    ICLR workshop 2018. https://arxiv.org/abs/1705.10823
"""

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Prediction

Floats = npt.NDArray[np.float64]

#: Points of a curve from which its shape is told: asymptote, height, speed, and one to see the noise by.
MIN_POINTS = 4
#: Exponents of t^-a, from nearly logarithmic to nearly finished, and rates of exp(-b t / t_last).
EXPONENTS = np.geomspace(0.02, 5.0, 160)
RATES = np.geomspace(0.2, 50.0, 80)
#: Weight of the penalty in the regression, in curves: it matters while few were seen to the end.
RIDGE = 1.0
#: Share of a curve's variance that counts as no noise at all.
NO_NOISE = 1e-12


def extrapolate(epochs: npt.ArrayLike, curves: npt.ArrayLike, at: float) -> Prediction:
    """Scores of trainings at a later epoch, each from the shape of its own curve so far.

    Two of the families of [domhan2015], c - a t^-p and c - a exp(-b t), over a grid of p and b; each member is fitted
    by least squares and counts with the likelihood of the curve under it, its noise estimated.

    Args:
        epochs: Epochs at which the curves were measured, shape (k,), k at least 4.
        curves: Their scores, shape (n, k).
        at: The epoch asked for; infinity asks for the asymptotes.

    Returns:
        Mean and standard deviation, each of shape (n,).
    """
    t, y = np.asarray(epochs, dtype=np.float64), np.asarray(curves, dtype=np.float64)
    shapes, ends = _shapes(t / t[-1]), _shapes(np.array([at / t[-1]]))[:, 0]
    level, mean_shape = y.mean(axis=1, keepdims=True), shapes.mean(axis=1)
    rises, bends = y - level, shapes - mean_shape[:, None]
    slopes = rises @ bends.T / (bends**2).sum(axis=1)
    final = level + slopes * (ends - mean_shape)
    misfit = ((rises[:, None] - slopes[:, :, None] * bends) ** 2).sum(axis=2)
    misfit = np.maximum(misfit, NO_NOISE * np.maximum((rises**2).sum(axis=1, keepdims=True), NO_NOISE))
    weight = (misfit / misfit.min(axis=1, keepdims=True)) ** (-0.5 * len(t))
    weight /= weight.sum(axis=1, keepdims=True)
    mean = (weight * final).sum(axis=1)
    spread = (weight * ((final - mean[:, None]) ** 2 + misfit / (len(t) - 2))).sum(axis=1)
    return Prediction(mean, np.sqrt(spread))


def _shapes(t: Floats) -> Floats:
    """The curves that fall from far above to zero, shape (n_shapes, k)."""
    return np.concatenate([t ** -EXPONENTS[:, None], np.exp(-RATES[:, None] * t)])


def regress(epochs: npt.ArrayLike, curves: Floats, finals: Floats, curve: Floats, at: float) -> Prediction:
    """Final score of one training, from what earlier trainings with a curve like its own came to.

    Ridge regression in the manner of [baker2018] on the last score, on what was gained since the first, and, where
    the curve is long enough, on its extrapolation.

    Args:
        epochs: Epochs at which the curves were measured, shape (k,).
        curves: Curves of trainings that were finished, shape (m, k).
        finals: Their final scores, shape (m,).
        curve: The curve asked about, shape (k,).
        at: Epochs of a full training.

    Returns:
        Mean and standard deviation, each of shape (1,); the deviation is that of leave-one-out errors.
    """
    F = _features(epochs, np.concatenate([curves, curve[None]]), at)
    centre, scale = F[:-1].mean(axis=0), F[:-1].std(axis=0)
    F = (F - centre) / np.where(scale > 0, scale, 1.0)
    A, f = F[:-1], F[-1]
    inverse = np.linalg.inv(A.T @ A + RIDGE * np.eye(A.shape[1]))
    weights = inverse @ A.T @ (finals - finals.mean())
    leverage = np.einsum("ij,jk,ik->i", A, inverse, A) + 1 / len(A)
    errors = (finals - finals.mean() - A @ weights) / np.maximum(1 - leverage, NO_NOISE)
    return Prediction(np.array([finals.mean() + f @ weights]), np.array([np.sqrt((errors**2).mean())]))


def _features(epochs: npt.ArrayLike, curves: Floats, at: float) -> Floats:
    """What the regression sees of curves (n, k), shape (n, up to 3)."""
    features = [curves[:, -1]]
    if curves.shape[1] > 1:
        features.append(curves[:, -1] - curves[:, 0])
    if curves.shape[1] >= MIN_POINTS:
        features.append(extrapolate(epochs, curves, at).mean)
    return np.stack(features, axis=1)
