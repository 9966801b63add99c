"""In-context prediction: a transformer trained over many tasks reads the support and answers in one pass.

Tokens are rows. Support tokens attend to each other, rows to predict attend to the support alone. What a token shows:
components of the features, what the sources say (the guess, and the sources that agree best with the support first,
so that their order means something), and the score where it is known. The network corrects a simple answer: kernel
ridge regression around the guess, left out at the support.

References:
    N. Hollmann et al., "TabPFN", arXiv:2207.01848.
"""

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from across_tasks.ensembles import kernel
from across_tasks.sources import Episode, Sources, draw

#: Training steps of so many episodes each, and rows to predict in an episode.
STEPS, EPISODES, QUERIES = 500, 6, 96

#: Components of the features, sources shown one by one, and the most support rows of an episode.
COMPONENTS, SHOWN, SUPPORT = 48, 4, 100

#: The simple answer's slope on the guess, and its noise.
SLOPE, NOISE = 0.7, 0.6

#: Sizes of the transformer.
WIDTH, LAYERS, HEADS = 64, 3, 4

#: Share of episodes from real sources; the others are drawn from a Gaussian prior around the guess. Of all, these
#: shares are bent by a monotone map, turned in sign, or get more noise.
REAL, BENT, TURNED, NOISY = 0.7, 0.3, 0.02, 0.3


class Block(nn.Module):
    """Attention to the support, then a layer on each token."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.layer = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, tokens: Tensor, hidden: Tensor, m: int) -> Tensor:
        """Tokens (b, t, w), the first m of which may be attended to unless hidden (b, m)."""
        seen = self.before(tokens)
        tokens = tokens + self.attention(seen, seen[:, :m], seen[:, :m], key_padding_mask=hidden, need_weights=False)[0]
        return tokens + self.layer(self.between(tokens))


class Transformer(nn.Module):
    """Correction of the simple answer for every token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.read, self.score = nn.Linear(width, WIDTH), nn.Linear(2, WIDTH)
        self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.write = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1))
        nn.init.zeros_(self.write[1].weight)

    def forward(self, x: Tensor, score: Tensor, hidden: Tensor) -> Tensor:
        """Answers (b, t - m) for tokens x (b, t, p) whose first m have a score and a residual (b, m, 2)."""
        m = score.shape[1]
        tokens = self.read(x)
        tokens = torch.cat([tokens[:, :m] + self.score(score), tokens[:, m:]], dim=1)
        for block in self.blocks:
            tokens = block(tokens, hidden, m)
        return self.write(tokens[:, m:])[:, :, 0]


