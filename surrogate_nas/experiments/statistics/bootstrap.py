"""Means over tasks with intervals: tasks are drawn with replacement, then seeds within each drawn task."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Draws of an interval: its ends then move by about a twentieth of its length from one random state to another.
RESAMPLES = 1000


class Bootstrap(NamedTuple):
    """How intervals are made.

    Attributes:
        level: Coverage.
        resamples: Number of draws.
        random_state: Seed of the draws.
    """

    level: float = 0.95
    resamples: int = RESAMPLES
    random_state: int = 0

    @property
    def quantiles(self) -> tuple[float, float]:
        """The ends of an interval as quantiles of the draws."""
        return (1 - self.level) / 2, (1 + self.level) / 2


class Interval(NamedTuple):
    """An estimate and its interval, each of one shape; NaN ends where nothing could be resampled."""

    estimate: Floats
    low: Floats
    high: Floats


class Draw(NamedTuple):
    """All draws of one task.

    Attributes:
        task: Its position.
        sample: Which resample each belongs to, shape (p,).
        seeds: Positions of the drawn seeds, shape (p, r).
    """

    task: int
    sample: Ints
    seeds: Ints


def draws(there: npt.NDArray[np.bool_], how: Bootstrap) -> Iterator[Draw]:
    """Draw tasks, then seeds; a task that is drawn twice gets its seeds drawn twice.

    Args:
        there: Which runs exist, shape (s, t, r). Seeds that no strategy has on a task are not drawn for it; the
            strategies share the draws, as they share the seeds.
        how: Number of resamples, and their random stream.
    """
    rng = np.random.default_rng(how.random_state)
    t = there.shape[1]
    drawn = rng.integers(t, size=(how.resamples, t))
    for task in range(t):
        sample = np.nonzero(drawn == task)[0]
        seeds = np.nonzero(there[:, task].any(axis=0))[0]
        yield Draw(task, sample, seeds[rng.integers(len(seeds), size=(len(sample), len(seeds)))])


def seed_weights(draw: Draw, n_seeds: int) -> Floats:
    """How often each seed was drawn, shape (p, r)."""
    weights = np.zeros((len(draw.seeds), n_seeds))
    np.add.at(weights, (np.arange(len(weights))[:, None], draw.seeds), 1.0)
    return weights


def mean(values: Floats, draw: Draw) -> Floats:
    """Means over drawn seeds of one task.

    Args:
        values: Shape (s, r, n); NaN = no such run.
        draw: The p draws.

    Returns:
        Shape (p, s, n).
    """
    s, r, n = values.shape
    weights = seed_weights(draw, r)
    there = ~np.isnan(values)
    total = weights @ np.where(there, values, 0.0).transpose(1, 0, 2).reshape(r, s * n)
    count = weights @ there[..., 0].T.astype(np.float64)
    with np.errstate(invalid="ignore"):  # no run among the drawn ones: NaN
        return total.reshape(-1, s, n) / count[:, :, None]


def median(values: Floats, draw: Draw) -> Floats:
    """Medians over drawn seeds of one task, as :func:`mean`; for few n."""
    picked = values[:, draw.seeds]
    if not np.isnan(picked).any():
        return np.median(picked, axis=2).transpose(1, 0, 2)
    there = ~np.isnan(picked)
    ordered = np.sort(picked, axis=2)  # NaN last
    count = there.sum(axis=2, keepdims=True)
    middle = [np.take_along_axis(ordered, np.maximum(at, 0), axis=2) for at in ((count - 1) // 2, count // 2)]
    halves = np.where(count > 0, (middle[0] + middle[1]) / 2, np.nan)[:, :, 0]
    return halves.transpose(1, 0, 2)


def over_tasks(values: Floats, statistic: Callable[[Floats, Draw], Floats], how: Bootstrap) -> Interval:
    """Mean over tasks of a statistic of their seeds, with its interval.

    Args:
        values: Shape (s, t, r, n); NaN = no such run, for all n.
        statistic: :func:`mean` or :func:`median`.
        how: How the interval is made.

    Returns:
        Shapes (s, n). With one task the interval tells of its seeds alone; ends are NaN where there is one run only.
    """
    s, t, r, n = values.shape
    as_is = (statistic(values[:, i], Draw(i, np.zeros(1, dtype=np.int64), np.arange(r)[None])) for i in range(t))
    estimate = np.concatenate(list(as_is)).mean(axis=0)
    there = ~np.isnan(values[..., 0])
    if t == 1 and there.any(axis=0).sum() == 1:
        return Interval(estimate, np.full((s, n), np.nan), np.full((s, n), np.nan))
    total = np.zeros((how.resamples, s, n))
    for draw in draws(there, how):
        np.add.at(total, draw.sample, statistic(values[:, draw.task], draw))
    low, high = ends(total / t, how)
    return Interval(estimate, low, high)


def ends(samples: Floats, how: Bootstrap) -> tuple[Floats, Floats]:
    """Both ends of the interval that resampled values span, over the first axis; NaN samples do not count."""
    if not np.isnan(samples).any():
        low, high = np.quantile(samples, how.quantiles, axis=0)
        return low, high
    known = np.where(np.isnan(samples).all(axis=0), 0.0, samples)
    low, high = (
        np.where(np.isnan(samples).all(axis=0), np.nan, q) for q in np.nanquantile(known, how.quantiles, axis=0)
    )
    return low, high
