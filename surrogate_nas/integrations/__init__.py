"""Other people's tools: Optuna's samplers as strategies, and our predictors as an Optuna sampler."""

from importlib import import_module
from typing import Any

#: Where each public name lives; loaded on first use, for each needs a package of its own.
_HOMES = {"OptunaStrategy": "optuna", "SurrogateSampler": "optuna"}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
