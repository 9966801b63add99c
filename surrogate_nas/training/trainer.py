"""The training loop: full-batch Adam, the best epoch by validation accuracy, failures as results."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

# Not used here: a pool's server loads this module once for all its workers, and with it what data sets need.
import sklearn.datasets
import sklearn.neighbors  # noqa: F401
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from surrogate_nas.core import InvalidInputError
from surrogate_nas.networks import StaticGraph, build_network, check_buildable
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.training import metrics
from surrogate_nas.training.datasets import GraphDataset, load_dataset
from surrogate_nas.training.device import isolated, resolve_device
from surrogate_nas.training.replicas import Replicas
from surrogate_nas.training.result import CurvePoint, Scores, TrainingResult


class _Diverged(Exception):
    """The training cannot go on; the message becomes the result's reason."""


@final
@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Trains architectures of one space on one data set, all with the same recipe.

    A result depends on the architecture, the seed and the recipe alone: not on what was trained before,
    in which process or on how many threads. A trainer is small when pickled.

    The default recipe is one for all data sets that come with the package. It was chosen once, on
    validation scores of random architectures, for two things: a training takes less than a second of one
    core, and more epochs move few best epochs (width 32; a step size of 0.02 and little dropout get there
    in 40 epochs where 0.01 and 0.5 were still learning at 60).

    Attributes:
        space: The space of the architectures.
        dataset: Name of a data set that comes with the package, or one made by ``graph_dataset``.
        epochs: Length of the training.
        device: "auto", "cpu", "cuda" or "cuda:1".
        channels: Width of the hidden layers.
        stem_layers: Layers before the cell.
        head_layers: Hidden layers after the cell.
        dropout: Dropout rate on features and inside the cell.
        learning_rate: Step size of Adam.
        weight_decay: L2 penalty of Adam.
        evaluate_every: Validate after every so many epochs, and after the last.
    """

    space: SearchSpace
    dataset: str | GraphDataset = "digits"
    epochs: int = 40
    device: str = "auto"
    channels: int = 32
    stem_layers: int = 0
    head_layers: int = 0
    dropout: float = 0.2
    learning_rate: float = 0.02
    weight_decay: float = 5e-4
    evaluate_every: int = 2

    def __post_init__(self) -> None:
        for name in ("epochs", "channels", "evaluate_every"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise InvalidInputError(f"{name}: expected a whole number of at least 1, got {value!r}")
        if not 0 <= self.dropout < 1:
            raise InvalidInputError(f"dropout: expected a rate in [0, 1), got {self.dropout!r}")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise InvalidInputError(
                f"learning_rate and weight_decay: expected a positive and a non-negative number, got "
                f"{self.learning_rate!r} and {self.weight_decay!r}"
            )
        if isinstance(self.dataset, str):
            load_dataset(self.dataset)
        resolve_device(self.device)
        check_buildable(self.space)

    @property
    def data(self) -> GraphDataset:
        """The data set itself."""
        return load_dataset(self.dataset) if isinstance(self.dataset, str) else self.dataset

    def descriptors(self) -> dict[str, float]:
        """Numbers that describe the data set; see :meth:`GraphDataset.descriptors`."""
        return self.data.descriptors()

    def train(self, x: npt.ArrayLike, seed: int = 0, *, weights_file: str | Path | None = None) -> TrainingResult:
        """Train one architecture, once per resplit of the data set.

        Args:
            x: One valid row of the space, shape (d,).
            seed: Seed of the initial weights and of dropout.
            weights_file: Where to write the weights of the best epoch (safetensors; with several resplits, of
                the network of the first one). They fit ``build_network`` with this trainer's widths.

        Returns:
            The scores; a training that diverged or ran out of memory gives a result with status "failed".

        Raises:
            InvalidInputError: ``x`` is not one valid row, or the file cannot be written.
        """
        device = resolve_device(self.device)
        with isolated(device):
            start = time.perf_counter()
            try:
                result, weights = self._train(x, int(seed), device, keep=weights_file is not None)
            except (_Diverged, MemoryError, RuntimeError) as error:
                result, weights = self._result(x, seed, device, "failed", _reason(error)), None
        result = replace(result, seconds=time.perf_counter() - start)
        if weights is not None and weights_file is not None:
            _save(weights, Path(weights_file), result)
        return result

    def train_job(self, job: tuple[npt.ArrayLike, int]) -> TrainingResult:
        """``train(*job)``: the form that a pool of processes maps over a list of (row, seed)."""
        return self.train(*job)

    def _train(
        self, x: npt.ArrayLike, seed: int, device: torch.device, keep: bool
    ) -> tuple[TrainingResult, dict[str, Tensor] | None]:
        nodes = _nodes_of(self.data, device)
        replicas = Replicas(self._networks(x, seed, nodes), nodes.x, nodes.graph)
        optimiser = torch.optim.Adam(
            replicas.parameters.values(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )
        curve: list[CurvePoint] = []
        best, best_epoch, best_logits, weights = (-1.0, 0.0), 0, torch.empty(0), None
        for epoch in range(1, self.epochs + 1):
            optimiser.zero_grad()
            loss = F.cross_entropy(*nodes.flat(replicas.train_logits(), nodes.train))
            # A sum over the networks, so that each is trained as if it were alone.
            (loss * replicas.b).backward()
            optimiser.step()
            if epoch % self.evaluate_every and epoch != self.epochs:
                continue
            logits = replicas.logits()
            point = _point(epoch, loss, logits, nodes)
            curve.append(point)
            if (point.val_accuracy, -point.val_loss) > best:
                best, best_epoch, best_logits = (point.val_accuracy, -point.val_loss), epoch, logits
                weights = replicas.state(0) if keep else None
        result = self._result(
            x, seed, device, "ok", "", val=nodes.scores(best_logits, nodes.val),
            test=nodes.scores(best_logits, nodes.test), best_epoch=best_epoch, epochs=self.epochs,
            parameters=sum(p.numel() for p in replicas.parameters.values()) // replicas.b, curve=tuple(curve),
        )  # fmt: skip
        return result, weights

    def _networks(self, x: npt.ArrayLike, seed: int, nodes: "_Nodes") -> list[nn.Module]:
        """One network per resplit; leaves torch's generator seeded for dropout."""
        *inits, dropout = np.random.SeedSequence(seed).generate_state(len(nodes.train) + 1).tolist()
        networks = []
        for init in inits:
            torch.manual_seed(init)
            network = build_network(
                self.space, x, nodes.x.shape[1], nodes.num_classes, channels=self.channels,
                stem_layers=self.stem_layers, head_layers=self.head_layers, dropout=self.dropout,
            )  # fmt: skip
            networks.append(network.to(nodes.x.device))
        torch.manual_seed(dropout)
        return networks

    def _result(
        self, x: npt.ArrayLike, seed: int, device: torch.device, status: Literal["ok", "failed"], reason: str,
        **more: Any,
    ) -> TrainingResult:  # fmt: skip
        return TrainingResult(
            status, reason, dataset=self.data.name, architecture=self.space.format(x)[0], seed=seed, device=str(device),
            **more,
        )  # fmt: skip


