"""One source task, denoised: a smooth model everywhere, and what it leaves over at the rows that are known.

A source's score at a row is signal and training noise. The smooth model takes the signal that its features can
express; of the rest, what neighbouring rows share is signal again, and of what remains a part.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from surrogate_nas.predictors.transfer.features import Floats32, TransferFeatures
from surrogate_nas.predictors.transfer.scores import standardised
from surrogate_nas.spaces.base import SearchSpace

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int16]

#: Rows of a source that its model is fitted to at most: past this more rows change nothing that transfers.
MAX_ROWS = 60_000

#: Rows whose left-over is kept: 4 bytes each per source.
MAX_KEPT = 200_000

#: Ridge penalties tried, smallest generalised cross-validation error wins.
PENALTIES = 10.0 ** np.arange(-1, 5.5, 0.5)

#: Share of what neither the model nor the neighbours explain that is taken for signal. Tau on tasks left out of
#: NAS-Bench-Graph: .35 to .5 do alike, 0 loses .005, 1 loses .006 at 100 rows.
SIGNAL = 0.4


#: Rows of a source, at most and at least, that tell whether genes matter as they stand; and what share of the error
#: they have to leave at most. On NAS-Bench-201 they leave .3 of the error for latencies and all of it for accuracies.
FEW_ROWS, LEAST_ROWS, MATTERS = 3000, 100, 0.9


@dataclass(frozen=True)
class Source:
    """One source task, larger scores being better.

    Attributes:
        X: Rows, (n, d).
        features: Their centred features, (n, p).
        y: Scores, (n,).
        trust: What its model's reliability is multiplied with.
    """

    X: Rows
    features: Floats32
    y: Floats
    trust: float = 1.0


@dataclass(frozen=True)
class Leftovers:
    """What smooth models of the sources leave over at rows the sources know; zero elsewhere.

    Attributes:
        codes: Integer codes of the known rows, ascending, shape (m,).
        values: float32 of shape (m, T).
    """

    codes: npt.NDArray[np.int64]
    values: Floats32

    def of(self, space: SearchSpace, X: npt.ArrayLike) -> Floats32:
        """Values at rows, float32 of shape (n, T)."""
        out = np.zeros((len(space.rows(X)), self.values.shape[1]), dtype=np.float32)
        if len(self.codes):
            wanted = space.codes(X)
            at = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
            known = self.codes[at] == wanted
            out[known] = self.values[at[known]]
        return out

    def without(self, t: int) -> "Leftovers":
        """The same of all sources but one."""
        return Leftovers(self.codes, np.delete(self.values, t, axis=1))


@dataclass(frozen=True)
class SourceModels:
    """All sources, denoised, on a scale on which deviation over the space is reliability.

    Attributes:
        weights: Ridge models, (p, T).
        leftovers: What they leave over at known rows.
        reliability: Between 0 (noise, or a handful of rows) and 1, shape (T,).
        told: Share of the features' variance over the space that the source's rows tell about, shape (T,).
        moments: Second moments of the features over the space, (p, p).
    """

    weights: Floats
    leftovers: Leftovers
    reliability: Floats
    told: Floats
    moments: Floats

    def covariance(self) -> Floats:
        """Covariance of the models over the space, (T, T)."""
        return self.weights.T @ self.moments @ self.weights

    def without(self, t: int) -> "SourceModels":
        """The same of all sources but one."""
        return SourceModels(
            np.delete(self.weights, t, axis=1),
            self.leftovers.without(t),
            np.delete(self.reliability, t),
            np.delete(self.told, t),
            self.moments,
        )


def genes_matter(
    plain: TransferFeatures, exact: TransferFeatures, tasks: list[tuple[Rows, Floats, Floats | None]]
) -> bool:
    """Whether scores depend on how a network is written down, not only on what it computes.

    Accuracies do not, but for noise; latencies do where devices run operations whose result nobody reads.

    Args:
        plain: Features of what networks compute.
        exact: The same with their genes as they stand.
        tasks: Rows, scores and side features of the sources.
    """
    left = []
    for X, y, extra in tasks:
        step = slice(None, None, len(y) // FEW_ROWS + 1)
        rows, scores = X[step], standardised(y[step])
        if len(scores) < LEAST_ROWS or not scores.any() or np.array_equal(plain.space.canonical(rows), rows):
            continue
        side = None if extra is None else extra[step]
        errors = [_unexplained(features.transform(rows, side), scores) for features in (plain, exact)]
        left.append(errors[1] / max(errors[0], 1e-9))
    return bool(left) and float(np.median(left)) < MATTERS


def _unexplained(x: Floats32, y: Floats) -> float:
    """Share of the variance of left-out scores that a ridge model does not explain."""
    gram = (x.T @ x).astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    _, correlation, _ = _ridge(x, y, gram / len(x), np.maximum(values, 0.0), vectors)
    return 1 - correlation**2


def denoise(space: SearchSpace, sources: list[Source]) -> SourceModels:
    """Fit a model to each source and keep what it leaves over.

    Reliability is the correlation of left-out predictions with the scores, times the share of the space that the
    source's rows tell about: pure noise, two rows or a corner of the space count for little.
    """
    grams: dict[int, Floats] = {}
    for source in sources:  # tables share their rows between tasks: one decomposition serves all
        if id(source.features) not in grams:
            x = source.features[:: len(source.y) // MAX_ROWS + 1]
            grams[id(source.features)] = (x.T @ x).astype(np.float64)
    biggest = max(sources, key=lambda s: len(s.y))
    moments = grams[id(biggest.features)] / len(biggest.features[:: len(biggest.y) // MAX_ROWS + 1])
    known: dict[int, tuple[Floats, Floats]] = {}
    weights, reliability, told, rest = [], [], [], []
    for source in sources:
        step = len(source.y) // MAX_ROWS + 1
        if id(source.features) not in known:
            values, vectors = np.linalg.eigh(grams[id(source.features)])
            known[id(source.features)] = np.maximum(values, 0.0), vectors
        values, vectors = known[id(source.features)]
        x, y = source.features[::step], standardised(source.y[::step])
        w, correlation, share = _ridge(x, y, moments, values, vectors)
        r = correlation * share * source.trust
        deviation = np.sqrt(max(float(w @ moments @ w), 0.0))
        unit = r / deviation if deviation > 0 else 0.0
        left = standardised(source.y) - source.features @ w.astype(np.float32)
        weights.append(w * unit)
        reliability.append(r)
        told.append(share)
        rest.append(left * unit)
    leftovers = _leftovers(space, sources, rest)
    return SourceModels(np.stack(weights, axis=1), leftovers, np.array(reliability), np.array(told), moments)


def _ridge(x: Floats32, y: Floats, moments: Floats, values: Floats, vectors: Floats) -> tuple[Floats, float, float]:
    """Ridge weights at the penalty of the smallest cross-validation error, correlation, share of the space told."""
    n = len(y)
    total = float(y @ y)
    if total == 0:
        return np.zeros(x.shape[1]), 0.0, 0.0
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
    return vectors @ (b / (values + penalty)), float(np.sqrt(explained)), told


def _leftovers(space: SearchSpace, sources: list[Source], rest: list[Floats]) -> Leftovers:
    empty = Leftovers(np.empty(0, dtype=np.int64), np.empty((0, len(sources)), dtype=np.float32))
    if not space.has_codes:
        return empty
    coded = [space.codes(s.X) for s in sources]
    codes = np.unique(np.concatenate(coded))
    if len(codes) > MAX_KEPT:
        return empty
    values = np.zeros((len(codes), len(sources)), dtype=np.float32)
    around: dict[int, npt.NDArray[np.int64]] = {}
    for t, (source, own, left) in enumerate(zip(sources, coded, rest, strict=True)):
        at = np.searchsorted(codes, own)
        counts = np.bincount(at, minlength=len(codes))
        table = np.bincount(at, weights=left, minlength=len(codes)) / np.maximum(counts, 1)
        if id(source.features) not in around:
            around[id(source.features)] = _neighbours(space, codes, counts > 0)
        shared = _shared(table, around[id(source.features)])
        values[:, t] = np.where(counts > 0, SIGNAL * table + (1 - SIGNAL) * shared, 0.0)
    return Leftovers(codes, values)


def _neighbours(
    space: SearchSpace, codes: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Positions of rows that differ in one gene, int of shape (k, m); -1 where there is none or it is not known."""
    rows = space.from_codes(codes).astype(np.int64)
    weight = space.codes(np.eye(space.n_genes, dtype=np.int16))
    out = []
    for gene, values in enumerate(space.cardinalities):
        for value in range(int(values)):
            wanted = codes + (value - rows[:, gene]) * weight[gene]
            at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
            good = (codes[at] == wanted) & (value != rows[:, gene]) & known[at]
            out.append(np.where(good, at, -1))
    return np.stack(out)


def _shared(table: Floats, around: npt.NDArray[np.int64]) -> Floats:
    """What the neighbours' mean says about each row: regressed on it, the row itself left out."""
    padded = np.append(table, 0.0)
    total, count = np.zeros(len(table)), np.zeros(len(table))
    for at in around:
        total += padded[at]
        count += at >= 0
    mean = total / np.maximum(count, 1)
    power = float(mean @ mean)
    slope = max(float(mean @ table), 0.0) / power if power > 0 else 0.0
    return slope * mean
