"""How the prior is learned: source models by ridge regression, hyper-parameters by marginal likelihood.

Nothing here sees the task that will be predicted. Each source plays the new task in turn, with source models and
covariances of the others only, so that what is learned is how much *other* tasks say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logsumexp

from surrogate_nas.predictors.transfer.features import Floats32, TransferFeatures
from surrogate_nas.predictors.transfer.kernel import learn_kernel
from surrogate_nas.predictors.transfer.kinship import Kinship, guess
from surrogate_nas.predictors.transfer.prior import FIXED, Hypothesis, TransferPrior, effect_covariances
from surrogate_nas.predictors.transfer.scores import latent
from surrogate_nas.predictors.transfer.sources import Source, SourceModels, denoise

Floats = npt.NDArray[np.float64]

#: Rows of one sample of a source that plays the new task, and how many such samples per source.
SAMPLE_ROWS, SAMPLES = 100, 4

#: A source with fewer rows, or whose rows tell less than this share of what the best source's tell about the space,
#: is learned from but does not play the new task: a corner of the space is another problem.
MIN_ROWS, MIN_TOLD = 30, 0.75

#: A source must be this reliable to be followed alone.
FOLLOWED = 0.3

#: Fewest sources among which it shows whether one alone is a better guide than all others together.
CHOICE = 4

#: Prior probability that a task follows the sources at all; the rest is a task unlike any of them.
TRUST = 0.9

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


def learn_prior(
    features: TransferFeatures,
    sources: list[Source],
    descriptors: Sequence[Mapping[str, float] | None],
    rng: np.random.Generator,
) -> TransferPrior:
    """Learn a prior for a task like the sources.

    Args:
        features: Rows to features.
        sources: At least one.
        descriptors: What describes each source's task, or None.
        rng: Random stream of the samples.
    """
    models = denoise(features.space, sources)
    whole = _prior(features, models)
    useful = (
        s.trust for s, r in zip(sources, models.reliability / [s.trust for s in sources], strict=True) if r > FOLLOWED
    )
    whole.scratch = 1 - max(useful, default=0.0)
    whole.kernel = learn_kernel(features, sources, models, rng)
    whole.kinship = Kinship.learn(descriptors, whole.between, whole.reliability)
    samples = _samples(features, sources, models, rng)
    guided = _guided(whole, samples) if samples else (replace(default_hypothesis(whole), belief=TRUST),)
    whole.hypotheses = (*guided, scratch_hypothesis(whole))
    return whole


def _guided(prior: TransferPrior, samples: "list[Sample]") -> tuple[Hypothesis, ...]:
    """The hypotheses that sources guide: all together, and each reliable one alone."""
    n_components = len(FIXED) + len(prior.groups)
    together = replace(maximise_evidence(samples, n_components), votes=prior.guess, belief=TRUST)
    if prior.kernel is not None:
        learned = np.append(together.amplitudes[: len(FIXED) - 2], prior.kernel.amplitudes)
        together = replace(together, amplitudes=np.append(learned, together.amplitudes[len(FIXED) :]))
    each = np.diag(1 / _sizes(prior.between))[prior.reliability > FOLLOWED]
    if len(prior.reliability) < CHOICE or not len(each):
        return (together,)
    one = replace(maximise_evidence([sample.of_one() for sample in samples], n_components), use_sources=False)
    alone = _share(np.array([sample.gain_of_one(together, one) for sample in samples]))
    followers = (replace(one, votes=votes, belief=TRUST * alone / len(each)) for votes in each)
    return (replace(together, belief=TRUST * (1 - alone)), *followers)


def _share(gain: Floats) -> float:
    """Share of cases in which one source is followed, given logarithmic Bayes factors: the most probable one.

    Two devices of one make agree better than any average of all devices does; two data sets seldom. How often it is
    so among the sources themselves is what is believed of a new task.
    """
    share = 0.5
    for _ in range(50):
        odds = share / (1 - share) * np.exp(np.clip(gain, -50, 50))
        share = float(((odds / (1 + odds)).sum() + 1) / (len(gain) + 2))
    return share


def _prior(features: TransferFeatures, models: SourceModels) -> TransferPrior:
    covariances = effect_covariances(features.groups, models.weights, models.moments)
    weights = models.weights.astype(np.float32)
    return TransferPrior(features, weights, models.leftovers, covariances, models.covariance(), models.reliability)


def _sizes(between: Floats) -> Floats:
    """Standard deviations of the source models over the space, (T,)."""
    return np.sqrt(np.maximum(np.diag(between), 1e-18))


@dataclass(frozen=True)
class Sample:
    """Rows of a source that plays the new task.

    Attributes:
        components: Kernel components with sources, one flat (m * m,) row each.
        apart: The same without.
        y: Latent scores, (m,).
        mean: The common guess of the other sources, (m,).
        each: What each of them says, with deviation one over the space, (m, T - 1).
    """

    components: Floats32
    apart: Floats32
    y: Floats
    mean: Floats
    each: Floats

    def of_one(self) -> "Sample":
        """The same where the task follows the one source that agrees best with it."""
        centred = self.each - self.each.mean(axis=0)
        size = np.maximum(np.sqrt((centred**2).mean(axis=0)), 1e-9)
        best = int(np.argmax((self.y - self.y.mean()) @ (centred / size)))
        return replace(self, components=self.apart, mean=self.each[:, best])

    def gain_of_one(self, together: Hypothesis, alone: Hypothesis) -> float:
        """Logarithm of how much more probable the scores are where one source is followed, whichever it is."""
        each = [self._evidence(alone, self.apart, mean) for mean in self.each.T]
        return float(logsumexp(each) - np.log(len(each)) - self._evidence(together, self.components, self.mean))

    def _evidence(self, hyper: Hypothesis, components: Floats32, mean: Floats) -> float:
        n = len(self.y)
        covariance = (hyper.amplitudes.astype(np.float32) @ components).reshape(n, n).astype(np.float64)
        return rescaled(hyper, covariance, self.y, hyper.beta * mean, np.ones(n))[1]


def _samples(
    features: TransferFeatures, sources: list[Source], models: SourceModels, rng: np.random.Generator
) -> list[Sample]:
    telling = [
        s.trust == 1 and len(s.y) >= MIN_ROWS and r > FOLLOWED for s, r in zip(sources, models.reliability, strict=True)
    ]
    if sum(telling) < 2:  # rehearsed with noise alone, a good source would teach that sources are worth nothing
        return []
    out = []
    for t, source in enumerate(sources):
        if not telling[t] or models.told[t] < MIN_TOLD * models.told.max():
            continue
        prior = _prior(features, models.without(t))
        common, sizes = guess(prior.between, prior.reliability), _sizes(prior.between)
        for _ in range(SAMPLES):
            rows = rng.choice(len(source.y), min(SAMPLE_ROWS, len(source.y) // 2), replace=False)
            view = prior.view(source.features[rows], prior.leftovers.of(features.space, source.X[rows]))
            right = prior.projected(view)
            with_sources, without = (
                kernel.reshape(len(kernel), -1)
                for kernel in (prior.components(view, view, right, use_sources=use) for use in (True, False))
            )
            y, mean = latent(source.y[rows]), view.sources @ common
            out.append(Sample(with_sources, without, y, mean, view.sources / sizes))
    return out


def maximise_evidence(samples: list[Sample], n_components: int) -> Hypothesis:
    """Amplitudes, noise and slope with the largest mean log evidence over the samples; votes are left to the caller."""
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
    return Hypothesis(np.exp(found.x[:c]), float(np.exp(found.x[c])), float(found.x[c + 1]), np.empty(0))


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
    hyper: Hypothesis, covariance: Floats, y: Floats, mean: Floats, weight: Floats
) -> tuple[Hypothesis, float]:
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
    slopes = SLOPES if hyper.beta else np.ones(1)
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
    best = replace(
        hyper,
        amplitudes=hyper.amplitudes * SIZES[s],
        noise=float(hyper.noise * NOISES[n]),
        beta=float(hyper.beta * slopes[b]),
    )
    return best, float(log_posterior[s, n, b])


def scratch_hypothesis(prior: TransferPrior) -> Hypothesis:
    """What a task unlike any source is expected to look like."""
    g = len(prior.groups)
    fixed = [SCRATCH_CONSTANT, 0.0, 0.0, SCRATCH_LOCAL, 0.0, 0.0]
    amplitudes = np.array(fixed + [SCRATCH_GROUPS / g] * g)
    return Hypothesis(amplitudes, SCRATCH_NOISE, 0.0, np.zeros(len(prior.between)), False, 1 - TRUST)


def default_hypothesis(prior: TransferPrior) -> Hypothesis:
    """For a single source, which cannot show how much sources agree: half from it, half from scratch."""
    g = len(prior.groups)
    fixed = [SCRATCH_CONSTANT, 0.2, 0.1, 0.2, 0.0, 0.0]
    common = guess(prior.between, prior.reliability)
    return Hypothesis(np.array(fixed + [0.3 / g] * g), SCRATCH_NOISE, 0.7, common)
