"""Trainers: one architecture in, one result out, whatever the data are; failures are results."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

# Not used here: a pool's server loads this module once for all its workers, and with it what data sets need.
import sklearn.datasets
import sklearn.neighbors  # noqa: F401
import torch
from torch import nn

from surrogate_nas.networks import build_network, check_buildable
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.training.checking import (
    check_readable,
    check_recipe,
    checked_seed,
    readable_kinds,
    smallest_training_part,
)
from surrogate_nas.training.checkpoint import Checkpoint
from surrogate_nas.training.datasets import ArrayDataset, GraphDataset, load_dataset
from surrogate_nas.training.datasets.described import is_described
from surrogate_nas.training.device import isolated, measured, resolve_device
from surrogate_nas.training.full_graph import FullGraph, node_tensors
from surrogate_nas.training.loop import Diverged, Learner, Progress, State, fit, reason_of, scores
from surrogate_nas.training.minibatches import MiniBatches
from surrogate_nas.training.recipe import Recipe, default_recipe
from surrogate_nas.training.result import TrainingResult
from surrogate_nas.training.stacking.groups import can_be_stacked, in_groups, together_on, train_stacked
from surrogate_nas.training.tensors import Part, split_tensors
from surrogate_nas.training.weights import read_weights, write_weights

#: Seconds between two checkpoints: a training that takes less never writes one.
CHECKPOINT_EVERY_S = 30.0


@final
@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Trains architectures of one space on one data set, all with the same recipe.

    A result depends on the architecture, the seed and the recipe alone: not on what was trained before,
    in which process or on how many threads. A trainer is small when pickled.

        Trainer(space=space, dataset="digits")                                       # the data's own recipe
        Trainer(space=space, dataset="digits", epochs=5)                             # shorter
        Trainer(space=space, dataset="digits", recipe={"learning_rate": 0.05})       # one thing changed
        Trainer(space=space, dataset="digits", recipe=Recipe(epochs=5, width=0.5))   # all of it

    Attributes:
        space: The space of the architectures.
        dataset: Name of a data set that comes with the package, path of a TOML file that describes one, or one made
            by ``array_dataset`` or ``graph_dataset``. A space of convolutions takes images and sequences, one of
            layers tables and both.
        epochs: Length of the training; None takes the recipe's.
        recipe: How to train: all of it, or the fields that differ from the defaults, by name. Those are the
            defaults of this kind of data with what the data set itself changes.
        device: "auto", "cpu", "cuda" or "cuda:1".
    """

    space: SearchSpace
    dataset: str | PathLike[str] | GraphDataset | ArrayDataset = "digits"
    epochs: int | None = None
    recipe: Recipe | Mapping[str, Any] | None = field(default=None, hash=False)
    device: str = "auto"

    def __post_init__(self) -> None:
        check_buildable(self.space)
        resolve_device(self.device)
        check_readable(self.space, self.data)
        check_recipe(self.settings, self.space, self.data)

    @property
    def data(self) -> GraphDataset | ArrayDataset:
        """The data set itself."""
        if isinstance(self.dataset, GraphDataset | ArrayDataset):
            return self.dataset
        return load_dataset(self.dataset, None if is_described(self.dataset) else readable_kinds(self.space))

    @property
    def settings(self) -> Recipe:
        """The recipe with all that was left open filled in."""
        if isinstance(self.recipe, Recipe):
            recipe = self.recipe
        else:
            data = self.data
            recipe = default_recipe(data.input_kind, data.recipe).changed(self.recipe or {})
            chosen = {**data.recipe, **(self.recipe or {})}
            if "batch_size" not in chosen and recipe.batch_size is not None:
                # A default must not be in the way of small data.
                recipe = replace(recipe, batch_size=min(recipe.batch_size, smallest_training_part(data)))
        return recipe if self.epochs is None else replace(recipe, epochs=self.epochs)

    @property
    def metric(self) -> str:
        """What epochs are chosen on, and choices between architectures by default; higher is better."""
        return "r2" if self.data.regression else "accuracy"

    def descriptors(self) -> dict[str, float]:
        """Numbers that describe the data set; see ``descriptors`` there."""
        return self.data.descriptors()

    def network(self, x: npt.ArrayLike, seed: int = 0) -> nn.Module:
        """The network of an architecture as it is before it is trained, on the trainer's device.

        Args:
            x: One valid row of the space, shape (d,).
            seed: Seed of the initial weights.

        Raises:
            InvalidInputError: ``x`` is not one valid row.
        """
        device = resolve_device(self.device)
        with isolated(device):
            return self._networks(x, checked_seed(seed), device, 1)[0]

    def train(
        self,
        x: npt.ArrayLike,
        seed: int = 0,
        *,
        weights_file: str | Path | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    ) -> TrainingResult:
        """Train one architecture, once per split of the data set.

        Args:
            x: One valid row of the space, shape (d,).
            seed: Seed of the initial weights, of the order of the samples, of dropout and of augmentation.
            weights_file: Where to write the weights of the best epoch (safetensors; with several splits, of the
                network of the first one). They fit :meth:`network`.
            checkpoint: A file that is kept while the training runs, and removed when it is finished. Where it is
                there already the training goes on from it, and ends as it would have without the interruption: on
                the CPU to the last bit.
            checkpoint_every_s: Seconds between two writings of it; 0 writes after every epoch.

        Returns:
            The scores; a training that diverged or ran out of memory gives a result with status "failed".

        Raises:
            InvalidInputError: ``x`` is not one valid row, a file cannot be written, or the checkpoint is damaged
                or of another training.
        """
        seed, device = checked_seed(seed), resolve_device(self.device)
        kept = checkpoint and Checkpoint(checkpoint, self._identity(x, seed), every_s=checkpoint_every_s)
        with isolated(device), measured(device) as measure:
            try:
                result, weights = self._train(x, seed, device, kept or None)
            except (Diverged, MemoryError, RuntimeError) as error:
                result, weights = self._result(x, seed, device, "failed", reason_of(error)), None
        earlier_s = kept.earlier_s if kept else 0.0
        result = replace(result, seconds=earlier_s + measure.seconds, peak_memory=measure.peak_memory)
        if weights is not None and weights_file is not None:
            write_weights(weights_file, weights, {"architecture": result.architecture, "dataset": result.dataset})
        if kept:
            kept.remove()
        return result

    def train_job(self, job: tuple[npt.ArrayLike, int], *, checkpoints: str | Path | None = None) -> TrainingResult:
        """Train one architecture of a list of (row, seed): the form that a pool of processes maps.

        Args:
            job: One row and its seed.
            checkpoints: Folder of checkpoints, one per training that takes long; what is there is gone on with.
        """
        x, seed = job
        if checkpoints is None:
            return self.train(x, seed)
        name = hashlib.sha256(f"{self.space.format(x)[0]} {seed}".encode()).hexdigest()[:20]
        return self.train(x, seed, checkpoint=Path(checkpoints) / f"{name}.safetensors")

    def train_many(
        self,
        jobs: Sequence[tuple[npt.ArrayLike, int]],
        together: int | None = None,
        *,
        finished: Callable[[int, TrainingResult], None] = lambda i, result: None,
    ) -> list[TrainingResult]:
        """Train several architectures, several at a time as one program.

        What several networks have in common is one operation then, so that a GPU has more to do at once. Each network
        is trained as by :meth:`train`: with the same initial weights, order of samples, augmentation, best epoch and
        early stop, and to the same scores but for rounding; on a GPU dropout draws other numbers, equally
        distributed. One that diverges fails alone. A group that does not fit into memory is begun again with half as
        many, and so are those after it. Networks that do what is not known for several at once are trained one after
        the other.

        Args:
            jobs: Rows and seeds.
            together: How many at a time, see :meth:`together`.
            finished: Told position and result of each, as soon as there is one.

        Returns:
            The results, in the order of the jobs. The seconds and the memory of a group are shared out evenly.

        Raises:
            InvalidInputError: A row is not valid, or ``together`` is not a whole number of at least 1.
        """
        rows = [(x, checked_seed(seed)) for x, seed in jobs]
        return in_groups(rows, self.together(together), self._train_group, lambda job: self.train(*job), finished)

    def together(self, asked: int | None = None) -> int:
        """How many networks are trained at a time.

        One after the other are trained: graphs, networks that are compiled, and mixed precision on a GPU without
        bfloat16.

        Args:
            asked: How many are asked for; None is 1 on a CPU and 32 on a GPU.

        Raises:
            InvalidInputError: Not a whole number of at least 1.
        """
        device = resolve_device(self.device)
        n = together_on(device, asked)
        return n if can_be_stacked(self.data, self.settings, device) else 1

    def predict(self, x: npt.ArrayLike, weights_file: str | Path, split: Part = "test") -> npt.NDArray[np.float32]:
        """What a trained network answers on a part of the data; with several splits, of the first one.

        Args:
            x: The row of the space that was trained, shape (d,).
            weights_file: Its weights, as :meth:`train` writes them.
            split: "train", "val" or "test".

        Returns:
            Logits, shape (m, classes); of a regression shape (m,), in the target's unit. In the order of
            ``trainer.data.splits[0]``.

        Raises:
            InvalidInputError: The file cannot be read, or its weights are of another network.
        """
        device = resolve_device(self.device)
        with isolated(device):
            network = self._networks(x, 0, device, 1)[0]
            read_weights(weights_file, network)
            answers: npt.NDArray[np.float32] = self._learners([network], 0, device)[0].answers(split).cpu().numpy()
        return answers

    def _train(
        self, x: npt.ArrayLike, seed: int, device: torch.device, kept: Checkpoint | None
    ) -> tuple[TrainingResult, State]:
        """The result, and the weights of the best epoch."""
        learners = self._learners(self._networks(x, seed, device, len(self.data.splits)), seed, device)
        if kept is None:
            progress = fit(learners, self.settings, Progress())
        else:
            progress = fit(learners, self.settings, kept.resume(learners), partial(kept.write_if_due, learners))
        result = self._result(
            x, seed, device, "ok", "", val=scores(learners, "val"), test=scores(learners, "test"),
            best_epoch=progress.best_epoch, epochs=progress.epoch, parameters=learners[0].parameters,
            curve=tuple(progress.curve),
        )  # fmt: skip
        return result, learners[0].exported()

    def _train_group(self, jobs: Sequence[tuple[npt.ArrayLike, int]]) -> list[TrainingResult]:
        """Train several networks at once."""
        data, device = self.data, resolve_device(self.device)
        with isolated(device), measured(device) as measure:
            networks = [self._networks(x, seed, device, len(data.splits)) for x, seed in jobs]
            trained = train_stacked(networks, data, self.settings, [seed for _, seed in jobs], device)
        cost: dict[str, Any] = {
            "seconds": measure.seconds / len(jobs), "peak_memory": measure.peak_memory // len(jobs),
        }  # fmt: skip
        results = []
        for (x, seed), (standing, fields) in zip(jobs, trained, strict=True):
            if standing.reason:
                results.append(self._result(x, seed, device, "failed", standing.reason, **cost))
            else:
                reached = standing.progress
                results.append(
                    self._result(
                        x, seed, device, "ok", "", best_epoch=reached.best_epoch, epochs=reached.epoch,
                        curve=tuple(reached.curve), **fields, **cost,
                    )
                )  # fmt: skip
        return results

    def _networks(self, x: npt.ArrayLike, seed: int, device: torch.device, splits: int) -> list[nn.Module]:
        """One network for each of the first splits; leaves torch's generator seeded for what follows."""
        *inits, following = np.random.SeedSequence(seed).generate_state(splits + 1).tolist()
        data, overrides = self.data, self.settings.overrides(self.space.skeleton)
        networks = []
        for init in inits:
            torch.manual_seed(init)
            networks.append(build_network(self.space, x, data.input_shape, data.num_outputs, **overrides).to(device))
        torch.manual_seed(following)
        return networks

    def _learners(self, networks: list[nn.Module], seed: int, device: torch.device) -> Sequence[Learner]:
        """What trains networks, each on its split."""
        data, recipe = self.data, self.settings
        if isinstance(data, GraphDataset):
            return [FullGraph(networks, node_tensors(data, device), recipe)]
        parts = split_tensors(data, device)[: len(networks)]
        return [MiniBatches(*pair, recipe, seed, i) for i, pair in enumerate(zip(networks, parts, strict=True))]

    def _identity(self, x: npt.ArrayLike, seed: int) -> dict[str, Any]:
        """What tells one training from another."""
        return {
            "space": self.space.name, "architecture": self.space.format(x)[0], "seed": seed, "dataset": self.data.name,
            **self.settings.to_dict(), **self.descriptors(),
        }  # fmt: skip

    def _result(
        self, x: npt.ArrayLike, seed: int, device: torch.device, status: Literal["ok", "failed"], reason: str,
        **more: Any,
    ) -> TrainingResult:  # fmt: skip
        return TrainingResult(
            status, reason, dataset=self.data.name, architecture=self.space.format(x)[0], seed=seed, device=str(device),
            **more,
        )  # fmt: skip
