"""A predictor of one task that starts from what other tasks taught."""

from typing import Any, Self, final

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, cholesky, solve_triangular

from surrogate_nas.core import Direction, InvalidInputError
from surrogate_nas.core.threads import one_thread
from surrogate_nas.predictors.auto import AutoPredictor
from surrogate_nas.predictors.base import BasePredictor, Floats
from surrogate_nas.predictors.boosted import BoostedTrees
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.transfer.features import Floats32
from surrogate_nas.predictors.transfer.learning import rescaled
from surrogate_nas.predictors.transfer.prior import Hypothesis, TransferPrior, View
from surrogate_nas.predictors.transfer.scores import ScoreScale, latent
from surrogate_nas.predictors.uncertainty import reach

#: Rows handled at once: blocks of this size against the support stay in the processor's cache.
BLOCK = 4096

#: The level at which the one number that is a standard deviation agrees with calibrated intervals.
LEVEL = 0.8

#: From this many scores on, boosted trees on path statistics and source scores have a share in the mean; the two err
#: differently, as they do from scratch. On tasks left out of NAS-Bench-Graph a share of .2 to .4 adds .007 at 100 rows.
TREES_FROM, TREES = 20, 0.3

#: From this many scores on, a predictor that knows no other task is fitted beside. It has the share in the mean with
#: which left-out scores are predicted best, less SURE of the standard errors of that share, for chance alone would
#: give it one; what was believed before counts as much as PATIENCE scores, and shares this small do not count.
SCRATCH_FROM, SURE, PATIENCE, NEGLIGIBLE_SHARE = 8, 3.0, 20, 0.05

#: A hypothesis with a smaller posterior probability is left out.
NEGLIGIBLE = 0.02


