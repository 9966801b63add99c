"""An embedding that a graph autoencoder learns from the space alone, without any score."""

from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from surrogate_nas.core.threads import one_thread
from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.spaces.graph_batch import GraphBatch

#: Graphs per update, and the learning rate, which falls as a cosine to zero.
BATCH, RATE = 128, 3e-3

#: Numbers per node, and rounds of messages: how many edges away a node is told of.
HIDDEN, ROUNDS = 64, 3

#: Graphs embedded at once: of large cells, small pieces take a third less time than all together.
CHUNK = 256


@final
class LearnedEmbedding(Encoder):
    """A point per network, from which its operations and edges can be told.

    A message-passing network reads the graph along its edges and against them and sums its nodes up to a vector; a
    second network says from that vector alone which operation every node carries and which edges there are. Both are
    trained together on a fixed sample of the space; no score is seen. Networks that are alike in structure come to lie
    close to each other. Rows with one canonical form get equal features. The embedding is scaled to unit variance over
    the sample.

    Args:
        space: The space of the rows.
        dimension: Length of the vector.
        epochs: Passes over the sample. More of them give the graphs back more faithfully, but scores are told less well
            from the vectors (NAS-Bench-201, 32 trainings: Kendall's tau .63 after 8, .49 after 16).
        random_state: Seed of the first weights and of the batches.

    References:
        S. Yan et al., Does unsupervised architecture representation learning help neural architecture search?,
        NeurIPS 2020, arXiv:2006.06936 (arch2vec). Differs from it: a plain autoencoder; the decoder sees one vector per
        network, not one per node.
    """

    invariant: ClassVar[bool] = True
    learned: ClassVar[tuple[str, ...]] = ("columns_", "weights_", "center_", "scale_")

    def __init__(self, space: SearchSpace, *, dimension: int = 32, epochs: int = 8, random_state: int = 0) -> None:
        self.space = space
        self.dimension = dimension
        self.epochs = epochs
        self.random_state = random_state

    def _learn(self, sample: npt.NDArray[np.int16]) -> None:
        self._check_count("dimension", 1)
        self._check_count("epochs", 0)
        graphs = coarse(self._networks(sample)[0])
        model = self._model(graphs)
        _train(model, graphs, self.epochs, torch.Generator().manual_seed(self.random_state))
        self.weights_ = nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
        self.center_, self.scale_ = np.zeros(self.dimension), np.ones(self.dimension)
        plain = self._encode(sample).astype(float)
        self.center_, self.scale_ = plain.mean(axis=0), np.maximum(plain.std(axis=0), 1e-6)

    @torch.no_grad()
    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        networks, back = self._networks(X)
        graphs = coarse(networks)
        model = self._model(graphs)
        nn.utils.vector_to_parameters(torch.tensor(self.weights_), model.parameters())
        model.double()  # a row has the same embedding in any batch, up to less than what float32 shows
        out = np.empty((len(networks), self.dimension))
        for start in range(0, len(networks), CHUNK):
            part = slice(start, start + CHUNK)
            out[part] = model.encoded(*_tensors(graphs, part, torch.float64)).numpy()
        return ((out - self.center_) / self.scale_).astype(np.float32)[back]

    def _names(self) -> list[str]:
        return [f"embedding {i}" for i in range(self.dimension)]

    def _model(self, graphs: GraphBatch) -> "_Autoencoder":
        with torch.random.fork_rng(devices=[]):  # first weights come from the global stream, which is not ours to move
            torch.manual_seed(self.random_state)
            return _Autoencoder(len(graphs.vocabulary), graphs.ops.shape[1], self.dimension)


class _Autoencoder(nn.Module):
    """Graphs to vectors and back; a node that is not there is one more operation, without edges."""

    def __init__(self, vocabulary: int, width: int, dimension: int) -> None:
        super().__init__()
        self.shape = (width, vocabulary + 1)
        self.first = nn.Embedding(vocabulary + 1, HIDDEN)
        self.rounds = nn.ModuleList(nn.Linear(3 * HIDDEN, HIDDEN) for _ in range(ROUNDS))
        self.out = nn.Linear(HIDDEN, dimension)
        edges = width * (width - 1) // 2
        self.back = nn.Sequential(
            nn.Linear(dimension, 4 * HIDDEN), nn.ReLU(), nn.Linear(4 * HIDDEN, width * (vocabulary + 1) + edges)
        )

    def encoded(self, ops: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """Vectors of shape (n, dimension), from operations (n, v) and edges (n, v, v)."""
        there = (ops < self.shape[1] - 1).to(adjacency.dtype)[..., None]
        nodes = self.first(ops)
        for layer in self.rounds:
            seen = [nodes, adjacency.transpose(1, 2) @ nodes, adjacency @ nodes]
            nodes = nodes + torch.relu(layer(torch.cat(seen, dim=-1)))
        vectors: torch.Tensor = self.out((nodes * there).sum(dim=1) / self.shape[0])
        return vectors

    def loss(self, ops: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """What is wrong about the graphs that come back: nats per graph."""
        n, (width, choices) = len(ops), self.shape
        told = self.back(self.encoded(ops, adjacency))
        named, linked = told.split([width * choices, told.shape[1] - width * choices], dim=1)
        source, target = torch.triu_indices(width, width, offset=1)
        wrong_ops = cross_entropy(named.reshape(n * width, choices), ops.reshape(-1), reduction="sum")
        wrong_edges = binary_cross_entropy_with_logits(linked, adjacency[:, source, target], reduction="sum")
        return (wrong_ops + wrong_edges) / n


def _tensors(graphs: GraphBatch, rows: Any, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    ops = np.where(graphs.mask[rows], graphs.ops[rows], len(graphs.vocabulary)).astype(np.int64)
    return torch.from_numpy(ops), torch.from_numpy(graphs.adjacency[rows]).to(dtype)


@one_thread()
def _train(model: _Autoencoder, graphs: GraphBatch, epochs: int, stream: torch.Generator) -> None:
    steps = epochs * -(-len(graphs) // BATCH)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    for _ in range(epochs):
        for rows in torch.randperm(len(graphs), generator=stream).split(BATCH):
            optimizer.zero_grad()
            loss = model.loss(*_tensors(graphs, rows.numpy(), torch.float32))
            loss.backward()
            optimizer.step()
            schedule.step()
