"""Optimisers and schedules: a step's size is a function of its number, so nothing of it has to be remembered."""

import math
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor

from surrogate_nas.training.recipe import Optimiser, Recipe, Schedule

#: One cycle climbs from this share of the highest step size during this share of the steps.
_FIRST, _CLIMB = 1 / 25, 0.3


def make_optimiser(parameters: Iterable[Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    """The optimiser that a recipe names.

    Args:
        parameters: What is trained.
        recipe: How.
    """
    makers: dict[Optimiser, Callable[..., torch.optim.Optimizer]] = {
        "sgd": partial(torch.optim.SGD, momentum=recipe.momentum, nesterov=recipe.momentum > 0),
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    return makers[recipe.optimiser](parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)


def set_step_size(optimiser: torch.optim.Optimizer, recipe: Recipe, done: float) -> None:
    """Give the optimiser the step size of the next step.

    Args:
        optimiser: Whose.
        recipe: Says schedule and highest step size.
        done: Share of the training that is done, in [0, 1).
    """
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate * share(recipe.schedule, done)


def share(schedule: Schedule, done: float) -> float:
    """Step size relative to the highest.

    Args:
        schedule: How it runs.
        done: Share of the training that is done, in [0, 1).
    """
    if schedule == "constant":
        return 1.0
    if schedule == "one-cycle":
        if done < _CLIMB:
            return 1 - (1 - _FIRST) * _half_wave(done / _CLIMB)
        done = (done - _CLIMB) / (1 - _CLIMB)
    return _half_wave(done)


def _half_wave(done: float) -> float:
    """From 1 at 0 to 0 at 1, along a cosine."""
    return (1 + math.cos(math.pi * done)) / 2


def optimiser_state(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers, by name; for :func:`restore_optimiser`."""
    return {
        f"{i}.{key}": value
        for i, parameter in enumerate(_parameters(optimiser))
        for key, value in optimiser.state[parameter].items()
        if isinstance(value, Tensor)
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, state: dict[str, Tensor]) -> None:
    """Give a new optimiser of the same parameters what another one remembered.

    Args:
        optimiser: Changed.
        state: From :func:`optimiser_state`.
    """
    parameters = _parameters(optimiser)
    for name, value in state.items():
        i, key = name.split(".", 1)
        parameter = parameters[int(i)]
        # As the optimiser would have laid it out in memory: its kernels walk over both side by side.
        same = value.shape == parameter.shape
        optimiser.state[parameter][key] = (
            torch.empty_like(parameter).copy_(value) if same else value.to(parameter.device)
        )


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimiser.param_groups for p in group["params"]]