@final
class _Nodes:
    """A data set as tensors on one device."""

    def __init__(self, data: GraphDataset, device: torch.device) -> None:
        self.x = torch.from_numpy(data.x).to(device)
        self.y = torch.from_numpy(data.y).to(device)
        self.graph = StaticGraph(torch.from_numpy(data.edge_index).to(device), len(data.y))
        self.num_classes = data.num_classes
        # Positions of nodes, int64 of shape (b, m) each for b resplits.
        self.train, self.val, self.test = (
            torch.from_numpy(np.stack(part)).to(device) for part in zip(*data.splits, strict=True)
        )

    def flat(self, logits: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (b * m, classes) and classes (b * m,) at positions (b, m) of logits (b, n, classes)."""
        chosen = logits.gather(1, positions[:, :, None].expand(-1, -1, logits.shape[2]))
        return chosen.flatten(0, 1), self.y[positions].flatten()

    def scores(self, logits: Tensor, positions: Tensor) -> Scores:
        """Metrics at positions (b, m) of logits (b, n, classes)."""
        chosen, y = self.flat(logits, positions)
        return metrics.scores(chosen.unflatten(0, positions.shape), y.view(positions.shape))


#: A graph's products take longer to make than an epoch; the few data sets in use stay prepared.
@lru_cache(maxsize=4)
def _nodes_of(data: GraphDataset, device: torch.device) -> _Nodes:
    return _Nodes(data, device)


def _point(epoch: int, loss: Tensor, logits: Tensor, nodes: _Nodes) -> CurvePoint:
    chosen, y = nodes.flat(logits, nodes.val)
    accuracy = float((chosen.argmax(-1) == y).double().mean())
    point = CurvePoint(epoch, float(loss.detach()), float(F.cross_entropy(chosen, y)), accuracy)
    if not np.isfinite(point).all():
        raise _Diverged(f"diverged: the loss was not finite at epoch {epoch}")
    return point


def _reason(error: Exception) -> str:
    """Why a training failed; raises the error again if it is not of a kind that a training may end with."""
    if isinstance(error, _Diverged):
        return str(error)
    # torch has a class for a full GPU only; a full main memory is a RuntimeError of the allocator.
    full = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
    if not full:
        raise error
    return "out of memory: " + " ".join(str(error).split())[:200]


def _save(weights: dict[str, Tensor], path: Path, result: TrainingResult) -> None:
    try:
        save_file(weights, path, {"architecture": result.architecture, "dataset": result.dataset})
    except (OSError, SafetensorError) as error:
        raise InvalidInputError(f"weights file {path}: expected a place that can be written, got {error}") from None
