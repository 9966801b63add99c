"""Meta-training of architectures: one row in, initial weights that learn new tasks from a few samples out."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.statistics import Interval
from surrogate_nas.networks import build_network, check_buildable
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.spaces.operations import is_whole
from surrogate_nas.training.checking import readable_kinds
from surrogate_nas.training.checkpoint import Checkpoint
from surrogate_nas.training.device import isolated, measured, resolve_device
from surrogate_nas.training.loop import Diverged, Progress, fit, reason_of, scores
from surrogate_nas.training.meta_learning.baselines import stacked_weights
from surrogate_nas.training.meta_learning.episodes import Episodes, FewShotTasks, Seed
from surrogate_nas.training.meta_learning.evaluation import Evaluated, accuracy_of, adapt_and_answer
from surrogate_nas.training.meta_learning.learned import MetaLearned
from surrogate_nas.training.meta_learning.learner import MetaLearner
from surrogate_nas.training.meta_learning.maml import MAML
from surrogate_nas.training.meta_learning.methods import Method
from surrogate_nas.training.meta_learning.network import TaskNetwork
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.result import TrainingResult
from surrogate_nas.training.tensors import Part
from surrogate_nas.training.trainer import CHECKPOINT_EVERY_S

#: How initial weights are learned where nobody says otherwise; batches are of tasks. Adam, as in the paper on MAML.
OUTER = Recipe(epochs=20, optimiser="adam", learning_rate=2e-3, weight_decay=0.0, schedule="cosine", batch_size=4)

#: Fields of a recipe that say nothing about meta-learning; what they have to be.
_NOT_HERE: dict[str, Any] = {
    "label_smoothing": 0.0, "mixed_precision": False, "compiled": False, "augmentation": (),
}  # fmt: skip


@final
@dataclass(frozen=True, kw_only=True)
class MetaTrainer:
    """Meta-trains architectures of one space on few-shot tasks.

        tasks = FewShotTasks(dataset=data, classes=split_classes(10, val=0, test=5, share_val=True), shots=5)
        learned = MetaTrainer(space=space, tasks=tasks, method=MAML()).train(x)
        learned.accuracy("test")                   # of classes that nothing was learned from
        network = learned.adapt(samples, labels)   # a network for a task of one's own

    A result depends on the architecture, the seed and the settings alone.

    Attributes:
        space: The space of the architectures: any whose networks read the samples, but those of graphs.
        tasks: Where episodes come from.
        method: How to meta-learn: ``MAML(second_order=True or False)``, ``ANIL()`` or ``Reptile()``.
        recipe: Of the outer loop: all of it, or the fields that differ from :data:`OUTER`, by name. ``batch_size``
            counts tasks; ``skeleton``, ``width`` and ``cells`` change the network.
        iterations: Steps of the outer loop in an epoch, after each of which there is an evaluation.
        episodes: Of the validation classes, that the best epoch is chosen on.
        transductive: See :class:`TaskNetwork`; off by default, since it makes accuracies look better.
        device: "auto", "cpu", "cuda" or "cuda:1".
    """

    space: SearchSpace
    tasks: FewShotTasks
    method: Method = field(default_factory=MAML)
    recipe: Recipe | Mapping[str, Any] | None = field(default=None, hash=False)
    iterations: int = 25
    episodes: int = 64
    transductive: bool = False
    device: str = "auto"

    def __post_init__(self) -> None:
        check_buildable(self.space)
        resolve_device(self.device)
        for name in ("iterations", "episodes"):
            if not is_whole(getattr(self, name), 1):
                raise InvalidInputError(f"{name}: expected a whole number of at least 1, got {getattr(self, name)!r}")
        kinds = [kind for kind in readable_kinds(self.space) if kind != "graph"]
        if self.tasks.dataset.input_kind not in kinds:
            raise InvalidInputError(
                f"tasks: expected {' or '.join(kinds) or 'no'} data for networks of {self.space.name!r}, got "
                f"{self.tasks.dataset.input_kind} data"
            )
        for name, value in _NOT_HERE.items():
            if (got := getattr(self.settings, name)) != value:
                raise InvalidInputError(f"{name}: expected {value!r} for meta-learning, got {got!r}")

    @property
    def settings(self) -> Recipe:
        """The recipe of the outer loop with all that was left open filled in."""
        return self.recipe if isinstance(self.recipe, Recipe) else OUTER.changed(self.recipe or {})

    def describe(self) -> dict[str, Any]:
        """What decides a result, beside architecture and seed, as JSON-able values."""
        method = {"name": type(self.method).__name__, **dataclasses.asdict(self.method)}  # type: ignore[call-overload]
        return {
            "space": self.space.name, "tasks": self.tasks.describe(), "method": method,
            "recipe": self.settings.to_dict(), "iterations": self.iterations, "episodes": self.episodes,
            "transductive": self.transductive,
        }  # fmt: skip

    def network(self, x: npt.ArrayLike, seed: int = 0) -> nn.Module:
        """The network of an architecture before anything is learned, with batch normalisation as it was built.

        Args:
            x: One valid row of the space, shape (d,).
            seed: Seed of the initial weights.
        """
        device = resolve_device(self.device)
        with isolated(device):
            return self._network(x, (seed,), device)

    def train(
        self, x: npt.ArrayLike, seed: int = 0, *, checkpoint: str | Path | None = None,
        checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    ) -> MetaLearned:  # fmt: skip
        """Meta-train one architecture.

        Args:
            x: One valid row of the space, shape (d,).
            seed: Seed of the weights to begin with, of the episodes and of dropout.
            checkpoint: A file that is kept while the training runs, and removed when it is finished; where it is
                there already the training goes on from it.
            checkpoint_every_s: Seconds between two writings of it; 0 writes after every epoch.

        Returns:
            What was learned; a training that diverged or ran out of memory gives a result with status "failed".

        Raises:
            InvalidInputError: ``x`` is not one valid row, a file cannot be written, or the checkpoint is damaged
                or of another training.
        """
        if not is_whole(seed, 0):
            raise InvalidInputError(f"seed: expected a whole number of at least 0, got {seed!r}")
        device = resolve_device(self.device)
        identity = {**self.describe(), "architecture": self.space.format(self.space.rows(x))[0], "seed": seed}
        kept = Checkpoint(checkpoint, identity, every_s=checkpoint_every_s) if checkpoint else None
        with isolated(device), measured(device) as measure:
            network = TaskNetwork(self._network(x, (seed,), device), transductive=self.transductive)
            learner = MetaLearner(
                network, self.tasks, self.method, self.settings, iterations=self.iterations, episodes=self.episodes,
                seed=seed, device=device,
            )  # fmt: skip
            result = TrainingResult(
                "ok", "", self.tasks.dataset.name, identity["architecture"], seed, parameters=learner.parameters,
                device=str(device),
            )  # fmt: skip
            try:
                progress = self._fit(learner, kept)
                result = replace(
                    result, val=scores([learner], "val"), best_epoch=progress.best_epoch, epochs=progress.epoch,
                    curve=tuple(progress.curve),
                )  # fmt: skip
            except (Diverged, MemoryError, RuntimeError) as error:
                result = replace(result, status="failed", reason=reason_of(error))
        result = replace(
            result, seconds=(kept.earlier_s if kept else 0.0) + measure.seconds, peak_memory=measure.peak_memory
        )
        if kept:
            kept.remove()
        return MetaLearned(result, network, learner.weights(), self.method, self.tasks, device)

    def from_scratch(
        self, x: npt.ArrayLike, part: Part = "test", *, steps: int, learning_rate: float, episodes: int = 600,
        seed: Seed = 0,
    ) -> Interval:  # fmt: skip
        """Accuracy of the same architecture that learns each task from its support set alone, from new weights.

        Args:
            x: One valid row of the space, shape (d,).
            part: Whose classes.
            steps: Steps on each support set.
            learning_rate: Their size.
            episodes: How many; each begins with weights of its own.
            seed: Of the episodes and of the weights. The episodes are those of :meth:`MetaLearned.accuracy`.
        """
        device, plain = resolve_device(self.device), MAML(learning_rate=learning_rate, second_order=False)
        stream = (seed,) if isinstance(seed, int) else tuple(seed)

        def answer(drawn: Episodes, first: int) -> Evaluated:
            count = len(drawn.support_y)
            networks = [self._network(x, (*stream, first + i), device) for i in range(count)]
            network = TaskNetwork(networks[0], transductive=self.transductive)
            return adapt_and_answer(plain, network, stacked_weights(networks), drawn, steps, own=True)

        with isolated(device):
            return accuracy_of(answer, self.tasks, part, episodes, seed, device)

    def _fit(self, learner: MetaLearner, kept: Checkpoint | None) -> Progress:
        if kept is None:
            return fit([learner], self.settings, Progress())
        return fit([learner], self.settings, kept.resume([learner]), partial(kept.write_if_due, [learner]))

    def _network(self, x: npt.ArrayLike, stream: tuple[int, ...], device: torch.device) -> nn.Module:
        """A new network; its weights depend on the stream alone."""
        torch.manual_seed(int(np.random.SeedSequence(stream).generate_state(1)[0]))
        overrides = self.settings.overrides(self.space.skeleton)
        return build_network(self.space, x, self.tasks.input_shape, self.tasks.ways, **overrides).to(device)
