"""Which decision moves a score by how much, over many architectures at once (functional analysis of variance).

Notation: n rows, d decisions with K options in all; ``taken`` is (n, K), 1 where a row takes an option.

References:
    F. Hutter, H. Hoos, K. Leyton-Brown, An efficient approach for assessing hyperparameter importance, ICML 2014.
    I. M. Sobol, Sensitivity estimates for nonlinear mathematical models, 1993.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.predictors.explaining.decisions import Decision, options_of
from surrogate_nas.spaces.base import Rows

Floats = npt.NDArray[np.float64]

#: Fewest rows behind a combination of options that is named.
FEWEST_ROWS = 10


@final
@dataclass(frozen=True)
class Design:
    """Which options the rows take, ready for sums over them.

    Attributes:
        decisions: One per gene.
        taken: 1 where a row takes an option, float64 of shape (n, K).
        owner: Decision of each option, int of shape (K,).
        whole: Whether the rows are the whole space, so that nothing is due to sampling.
    """

    decisions: list[Decision]
    taken: Floats
    owner: npt.NDArray[np.int64]
    whole: bool

    @classmethod
    def of(cls, decisions: list[Decision], X: Rows, *, whole: bool) -> "Design":
        """Take rows apart.

        Args:
            decisions: One per gene.
            X: Rows, shape (n, d).
            whole: Whether these are all rows of the space.
        """
        sizes = [len(decision.options) for decision in decisions]
        first = np.cumsum([0, *sizes[:-1]])
        taken = np.zeros((len(X), sum(sizes)))
        np.put_along_axis(taken, options_of(decisions, X) + first, 1.0, axis=1)
        return cls(decisions, taken, np.repeat(np.arange(len(sizes)), sizes), whole)

    @cached_property
    def rows(self) -> Floats:
        """How many rows take each option; shape (K,)."""
        return self.taken.sum(axis=0)

    @cached_property
    def pairs(self) -> Floats:
        """How many rows take two options together; shape (K, K)."""
        return self.taken.T @ self.taken

    def means(self, values: Floats) -> Floats:
        """Mean of the values over the rows that take each option; 0 where none does.

        Args:
            values: Shape (n,) or (n, m).

        Returns:
            Shape (K,) or (K, m).
        """
        rows = np.maximum(self.rows, 1.0)
        return (self.taken.T @ values) / (rows if values.ndim == 1 else rows[:, None])

    def by_decision(self, values: Floats) -> Floats:
        """Sum over the options of each decision; shape (d,)."""
        return np.bincount(self.owner, values, minlength=len(self.decisions)).astype(np.float64)


def sampling_error(design: Design, centred: Floats, effects: Floats) -> Floats:
    """Standard error of each option's mean that comes from looking at some rows only; 0 over a whole space.

    Args:
        design: The rows.
        centred: Scores minus their mean, shape (n,).
        effects: Mean of ``centred`` per option, shape (K,).
    """
    if design.whole:
        return np.zeros(len(effects))
    within = np.maximum(design.means(centred**2) - effects**2, 0.0)
    return np.sqrt(within / np.where(design.rows > 1, design.rows - 1, np.nan))  # one row does not tell its error


def shares(design: Design, centred: Floats, effects: Floats) -> Floats:
    """Share of the variance that each decision explains by itself (first-order Sobol index); shape (d,).

    Over a sample, what chance would explain is taken off. Where decisions depend on one another (a space does not
    hold every combination) shares overlap and may add up to more than one.

    Args:
        design: The rows.
        centred: Scores minus their mean, shape (n,).
        effects: Mean of ``centred`` per option, shape (K,).
    """
    n, total = len(centred), float((centred**2).sum())
    if not total > 0:
        return np.zeros(len(design.decisions))
    between = design.by_decision(design.rows * effects**2)
    if not design.whole:
        freedom = design.by_decision((design.rows > 0).astype(float)) - 1
        between -= freedom * (total - between) / np.maximum(n - 1 - freedom, 1.0)
    return np.clip(between / total, 0.0, None)


def additive_part(design: Design, centred: Floats) -> Floats:
    """Best sum of one number per option taken, fitted by least squares; shape (n,).

    Args:
        design: The rows.
        centred: Scores minus their mean, shape (n,).
    """
    # The options of a decision add up to one, so the equations are singular: the pseudo-inverse picks one solution.
    weights = np.linalg.pinv(design.pairs, hermitian=True) @ (design.taken.T @ centred)
    return design.taken @ weights


def pair_effects(design: Design, rest: Floats) -> tuple[Floats, Floats]:
    """What two options do together beyond the sum of all single effects.

    Args:
        design: The rows.
        rest: Scores minus their additive part, shape (n,).

    Returns:
        Mean rest of the rows that take both options, shape (K, K), and the share of the variance of ``rest`` that
        each pair of decisions explains, shape (d, d); both symmetric.
    """
    means = (design.taken.T @ (design.taken * rest[:, None])) / np.maximum(design.pairs, 1.0)
    total = float((rest**2).sum())
    owned = (design.owner[:, None] == np.arange(len(design.decisions))).astype(float)
    between = owned.T @ (design.pairs * means**2) @ owned
    if not design.whole:
        single = owned.T @ (design.rows > 0)
        met = owned.T @ (design.pairs > 0) @ owned
        freedom = np.maximum(met - single[:, None] - single[None, :] + 1, 0.0)
        between -= freedom * total / len(rest)
    explained = np.clip(between / total, 0.0, None) if total > 0 else np.zeros_like(between)
    return means, explained


def jackknife(each: Floats) -> Floats:
    """Standard error of an estimate from its values with one part of the data left out at a time.

    Args:
        each: Estimates, one per part left out, shape (k, ...).

    Returns:
        Shape (...); NaN for fewer than two parts.

    References:
        J. Shao, D. Tu, The jackknife and bootstrap, 1995: delete-group jackknife.
    """
    k = len(each)
    if k < 2:
        return np.full(each.shape[1:], np.nan)
    return np.sqrt((k - 1) / k * ((each - each.mean(axis=0)) ** 2).sum(axis=0))