class InContext:
    """Trained again for each task left out, on the other tasks and on what is drawn from them."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, sources: Sources) -> Self:
        """Train on episodes of the sources."""
        torch.manual_seed(self.seed)
        rng = np.random.default_rng(self.seed)
        self.sources = sources
        _, values, axes = np.linalg.svd(sources.features[rng.choice(len(sources.features), 4000)], full_matrices=False)
        parts = sources.features @ axes[:COMPONENTS].T
        self.parts = (parts / parts.std(axis=0)).astype(np.float32)
        self.sizes = values[:COMPONENTS] / values[0]
        self.all = list(range(sources.denoised.shape[1]))
        self.net = Transformer(self._columns([0, 1], 1, self.all, np.zeros(1))[0].shape[1])
        optimiser = torch.optim.AdamW(self.net.parameters(), lr=1e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, STEPS, pct_start=0.1)
        for _ in range(STEPS):
            batch = [self._episode(rng) for _ in range(EPISODES)]
            x, score, hidden, simple, y = (torch.tensor(np.stack(column)) for column in zip(*batch, strict=True))
            loss = ((simple + self.net(x, score, hidden) - y) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        self.net.eval()
        return self

    @torch.no_grad()
    def predict(self, support: Any, y: Any, test: Any) -> Any:
        """One pass over support and test rows."""
        rows = np.concatenate([support, test])
        x, score, hidden, simple = self._tokens(rows, len(y), self.all, np.asarray(y, dtype=np.float32))
        correction = self.net(torch.tensor(x)[None], torch.tensor(score)[None], torch.tensor(hidden)[None])
        return simple + correction[0].numpy()

    def _episode(self, rng: np.random.Generator) -> tuple[Any, ...]:
        n = int(np.exp(rng.uniform(0, np.log(SUPPORT + 1))))
        episode = draw(self.sources, rng, n + QUERIES)
        if rng.random() > REAL:
            episode = self._drawn(episode, rng)
        y = episode.y
        if rng.random() < NOISY:
            y = y + rng.normal(0, rng.uniform(0, 0.5), len(y))
        if rng.random() < BENT:
            power = np.exp(rng.normal(0, 0.3))
            y = np.sign(y) * np.abs(y) ** power
        y = ((y - y.mean()) / y.std()).astype(np.float32) * (-1 if rng.random() < TURNED else 1)
        x, score, hidden, simple = self._tokens(episode.rows, n, episode.kept, y[:n])
        # Every episode is padded to the same number of support tokens; those that are empty are hidden.
        m = len(score)
        x = np.concatenate([x[:m], np.zeros((SUPPORT - m, x.shape[1]), dtype=np.float32), x[m:]])
        score = np.concatenate([score, np.zeros((SUPPORT - m, 2), dtype=np.float32)])
        hidden = np.concatenate([hidden, np.ones(SUPPORT - m, dtype=bool)])
        return x, score, hidden, simple, y[n:].astype(np.float32)

    def _drawn(self, episode: Episode, rng: np.random.Generator) -> Episode:
        """A task from a Gaussian prior: guess, sources and components with random weights, noise."""
        rows, kept = episode.rows, episode.kept
        said = self.sources.denoised[np.ix_(rows, kept)] @ rng.normal(0, 1 / np.sqrt(len(kept)), len(kept))
        plain = self.parts[rows] @ (self.sizes * rng.normal(size=COMPONENTS))
        y = self.sources.guess(kept)[rows] * rng.normal(0.7, 0.3) + 0.5 * said + 0.6 * plain / plain.std()
        return Episode(rows, kept, y + rng.normal(0, 0.4, len(y)))

    def _tokens(self, rows: Any, n: int, kept: list[int], y: Any) -> tuple[Any, ...]:
        """Columns of tokens, scores and residuals of the support, what is hidden, simple answer of the others."""
        x, simple, left_out = self._columns(rows, n, kept, y)
        score = np.column_stack([y, y - left_out]).astype(np.float32)
        hidden = np.zeros(len(score), dtype=bool)
        if not n:  # one empty token, so that there is something to attend to
            x = np.concatenate([np.zeros((1, x.shape[1]), dtype=np.float32), x])
            score, hidden = np.zeros((1, 2), dtype=np.float32), np.zeros(1, dtype=bool)
        return x, score, hidden, simple.astype(np.float32)

    def _columns(self, rows: Any, n: int, kept: list[int], y: Any) -> tuple[Any, Any, Any]:
        """Columns (t, p) of all rows, simple answer (t - n,), left-out simple answer at the support (n,)."""
        said = self.sources.denoised[np.ix_(rows, kept)]
        guess = self.sources.guess(kept)[rows]
        plain = self.parts[rows] * (self.sizes / np.sqrt((self.sizes**2).sum())).astype(np.float32)
        a = np.column_stack([said / np.sqrt(len(kept)), plain])
        near = kernel(a, a[:n], length=1.0)
        inverse = np.linalg.inv(near[:n] + NOISE * np.eye(n))
        weights = inverse @ (y - SLOPE * guess[:n])
        simple = SLOPE * guess[n:] + near[n:] @ weights
        left_out = y - weights / np.diag(inverse)
        agree = said[:n].T @ y if n else np.zeros(len(kept))
        order = np.argsort(-agree, kind="stable")[:SHOWN]
        shown = np.zeros((len(guess), SHOWN), dtype=np.float32)
        shown[:, : len(order)] = said[:, order]
        answer = np.concatenate([left_out, simple])
        sure = np.full(len(guess), np.log(n + 1.0) / 4)
        columns = [self.parts[rows], guess, said.mean(axis=1), said.std(axis=1), shown, answer, sure]
        return np.column_stack(columns).astype(np.float32), simple, left_out