@final
class TransferPredictor(BasePredictor):
    """Gaussian process with a prior learned from sources, conditioned on the scores of one task.

    Made by :meth:`MetaPredictor.adapt`. ``fit`` conditions the same prior on other scores, none at all excepted. What
    the task follows (all sources together, one of them, or none) is weighed by evidence; boosted trees that read the
    sources have a fixed share, a predictor that knows no other task the one that left-out scores give it.

    Args:
        prior: What the sources taught.
        scale: Centre, spread and shape to expect of the task's scores before it has shown any.
        direction: "max" if a higher score is better.
    """

    def __init__(self, prior: TransferPrior, scale: ScoreScale, *, direction: Direction = "max") -> None:
        self.prior = prior
        self.scale = scale
        self.direction = direction
        self.space = prior.features.space

    def _fit(self, X: npt.NDArray[Any], y: Floats, extra: Floats | None, sample_weight: Floats | None) -> None:
        self._check_side(0 if extra is None else extra.shape[1])
        better = y if self.direction == "max" else -y
        self.scale_ = self.scale.seen(better)
        self.support_ = np.array(X, dtype=np.int16)
        self.extra_ = None if extra is None else extra.copy()
        with one_thread():
            self._condition(latent(better), np.ones(len(y)) if sample_weight is None else sample_weight)

    def start(self) -> Self:
        """Forget all scores: predictions are the sources' alone."""
        self.n_extra_ = len(self.prior.features.side)
        none = np.empty((0, self.prior.features.space.n_genes), dtype=np.int16)
        self._fit(none, np.empty(0), np.empty((0, self.n_extra_)) if self.n_extra_ else None, None)
        return self

    def _check_side(self, given: int) -> None:
        expected = len(self.prior.features.side)
        if given != expected:
            raise InvalidInputError(
                f"extra: expected {expected or 'no'} side features, as the sources had, got {given or 'none'}; "
                + ("give the same ones" if expected else "leave extra out, or give it with every source")
            )

    def _condition(self, t: Floats, weight: Floats) -> None:
        view = self.prior.look_at(self.support_, self.extra_)
        right = self.prior.projected(view)
        found, evidence = [], []
        for hyper in self.prior.hypotheses if len(t) else self.prior.hypotheses[:1]:
            k = self.prior.covariance(view, view, hyper, right).astype(np.float64)
            hyper, log_evidence = rescaled(hyper, k, t, self.prior.mean(view, hyper), weight)
            k = self.prior.covariance(view, view, hyper, right).astype(np.float64)
            k[np.diag_indices(len(t))] += hyper.noise / weight
            lower = cholesky(k, lower=True) if len(t) else k
            rest = t - self.prior.mean(view, hyper)
            found.append((hyper, lower, cho_solve((lower, True), rest) if len(t) else rest))
            evidence.append(log_evidence + float(np.log(hyper.belief)))
        share = np.exp(np.array(evidence) - max(evidence))
        share /= share.sum()
        kept = [i for i, s in enumerate(share) if s >= NEGLIGIBLE]
        self.shares_ = share[kept] / share[kept].sum()
        self.solutions_ = [found[i] for i in kept]
        self._right, self._view = right, view
        left_out = self._left_out(t)
        self.trees_: BoostedTrees | None = None
        if len(t) >= TREES_FROM and np.ptp(t) > 0:
            # A third of the usual trees: scoring a whole space must stay a fraction of a second.
            trees = BoostedTrees(n_estimators=100, learning_rate=0.1, n_models=3)
            self.trees_ = trees.fit(self._for_trees(view), t, weight)
            left_out = (1 - TREES) * left_out + TREES * self.trees_.out_of_fold_
        self.errors_ = np.abs(t - left_out) * self._precision()
        self.widen_ = reach(self.errors_, LEVEL) / reach(np.empty(0), LEVEL)
        self.scratch_: AutoPredictor | None = None
        self.share_ = 0.0
        if len(t) >= (2 if self.prior.scratch == 1 else SCRATCH_FROM) and np.ptp(t) > 0:
            self._compare_with_scratch(t, left_out, weight)

    def _compare_with_scratch(self, t: Floats, left_out: Floats, weight: Floats) -> None:
        """Give a predictor that knows no other task the share with which left-out scores are predicted best."""
        scratch = AutoPredictor(self.space).fit(self.support_, t, extra=self.extra_, sample_weight=weight)
        apart = scratch.left_out() - left_out
        known = ~np.isnan(apart)
        apart, rest = apart[known], (t - left_out)[known]
        size, n = float(apart @ apart), len(apart)
        if not size:
            return
        best = float(rest @ apart) / size
        doubt = float(np.sqrt(np.sum((rest - best * apart) ** 2) / n / size))
        sure = float(np.clip(best - SURE * doubt, 0.0, 1.0))
        share = (n * sure + PATIENCE * self.prior.scratch) / (n + PATIENCE)
        # Where no source says much, the two are ways to learn from scratch, which err differently: half of each.
        share = max(share, min(self.prior.scratch, 0.5))
        if share > NEGLIGIBLE_SHARE:
            self.scratch_, self.share_ = scratch, share

    def _predict(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        mean, deviation = self._everywhere(X, extra, return_std)
        sign = 1.0 if self.direction == "max" else -1.0
        score = sign * self.scale_.restore(mean)
        if not return_std:
            return score, None
        deviation = self.widen_ * deviation
        # Half the distance between the two ends of the one-sigma interval, in the task's unit.
        width = (self.scale_.restore(mean + deviation) - self.scale_.restore(mean - deviation)) / 2
        return score, np.hypot(width, self.scale_.doubt)

    def _predict_interval(self, X: npt.NDArray[Any], extra: Floats | None, level: float) -> tuple[Floats, Floats]:
        if self.scale_.doubt:
            return super()._predict_interval(X, extra, level)
        mean, deviation = self._everywhere(X, extra, True)
        half = reach(self.errors_, level) * deviation
        low, high = self.scale_.restore(mean - half), self.scale_.restore(mean + half)
        return (low, high) if self.direction == "max" else (-high, -low)

    def _merit(self, X: npt.NDArray[Any], extra: Floats | None) -> tuple[Floats, Floats]:
        mean, deviation = self._everywhere(X, extra, True)
        return mean, self.widen_ * deviation

    def _everywhere(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats]:
        """Latent mean of all parts together, and the standard deviation of the process, not yet calibrated."""
        mean, variance = np.empty(len(X)), np.empty(len(X))
        for start in range(0, len(X), BLOCK):
            part = slice(start, start + BLOCK)
            side = None if extra is None else extra[part]
            mean[part], variance[part] = self._latent(self.prior.look_at(X[part], side), return_std)
        if self.scratch_ is not None:
            mean += self.share_ * (self.scratch_.predict(X, extra=extra) - mean)
        return mean, np.sqrt(variance)

    def _latent(self, view: View, return_std: bool) -> tuple[Floats, Floats]:
        """Mean and variance of the latent scores under the weighed hypotheses."""
        means, variances = [], []
        for hyper, lower, alpha in self.solutions_:
            cross = self.prior.covariance(view, self._view, hyper, self._right)
            means.append(self.prior.mean(view, hyper) + cross @ alpha)
            if return_std:
                half = solve_triangular(lower, cross.T, lower=True) if len(alpha) else np.zeros((1, len(view)))
                left = self.prior.variance(view, hyper) - (half**2).sum(axis=0)
                variances.append(np.maximum(left, 1e-6) + hyper.noise)
        mean = np.einsum("h,hn->n", self.shares_, np.stack(means))
        variance = np.zeros(len(mean))
        if return_std:
            spread = np.stack(variances) + (np.stack(means) - mean) ** 2
            variance = np.einsum("h,hn->n", self.shares_, spread)
        if self.trees_ is not None:
            mean = (1 - TREES) * mean + TREES * self.trees_.predict(self._for_trees(view))
        return mean, variance

    def _left_out(self, t: Floats) -> Floats:
        """What each support row would be expected to score without its own score, (m,)."""
        out = np.zeros(len(t))
        for share, (_, lower, alpha) in zip(self.shares_, self.solutions_, strict=True):
            if len(t):
                out += share * (t - alpha / np.diag(cho_solve((lower, True), np.eye(len(alpha)))))
        return out

    def _precision(self) -> Floats:
        """One over the standard deviation with which each score is predicted from the others, (m,)."""
        _, lower, alpha = self.solutions_[int(np.argmax(self.shares_))]
        return np.sqrt(np.diag(cho_solve((lower, True), np.eye(len(alpha))))) if len(alpha) else np.empty(0)

    def _for_trees(self, view: View) -> Floats32:
        """Path statistics, side features, source scores and the sources' common guess."""
        flow = view.features[:, self.prior.features.path_columns]
        guess = (view.sources @ self.prior.guess).astype(np.float32)
        return np.concatenate([flow, view.sources, guess[:, None]], axis=1)

    def get_state(self) -> State:
        """What has to be written down: the prior, the support and how it was resolved."""
        arrays: dict[str, npt.NDArray[Any]] = {"support": self.support_, "shares": self.shares_, "errors": self.errors_}
        if self.extra_ is not None:
            arrays["extra"] = self.extra_
        for i, scale in enumerate((self.scale, self.scale_)):
            arrays |= {f"latents_{i}": scale.latents, f"bent_{i}": scale.bent}
        for i, (hyper, lower, alpha) in enumerate(self.solutions_):
            arrays |= {f"amplitudes_{i}": hyper.amplitudes, f"votes_{i}": hyper.votes}
            arrays |= {f"lower_{i}": lower, f"alpha_{i}": alpha}
        values = {
            "direction": self.direction,
            "scales": [[s.centre, s.spread, s.doubt] for s in (self.scale, self.scale_)],
            "widen": self.widen_,
            "share": self.share_,
            "solutions": [[h.noise, h.beta, h.use_sources] for h, _, _ in self.solutions_],
        }
        return State(
            values=values, arrays=arrays, parts={"prior": self.prior, "trees": self.trees_, "scratch": self.scratch_}
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        values, arrays = state.values, state.arrays
        guessed, seen = (
            ScoreScale(float(centre), float(spread), arrays[f"latents_{i}"], arrays[f"bent_{i}"], float(doubt))
            for i, (centre, spread, doubt) in enumerate(values["scales"])
        )
        made = cls(state.parts["prior"], guessed, direction=values["direction"])
        made.n_extra_ = len(made.prior.features.side)
        made.extra_ = arrays.get("extra")
        made.scale_, made.widen_ = seen, float(values["widen"])
        made.support_, made.shares_, made.errors_ = arrays["support"], arrays["shares"], arrays["errors"]
        made.solutions_ = [
            (
                Hypothesis(arrays[f"amplitudes_{i}"], noise, beta, arrays[f"votes_{i}"], used),
                arrays[f"lower_{i}"],
                arrays[f"alpha_{i}"],
            )
            for i, (noise, beta, used) in enumerate(values["solutions"])
        ]
        made.trees_ = state.parts["trees"]
        made.scratch_, made.share_ = state.parts["scratch"], float(values["share"])
        made._view = made.prior.look_at(made.support_, made.extra_)
        made._right = made.prior.projected(made._view)
        return made
