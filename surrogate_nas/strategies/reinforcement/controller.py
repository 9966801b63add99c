"""A policy over rows that chooses one gene after the other, with its exact gradient.

Notation: n rows, d genes, c = the largest cardinality (genes with fewer values are padded), r hidden units.
"""

from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.base import Rows

Floats = npt.NDArray[np.float64]

#: Logit of values that a gene does not have; finite, so that 0 times it is 0.
NEVER = -1e30

#: Standard deviation of the first embeddings; read-outs start at zero, and so every first policy is uniform.
SPREAD = 0.5


@final
class Controller:
    """Chooses gene g with logits ``bias[g] + read[g] @ sum of embed[j, x_j] over the genes j before``.

    A recurrent network with the identity as its activation, so to speak: what was chosen before moves all later
    logits, through r hidden units. With ``hidden=0`` genes are independent.

    Args:
        cardinalities: Values per gene, shape (d,).
        hidden: Number of hidden units r.
        rng: Random stream for the first embeddings.

    Attributes:
        parameters: All of them, float64 of shape (p,); change them in place.
        bias: View of shape (d, c).
        embed: View of shape (d, c, r).
        read: View of shape (d, r, c).
    """

    def __init__(self, cardinalities: npt.NDArray[np.int64], hidden: int, rng: np.random.Generator) -> None:
        d, c = len(cardinalities), int(cardinalities.max())
        self.hidden = hidden
        self.parameters = np.zeros(d * c * (1 + 2 * hidden))
        parts = np.split(self.parameters, [d * c, d * c * (1 + hidden)])
        self.bias = parts[0].reshape(d, c)
        self.embed = parts[1].reshape(d, c, hidden)
        self.read = parts[2].reshape(d, hidden, c)
        self.embed[:] = SPREAD * rng.standard_normal(self.embed.shape)
        self._mask = np.where(np.arange(c) < cardinalities[:, None], 0.0, NEVER)
        self._gene = np.arange(d)

    def sample(self, n: int, rng: np.random.Generator) -> Rows:
        """Draw rows from the policy, shape (n, d), int16; they need not be valid."""
        noise = -np.log(rng.standard_exponential((n, *self.bias.shape)))  # the largest of logit + Gumbel noise wins
        noise += self.bias + self._mask
        if not self.hidden:
            return noise.argmax(axis=2).astype(np.int16)
        X = np.empty((n, len(self.bias)), dtype=np.int16)
        state = np.zeros((n, self.hidden))
        for gene in range(len(self.bias)):
            X[:, gene] = (noise[:, gene] + state @ self.read[gene]).argmax(axis=1)
            state += self.embed[gene, X[:, gene]]
        return X

    def log_prob(self, X: Rows) -> Floats:
        """Logarithm of the probability of each row, shape (n,)."""
        log_p, _ = self._run(X)
        return log_p[np.arange(len(X))[:, None], self._gene, X].sum(axis=1)

    def objective(self, X: Rows, advantage: Floats, entropy: float) -> float:
        """Mean over rows of ``advantage * log_prob + entropy * sum of the entropies`` of all choices made."""
        log_p, _ = self._run(X)
        chosen = log_p[np.arange(len(X))[:, None], self._gene, X].sum(axis=1)
        surprise = -(np.exp(log_p) * log_p).sum(axis=(1, 2))
        return float(np.mean(advantage * chosen + entropy * surprise))

    def gradient(self, X: Rows, advantage: Floats, entropy: float) -> Floats:
        """Exact gradient of :meth:`objective` with respect to :attr:`parameters`, shape (p,).

        With rows drawn from the policy this is the estimate of REINFORCE.

        Args:
            X: Rows, shape (n, d).
            advantage: How much better than expected each was, shape (n,).
            entropy: Weight of the entropies.
        """
        log_p, states = self._run(X)
        p, row = np.exp(log_p), np.arange(len(X))[:, None]
        slope = -advantage[:, None, None] * p
        slope[row, self._gene, X] += advantage[:, None]
        plogp = p * log_p
        slope += entropy * (p * plogp.sum(axis=2, keepdims=True) - plogp)
        slope /= len(X)
        if not self.hidden:
            return slope.sum(axis=0).ravel()
        by_gene = slope.transpose(1, 0, 2)  # (d, n, c)
        read = states.transpose(1, 2, 0) @ by_gene
        back = by_gene @ self.read.transpose(0, 2, 1)  # slope with respect to the states, (d, n, r)
        later = back[::-1].cumsum(axis=0)[::-1] - back
        embed = np.zeros_like(self.embed)
        np.add.at(embed, (self._gene[:, None], X.T), later)
        return np.concatenate([slope.sum(axis=0).ravel(), embed.ravel(), read.ravel()])

    def _run(self, X: Rows) -> tuple[Floats, Floats]:
        """Log-probabilities of all values given the genes before, (n, d, c), and the states read, (n, d, r)."""
        given = self.embed[self._gene, X]
        states = given.cumsum(axis=1) - given
        logits = self.bias + self._mask + np.zeros((len(X), 1, 1))
        if self.hidden:
            logits = logits + (states.transpose(1, 0, 2) @ self.read).transpose(1, 0, 2)
        top = logits.max(axis=2, keepdims=True)
        logits -= top
        log_p: Floats = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
        return log_p, states
