"""Predictors: measured architectures in, expected scores with uncertainty out."""

from importlib import import_module
from typing import Any

#: Where each public name lives; loaded on first use, for xgboost and scipy take their time.
_HOMES = {
    "AutoPredictor": "auto",
    "BasePredictor": "base",
    "BoostedTrees": "boosted",
    "Forest": "forest",
    "GaussianProcess": "gaussian_process",
    "GraphNetwork": "graph_network",
    "LeftOut": "explaining.held_out",
    "MLPEnsemble": "mlp_ensemble",
    "MetaPredictor": "meta",
    "Predictor": "base",
    "Ranking": "ranking",
    "RelaxedPredictor": "relaxed",
    "Ridge": "ridge",
    "SourceEnsemble": "source_ensemble",
    "SourceModels": "source_ensemble",
    "State": "state",
    "TransferPredictor": "transfer.predictor",
    "explain": "explanations",
    "leave_out": "explaining.held_out",
    "list_pretrained": "pretrained",
    "load_predictor": "saving",
    "save_predictor": "saving",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
