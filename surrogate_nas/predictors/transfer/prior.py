"""What the sources teach about a task nobody has seen: a Gaussian process, mean and covariance.

Notation: n rows, p features, T sources, G groups of features. Source t is summarised by a ridge regression w_t (p,) of
its latent scores, and by what is left of them at the rows it knows; S = X W + left-over (n, T) are its denoised
scores, scaled by how reliable they are. A new task is

    f(x) = beta * sum_t v_t S_t(x) + GP(0, k),    y = f + noise
    k = a_0 + a_1 S S' / T + a_2 rbf(S) + a_3 rbf(S) rbf(X A X') + a_4 Z Z' / l + a_5 rbf(S) rbf(Z)
        + sum_g b_g X_g A_g X_g'

with A_g = V_g (x) C_g, the covariance of effects over places and over operations, estimated from the sources' own
effects: operations that did alike in other tasks are expected to do alike in this one. The v_t are those of the best
linear guess at a task that is equally like each source: sources that agree with each other count about once.
Amplitudes, noise and beta maximise the marginal likelihood of small samples of the sources, each explained by all
others but itself, so that a new task with ten scores needs to learn none of them; a_4 and a_5, of features Z that a
network has learned, come with those. Beside this hypothesis stand others: the task follows one source alone, or is
unlike all of them. Its scores decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.transfer.features import Floats32, Group, TransferFeatures
from surrogate_nas.predictors.transfer.kernel import LearnedKernel
from surrogate_nas.predictors.transfer.kinship import Kinship, guess
from surrogate_nas.predictors.transfer.sources import Leftovers

Floats = npt.NDArray[np.float64]

#: Components of the covariance before the groups' own, in this order.
FIXED = ("constant", "sources", "similar sources", "local", "learned", "learned local")

#: Length scales on the unit scale of each kernel. Sources: one standard deviation. Local: marginal likelihood of
#: the sources of NAS-Bench-Graph prefers .5 to .7 among .3 to 2.
SOURCE_LENGTH, LOCAL_LENGTH = 1.0, 0.7

#: Share of the identity in an estimated covariance, and what few sources add to it.
SHRINK, SHRINK_FEW = 0.05, 0.5


@dataclass(frozen=True)
class Hypothesis:
    """What a new task may be like: amplitudes of the components, noise and mean, on the latent scale.

    Attributes:
        amplitudes: Variances of the components, shape (len(FIXED) + G,).
        noise: Variance of one score around the function.
        beta: Slope on the guess that is the mean.
        votes: Weights of the sources in that guess, shape (T,).
        use_sources: Whether the covariance knows the sources.
        belief: Probability before any score is seen.
    """

    amplitudes: Floats
    noise: float
    beta: float
    votes: Floats
    use_sources: bool = True
    belief: float = 1.0


@dataclass(frozen=True)
class View:
    """Rows as the kernel sees them.

    Attributes:
        features: Centred features, (n, p).
        sources: Denoised and scaled scores of the sources, (n, T).
        norms: Squared length of the rows in each group's metric, (G, n).
        learned: Learned features, (n, l); l = 0 where nothing was learned.
    """

    features: Floats32
    sources: Floats32
    norms: Floats32
    learned: Floats32

    def __len__(self) -> int:
        return len(self.features)


@dataclass
class TransferPrior:
    """Knowledge from sources, ready to be conditioned on a few scores of a new task.

    Attributes:
        features: Rows to features.
        weights: Source models, float32 of shape (p, T), scaled so that scores have their reliability as deviation.
        leftovers: What the models leave of the sources' scores at known rows, on the same scale.
        covariances: A_g per varying group, each scaled to unit mean variance over the space.
        between: Covariance of the source models over the space, (T, T).
        reliability: Of each source, between 0 and 1, (T,).
        kinship: What descriptors of tasks are worth, where the sources have some.
        kernel: What of the covariance a network has learned from the sources.
        scratch: Share that a predictor from scratch has before its left-out scores are seen.
        hypotheses: What a new task may be like, the common guess first; its scores decide.
    """

    features: TransferFeatures
    weights: Floats32
    leftovers: Leftovers
    covariances: dict[str, Floats32]
    between: Floats
    reliability: Floats
    kinship: Kinship | None = None
    kernel: LearnedKernel | None = None
    scratch: float = 0.0
    hypotheses: tuple[Hypothesis, ...] = field(default=())

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that have a variance."""
        return tuple(g for g in self.features.groups if g.name in self.covariances)

    def for_task(self, descriptors: Mapping[str, float] | None) -> "TransferPrior":
        """The same for a task of which more is known: sources of its kind weigh more.

        Whether that helps, the task's scores decide: the common guess stays among the hypotheses.
        """
        if self.kinship is None or descriptors is None:
            return self
        near = self.kinship.weights(descriptors)
        common, *others = self.hypotheses
        kin = replace(common, votes=guess(self.between, self.reliability, near), belief=common.belief / 2)
        alone = [h for h in others if h.beta]
        by_kind = np.array([near[h.votes != 0].sum() for h in alone])
        total = sum(h.belief for h in alone)
        alone = [replace(h, belief=total * float(b)) for h, b in zip(alone, by_kind / by_kind.sum(), strict=True)]
        scratch = [h for h in others if not h.beta]
        return replace(self, hypotheses=(kin, replace(common, belief=common.belief / 2), *alone, *scratch))

    @property
    def guess(self) -> Floats:
        """Weights of the sources in their common guess, (T,)."""
        return guess(self.between, self.reliability)

    def look_at(self, X: npt.ArrayLike, extra: Floats | None = None) -> View:
        """Prepare rows (n, d), with side features (n, e) where the sources had some, for kernels."""
        return self.view(self.features.transform(X, extra), self.leftovers.of(self.features.space, X))

    def view(self, features: Floats32, leftover: Floats32) -> View:
        """Prepare centred features (n, p) and what the sources leave over at those rows (n, T)."""
        norms = [self._norms(features[:, g.columns], g) for g in self.groups]
        learned = np.empty((len(features), 0), dtype=np.float32) if self.kernel is None else self.kernel.of(features)
        return View(features, features @ self.weights + leftover, np.stack(norms), learned)

    def mean(self, view: View, hyper: Hypothesis) -> Floats:
        """Prior mean of the latent scores, (n,)."""
        return hyper.beta * (view.sources @ hyper.votes)

    def variance(self, view: View, hyper: Hypothesis) -> Floats:
        """Prior variance of the latent function at each row, (n,)."""
        a = hyper.amplitudes
        t = max(view.sources.shape[1], 1)
        out = a[0] + a[3] + a[len(FIXED) :] @ view.norms.astype(np.float64)
        if hyper.use_sources:
            out = out + a[1] * (view.sources.astype(np.float64) ** 2).sum(axis=1) / t + a[2]
            if self.kernel is not None:
                out = out + a[4] * (view.learned.astype(np.float64) ** 2).sum(axis=1) + a[5]
        return out

    def projected(self, support: View) -> list[Floats32]:
        """A_g X_g' of the support, one (p_g, m) per group: what kernels against it are made of."""
        return [_times(self.covariances[g.name], support.features[:, g.columns].T) for g in self.groups]

    def components(self, view: View, support: View, projected: list[Floats32], *, use_sources: bool = True) -> Floats32:
        """All components between n rows and m support rows, float32 of shape (len(FIXED) + G, n, m)."""
        out = np.zeros((len(FIXED) + len(self.groups), len(view), len(support)), dtype=np.float32)
        out[0] = 1.0
        if use_sources:
            out[1], out[2] = self._source_kernels(view, support)
        for i, (g, right) in enumerate(zip(self.groups, projected, strict=True)):
            np.matmul(view.features[:, g.columns], right, out=out[len(FIXED) + i])
        near = _rbf(out[len(FIXED) :].mean(axis=0), view.norms.mean(axis=0), support.norms.mean(axis=0), LOCAL_LENGTH)
        out[3] = near * out[2] if use_sources and self.weights.shape[1] else near
        return out

    def covariance(self, view: View, support: View, hyper: Hypothesis, projected: list[Floats32]) -> Floats32:
        """Prior covariance between n rows and m support rows under one hypothesis, float32 of shape (n, m).

        The groups are summed before they meet the rows: two products instead of one per group.
        """
        a = hyper.amplitudes.astype(np.float32)
        rows = view.features[:, self.groups[0].start :]  # groups that vary stand last, side by side
        even = np.concatenate(projected) / np.float32(len(projected))
        scaled = np.concatenate([right * b for right, b in zip(projected, a[len(FIXED) :], strict=True)])
        near = _rbf(rows @ even, view.norms.mean(axis=0), support.norms.mean(axis=0), LOCAL_LENGTH)
        out = rows @ scaled
        out += a[0]
        if hyper.use_sources and self.weights.shape[1]:
            linear, similar = self._source_kernels(view, support)
            near *= similar
            out += a[1] * linear
            out += a[2] * similar
            if self.kernel is not None:
                z, u = view.learned, support.learned
                inner = z @ u.T
                out += a[4] * inner
                norms = (z**2).sum(axis=1), (u**2).sum(axis=1)
                out += a[5] * similar * _rbf(inner, *norms, self.kernel.length)
        out += a[3] * near
        return out

    def _source_kernels(self, view: View, support: View) -> tuple[Floats32, Floats32]:
        n_sources = self.weights.shape[1]
        if not n_sources:
            empty = np.zeros((len(view), len(support)), dtype=np.float32)
            return empty, empty
        s, u = view.sources / np.sqrt(np.float32(n_sources)), support.sources / np.sqrt(np.float32(n_sources))
        linear = s @ u.T
        return linear, _rbf(linear, (s**2).sum(axis=1), (u**2).sum(axis=1), SOURCE_LENGTH)

    def _norms(self, block: Floats32, group: Group) -> Floats32:
        return np.einsum("ij,ji->i", block, _times(self.covariances[group.name], block.T))

    def get_state(self) -> State:
        """What has to be written down."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "weights": self.weights,
            "amplitudes": np.stack([h.amplitudes for h in self.hypotheses]),
            "votes": np.stack([h.votes for h in self.hypotheses]),
            "between": self.between,
            "reliability": self.reliability,
        }
        arrays |= {"codes": self.leftovers.codes, "leftovers": self.leftovers.values}
        arrays |= {f"covariance_{name}": a for name, a in self.covariances.items()}
        rest = [[h.noise, h.beta, h.use_sources, h.belief] for h in self.hypotheses]
        values = {"hypotheses": rest, "groups": list(self.covariances), "scratch": self.scratch}
        return State(
            values=values,
            arrays=arrays,
            parts={"features": self.features, "kinship": self.kinship, "kernel": self.kernel},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        arrays = state.arrays
        rows = zip(arrays["amplitudes"], arrays["votes"], state.values["hypotheses"], strict=True)
        hypotheses = tuple(Hypothesis(a, float(n), float(b), v, bool(u), float(p)) for a, v, (n, b, u, p) in rows)
        covariances = {name: arrays[f"covariance_{name}"] for name in state.values["groups"]}
        leftovers = Leftovers(arrays["codes"], arrays["leftovers"])
        return cls(
            features=state.parts["features"],
            weights=arrays["weights"],
            leftovers=leftovers,
            covariances=covariances,
            between=arrays["between"],
            reliability=arrays["reliability"],
            kinship=state.parts["kinship"],
            kernel=state.parts["kernel"],
            scratch=float(state.values["scratch"]),
            hypotheses=hypotheses,
        )


def effect_covariances(
    groups: tuple[Group, ...], weights: Floats, moments: Floats, shrink: float = SHRINK
) -> dict[str, Floats32]:
    """Estimate A_g = V_g (x) C_g from the effects w that the sources show.

    Args:
        groups: Groups of features; those that vary are treated.
        weights: Source models, (p, T).
        moments: Second moments of the centred features over the space, (p, p).
        shrink: Share of the identity for many sources.

    Returns:
        One float32 matrix per varying group (its diagonal where it has no more), scaled so that the mean variance
        over the space is one.
    """
    few = SHRINK_FEW / max(weights.shape[1], 1)
    out: dict[str, Floats32] = {}
    for g in groups:
        if not g.varies:
            continue
        if not g.contexts:
            out[g.name] = np.zeros((0, 0), dtype=np.float32)
            continue
        if g.operations == 1:
            # Places alone leave T samples for c x c numbers: too few, so they are kept independent.
            power = float(np.trace(moments[g.columns, g.columns]))
            out[g.name] = np.full(g.contexts, 1 / power if power > 0 else 0.0, dtype=np.float32)
            continue
        effects = weights[g.columns].reshape(g.contexts, g.operations, -1)
        over_operations = _shrunk(np.einsum("cat,cbt->ab", effects, effects), shrink + few)
        over_places = np.einsum("aot,bot->ab", effects, effects)
        a = np.kron(_shrunk(over_places, shrink + few), over_operations)
        scale = float(np.sum(a * moments[g.columns, g.columns]))
        out[g.name] = (a / scale if scale > 0 else 0 * a).astype(np.float32)
    return out


def _shrunk(a: Floats, share: float) -> Floats:
    size = np.trace(a) / len(a)
    if size <= 0:
        return np.eye(len(a))
    return a / size + share * np.eye(len(a))


def _times(a: Floats32, block: Floats32) -> Floats32:
    """A X', A given in full or as its diagonal."""
    return a[:, None] * block if a.ndim == 1 else a @ block


def _rbf(inner: Floats32, norms: Floats32, other: Floats32, length: float) -> Floats32:
    squared = norms[:, None] + other[None, :]
    squared -= 2 * inner
    np.maximum(squared, 0, out=squared)
    squared *= np.float32(-0.5 / length**2)
    return np.exp(squared, out=squared)
