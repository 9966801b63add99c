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
from surrogate_nas.predictors.transfer_scores import latent
from surrogate_nas.predictors.transfer_sources import Source, SourceModels, denoise

Floats = npt.NDArray[np.float64]

#: Rows of one sample of a source that plays the new task, and how many such samples per source.
SAMPLE_ROWS, SAMPLES = 100, 4

#: A source with fewer rows, or whose rows tell less than this share of what the best source's tell about the space,
#: is learned from but does not play the new task: a corner of the space is another problem.
MIN_ROWS, MIN_TOLD = 30, 0.75

#: What a source says for itself alone, as a variance: keeps the votes of sources that agree from cancelling. On
#: tasks left out of NAS-Bench-Graph .3 to 1 do alike; the plain mean (very large values) loses .01 without scores.
APART = 0.5

#: Where the log-amplitudes are drawn to, weakly: a small share of the variance each.
LOG_AMPLITUDE, LOG_AMPLITUDE_PRECISION = -3.0, 0.02

#: How far a new task may differ from the sources as a whole: factors on all amplitudes, on the noise and on the slope
#: of the mean, and the standard deviations of their prior (of logarithms; of the factor itself for the slope). Two
#: sources that agree perfectly would otherwise leave no room for a third that does not.
SIZES, SIZES_DEVIATION = 2.0 ** np.arange(-3, 7), 1.0
NOISES, NOISES_DEVIATION = 2.0 ** np.arange(-2, 5), 1.0
SLOPES, SLOPES_DEVIATION = np.array([0.0, 0.5, 1.0, 1.5]), 0.5

#: From scratch: shares of the variance for the constant, all groups together, local structure and noise.
SCRATCH_CONSTANT, SCRATCH_GROUPS, SCRATCH_LOCAL, SCRATCH_NOISE = 0.1, 0.6, 0.3, 0.2


def learn_prior(features: TransferFeatures, sources: list[Source], rng: np.random.Generator) -> TransferPrior:
    """Learn a prior for a task like the sources.

    Args:
        features: Rows to features.
        sources: At least one.
        rng: Random stream of the samples.
    """
    models = denoise(features.space, sources)
    whole = _prior(features, models)
    samples = _samples(features, sources, models, rng)
    learned = maximise_evidence(samples, len(FIXED) + len(whole.groups)) if samples else default_hyperparameters(whole)
    whole.hypotheses = (learned, scratch_hyperparameters(whole))
    return whole


def votes(models: SourceModels) -> Floats:
    """Weights v of the sources in the best linear guess at a task equally like each of them, shape (T,).

    The guess has deviation one over the space (zero where no source is reliable).
    """
    covariance = models.weights.T @ models.moments @ models.weights
    v = np.linalg.solve(covariance + APART * np.eye(len(covariance)), models.reliability**2).astype(np.float64)
    deviation = float(np.sqrt(max(float(v @ covariance @ v), 0.0)))
    return v / deviation if deviation > 0 else np.zeros_like(v)


def _prior(features: TransferFeatures, models: SourceModels) -> TransferPrior:
    covariances = effect_covariances(features.groups, models.weights, models.moments)
    return TransferPrior(features, models.weights.astype(np.float32), models.leftovers, votes(models), covariances)


@dataclass(frozen=True)
class Sample:
    """Rows of a source that plays the new task: kernel components, latent scores, guess of the other sources."""

    components: Floats32
    y: Floats
    mean: Floats


def _samples(
    features: TransferFeatures, sources: list[Source], models: SourceModels, rng: np.random.Generator
) -> list[Sample]:
    out = []
    for t, source in enumerate(sources):
        corner = models.told[t] < MIN_TOLD * models.told.max()
        if len(source.y) < MIN_ROWS or corner or len(sources) < 2 or np.ptp(source.y) == 0:
            continue
        prior = _prior(features, models.without(t))
        for _ in range(SAMPLES):
            rows = rng.choice(len(source.y), min(SAMPLE_ROWS, len(source.y) // 2), replace=False)
            view = prior.view(source.features[rows], prior.leftovers.of(features.space, source.X[rows]))
            components = prior.components(view, view, prior.projected(view))
            mean = view.sources @ prior.votes
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


def rescaled(
    hyper: Hyperparameters, covariance: Floats, y: Floats, mean: Floats, weight: Floats
) -> tuple[Hyperparameters, float]:
    """Scale amplitudes, noise and slope as a whole to what the scores of a task say, and how well they then agree.

    Args:
        hyper: What the sources suggest.
        covariance: Prior covariance of the m scored rows under it, (m, m).
        y: Their latent scores, (m,).
        mean: Their prior mean, (m,).
        weight: Weights of the scores, (m,).

    Returns:
        The most probable hyper-parameters, and the logarithm of evidence times prior there.
    """
    if not len(y):
        return hyper, 0.0
    root = np.sqrt(weight)
    values, vectors = np.linalg.eigh(root[:, None] * covariance * root)
    seen, guessed = vectors.T @ (root * y), vectors.T @ (root * mean)
    slopes = SLOPES if hyper.use_sources else np.ones(1)
    rest = seen - slopes[:, None] * guessed  # (slopes, m)
    spread = SIZES[:, None, None] * np.maximum(values, 0.0) + hyper.noise * NOISES[None, :, None]
    fit = np.einsum("bm,snm->snb", rest**2, 1 / spread)
    log_posterior = (
        -0.5 * (fit + np.log(spread).sum(axis=2)[:, :, None] - np.log(weight).sum())
        - 0.5 * (np.log(SIZES) / SIZES_DEVIATION)[:, None, None] ** 2
        - 0.5 * (np.log(NOISES) / NOISES_DEVIATION)[None, :, None] ** 2
        - 0.5 * ((slopes - 1) / SLOPES_DEVIATION)[None, None, :] ** 2
    )
    s, n, b = np.unravel_index(int(np.argmax(log_posterior)), log_posterior.shape)
    best = Hyperparameters(
        hyper.amplitudes * SIZES[s], float(hyper.noise * NOISES[n]), float(hyper.beta * slopes[b]), hyper.use_sources
    )
    return best, float(log_posterior[s, n, b])


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
