"""How many networks are trained at once, and what happens where they do not fit."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import is_whole
from surrogate_nas.training.datasets import ArrayDataset, GraphDataset
from surrogate_nas.training.loop import reason_of
from surrogate_nas.training.metrics import mean_scores
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.result import TrainingResult
from surrogate_nas.training.stacking.fitting import Standing, fit_together
from surrogate_nas.training.stacking.networks import StackedNetworks
from surrogate_nas.training.stacking.samples import StackedBatches
from surrogate_nas.training.stacking.tracing import Unstackable
from surrogate_nas.training.tensors import split_tensors

#: Networks at once where nobody says otherwise. A processor is busy with one; a GPU waits for its next operation
#: most of the time with one small network, and halves the number by itself where large ones do not fit.
TOGETHER = {"cpu": 1, "cuda": 32}

#: What the libraries below torch say when there is no memory left for them.
_FULL = ("ALLOC_FAILED", "could not create a primitive")


def together_on(device: torch.device, together: int | None) -> int:
    """How many networks are trained at once.

    Args:
        device: Where.
        together: How many are asked for; None is a number that suits the device.

    Raises:
        InvalidInputError: Not a whole number of at least 1.
    """
    if together is None:
        return TOGETHER.get(device.type, 1)
    if not is_whole(together, 1):
        raise InvalidInputError(f"together: expected a whole number of networks of at least 1, got {together!r}")
    return int(together)


def can_be_stacked(data: GraphDataset | ArrayDataset, recipe: Recipe, device: torch.device) -> bool:
    """Whether networks can be trained at once on these data, if they can be computed at once."""
    # Losses that are scaled up for float16 are scaled down for all networks when one overflows.
    halves = recipe.mixed_precision and device.type == "cuda" and not torch.cuda.is_bf16_supported()
    return isinstance(data, ArrayDataset) and not recipe.compiled and not halves


def train_stacked(
    networks: Sequence[Sequence[nn.Module]], data: GraphDataset | ArrayDataset, recipe: Recipe, seeds: Sequence[int],
    device: torch.device,
) -> list[tuple[Standing, dict[str, Any]]]:  # fmt: skip
    """Train k networks at once.

    Args:
        networks: Of each training one network per split, on the device.
        data: The data set.
        recipe: How to train.
        seeds: Of each training.
        device: Where.

    Returns:
        Of each training where it ended, and fields of its result: scores and parameters; none where it failed.

    Raises:
        Unstackable: The networks cannot be computed at once.
    """
    if isinstance(data, GraphDataset):
        raise Unstackable("networks on a graph")
    example = torch.zeros(2, *data.input_shape)
    learners = []
    for split, tensors in enumerate(split_tensors(data, device)):
        stacked = StackedNetworks([own[split] for own in networks], example)
        learners.append(StackedBatches(stacked, tensors, recipe, seeds, split))
    standings = fit_together(learners, recipe, len(networks))
    ended = [i for i, standing in enumerate(standings) if not standing.reason]
    fields: list[dict[str, Any]] = [
        {"parameters": sum(p.numel() for p in own[0].parameters() if p.requires_grad)} for own in networks
    ]
    for part in ("val", "test"):
        by_split = [learner.scores(part, ended) for learner in learners]
        for i, *scores in zip(ended, *by_split, strict=True):
            fields[i][part] = mean_scores(scores)
    return list(zip(standings, fields, strict=True))


def in_groups(
    jobs: Sequence[Any],
    together: int,
    train_group: Callable[[Sequence[Any]], list[TrainingResult]],
    train_one: Callable[[Any], TrainingResult],
    finished: Callable[[int, TrainingResult], None],
) -> list[TrainingResult]:
    """Train group by group; where one does not fit into memory, half as many from there on.

    Args:
        jobs: What to train.
        together: How many at once.
        train_group: Trains several at once.
        train_one: Trains one by itself.
        finished: Told the position and result of each.

    Returns:
        The results in the order of the jobs.
    """
    results: list[TrainingResult] = []
    while len(results) < len(jobs):
        group = jobs[len(results) : len(results) + together]
        try:
            # One alone does not need what several need.
            trained = train_group(group) if len(group) > 1 else [train_one(group[0])]
        except Unstackable:
            trained = [train_one(job) for job in group]
        except (MemoryError, RuntimeError) as error:
            if not any(words in str(error) for words in _FULL):
                reason_of(error)  # raises what is not a lack of memory
            trained = []
        if not trained:
            together = max(1, len(group) // 2)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        for result in trained:
            finished(len(results), result)
            results.append(result)
    return results
