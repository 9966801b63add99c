"""An epoch over a graph: all nodes at once, one step of the optimiser."""

from functools import lru_cache
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from surrogate_nas.networks import StaticGraph
from surrogate_nas.training import metrics
from surrogate_nas.training.datasets import GraphDataset
from surrogate_nas.training.loop import Evaluation, State
from surrogate_nas.training.optimisation import make_optimiser, optimiser_state, restore_optimiser, set_step_size
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.replicas import Replicas
from surrogate_nas.training.result import Scores
from surrogate_nas.training.tensors import Part


@final
class NodeTensors:
    """A graph as tensors on one device.

    Attributes:
        x: Features of all nodes, float32 of shape (n, f).
        y: Their classes, int64 of shape (n,).
        graph: Their edges.
    """

    def __init__(self, data: GraphDataset, device: torch.device) -> None:
        self.x = torch.from_numpy(data.x).to(device)
        self.y = torch.from_numpy(data.y).to(device)
        self.graph = StaticGraph(torch.from_numpy(data.edge_index).to(device), len(data.y))
        # Positions of nodes, int64 of shape (b, m) each for b splits.
        self._parts = {
            part: torch.from_numpy(np.stack([getattr(split, part) for split in data.splits])).to(device)
            for part in ("train", "val", "test")
        }

    def chosen(self, logits: Tensor, part: Part) -> tuple[Tensor, Tensor]:
        """Logits (b, m, classes) and classes (b, m) of a part, from logits (b, n, classes) of the first b splits."""
        positions = self._parts[part][: len(logits)]
        return logits.gather(1, positions[:, :, None].expand(-1, -1, logits.shape[2])), self.y[positions]


#: A graph's products take longer to make than an epoch; the few data sets in use stay prepared.
@lru_cache(maxsize=4)
def node_tensors(data: GraphDataset, device: torch.device) -> NodeTensors:
    """A graph as tensors; the same object each time, as long as few data sets are in use."""
    return NodeTensors(data, device)


@final
class FullGraph:
    """Networks on one graph, one per split, trained as one program; a :class:`~surrogate_nas.training.loop.Learner`.

    Networks answer (features (n, f), edges) with (n, num_outputs). Dropout draws from torch's generator, which the
    caller seeds.
    """

    def __init__(self, networks: list[nn.Module], nodes: NodeTensors, recipe: Recipe) -> None:
        """Prepare the training.

        Args:
            networks: One for each of the first splits, on the device of the nodes; trained in place.
            nodes: The graph.
            recipe: How to train.
        """
        self.nodes = nodes
        self.recipe = recipe
        self.replicas = Replicas(networks, nodes.x, nodes.graph)
        self.optimiser = make_optimiser(self.replicas.parameters.values(), recipe)

    @property
    def parameters(self) -> int:
        """Trainable parameters of one network."""
        return sum(p.numel() for p in self.replicas.parameters.values()) // self.replicas.b

    def train_epoch(self, epoch: int) -> Tensor:
        """Do one step."""
        self.optimiser.zero_grad()
        logits, y = self.nodes.chosen(self.replicas.train_logits(), "train")
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), label_smoothing=self.recipe.label_smoothing)
        # A sum over the networks, so that each is trained as if it were alone.
        (loss * self.replicas.b).backward()
        set_step_size(self.optimiser, self.recipe, (epoch - 1) / self.recipe.epochs)
        self.optimiser.step()
        return loss.detach()

    def evaluate(self, part: Part) -> Evaluation:
        """What epochs are chosen on, the mean over networks."""
        logits, y = (tensor.flatten(0, 1) for tensor in self._answers(part))
        return Evaluation(float(F.cross_entropy(logits, y)), float((logits.argmax(1) == y).double().mean()))

    def scores(self, part: Part) -> Scores:
        """All metrics, the mean over networks."""
        return metrics.scores(*self._answers(part))

    def answers(self, part: Part) -> Tensor:
        """Logits of the first network, float32 of shape (m, classes)."""
        return self._answers(part)[0][0]

    def weights(self) -> State:
        """Copy of parameters and buffers, stacked where there are several networks."""
        return {name: tensor.detach().clone() for name, tensor in self.replicas.tensors.items()}

    @torch.no_grad()
    def load_weights(self, weights: State) -> None:
        """Take them over."""
        for name, tensor in self.replicas.tensors.items():
            tensor.copy_(weights[name])

    def exported(self) -> State:
        """State dict of the first network."""
        return self.replicas.state(0)

    def memory(self) -> State:
        """What the optimiser remembers, and where dropout's random numbers are."""
        device = self.nodes.x.device
        streams = {"random.cpu": torch.get_rng_state()}
        if device.type == "cuda":
            streams["random.cuda"] = torch.cuda.get_rng_state(device)
        return streams | {f"optimiser.{name}": value for name, value in optimiser_state(self.optimiser).items()}

    def load_memory(self, memory: State) -> None:
        """Take it over."""
        optimiser = {k.removeprefix("optimiser."): v for k, v in memory.items() if k.startswith("optimiser.")}
        restore_optimiser(self.optimiser, optimiser)
        torch.set_rng_state(memory["random.cpu"])
        if "random.cuda" in memory and self.nodes.x.device.type == "cuda":
            torch.cuda.set_rng_state(memory["random.cuda"], self.nodes.x.device)

    def _answers(self, part: Part) -> tuple[Tensor, Tensor]:
        """Logits (b, m, classes) in evaluation mode and classes (b, m)."""
        return self.nodes.chosen(self.replicas.logits(), part)
