"""A supernet: one network that holds all architectures of a space, trained once, asked for any of them."""

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, final, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from surrogate_nas.core import InvalidInputError, SurrogateNASError, choose
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.networks import MixedNetwork, build_network
from surrogate_nas.networks.mixed_network import wiring_of
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.training.checkpoint import Checkpoint
from surrogate_nas.training.datasets import ArrayDataset
from surrogate_nas.training.device import isolated, resolve_device
from surrogate_nas.training.loop import Diverged, Learner
from surrogate_nas.training.loop import Progress as LoopProgress
from surrogate_nas.training.minibatches import MiniBatches
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.result import Scores
from surrogate_nas.training.supernet.fine_tuning import FineTuned, What, fine_tune
from surrogate_nas.training.supernet.learner import SharedWeights
from surrogate_nas.training.supernet.normalisation import recalibrate
from surrogate_nas.training.supernet.sampling import Sampling
from surrogate_nas.training.tensors import Part, SplitTensors, split_tensors
from surrogate_nas.training.trainer import CHECKPOINT_EVERY_S, Trainer
from surrogate_nas.training.weights import read_weights, write_weights

Floats = npt.NDArray[np.float64]

#: What has no meaning, or no place, where weights are shared.
_NOT_HERE: dict[str, Any] = {"mixed_precision": False, "compiled": False, "patience": None}


