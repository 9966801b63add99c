"""How the prior is learned: source models by ridge regression, hyper-parameters by marginal likelihood.

Nothing here sees the task that will be predicted. Each source plays the new task in turn, with source models and
covariances of the others only, so that what is learned is how much *other* tasks say.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from surrogate_nas.predictors.transfer_features import Floats32, TransferFeatures
from surrogate_nas.predictors.transfer_prior import FIXED, Hyperparameters, TransferPrior, effect_covariances
from surrogate_nas.predictors.transfer_scores import latent, standardised

Floats = npt.NDArray[np.float64]

#: Rows of one sample of a source that plays the new task, and how many such samples per source.
SAMPLE_ROWS, SAMPLES = 100, 4

#: A source with fewer rows is learned from but does not play the new task.
MIN_ROWS = 30

#: Rows of a source that its model is fitted to at most: past this more rows change nothing that transfers.
MAX_ROWS = 60_000

#: Ridge penalties tried, smallest generalised cross-validation error wins.
PENALTIES = 10.0 ** np.arange(-1, 5.5, 0.5)

#: Where the log-amplitudes are drawn to, weakly: a small share of the variance each.
LOG_AMPLITUDE, LOG_AMPLITUDE_PRECISION = -3.0, 0.02

#: From scratch: shares of the variance for the constant, all groups together, local structure and noise.
SCRATCH_CONSTANT, SCRATCH_GROUPS, SCRATCH_LOCAL, SCRATCH_NOISE = 0.1, 0.6, 0.3, 0.2


@dataclass(frozen=True)
class Source:
    """One source task, larger scores being better.

    Attributes:
        features: Centred features of its rows, (n, p).
        y: Scores, (n,).
    """

    features: Floats32
    y: Floats


def learn_prior(features: TransferFeatures, sources: list[Source], rng: np.random.Generator) -> TransferPrior:
    """Learn a prior for a task like the sources.

    Args:
        features: Rows to features.
        sources: At least one.
        rng: Random stream of the samples.
    """
    moments = _moments(sources)
    weights = source_models(sources, moments)
    whole = _prior(features, weights, moments)
    samples = _samples(features, sources, weights, moments, rng)
    learned = maximise_evidence(samples, len(FIXED) + len(whole.groups)) if samples else default_hyperparameters(whole)
    return TransferPrior(features, whole.weights, whole.covariances, (learned, scratch_hyperparameters(whole)))


def source_models(sources: list[Source], moments: Floats) -> Floats:
    """Ridge regression of each source, scaled to deviation = reliability over the space; shape (p, T).

    Reliability is the correlation of left-out predictions with the scores, times the share of the space that the
    source's rows tell about: pure noise, two rows or a corner of the space count for little, whatever their own
    amplitude.
    """
    columns = []
    known: dict[int, tuple[Floats, Floats]] = {}
    for source in sources:
        step = len(source.y) // MAX_ROWS + 1
        x, y = source.features[::step], standardised(source.y[::step])
        if id(source.features) not in known:  # tables share their rows between tasks: one decomposition serves all
            values, vectors = np.linalg.eigh((x.T @ x).astype(np.float64))
            known[id(source.features)] = np.maximum(values, 0.0), vectors
        w, reliability = _ridge(x, y, moments, *known[id(source.features)])
        deviation = np.sqrt(max(float(w @ moments @ w), 0.0))
        columns.append(w * (reliability / deviation) if deviation > 0 else np.zeros_like(w))
    return np.stack(columns, axis=1)


def _ridge(x: Floats32, y: Floats, moments: Floats, values: Floats, vectors: Floats) -> tuple[Floats, float]:
    """Ridge weights with the penalty that generalised cross-validation chooses, and their reliability."""
    n = len(y)
    total = float(y @ y)
    if total == 0:
        return np.zeros(x.shape[1]), 0.0
    b = vectors.T @ (x.T @ y.astype(np.float32)).astype(np.float64)
    best = (np.inf, PENALTIES[-1])
    for penalty in PENALTIES:
        shrunk = b / (values + penalty)
        residual = total - 2 * float(shrunk @ b) + float(values @ shrunk**2)
        left = 1 - float((values / (values + penalty)).sum()) / n
        if left > 0:
            best = min(best, (residual / n / left**2, penalty))
    error, penalty = best
    explained = max(1 - error * n / total, 0.0)
    spread = np.einsum("ij,ij->j", vectors, moments @ vectors)
    told = 1 - float((penalty / (values + penalty)) @ spread) / float(np.trace(moments))
    return vectors @ (b / (values + penalty)), float(np.sqrt(explained)) * told


def _moments(sources: list[Source]) -> Floats:
    """Second moments of the features, (p, p), over the rows of the source that has most."""
    biggest = max(sources, key=lambda s: len(s.y)).features
    x = biggest[:: len(biggest) // MAX_ROWS + 1]
    return (x.T @ x).astype(np.float64) / len(x)


def _prior(features: TransferFeatures, weights: Floats, moments: Floats) -> TransferPrior:
    covariances = effect_covariances(features.groups, weights, moments)
    return TransferPrior(features, weights.astype(np.float32), covariances)


@dataclass(frozen=True)
class Sample:
    """Rows of a source that plays the new task: kernel components, latent scores, mean of the other sources."""

    components: Floats32
    y: Floats
    mean: Floats


def _samples(
    features: TransferFeatures, sources: list[Source], weights: Floats, moments: Floats, rng: np.random.Generator
) -> list[Sample]:
    out = []
    for t, source in enumerate(sources):
        if len(source.y) < MIN_ROWS or len(sources) < 2 or np.ptp(source.y) == 0:
            continue
        prior = _prior(features, np.delete(weights, t, axis=1), moments)
        for _ in range(SAMPLES):
            rows = rng.choice(len(source.y), min(SAMPLE_ROWS, len(source.y) // 2), replace=False)
            view = prior.view(source.features[rows])
            components = prior.components(view, view, prior.projected(view))
            mean = view.sources.mean(axis=1, dtype=np.float64)
            out.append(Sample(components.reshape(len(components), -1), latent(source.y[rows]), mean))
    return out


def maximise_evidence(samples: list[Sample], n_components: int) -> Hyperparameters:
    """Amplitudes, noise and slope with the largest mean log evidence over the samples."""
    c = n_components

    def loss(theta: Floats) -> tuple[float, Floats]:
        value, gradient = 0.0, np.zeros(c + 2)
        for sample in samples:
            v, g = _negative_log_evidence(sample, theta, c)
            value += v / len(samples)
            gradient += g / len(samples)
        away = theta[:c] - LOG_AMPLITUDE
        value += 0.5 * LOG_AMPLITUDE_PRECISION * float(away @ away) / len(samples)
        gradient[:c] += LOG_AMPLITUDE_PRECISION * away / len(samples)
        return value, gradient

    start = np.concatenate([np.full(c, np.log(0.5 / c)), [np.log(0.5), 0.3]])
    bounds = [(-9.0, 4.0)] * c + [(-4.0, 2.0), (-1.0, 2.0)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
    return Hyperparameters(np.exp(found.x[:c]), float(np.exp(found.x[c])), float(found.x[c + 1]))


def _negative_log_evidence(sample: Sample, theta: Floats, c: int) -> tuple[float, Floats]:
    amplitudes, noise, beta = np.exp(theta[:c]), float(np.exp(theta[c])), theta[c + 1]
    n = len(sample.y)
    k = (amplitudes.astype(np.float32) @ sample.components).reshape(n, n).astype(np.float64)
    k[np.diag_indices(n)] += noise
    lower = np.linalg.cholesky(k)
    root = np.linalg.inv(lower)
    inverse = root.T @ root
    alpha = inverse @ (sample.y - beta * sample.mean)
    value = 0.5 * float((sample.y - beta * sample.mean) @ alpha) + float(np.log(np.diag(lower)).sum())
    pull = inverse - np.outer(alpha, alpha)
    by_amplitude = 0.5 * amplitudes * (sample.components @ pull.ravel().astype(np.float32))
    return value, np.concatenate([by_amplitude, [0.5 * noise * np.trace(pull), -float(alpha @ sample.mean)]])


def scratch_hyperparameters(prior: TransferPrior) -> Hyperparameters:
    """What a task unlike any source is expected to look like."""
    g = len(prior.groups)
    fixed = [SCRATCH_CONSTANT, 0.0, 0.0, SCRATCH_LOCAL]
    return Hyperparameters(np.array(fixed + [SCRATCH_GROUPS / g] * g), SCRATCH_NOISE, 0.0, use_sources=False)


def default_hyperparameters(prior: TransferPrior) -> Hyperparameters:
    """For a single source, which cannot show how much sources agree: half from it, half from scratch."""
    g = len(prior.groups)
    fixed = [SCRATCH_CONSTANT, 0.2, 0.1, 0.2]
    return Hyperparameters(np.array(fixed + [0.3 / g] * g), SCRATCH_NOISE, 0.7)
