"""A kernel that sources teach: which architectures do alike, whatever the task.

A small network maps features of an architecture to a few learned ones, such that a Gaussian process on them, beside
the other parts of the prior, predicts a source from a handful of its scores and from the other sources. It is trained
on episodes in which a source, or a mixture of sources, plays the new task.

Notation: n rows, p features read, T sources, l learned features z.

References:
    M. Patacchiola et al., Bayesian meta-learning for the few-shot setting via deep kernels, NeurIPS 2020,
    arXiv:1910.05199.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.threads import one_thread
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.transfer.features import Floats32, TransferFeatures
from surrogate_nas.predictors.transfer.kinship import guess
from surrogate_nas.predictors.transfer.scores import standardised
from surrogate_nas.predictors.transfer.sources import Source, SourceModels

if TYPE_CHECKING:
    from torch import Tensor, nn

Floats = npt.NDArray[np.float64]

#: Groups of features that are read: what stands at one place of one wiring, and paths.
READ = ("wiring", "shape", "gene", "side", "flow")

#: Episodes, and rows to predict in each. Past some 300 the network learns the sources by heart if nothing is dropped.
EPISODES, QUERIES = 600, 128

#: Sizes of the network, and the rate at which inputs to its layers are dropped.
HIDDEN, LEARNED, DROP = 128, 32, 0.2

#: A source plays from this many rows on; with fewer than FEWEST such sources nothing is learned. Rows are drawn from
#: at most POOL of each.
LEAST_ROWS, FEWEST, POOL = 300, 4, 6000

#: Probability that an episode's task is a mixture of sources, and that some of the others are hidden.
MIXED, HIDDEN_SOURCES = 0.5, 0.3

#: Share of the learned amplitudes that is used: they were learned on sources that the network has seen. On tasks left
#: out of NAS-Bench-Graph .25 to 1 do alike.
CAUTION = 0.5


@final
@dataclass(frozen=True)
class LearnedKernel:
    """Learned features and the amplitudes of two kernels on them: linear, and near where sources agree.

    Attributes:
        columns: Columns of the features that are read, (p,).
        layers: Weights and biases of the network, input first.
        amplitudes: Of the linear part and of the near part, (2,).
        length: Length scale of the near part.
    """

    columns: npt.NDArray[np.int64]
    layers: tuple[Floats32, ...]
    amplitudes: Floats
    length: float

    def of(self, features: Floats32) -> Floats32:
        """Learned features, (n, l), scaled by the root of l, of features (n, all)."""
        x = features[:, self.columns]
        for weight, bias in zip(self.layers[:-2:2], self.layers[1:-2:2], strict=True):
            x = x @ weight.T + bias
            x /= 1 + np.exp(-np.clip(x, -60, 60))
        return (x @ self.layers[-2].T + self.layers[-1]) / np.float32(np.sqrt(len(self.layers[-1])))

    def get_state(self) -> State:
        """What has to be written down."""
        arrays: dict[str, npt.NDArray[Any]] = {f"layer_{i}": layer for i, layer in enumerate(self.layers)}
        arrays |= {"columns": self.columns, "amplitudes": self.amplitudes}
        return State({"length": self.length, "layers": len(self.layers)}, arrays)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        layers = tuple(state.arrays[f"layer_{i}"] for i in range(int(state.values["layers"])))
        return cls(state.arrays["columns"], layers, state.arrays["amplitudes"], float(state.values["length"]))


@dataclass(frozen=True)
class Pool:
    """Rows that some sources share, to draw episodes from.

    Attributes:
        x: Features that are read, deviation one, (n, p).
        denoised: What all sources say of these rows, (n, T).
        players: Sources measured on them.
        y: Their scores, (n, players).
    """

    x: Floats32
    denoised: Floats32
    players: list[int]
    y: Floats


def learn_kernel(
    features: TransferFeatures, sources: list[Source], models: SourceModels, rng: np.random.Generator
) -> LearnedKernel | None:
    """Train the network; None where there are too few sources to learn from.

    Args:
        features: Rows to features.
        sources: What is known.
        models: The same, denoised.
        rng: Random stream of the episodes and of the network's first weights.
    """
    groups = [g for g in features.groups if g.name in READ]
    columns = np.concatenate([np.arange(g.columns.start, g.columns.stop) for g in groups])
    deviation = np.sqrt(np.maximum(np.diag(models.moments)[columns], 0.0))
    columns, deviation = columns[deviation > 1e-6], deviation[deviation > 1e-6]
    pools = _pools(features, sources, models, columns, deviation, rng)
    if sum(len(pool.players) for pool in pools) < FEWEST:
        return None
    layers, log = _train(pools, models, len(columns), rng)
    layers = (layers[0] / deviation.astype(np.float32), *layers[1:])
    return LearnedKernel(columns, layers, CAUTION * np.exp(log[4:6]), float(np.exp(log[8])))


def _pools(
    features: TransferFeatures,
    sources: list[Source],
    models: SourceModels,
    columns: npt.NDArray[np.int64],
    deviation: Floats,
    rng: np.random.Generator,
) -> list[Pool]:
    shared: dict[int, list[int]] = {}
    for t, source in enumerate(sources):
        if len(source.y) >= LEAST_ROWS and np.ptp(source.y) > 0:
            shared.setdefault(id(source.features), []).append(t)
    pools = []
    for players in shared.values():
        first = sources[players[0]]
        rows = rng.permutation(len(first.y))[:POOL]
        full = first.features[rows]
        denoised = full @ models.weights.astype(np.float32) + models.leftovers.of(features.space, first.X[rows])
        y = np.stack([standardised(sources[t].y)[rows] for t in players], axis=1)
        x = np.divide(full[:, columns], deviation, dtype=np.float32, casting="same_kind")
        pools.append(Pool(x, denoised, players, y))
    return pools


def _train(
    pools: list[Pool], models: SourceModels, width: int, rng: np.random.Generator
) -> tuple[tuple[Floats32, ...], Floats]:
    """Weights of the network, and logarithms of the amplitudes (see ``_kernel``), noise, slope and length."""
    import torch
    from torch import nn

    between = models.weights.T @ models.moments @ models.weights
    odds = np.array([len(pool.players) for pool in pools], dtype=np.float64)
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        net = nn.Sequential(
            *(nn.Linear(width, HIDDEN), nn.SiLU(), nn.Dropout(DROP)),
            *(nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Dropout(DROP)),
            nn.Linear(HIDDEN, LEARNED),
        )
        # Constant, sources, similar sources, features, learned, near in both; noise; slope; length.
        log = nn.Parameter(torch.tensor([-3.0, -1.0, -2.0, -1.0, -1.5, -1.0, -1.0, -0.7, 0.0]))
        slow: dict[str, Any] = {"params": net.parameters(), "lr": 1e-3, "weight_decay": 1e-2}
        optimiser = torch.optim.AdamW([slow, {"params": [log]}], lr=2e-2, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPISODES)
        for _ in range(EPISODES):
            pool = pools[int(rng.choice(len(pools), p=odds / odds.sum()))]
            n = int(np.exp(rng.uniform(np.log(8), np.log(100))))
            loss = _loss(net, log, n, *_episode(pool, between, models.reliability, n + QUERIES, rng))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    layers = tuple(parameter.detach().numpy() for parameter in net.parameters())
    return layers, log.detach().numpy().astype(np.float64)


def _episode(
    pool: Pool, between: Floats, reliability: Floats, m: int, rng: np.random.Generator
) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
    """Features, what other sources say, their common guess and the scores, of m rows of a task."""
    import torch

    most = min(3, len(pool.players), len(reliability) - 1)
    count = int(rng.integers(2, most + 1)) if most > 1 and rng.random() < MIXED else 1
    played = rng.choice(len(pool.players), count, replace=False)
    kept = np.setdiff1d(np.arange(len(reliability)), np.array(pool.players)[played])
    if len(kept) > 3 and rng.random() < HIDDEN_SOURCES:
        kept = np.sort(rng.choice(kept, int(rng.integers(3, len(kept))), replace=False))
    rows = rng.choice(len(pool.x), min(m, len(pool.x)), replace=False)
    y = pool.y[np.ix_(rows, played)] @ rng.dirichlet(np.ones(count))
    y = (y - y.mean()) / (y.std() or 1.0)
    says = pool.denoised[np.ix_(rows, kept)]
    common = says @ guess(between[np.ix_(kept, kept)], reliability[kept])
    arrays = (pool.x[rows], says / np.sqrt(len(kept)), common, y)
    x, s, c, t = (torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)) for a in arrays)
    return x, s, c, t


def _loss(net: "nn.Module", log: "Tensor", n: int, x: "Tensor", s: "Tensor", common: "Tensor", y: "Tensor") -> "Tensor":
    """Minus the mean predictive log likelihood of the rows after the first n, given those."""
    import torch

    z, a = net(x) / LEARNED**0.5, log.exp()
    plain, similar = x / x.shape[1] ** 0.5, _near(s, 1.0)
    parts = (torch.ones_like(similar), s @ s.T, similar, plain @ plain.T, z @ z.T, similar * _near(z, a[8]))
    k = sum((amplitude * part for amplitude, part in zip(a[:6], parts, strict=True)), start=torch.zeros(()))
    noise, slope = a[6], a[7]
    lower = torch.linalg.cholesky(k[:n, :n] + noise * torch.eye(n))
    half = torch.linalg.solve_triangular(lower, k[:n, n:], upper=False)
    rest = torch.linalg.solve_triangular(lower, (y - slope * common)[:n, None], upper=False)
    mean = slope * common[n:] + (half.T @ rest)[:, 0]
    variance = (k.diagonal()[n:] - (half**2).sum(dim=0)).clamp(min=1e-4) + noise
    return 0.5 * ((y[n:] - mean) ** 2 / variance + variance.log()).mean()


def _near(a: "Tensor", length: Any) -> "Tensor":
    import torch

    norms = (a**2).sum(dim=1)
    return torch.exp(-0.5 * (norms[:, None] + norms[None] - 2 * a @ a.T).clamp(min=0.0) / length**2)