@final
class Supernet:
    """All architectures of a space with the weights of one network: trained once, each evaluated in milliseconds.

        supernet = Supernet(space, "digits").train(seed=0)
        supernet.evaluate(space.sample(100, 0))             # accuracy of each on the validation data
        network = supernet.extract(x)                       # a plain network, with the weights that it inherits
        supernet.fine_tune(x, "low-rank", epochs=5).result.test.accuracy

    Spaces of cells with operations on their edges and of two cells can share weights, on images and on sequences.
    Statistics of batch normalisation are measured anew for each sub-network before it is evaluated
    (:mod:`.normalisation`). A data set with several splits is used by its first one.

    Attributes:
        space: Space of the architectures.
        trainer: Trains the same architectures alone, with the same recipe on the same data.
        sampling: "uniform" draws an architecture for each step; "fair" makes each step with as many architectures
            as a place has operations, so that each operation is used once in every place.
        seed: Of the training; None before there was one.
    """

    def __init__(
        self,
        space: SearchSpace,
        dataset: str | ArrayDataset = "digits",
        *,
        epochs: int | None = None,
        recipe: Recipe | Mapping[str, Any] | None = None,
        sampling: Sampling = "uniform",
        device: str = "auto",
    ) -> None:
        """Describe the training.

        Args:
            space: Space of the architectures.
            dataset: Name of a data set, or one of one's own.
            epochs: How often each operation sees the data; None takes the recipe's. An epoch is as many passes over
                the data as a place has operations, whatever the sampling.
            recipe: How to train, as for :class:`~surrogate_nas.training.Trainer`.
            sampling: "uniform" or "fair".
            device: "auto", "cpu", "cuda" or "cuda:1".

        Raises:
            InvalidInputError: The space cannot share weights, or the recipe asks for what is not possible here.
        """
        wiring_of(space)
        choose("sampling", sampling, dict.fromkeys(get_args(Sampling)))
        self.space = space
        self.trainer = Trainer(space=space, dataset=dataset, epochs=epochs, recipe=recipe, device=device)
        self.sampling: Sampling = sampling
        self.seed: int | None = None
        for name, value in _NOT_HERE.items():
            if (got := getattr(self.trainer.settings, name)) != value:
                raise InvalidInputError(f"{name}: expected {value!r} for networks that share weights, got {got!r}")
        self._device = resolve_device(device)
        self._network: MixedNetwork | None = None
        #: Outputs of the shared network that are answers here; None = all.
        self._outputs: list[int] | None = None

    @property
    def data(self) -> ArrayDataset:
        """The data set."""
        data = self.trainer.data
        assert isinstance(data, ArrayDataset)  # noqa: S101 (the trainer accepts nothing else for these spaces)
        return data

    @property
    def network(self) -> MixedNetwork:
        """The shared network.

        Raises:
            InvalidInputError: It has no weights yet.
        """
        if self._network is None:
            raise InvalidInputError("supernet: expected one that is trained, got one without weights; call train()")
        return self._network

    def initialise(self, seed: int = 0) -> "Supernet":
        """Draw new weights, and train nothing: what sharing is worth is measured against that.

        Args:
            seed: Of the weights.
        """
        if self._outputs is not None:
            raise InvalidInputError("supernet: expected the one that was made first, got a view on other data")
        settings, data = self.trainer.settings, self.data
        with isolated(self._device):
            torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
            overrides = settings.overrides(self.space.skeleton)
            network = MixedNetwork(self.space, data.input_shape, data.num_outputs, overrides).to(self._device)
        self._network = network
        self.seed = seed
        return self

    def train(
        self,
        seed: int = 0,
        *,
        checkpoint: str | Path | None = None,
        checkpoint_every_s: float = CHECKPOINT_EVERY_S,
        progress: Progress | None = None,
    ) -> "Supernet":
        """Train all architectures together, from new weights; deterministic by seed.

        Args:
            seed: Of the weights, the order of the samples and the draw of architectures.
            checkpoint: A file that is kept while the training runs, and removed when it is finished; where it is
                there already, the training goes on from it.
            checkpoint_every_s: Seconds between two writings of it.
            progress: Told after every epoch.

        Raises:
            SurrogateNASError: The loss did not stay finite.
            InvalidInputError: The checkpoint is damaged, or of another training.
        """
        self.initialise(seed)
        learner = SharedWeights(self.network, self.space, self._split, self.trainer.settings, self.sampling, seed)
        kept = Checkpoint(checkpoint, self.describe(), every_s=checkpoint_every_s) if checkpoint else None
        # A checkpoint asks for weights and memory alone.
        learners = cast("list[Learner]", [learner])
        at, shown, epochs = LoopProgress(), progress or Silent(), self.trainer.settings.epochs
        with isolated(self._device):
            if kept:
                at = kept.resume(learners)
            while at.epoch < epochs:
                try:
                    learner.train_epoch(at.epoch + 1)
                except Diverged as reason:
                    self._network = None
                    raise SurrogateNASError(f"supernet: {reason}; lower learning_rate or set clip_norm") from None
                at.epoch += 1
                if kept:
                    kept.write_if_due(learners, at)
                shown.track("supernet", at.epoch, epochs)
        if kept:
            kept.remove()
        return self

    def evaluate(
        self,
        X: npt.ArrayLike,
        *,
        metric: str | None = None,
        part: Part = "val",
        samples: int | npt.ArrayLike | None = None,
    ) -> Floats:
        """How good architectures are with the weights that they inherit.

        Args:
            X: Rows, shape (n, d).
            metric: A field of ``Scores``; None takes accuracy, or R2 of a regression.
            part: Which part of the data is asked for.
            samples: Only the first so many of it, or positions in the data set instead; None takes all of the part.

        Returns:
            Scores in the metric's own unit and direction, shape (n,); NaN where the answers are not finite.
        """
        metric = metric or self.trainer.metric
        choose("metric", metric, dict.fromkeys(Scores._fields))
        split, found = self._split, []
        positions = split.positions(part)
        if samples is not None:
            at = np.asarray(samples, dtype=np.int64)
            positions = positions[: int(at)] if at.ndim == 0 else torch.from_numpy(at).to(positions.device)
        asked = replace(split, val=positions)
        for x in self.space.rows(X):
            judged = MiniBatches(self.extract(x), asked, self.trainer.settings, 0)
            with isolated(self._device):
                loss, score = judged.evaluate("val")
                if metric not in ("loss", self.trainer.metric):
                    score = judged.scores("val")._asdict()[metric]
            found.append(math.nan if not math.isfinite(loss) else loss if metric == "loss" else score)
        return np.array(found, dtype=np.float64)

    def extract(self, x: npt.ArrayLike) -> nn.Module:
        """The plain network of an architecture with copies of the weights that it inherits, in evaluation mode.

        It is the one that ``build_network`` makes with the recipe's widths, so its state dict fits there.

        Args:
            x: One valid row of the space, shape (d,).
        """
        row = self.space.row(x)
        overrides = self.trainer.settings.overrides(self.space.skeleton)
        state = {name: tensor.detach().clone() for name, tensor in self.network.inherited(row).items()}
        if self._outputs is not None:
            state |= {name: state[name][self._outputs] for name in ("classifier.weight", "classifier.bias")}
        with torch.device("meta"):  # weights come from elsewhere
            network = build_network(self.space, row, self.data.input_shape, self.data.num_outputs, **overrides)
        network.load_state_dict(state, assign=True)
        with isolated(self._device):
            recalibrate(network, self._split)
        return network

    def fine_tune(
        self, x: npt.ArrayLike, what: What = "all", *, epochs: int = 5, seed: int = 0, **changes: Any
    ) -> FineTuned:
        """Train a sub-network further, from the weights that it inherits.

        Args:
            x: One valid row of the space, shape (d,).
            what: "all" weights; "norm-and-head": scales and shifts of normalisation and the classifier; "low-rank":
                what is added to the weights of convolutions and the classifier, as a product of two thin matrices.
            epochs: Passes over the training data.
            seed: Of the order of the samples.
            **changes: Other fields of the recipe that differ. Its step size, not a smaller one, was best for each of
                the three after three epochs on validation images (digits, Fashion-MNIST at 7x7 pixels).

        Returns:
            The result, with scores of the best epoch by validation, and the network.
        """
        recipe = self.trainer.settings.changed({"epochs": epochs, **changes})
        network, text = self.extract(x), self.space.format(self.space.row(x))[0]
        with isolated(self._device):
            return fine_tune(network, self._split, recipe, what, seed, self.data.name, text)

    def on(self, dataset: ArrayDataset) -> "Supernet":
        """The same weights, asked about other data: a view, which is not trained itself.

        Args:
            dataset: Samples of the same shape, whose classes are among those that were learned (by name).

        Raises:
            InvalidInputError: Another shape, or a class that was not learned.
        """
        if dataset.input_shape != self.data.input_shape or dataset.regression:
            raise InvalidInputError(
                f"dataset {dataset.name!r}: expected classes of samples of shape {self.data.input_shape}, as the "
                f"supernet has learned, got samples of shape {dataset.input_shape}"
            )
        place = {name: i for i, name in enumerate(self.data.classes)}
        if unknown := [name for name in dataset.classes if name not in place]:
            raise InvalidInputError(
                f"dataset {dataset.name!r}: expected classes that the supernet has learned ({', '.join(place)}), got "
                f"{unknown[0]!r}"
            )
        whole = [*range(len(self.data.classes))] if self._outputs is None else self._outputs
        view = copy(self)
        view.trainer = replace(self.trainer, dataset=dataset, recipe=self.trainer.settings)
        view._outputs = [whole[place[name]] for name in dataset.classes]
        return view

    def save(self, path: str | Path) -> None:
        """Write the weights (safetensors); :meth:`load` of a supernet with the same arguments reads them."""
        about = {"space": self.space.name, "dataset": self.data.name, "seed": str(self.seed)}
        write_weights(path, self.network.state_dict(), about)

    def load(self, path: str | Path, seed: int = 0) -> "Supernet":
        """Take weights from a file.

        Args:
            path: Written by :meth:`save`.
            seed: Of the training that they come from.

        Raises:
            InvalidInputError: The file cannot be read, or its weights are of another network.
        """
        self.initialise(seed)
        read_weights(path, self.network)
        return self

    def describe(self) -> dict[str, Any]:
        """What decides the weights, and with them all scores, as JSON-able values."""
        return {
            "space": self.space.name,
            "dataset": self.data.name,
            "sampling": self.sampling,
            "seed": self.seed,
            "recipe": self.trainer.settings.to_dict(),
            **self.data.descriptors(),
        }

    @property
    def _split(self) -> SplitTensors:
        return split_tensors(self.data, self._device)[0]
