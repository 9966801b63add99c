"""What compression costs and brings: accuracy, size and latency of one trained network, before and after."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training import metrics
from surrogate_nas.training.compression.filters import prune_filters
from surrogate_nas.training.compression.quantisation import quantise, stored
from surrogate_nas.training.compression.storage import packed
from surrogate_nas.training.compression.weights import prune_weights, without_masks
from surrogate_nas.training.datasets import ArrayDataset
from surrogate_nas.training.device import isolated
from surrogate_nas.training.latency import LatencySettings, measure_latency
from surrogate_nas.training.loop import Progress, fit
from surrogate_nas.training.minibatches import EVALUATION_BATCH, MiniBatches
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.tensors import Part, SplitTensors, split_tensors
from surrogate_nas.training.trainer import Trainer
from surrogate_nas.training.weights import read_weights

#: Fine-tuning begins at this share of the step size that the network was trained with, and ends at zero.
_GENTLER = 0.2

#: Ends of the names of tensors that are kept with a network but were not learned: statistics, scales of 8 bits.
_NOT_LEARNED = ("running_mean", "running_var", "num_batches_tracked", "scale")


def compression_report(
    trainer: Trainer, x: npt.ArrayLike, seed: int = 0, *, weights: Sequence[float] = (0.5, 0.8, 0.9, 0.95),
    filters: Sequence[float] = (0.25, 0.5), epochs: int | None = None, latency: LatencySettings | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Train a network, compress it in several ways, and measure each; on the CPU, on the first split of the data.

    Args:
        trainer: Trains on images, sequences or tables; on the CPU.
        x: One valid row of its space, shape (d,).
        seed: Seed of the training and of fine-tuning.
        weights: Shares of the weights to remove by magnitude.
        filters: Shares of the channels to remove.
        epochs: Of fine-tuning; None takes a quarter of those of the training.
        latency: How latencies are measured; None takes batches of one on one thread.

    Returns:
        One row per network: network, val and test (accuracy, or R2 of a regression), before_tuning (val as it was
        cut), parameters, nonzero (of the parameters), bytes (of a file of weights, zeros packed), latency_ms (median),
        latency_low_ms and latency_high_ms (quartiles).

    Raises:
        InvalidInputError: A graph data set, another device, or a training that failed.
    """
    data = trainer.data
    if not isinstance(data, ArrayDataset):
        raise InvalidInputError(f"dataset {data.name!r}: expected images, sequences or tables, got a graph")
    trained = _trained(trainer, x, seed)
    split = split_tensors(data, "cpu")[0]
    recipe = trainer.settings
    recipe = replace(
        recipe, epochs=epochs or max(1, recipe.epochs // 4), schedule="cosine", patience=None, evaluate_every=1,
        learning_rate=_GENTLER * recipe.learning_rate,
    )  # fmt: skip
    rows = [_row("as trained", trained, split, latency)]
    for share in weights:
        cut = prune_weights(trained, share)
        before = _score(cut, split, "val")
        tuned = without_masks(fine_tune(cut, split, recipe, seed))
        rows.append(_row(f"{share:.0%} of the weights removed", tuned, split, latency) | {"before_tuning": before})
    narrow = trained
    for share in filters:
        cut = prune_filters(trained, data.input_shape, share)
        before = _score(cut, split, "val")
        narrow = fine_tune(cut, split, recipe, seed)
        rows.append(_row(f"{share:.0%} of the channels removed", narrow, split, latency) | {"before_tuning": before})
    rows.append(_row("8 bits", quantise(trained), split, latency))
    if filters:
        rows.append(_row(f"{filters[-1]:.0%} of the channels removed, 8 bits", quantise(narrow), split, latency))
    return pd.DataFrame(rows)


def fine_tune(network: nn.Module, split: SplitTensors, recipe: Recipe, seed: int = 0) -> nn.Module:
    """Train a network further; it ends with the weights of the best epoch on the validation data.

    Args:
        network: Changed.
        split: The data.
        recipe: How to train.
        seed: Of the order of the samples, dropout and augmentation.
    """
    with isolated(split.samples.device):
        fit([MiniBatches(network, split, recipe, seed)], recipe, Progress())
    return network


def _trained(trainer: Trainer, x: npt.ArrayLike, seed: int) -> nn.Module:
    network = trainer.network(x, seed)
    device = next(network.parameters()).device
    if device.type != "cpu":
        raise InvalidInputError(f"device: expected cpu, where 8 bits are computed with, got {device}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        result = trainer.train(x, seed, weights_file=file)
        if not result.ok:
            raise InvalidInputError(
                f"compression: expected a network that can be trained, got one that {result.reason}"
            )
        read_weights(file, network)
    return network


def _row(name: str, network: nn.Module, split: SplitTensors, latency: LatencySettings | None) -> dict[str, Any]:
    tensors = stored(network)
    measured = measure_latency(network, tuple(split.samples.shape[1:]), latency)
    learned = _learned(network)
    return {
        "network": name,
        "val": _score(network, split, "val"),
        "test": _score(network, split, "test"),
        "parameters": sum(t.numel() for t in learned),
        "nonzero": sum(int((t != 0).sum()) for t in learned),
        "bytes": len(packed(tensors)),
        "latency_ms": 1e3 * measured.median,
        "latency_low_ms": 1e3 * measured.low,
        "latency_high_ms": 1e3 * measured.high,
    }


def _learned(network: nn.Module) -> list[torch.Tensor]:
    """Weights, biases, scales and shifts, as they are computed with; no statistics."""
    return [t for name, t in stored(network).items() if not name.endswith(_NOT_LEARNED)]


def _score(network: nn.Module, split: SplitTensors, part: Part) -> float:
    """Accuracy, or R2 of a regression."""
    with isolated(split.samples.device), torch.inference_mode():
        network.eval()
        answers = torch.cat([network(split.inputs(at)) for at in split.positions(part).split(EVALUATION_BATCH)])
    y = split.targets[split.positions(part)]
    if y.is_floating_point():
        return metrics.regression_scores(answers.squeeze(1)[None], y[None]).r2
    return metrics.scores(answers[None], y[None]).accuracy
