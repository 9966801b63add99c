"""A network with a task embedding that starts where few gradient steps help most (Reptile).

References:
    A. Nichol, J. Achiam, J. Schulman, "On first-order meta-learning algorithms", arXiv:1803.02999.
"""

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from across_tasks.sources import Sources, draw

#: Tasks seen, steps taken in each, and how far the start moves towards where they end.
TASKS, STEPS, MOVE = 800, 10, 0.2

#: Sizes of the network and of the task's embedding; rate of the steps.
HIDDEN, EMBEDDING, RATE = 128, 8, 0.05

#: Length of a row of features.
SCALE = 4.0

#: Steps on the support of the new task, and the pull back to the start, as a share of the loss per row.
ADAPT, PULL = 100, 0.1


class Network(nn.Module):
    """Score of a row: its guess, corrected by a network that reads features, guess and task embedding."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(EMBEDDING))
        self.first = nn.Linear(width + 1, HIDDEN)
        self.shift = nn.Linear(EMBEDDING, 2 * HIDDEN)
        self.second = nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1)
        self.slope = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor, guess: Tensor) -> Tensor:
        """Scores (n,) of features (n, p) and guesses (n,)."""
        scale, shift = self.shift(self.embedding).chunk(2)
        hidden = nn.functional.silu(self.first(torch.cat([x, guess[:, None]], dim=1)) * (1 + scale) + shift)
        return self.slope * guess + self.last(nn.functional.silu(self.second(hidden)))[:, 0]


class Reptile:
    """All weights and the embedding adapt by gradient steps on the support."""

    def fit(self, sources: Sources) -> Self:
        """Move the start towards where steps on each task end."""
        torch.manual_seed(0)
        rng = np.random.default_rng(0)
        self.features = torch.tensor(sources.features * np.float32(SCALE / np.sqrt(sources.features.shape[1])))
        self.guess = torch.tensor(sources.guess(list(range(sources.denoised.shape[1]))))
        self.net = Network(self.features.shape[1])
        for i in range(TASKS):
            episode = draw(sources, rng, 128)
            guess = torch.tensor(sources.guess(episode.kept)[episode.rows])
            start = [p.detach().clone() for p in self.net.parameters()]
            self._steps(self.features[episode.rows], guess, torch.tensor(episode.y), STEPS)
            move = MOVE * (1 - i / TASKS)
            with torch.no_grad():
                for p, old in zip(self.net.parameters(), start, strict=True):
                    p.copy_(old + move * (p - old))
        self.start = [p.detach().clone() for p in self.net.parameters()]
        return self

    def predict(self, support: Any, y: Any, test: Any) -> Any:
        """Take steps from the start."""
        with torch.no_grad():
            for p, old in zip(self.net.parameters(), self.start, strict=True):
                p.copy_(old)
        if len(y):
            target = torch.tensor(y, dtype=torch.float32)
            self._steps(self.features[support], self.guess[support], target, ADAPT, self.start)
        with torch.no_grad():
            return self.net(self.features[test], self.guess[test]).numpy()

    def _steps(self, x: Tensor, guess: Tensor, y: Tensor, steps: int, start: list[Tensor] | None = None) -> None:
        optimiser = torch.optim.SGD(self.net.parameters(), lr=RATE, momentum=0.5)
        for _ in range(steps):
            loss = ((self.net(x, guess) - y) ** 2).mean()
            if start is not None:
                away = sum(((p - old) ** 2).sum() for p, old in zip(self.net.parameters(), start, strict=True))
                loss = loss + PULL * away / len(y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
